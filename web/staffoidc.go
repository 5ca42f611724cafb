package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"sigill/vault"
	"sigill/web/login"
)

// StaffProvider is a way for staff to log in at their organisation; *login.StaffOIDC is one.
type StaffProvider interface {
	About() login.About
	Start(ctx context.Context, v login.Visit) (login.Begun, error)
	// Finish judges what the browser came back with. Errors are those of package login.
	Finish(ctx context.Context, answer url.Values, memory string) (login.StaffIdentity, error)
}

// StaffLogin is how staff log in beside the password of their account.
type StaffLogin struct {
	// Providers have a button each, in this order.
	Providers []StaffProvider
	// NoPasswords takes the form for the password away.
	NoPasswords bool
	// SecondFactor demands one of whoever logs in by password; without it those have one who set it up.
	SecondFactor bool
}

// keyPendingStaff is a staff member's login under way. It is not keyPending: providers of persons and of staff may have
// the same names.
const keyPendingStaff = "pending staff"

// Problems of staff who log in at their organisation.
var (
	errNoAccount = errors.New("web: the provider vouches for somebody who has no account")
	errNotStaff  = errors.New("web: the provider does not say of a staff member what it must")
)

// staffPage is the page with the form and the buttons.
func (s *Server) staffPage(v *visit, status int, body staffBody) error {
	body.Passwords = !s.config.Staff.NoPasswords
	for _, p := range s.config.Staff.Providers {
		about := p.About()
		body.Providers = append(body.Providers, about)
		v.formOrigins = append(v.formOrigins, about.Origins...)
	}
	return s.render(v, status, "staff", v.lang.heading("staff.title", body.Failed), body)
}

func (s *Server) staffProvider(id string) StaffProvider {
	for _, p := range s.config.Staff.Providers {
		if p.About().ID == id {
			return p
		}
	}
	return nil
}

// beginStaffLogin sends a staff member to the provider.
func (s *Server) beginStaffLogin(v *visit) error {
	provider := s.staffProvider(v.r.PathValue("provider"))
	if provider == nil {
		return errNoPage
	}
	if err := s.smallForm(v); err != nil {
		return err
	}
	ctx, host, id := v.r.Context(), "https://"+s.base.Host, provider.About().ID
	begun, err := provider.Start(ctx, login.Visit{
		Callback: host + "/staff/login/" + id + "/callback", Home: host + "/logged-out", Lang: v.lang.tag,
		Address: address(v.r), UserAgent: v.r.UserAgent(),
	})
	if err != nil {
		return err
	}
	kept, err := json.Marshal(pendingLogin{Provider: id, Memory: begun.Memory, To: ourPath(v.r.PostForm.Get("to"))})
	if err != nil {
		return err
	}
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	s.sessions.Put(ctx, keyPendingStaff, string(kept))
	return v.redirect(begun.URL)
}

// endStaffLogin takes what the provider sent back. The pending login is forgotten before it is judged, so it counts once.
func (s *Server) endStaffLogin(v *visit) error {
	if !s.visitors.allow(network(v.r)) {
		return errTooMany
	}
	ctx := v.r.Context()
	kept, _ := s.sessions.Pop(ctx, keyPendingStaff).(string)
	var p pendingLogin
	provider := s.staffProvider(v.r.PathValue("provider"))
	if provider == nil || json.Unmarshal([]byte(kept), &p) != nil || p.Provider != provider.About().ID {
		return login.ErrState
	}
	var who login.StaffIdentity
	account, err := s.config.Vault.Directory().AuthenticateToken(ctx, vault.Login{Door: vault.DoorWeb, From: address(v.r)},
		func(ctx context.Context) (_ string, err error) {
			who, err = provider.Finish(ctx, v.r.URL.Query(), p.Memory)
			return who.Address.String(), err
		})
	switch {
	case errors.Is(err, vault.ErrBadCredentials):
		return errNoAccount
	case errors.Is(err, login.ErrAssurance):
		return errors.Join(errNotStaff, err)
	case err != nil:
		return err
	}
	return s.enterStaff(v, account, p.Provider, who.End, p.To)
}

// enterStaff makes the session a staff member's, who goes on to a page of ours; end is where the provider logs out.
func (s *Server) enterStaff(v *visit, account vault.Account, how, end, to string) error {
	if err := s.makeStaff(v, account, how, end); err != nil {
		return err
	}
	return v.redirect(orMessages(to))
}

func (s *Server) makeStaff(v *visit, account vault.Account, how, end string) error {
	who, ctx := vault.Staff(account.Address), v.r.Context()
	if err := s.enter(v.r, who, account.Name); err != nil {
		return err
	}
	s.sessions.Put(ctx, keyEnd, end)
	return s.audit(ctx, who, "login", how)
}

// passwordsOnly answers a page of the password form as unknown where there is no such form.
func (s *Server) passwordsOnly(h handler) http.HandlerFunc {
	return s.open(func(v *visit) error {
		if s.config.Staff.NoPasswords {
			return errNoPage
		}
		return h(v)
	})
}
