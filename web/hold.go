package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigill/policy"
	"sigill/vault"
)

type holdsBody struct {
	Holds []holdRow
}

type holdRow struct {
	vault.Info
	Subject string
}

func (s *Server) holds(v *visit, r *vault.Reader) error {
	infos, err := r.Holds(v.r.Context())
	if err != nil {
		return err
	}
	ids := make([]vault.MessageID, len(infos))
	for i := range infos {
		ids[i] = infos[i].ID
	}
	indexes, err := r.Indexes(v.r.Context(), ids...)
	if err != nil {
		return err
	}
	var body holdsBody
	for i, ix := range indexes {
		if ix != nil {
			body.Holds = append(body.Holds, holdRow{infos[i], ix.Envelope.Subject})
		}
	}
	return s.render(v, http.StatusOK, "holds", v.lang.text("holds.title"), body)
}

type holdBody struct {
	ID      string
	Subject string
	Info    vault.Info
	Outside []identityField
	Fault   string // of the whole form, "" if none
	Faults  int
}

// identityField is an outside recipient, with a field if nobody knows who it is.
type identityField struct {
	vault.RecipientState
	Name  string // of the field; "" if the identity is known
	Value string // as it was typed
	Ask   bool   // the recipient is to identify instead
	Fault string // key of what is wrong with it
}

// askName is the field that says the recipient is to identify.
func askName(a policy.Address) string { return "ask:" + a.Key() }

// fieldName is the field of a recipient's identity number.
func fieldName(a policy.Address) string { return "number:" + a.Key() }

// held is the hold of the address.
func (s *Server) held(v *visit, r *vault.Reader) (holdBody, vault.MessageID, error) {
	id, err := vault.ParseMessageID(v.r.PathValue("id"))
	if err != nil {
		return holdBody{}, id, err
	}
	holds, err := r.Holds(v.r.Context())
	if err != nil {
		return holdBody{}, id, err
	}
	for _, info := range holds {
		if info.ID == id {
			body, err := s.holdBody(v, r, info)
			return body, id, err
		}
	}
	return holdBody{}, id, vault.ErrNotFound
}

func (s *Server) holdBody(v *visit, r *vault.Reader, info vault.Info) (holdBody, error) {
	indexes, err := r.Indexes(v.r.Context(), info.ID)
	if err != nil {
		return holdBody{}, err
	}
	if indexes[0] == nil {
		return holdBody{}, vault.ErrNotFound
	}
	body := holdBody{ID: info.ID.String(), Subject: indexes[0].Envelope.Subject, Info: info}
	for _, to := range info.Recipients {
		if !to.Kind.Outside() {
			continue
		}
		f := identityField{RecipientState: to}
		if to.Masked == "" {
			f.Name = fieldName(to.Address)
		}
		body.Outside = append(body.Outside, f)
	}
	return body, nil
}

func (s *Server) hold(v *visit, r *vault.Reader) error {
	body, _, err := s.held(v, r)
	if err != nil {
		return err
	}
	return s.render(v, http.StatusOK, "hold", v.lang.text("hold.title"), body)
}

func (s *Server) complete(v *visit, r *vault.Reader) error {
	body, id, err := s.held(v, r)
	if err != nil {
		return err
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	if err := v.r.ParseForm(); err != nil {
		return errBadForm
	}
	identities, ask := body.read(v.r, s.config.Rules, s.now())
	if body.Faults == 0 {
		err := r.Complete(v.r.Context(), id, identities, ask...)
		switch {
		case err == nil:
			return v.redirect("/holds/" + id.String() + "/done")
		case errors.Is(err, vault.ErrIncomplete):
			body.Fault = "hold.error.incomplete"
		case errors.Is(err, vault.ErrOtherPerson):
			body.Fault = "write.error.other"
		default:
			return err
		}
	}
	return s.render(v, http.StatusUnprocessableEntity, "hold", v.lang.heading("hold.title", true), body)
}

// read takes the numbers out of the form, and who is to identify, and notes at each field what is wrong. Who was asked
// before needs no number.
func (b *holdBody) read(r *http.Request, rules policy.Rules, today time.Time) (identities map[string]policy.PersonID, ask []policy.Address) {
	identities = map[string]policy.PersonID{}
	for i := range b.Outside {
		f := &b.Outside[i]
		if f.Name == "" {
			continue
		}
		f.Value = strings.TrimSpace(r.PostForm.Get(f.Name))
		if f.Ask = r.PostForm.Has(askName(f.Address)); f.Value == "" && (f.Ask || !f.Asked.IsZero()) {
			ask = append(ask, f.Address)
			continue
		}
		person, err := rules.ParsePerson(f.Value, today)
		if err != nil {
			f.Fault = "hold.error." + personFault(f.Value, err)
			b.Faults++
			continue
		}
		identities[f.Address.Key()] = person
	}
	return identities, ask
}

// AskName is the name of the field that says the recipient is to identify.
func (f identityField) AskName() string { return askName(f.Address) }

// settleClaim approves or rejects somebody who has identified.
func (s *Server) settleClaim(v *visit, r *vault.Reader) error {
	id, err := vault.ParseMessageID(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := s.smallForm(v); err != nil {
		return err
	}
	to, err := policy.ParseAddress(v.r.PostForm.Get("to"))
	if err != nil {
		return errBadForm
	}
	settle := r.Approve
	switch v.r.PostForm.Get("answer") {
	case "approve":
	case "reject":
		settle = r.Reject
	default:
		return errBadForm
	}
	err = settle(v.r.Context(), id, to, v.r.PostForm.Get("claim"))
	if errors.Is(err, vault.ErrOtherPerson) {
		body, _, err := s.held(v, r)
		if err != nil {
			return err
		}
		body.Fault = "hold.error.bound"
		return s.render(v, http.StatusUnprocessableEntity, "hold", v.lang.heading("hold.title", true), body)
	}
	if err != nil {
		return err
	}
	return v.redirect("/holds/" + id.String() + "/done")
}

func personFault(value string, err error) string {
	switch {
	case value == "":
		return "empty"
	case errors.Is(err, policy.ErrPersonDate):
		return "date"
	case errors.Is(err, policy.ErrPersonUnborn):
		return "unborn"
	case errors.Is(err, policy.ErrPersonCheckDigit):
		return "digit"
	case errors.Is(err, policy.ErrPersonInterim):
		return "interim"
	case errors.Is(err, policy.ErrPersonTest):
		return "test"
	case errors.Is(err, policy.ErrPersonOrganisation):
		return "organisation"
	}
	return "length"
}

// completed says that notices go out. It is a page of its own, so that a reload sends nothing again.
func (s *Server) completed(v *visit, r *vault.Reader) error {
	id, err := vault.ParseMessageID(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	info, err := r.Info(v.r.Context(), id)
	if err != nil {
		return err
	}
	asked := slices.ContainsFunc(info.Recipients, func(to vault.RecipientState) bool { return !to.Asked.IsZero() })
	if info.Held && !asked {
		return v.redirect("/holds/" + id.String())
	}
	body, err := s.holdBody(v, r, info)
	if err != nil {
		return err
	}
	return s.render(v, http.StatusOK, "done", v.lang.text("done.title"), body)
}

// FieldID is the id of the n-th field in the page.
func (holdBody) FieldID(n int) string { return "number-" + strconv.Itoa(n+1) }
