package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// The second factor of staff who log in by password: codes from an app, or passkeys. Between the password and it the session
// is nobody's; it only knows who has shown the password. So it is while one is set up that the configuration demands.

const (
	keyHalf   = "half"   // a staff member of whom the second factor is still to come
	keyProved = "proved" // when the second factor was shown, in seconds since 1970
)

// half is that staff member, as the session keeps it.
type half struct {
	Address, Name, To string
	At                time.Time
}

const (
	// halfTime is how long a password counts for the second step.
	halfTime = 10 * time.Minute
	// provedTime is how long the second factor counts for a change of it.
	provedTime = 10 * time.Minute
)

// passwordShown goes on to the page of the second step, to that where one is set up, or in.
func (s *Server) passwordShown(v *visit, account vault.Account, to string) error {
	second, err := s.config.Vault.Directory().Second(v.r.Context(), account.Address)
	if err != nil {
		return err
	}
	page := "/staff/code"
	switch {
	case second.Factors() > 0:
	case s.config.Staff.SecondFactor:
		page = "/staff/second"
	default:
		return s.enterStaff(v, account, "password", "", to)
	}
	kept, err := json.Marshal(half{account.Address.String(), account.Name, to, s.now()})
	if err != nil {
		return err
	}
	if err := s.sessions.Clear(v.r.Context()); err != nil {
		return err
	}
	if err := s.sessions.RenewToken(v.r.Context()); err != nil {
		return err
	}
	s.sessions.Put(v.r.Context(), keyHalf, string(kept))
	return v.redirect(page)
}

// halfIn is who has shown the password of late.
func (s *Server) halfIn(v *visit) (account vault.Account, to string, ok bool) {
	var h half
	if json.Unmarshal([]byte(s.sessions.GetString(v.r.Context(), keyHalf)), &h) != nil || s.now().Sub(h.At) > halfTime {
		return account, "", false
	}
	a, err := policy.ParseAddress(h.Address)
	return vault.Account{Address: a, Name: h.Name}, h.To, err == nil
}

// prover is who is to show the second factor: who has shown the password, or is in and wants to change it.
func (s *Server) prover(v *visit) (account vault.Account, to string, ok bool, err error) {
	if v.in && !v.who.IsPerson() {
		account, err = s.config.Vault.Directory().Account(v.r.Context(), v.who.Address())
		return account, "/staff/second", true, err
	}
	account, to, ok = s.halfIn(v)
	return account, to, ok, nil
}

type codeBody struct {
	App     bool // there is one
	Options string
	In      bool   // whoever must show it is in already
	Fault   string // key of what is wrong
}

func (s *Server) codeForm(v *visit) error {
	account, _, ok, err := s.prover(v)
	if err != nil {
		return err
	}
	if !ok {
		return v.redirect("/staff/login")
	}
	return s.codePage(v, http.StatusOK, account, "")
}

func (s *Server) codePage(v *visit, status int, account vault.Account, fault string) error {
	second, err := s.config.Vault.Directory().Second(v.r.Context(), account.Address)
	if err != nil {
		return err
	}
	if v.in && second.Factors() == 0 {
		return v.redirect("/staff/second")
	}
	b := codeBody{App: !second.TOTP.IsZero(), In: v.in, Fault: fault}
	if b.Options, err = s.beginGet(v, holder{account, second}); err != nil {
		return err
	}
	return s.render(v, status, "code", v.lang.heading("code.title", fault != ""), b)
}

// checkCode is the second step by a code from an app.
func (s *Server) checkCode(v *visit) error {
	return s.secondStep(v, "password and code", "code.failed", func(account vault.Account) error {
		return s.config.Vault.Directory().CheckTOTP(v.r.Context(), account.Address, v.r.PostForm.Get("code"), address(v.r))
	})
}

// secondStep is that of a login, or proves it anew. How it was done is for the audit; what was shown is judged by check, and
// refused by its ErrBadCredentials.
func (s *Server) secondStep(v *visit, how, refused string, check func(vault.Account) error) error {
	if err := s.smallForm(v); err != nil {
		return err
	}
	account, to, ok, err := s.prover(v)
	if err != nil {
		return err
	}
	if !ok {
		return v.redirect("/staff/login")
	}
	switch err := check(account); {
	case errors.Is(err, errNoCeremony):
		return s.codePage(v, http.StatusConflict, account, "code.old")
	case errors.Is(err, vault.ErrBadCredentials):
		return s.codePage(v, http.StatusForbidden, account, refused)
	case err != nil:
		return err
	}
	return s.proved(v, account, how, to)
}

// proved lets in who has shown the second factor, or back to what that was for.
func (s *Server) proved(v *visit, account vault.Account, how, to string) error {
	var err error
	if v.in {
		err = s.sessions.RenewToken(v.r.Context())
	} else {
		err = s.makeStaff(v, account, how, "")
	}
	if err != nil {
		return err
	}
	s.sessions.Put(v.r.Context(), keyProved, s.now().Unix())
	return v.redirect(orMessages(to))
}
