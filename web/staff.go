package web

import (
	"errors"
	"net/http"
	"strings"

	"sigill/vault"
)

// staffBody is the staff's login form.
type staffBody struct {
	To       string
	Ended    bool
	Username string
	Failed   bool
}

func (s *Server) staffForm(v *visit) error {
	q := v.r.URL.Query()
	to := ourPath(q.Get("to"))
	if v.in && !v.who.IsPerson() {
		return v.redirect(orMessages(to))
	}
	return s.render(v, http.StatusOK, "staff", v.lang.text("staff.title"), staffBody{To: to, Ended: q.Has("ended")})
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
		return s.render(v, http.StatusForbidden, "staff", v.lang.heading("staff.title", true), body)
	}
	if err != nil {
		return err
	}
	who := vault.Staff(account.Address)
	if err := s.enter(v.r, who, account.Name); err != nil {
		return err
	}
	if err := s.audit(ctx, who, "login", "password"); err != nil {
		return err
	}
	return v.redirect(orMessages(body.To))
}

func (s *Server) logout(v *visit) error {
	if v.in {
		if err := s.audit(v.r.Context(), v.who, "logout", ""); err != nil {
			return err
		}
	}
	if err := s.sessions.Destroy(v.r.Context()); err != nil {
		return err
	}
	return v.redirect("/?out=1")
}
