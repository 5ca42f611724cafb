package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"sigill/vault"
	"sigill/web/login"
)

// staffBody is the staff's login form.
type staffBody struct {
	To        string
	Ended     bool
	Again     bool // whoever is in must log in anew
	Passwords bool // there is a form for them
	Username  string
	Failed    bool
	Providers []login.About
}

func (s *Server) staffForm(v *visit) error {
	q := v.r.URL.Query()
	to := ourPath(q.Get("to"))
	again := q.Has("again") && !s.freshlyIn(v)
	if v.in && !v.who.IsPerson() && !again {
		return v.redirect(orMessages(to))
	}
	return s.staffPage(v, http.StatusOK, staffBody{To: to, Ended: q.Has("ended"), Again: v.in && again})
}

// staffLogin checks the password. The vault slows down who guesses.
func (s *Server) staffLogin(v *visit) error {
	if err := s.smallForm(v); err != nil {
		return err
	}
	ctx, body := v.r.Context(), staffBody{To: ourPath(v.r.PostForm.Get("to")), Username: v.r.PostForm.Get("username")}
	account, err := s.config.Vault.Directory().Authenticate(ctx, vault.Login{
		Address: strings.TrimSpace(body.Username), Password: v.r.PostForm.Get("password"), Door: vault.DoorWeb, From: address(v.r),
	})
	if errors.Is(err, vault.ErrBadCredentials) {
		body.Failed = true
		return s.staffPage(v, http.StatusForbidden, body)
	}
	if err != nil {
		return err
	}
	return s.passwordShown(v, account, body.To)
}

// logout ends the session, and the one at the provider if it has such a thing.
func (s *Server) logout(v *visit) error {
	if v.in {
		if err := s.audit(v.r.Context(), v.who, "logout", ""); err != nil {
			return err
		}
	}
	end := s.sessions.GetString(v.r.Context(), keyEnd)
	if err := s.sessions.Destroy(v.r.Context()); err != nil {
		return err
	}
	if end != "" {
		return v.redirect(end)
	}
	return v.redirect("/?out=1")
}

// endOrigin is where the button to log out leads beside here, for form-action.
func (s *Server) endOrigin(r *http.Request) []string {
	end, err := url.Parse(s.sessions.GetString(r.Context(), keyEnd))
	if err != nil || end.Host == "" {
		return nil
	}
	return []string{end.Scheme + "://" + end.Host}
}

// loggedOut is where providers send the browser after a log-out there.
func (s *Server) loggedOut(v *visit) error { return v.redirect("/?out=1") }
