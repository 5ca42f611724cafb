package web

import (
	"errors"
	"net/http"
	"slices"

	"sigill/vault"
)

// A message that came by mail has no purpose, nor has a person's reply, so the transfer to a case asks where staff are asked
// at all. What is said then is for the case: it goes into the export's metadata, and the message stays as it was sent.

type caseBody struct {
	ID           string
	Asked        askedPurpose
	Field, Fault string
}

// casePage asks for the purpose before an export; where nobody is asked it is the export.
func (s *Server) casePage(v *visit, r *vault.Reader) error {
	c, info, err := s.opened(v, r)
	if err != nil {
		return err
	}
	defer c.Close()
	if !s.config.Purpose.asks() {
		return s.caseZip(v, r, c, info)
	}
	return s.askCase(v, info, info.Purpose, nil)
}

// caseForm exports with the purpose that was filled in.
func (s *Server) caseForm(v *visit, r *vault.Reader) error {
	if err := v.form(); err != nil {
		return err
	}
	c, info, err := s.opened(v, r)
	if err != nil {
		return err
	}
	defer c.Close()
	text, basis := v.r.PostForm.Get("purpose"), v.r.PostForm.Get("basis")
	purpose, err := s.config.Purpose.read(text, basis, info.Purpose.Basis)
	if err != nil {
		return s.askCase(v, info, vault.Purpose{Text: text, Basis: basis}, err)
	}
	if s.config.Purpose.asks() {
		info.Purpose = purpose
	}
	return s.caseZip(v, r, c, info)
}

// askCase shows the form, with what is wrong in it.
func (s *Server) askCase(v *visit, info vault.Info, p vault.Purpose, wrong error) error {
	b, status := caseBody{ID: info.ID.String()}, http.StatusOK
	for _, fault := range writeFaults {
		if wrong != nil && errors.Is(wrong, fault.err) {
			b.Field, b.Fault, status = fault.field, v.lang.text("write.error."+fault.name), fault.status
		}
	}
	b.Asked = s.config.Purpose.asked(p, b.Field, b.Fault)
	if kept := info.Purpose.Basis; kept != "" && !slices.Contains(b.Asked.Offered, kept) {
		b.Asked.Offered = append(slices.Clone(b.Asked.Offered), kept) // told when it was offered, and still so
	}
	return s.render(v, status, "case", v.lang.heading("case.title", b.Fault != ""), b)
}
