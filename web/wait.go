package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"rsc.io/qr"

	"sigill/web/login"
)

// waiter is a provider whose logins go on in the person's app, while the browser waits on a page of ours. Only Start with
// an empty URL makes such a login.
type waiter interface {
	// Look tells how far a login has come, and drives it. query is what the browser came with. ErrState.
	Look(ctx context.Context, query url.Values, memory string) (login.Progress, error)
	// Cancel breaks a login off; what is not under way is left alone.
	Cancel(ctx context.Context, memory string)
}

type waitBody struct {
	Provider login.About
	Progress login.Progress
	Code     *code
	Open     template.URL
	Phone    bool
	To, Link string // where to go after the login, when it is begun anew
}

// Pending tells that the page goes on by itself.
func (b waitBody) Pending() bool { return b.Progress.Stage == login.Pending }

// Ready is where the page goes when the login is done, "" until then.
func (b waitBody) Ready() string {
	if b.Progress.Stage != login.Done {
		return ""
	}
	return "/login/" + b.Provider.ID + "/callback"
}

// wait is the page of a login under way. It is the session's that began it. Without JavaScript it loads itself anew.
func (s *Server) wait(v *visit) error {
	b, err := s.look(v)
	if err != nil {
		return err
	}
	if to := b.Ready(); to != "" {
		return v.redirect(to)
	}
	if v.r.URL.RawQuery != "" && !v.r.URL.Query().Has("lang") { // what the app came back with is told
		return v.redirect(v.r.URL.Path)
	}
	v.script = b.Pending()
	return s.render(v, http.StatusOK, "wait", v.lang.text("wait.title", b.Provider.Name), b)
}

// waitPart is the part of the page that changes, for its script.
func (s *Server) waitPart(v *visit) error {
	b, err := s.look(v)
	if err != nil {
		return err
	}
	return s.renderPart(v, "wait", "part", b)
}

func (s *Server) look(v *visit) (waitBody, error) {
	provider, w := s.waiter(v.r.PathValue("provider"))
	if w == nil {
		return waitBody{}, errNoPage
	}
	p, _ := s.pending(v.r, provider)
	progress, err := w.Look(v.r.Context(), v.r.URL.Query(), p.Memory)
	if err != nil {
		return waitBody{}, err
	}
	b := waitBody{
		Provider: provider.About(), Progress: progress, Open: template.URL(progress.Open), // of the provider's making
		Phone: login.Phone(v.r.UserAgent()), To: p.To, Link: p.Link,
	}
	if progress.QR != "" {
		b.Code, err = drawCode(progress.QR)
	}
	return b, err
}

func (s *Server) waiter(id string) (login.Provider, waiter) {
	p := s.provider(id)
	w, _ := p.(waiter)
	return p, w
}

// pending is the login under way with a provider, if there is one. It stays in the session.
func (s *Server) pending(r *http.Request, of login.Provider) (p pendingLogin, ok bool) {
	err := json.Unmarshal([]byte(s.sessions.GetString(r.Context(), keyPending)), &p)
	if err != nil || p.Provider != of.About().ID {
		return pendingLogin{}, false
	}
	return p, true
}

// cancelLogin is the button beside the code.
func (s *Server) cancelLogin(v *visit) error {
	provider, w := s.waiter(v.r.PathValue("provider"))
	if w == nil {
		return errNoPage
	}
	s.dropPending(v.r, provider)
	return v.redirect("/login")
}

// dropPending ends a login under way, so that the app does not go on with what nobody waits for.
func (s *Server) dropPending(r *http.Request, provider login.Provider) {
	p, ok := s.pending(r, provider)
	if w, waits := provider.(waiter); ok && waits {
		w.Cancel(r.Context(), p.Memory)
	}
	s.sessions.Remove(r.Context(), keyPending)
}

// code is a QR code as a drawing.
type code struct {
	Size int    // with the quiet zone around it
	Path string // of SVG: every run of dark modules is a rectangle
}

// quiet is the modules that must be left light around a code (ISO/IEC 18004 section 6.3.8).
const quiet = 4

func drawCode(text string) (*code, error) {
	q, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, fmt.Errorf("web: QR code: %w", err)
	}
	var path strings.Builder
	for y := range q.Size {
		for x := 0; x < q.Size; {
			if !q.Black(x, y) {
				x++
				continue
			}
			from := x
			for x < q.Size && q.Black(x, y) {
				x++
			}
			fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
		}
	}
	return &code{q.Size + 2*quiet, path.String()}, nil
}

// deviceCookie names the browser to BankID's rating of risk. It is random, says nothing of the person and goes nowhere
// but here; BankID gets a hash of it.
const deviceCookie = "__Host-device"

// device is the browser's name, made at the first login that wants one.
func (v *visit) device() string {
	if c, err := v.r.Cookie(deviceCookie); err == nil && len(c.Value) >= 26 && len(c.Value) <= 64 {
		return c.Value
	}
	c := cookie(deviceCookie, rand.Text(), 365*24*3600)
	c.SameSite = http.SameSiteStrictMode
	http.SetCookie(v.w, c)
	return c.Value
}
