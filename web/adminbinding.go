package web

import (
	"errors"
	"strings"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// bindingsBody is about one address or one person at a time. What is looked for is posted, so that it stays in no history
// and no log.
type bindingsBody struct {
	adminBody
	Address string // as it was typed
	// Known is the address that was found; Nobody tells that it is bound to nobody.
	Known    string
	Masked   string // "" for a person with protected identity
	Verified time.Time
	Nobody   bool
	Number   string // as it was typed
	// Person is who was found by number, masked; Quiet tells that the person gets no notices.
	Person string
	Quiet  bool
}

func (s *Server) bindings(v *visit, _ *vault.Administration) error {
	return s.bindingsPage(v, bindingsBody{adminBody: v.part("bindings")})
}

func (s *Server) bindingsPage(v *visit, b bindingsBody) error {
	return s.adminPage(v, "adminbindings", v.lang.text("admin.nav.bindings"), b.adminBody, b)
}

// findBinding looks an address up; the audit has it.
func (s *Server) findBinding(v *visit, a *vault.Administration) error {
	if err := v.form(); err != nil {
		return err
	}
	b := bindingsBody{adminBody: v.part("bindings"), Address: v.r.PostForm.Get("address")}
	address, err := policy.ParseAddress(b.Address)
	if err != nil {
		b.adminBody = v.faulty("bindings", "admin.error.address", "address")
		return s.bindingsPage(v, b)
	}
	found, quiet, err := a.Binding(v.r.Context(), address)
	switch {
	case errors.Is(err, vault.ErrNotFound):
		b.Nobody = true
	case err != nil:
		return err
	default:
		b.Known, b.Verified = found.Address.String(), found.Verified
		if !quiet {
			b.Masked = found.Person.Masked()
		}
	}
	return s.bindingsPage(v, b)
}

// revokeBinding asks before it does it.
func (s *Server) revokeBinding(v *visit, a *vault.Administration) error {
	if err := v.form(); err != nil {
		return err
	}
	address, err := policy.ParseAddress(v.r.PostForm.Get("address"))
	if err != nil {
		return errBadForm
	}
	if v.r.PostForm.Get("sure") != "1" {
		title := v.lang.text("admin.bindings.revoke")
		return s.sure(v, title, sureBody{
			adminBody: adminBody{Part: "bindings"}, Lead: address.String(),
			Points: v.lang.sentences("admin.bindings.next", "admin.bindings.held", "admin.bindings.read"),
			Action: "/admin/bindings/revoke", Fields: []hidden{{"address", address.String()}, {"sure", "1"}}, Back: "/admin/bindings", Button: title,
		})
	}
	if err := a.RevokeBinding(v.r.Context(), address); err != nil && !errors.Is(err, vault.ErrNotFound) {
		return err
	}
	return v.done("/admin/bindings", "revoked")
}

// quiet looks a person up, and says or unsays that the person gets no notices.
func (s *Server) quiet(v *visit, a *vault.Administration) error {
	if err := v.form(); err != nil {
		return err
	}
	b := bindingsBody{adminBody: v.part("bindings"), Number: v.r.PostForm.Get("number")}
	person, err := s.config.Rules.ParsePerson(strings.TrimSpace(b.Number), s.now())
	if err != nil {
		b.adminBody = v.faulty("bindings", "admin.error.number", "number")
		return s.bindingsPage(v, b)
	}
	if set := v.r.PostForm.Get("quiet"); set != "" {
		if err := a.SetQuiet(v.r.Context(), person, set == "1"); err != nil {
			return err
		}
		if set == "1" {
			return v.done("/admin/bindings", "quiet")
		}
		return v.done("/admin/bindings", "loud")
	}
	if b.Quiet, err = a.Quiet(v.r.Context(), person); err != nil {
		return err
	}
	b.Person = person.Masked()
	return s.bindingsPage(v, b)
}
