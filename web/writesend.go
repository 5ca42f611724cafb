package web

import (
	"errors"
	"net/http"
	"slices"

	"sigill/policy"
	"sigill/vault"
)

// What is wrong with a mail that its writer can mend; the texts are write.error.<name>.
var writeFaults = []struct {
	err    error
	field  string
	name   string
	status int
}{
	{errNobody, "to", "nobody", http.StatusUnprocessableEntity},
	{errAddress, "to", "address", http.StatusUnprocessableEntity},
	{errEmpty, "text", "empty", http.StatusUnprocessableEntity},
	{errLongText, "text", "long", http.StatusRequestEntityTooLarge},
	{errManyFiles, "files", "many", http.StatusRequestEntityTooLarge},
	{errTooLarge, "files", "large", http.StatusRequestEntityTooLarge},
	{errNoPurpose, "purpose", "purpose", http.StatusUnprocessableEntity},
	{errLongPurpose, "purpose", "wordy", http.StatusUnprocessableEntity},
	{errNoBasis, "basis", "basis", http.StatusUnprocessableEntity},
	{errOldForm, "text", "old", http.StatusConflict},
	{vault.ErrUnknownRecipient, "to", "changed", http.StatusConflict},
	{vault.ErrOtherPerson, "to", "other", http.StatusUnprocessableEntity},
	{vault.ErrFull, "text", "full", http.StatusInsufficientStorage},
	{vault.ErrSuspect, "files", "suspect", http.StatusUnprocessableEntity},
	{vault.ErrUnscanned, "files", "unscanned", http.StatusServiceUnavailable},
}

// refusedMail is a mail that the rules do not let out.
type refusedMail struct{ policy.Decision }

func (e *refusedMail) Error() string { return "web: refused by the rule " + e.Rule }

// unconfirmed is a mail that waits for its writer.
type unconfirmed struct{ warnings []warning }

func (*unconfirmed) Error() string { return "web: the mail waits to be confirmed" }

// write takes a mail in. Whatever goes wrong, what was typed comes back to its writer.
func (s *Server) write(v *visit) error {
	u := s.upload(v)
	defer u.drain()
	p, err := readForm(u, v.r, writeFields(s.config.Limits.ReplyText))
	if err != nil {
		u.drain()
		return err
	}
	f := p.fields()
	switch {
	case !v.in:
		u.drain()
		return s.lostMail(v, f)
	case v.who.IsPerson():
		u.drain()
		return vault.ErrNotFound
	case p.values["check"] != "":
		u.drain()
		return s.reading(func(v *visit, r *vault.Reader) error { return s.checkRecipients(v, r, f) })(v)
	}
	sent, err := s.writeOnce(v, f, func(r *vault.Reader) (vault.MessageID, error) { return s.submit(v.r.Context(), v, r, f, p) })
	u.drain()
	return s.written(v, f, sent, err)
}

// writeOnce runs send for the first that comes with the form, with the rights of now.
func (s *Server) writeOnce(v *visit, f fields, send func(*vault.Reader) (vault.MessageID, error)) (vault.MessageID, error) {
	about, err := f.about()
	if err != nil {
		return vault.MessageID{}, err
	}
	if !s.replies.valid(f.Token, v.who, about) {
		return vault.MessageID{}, errOldForm
	}
	return s.replies.once(v.r.Context(), f.Token, func() (sent vault.MessageID, err error) {
		err = s.reading(func(_ *visit, r *vault.Reader) error {
			sent, err = send(r)
			return err
		})(v)
		return sent, err
	})
}

// written answers after a mail was sent, or was not.
func (s *Server) written(v *visit, f fields, sent vault.MessageID, err error) error {
	if err == nil {
		s.interrupted.drop(f.Token)
		return v.redirect("/messages/" + sent.String() + "/sent")
	}
	var wait *unconfirmed
	if errors.As(err, &wait) {
		return s.render(v, http.StatusOK, "confirm", v.lang.text("confirm.title"), confirmBody{f, wait.warnings})
	}
	body, status := writeBody{fields: f}, 0
	var no *refusedMail
	if errors.As(err, &no) {
		body.Field, body.Fault, status = "to", v.lang.refusal(no.Decision), http.StatusUnprocessableEntity
	}
	for _, fault := range writeFaults {
		if status == 0 && errors.Is(err, fault.err) {
			body.Field, body.Fault, status = fault.field, v.lang.text("write.error."+fault.name), fault.status
		}
	}
	if status == 0 {
		return err
	}
	var bad *badAddress
	if errors.As(err, &bad) {
		body.Field = bad.field
		body.Fault += " " + v.lang.text("write.error.which", bad.text)
	}
	return s.reading(func(v *visit, r *vault.Reader) error { return s.showWrite(v, r, status, body) })(v)
}

// refusal says why a mail may not go out. The organisation's own rules speak for themselves.
func (c *catalogue) refusal(d policy.Decision) string {
	switch d.Rule {
	case policy.RuleSender:
		return c.text("write.refused.sender")
	case policy.RuleRecipients:
		return c.text("write.refused.recipients")
	case policy.RuleNumber:
		return c.text("write.refused.number")
	}
	return c.text("write.refused.rule", d.Advice)
}

// checkRecipients tells what is known of the recipients and sends nothing.
func (s *Server) checkRecipients(v *visit, r *vault.Reader, f fields) error {
	to, err := f.recipients()
	if err != nil {
		return s.written(v, f, vault.MessageID{}, err)
	}
	known, err := s.config.Vault.Directory().Classify(v.r.Context(), to.all())
	if err != nil {
		return err
	}
	body := writeBody{fields: f}
	for _, k := range known {
		body.Checks = append(body.Checks, check{k.Address.String(), k.Kind})
	}
	return s.showWrite(v, r, http.StatusOK, body)
}

type sentBody struct {
	ID   string
	Info vault.Info
}

// Handed tells that it goes to the organisations of those outside, and no notice does.
func (b sentBody) Handed() bool {
	return slices.ContainsFunc(b.Info.Recipients, func(to vault.RecipientState) bool { return to.Kind == policy.Partner })
}

// sent says what happens now; a mail that waits for identities leads to where they are asked.
func (s *Server) sent(v *visit, r *vault.Reader) error {
	id, err := vault.ParseMessageID(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	info, err := r.Info(v.r.Context(), id)
	if err != nil {
		return err
	}
	froms, err := s.senders(v)
	switch {
	case err != nil:
		return err
	case !isOwn(froms, info.From):
		return vault.ErrNotFound
	case info.Held:
		return v.redirect("/holds/" + id.String())
	}
	return s.render(v, http.StatusOK, "sent", v.lang.text("sent.title"), sentBody{ID: id.String(), Info: info})
}
