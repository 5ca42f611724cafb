package web

import (
	"net/http"
	"net/url"
	"strings"

	"sigill/vault"
)

// visit is one request with what is known of the visitor.
type visit struct {
	w    http.ResponseWriter
	r    *http.Request
	lang *catalogue
	// who is logged in, as name; in tells whether anybody is.
	who  vault.Principal
	name string
	in   bool
	// formOrigins are added to form-action of the page.
	formOrigins []string
	// script tells that the page has ours.
	script bool
	// turn tells that the request has its turn.
	turn bool
}

func (s *Server) visit(w http.ResponseWriter, r *http.Request) *visit {
	return &visit{w: w, r: r, lang: s.language(w, r)}
}

// handler answers a visit. An error must come before the first octet of the answer; problem makes a page of it.
type handler func(v *visit) error

// open lets everybody in.
func (s *Server) open(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := s.visit(w, r)
		v.who, v.name, v.in = s.principal(r)
		if err := h(v); err != nil {
			s.problem(w, v, err)
		}
	}
}

// closed lets those in who are logged in, and sends others to log in and back.
func (s *Server) closed(h handler) http.HandlerFunc {
	return s.open(func(v *visit) error {
		if v.in {
			return h(v)
		}
		return s.toLogin(v, doorTo(v.r.URL.Path))
	})
}

// staffPaths begin the pages that are for staff only.
var staffPaths = []string{"/holds", "/mailboxes", "/compose", "/search", "/devices", "/admin"}

// doorTo is where one logs in for a page.
func doorTo(path string) string {
	for _, p := range staffPaths {
		if rest, ok := strings.CutPrefix(path, p); ok && (rest == "" || rest[0] == '/') {
			return "/staff/login"
		}
	}
	return "/login"
}

func (s *Server) person(h handler) http.HandlerFunc {
	return s.closed(func(v *visit) error {
		if !v.who.IsPerson() {
			return vault.ErrNotFound
		}
		return h(v)
	})
}

func (s *Server) staff(h handler) http.HandlerFunc {
	return s.closed(func(v *visit) error {
		if v.who.IsPerson() {
			return vault.ErrNotFound
		}
		return h(v)
	})
}

// reading opens the principal's reader for one request, when it is its turn.
func (s *Server) reading(h func(v *visit, r *vault.Reader) error) handler {
	return func(v *visit) error {
		if !v.turn {
			done, err := s.turns.take(v.r.Context(), v.who)
			if err != nil {
				return err
			}
			v.turn = true
			defer func() { done(); v.turn = false }()
		}
		r, err := s.config.Vault.Reader(v.r.Context(), v.who, vault.DoorWeb)
		if err != nil {
			return err
		}
		defer r.Close()
		return h(v, r)
	}
}

// toLogin sends the visitor to log in, and says so if it is because the session ended.
func (s *Server) toLogin(v *visit, door string) error {
	q := url.Values{}
	if to := ourPath(s.pageOf(v.r)); to != "" {
		q.Set("to", to)
	}
	if v.ended(s) {
		q.Set("ended", "1")
	}
	if len(q) > 0 {
		door += "?" + q.Encode()
	}
	return v.redirect(door)
}

// ended tells that the browser has a session we do not know any more, and makes it forget it.
func (v *visit) ended(s *Server) bool {
	_, err := v.r.Cookie(sessionCookie)
	if err != nil || s.sessions.Token(v.r.Context()) != "" {
		return false
	}
	http.SetCookie(v.w, cookie(sessionCookie, "", -1))
	return true
}

// redirect makes the browser GET another of our pages.
func (v *visit) redirect(to string) error {
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// ourPath gives to if it is one of our pages to come back to after a login, else "".
func ourPath(to string) string {
	for _, prefix := range append([]string{"/messages", "/receipts", "/logins"}, staffPaths...) {
		rest, ok := strings.CutPrefix(to, prefix)
		if ok && (rest == "" || rest[0] == '/') && !strings.ContainsFunc(rest, notInPath) && !strings.Contains(rest, "//") {
			return to
		}
	}
	return ""
}

func notInPath(r rune) bool {
	return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("/.-@_+", r))
}
