package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"sigill/policy"
	"sigill/vault"
	"sigill/vault/message"
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
		return s.lost(v, http.StatusForbidden, f.Text, false)
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

type confirmBody struct {
	fields
	Warnings []warning
}

// written answers after a mail was sent, or was not.
func (s *Server) written(v *visit, f fields, sent vault.MessageID, err error) error {
	if err == nil {
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

// submit composes the mail straight into the vault as it comes in, and links it there unless its writer shall look again.
func (s *Server) submit(ctx context.Context, v *visit, r *vault.Reader, f fields, p *postForm) (id vault.MessageID, err error) {
	switch {
	case len(f.Text) > s.config.Limits.ReplyText:
		return id, errLongText
	case strings.TrimSpace(f.Text) == "" && p.first == nil && !f.Attached:
		return id, errEmpty
	}
	to, err := f.recipients()
	if err != nil {
		return id, err
	}
	purpose, err := s.config.Purpose.read(f.Purpose, f.Basis)
	if err != nil {
		return id, err
	}
	l, original, err := s.letterOf(v, r, f, to)
	if err != nil {
		return id, err
	}
	if original != nil {
		defer original.Close()
	}
	l.Mixed = p.first != nil || f.Attached
	deposit, err := s.decide(ctx, v, &l)
	if err != nil {
		return id, err
	}
	deposit.Purpose = purpose
	draft := s.config.Vault.Depositor().Begin(deposit)
	warnings, err := s.composeMail(draft, l, f, p, original)
	if err == nil && len(warnings) > 0 {
		s.unsent.keep(f.Token, draft, f)
		return id, &unconfirmed{warnings}
	}
	defer draft.Abort()
	if err != nil {
		return id, err
	}
	return s.link(ctx, r, draft, f)
}

// link makes the mail one that is sent, and marks the one it is about.
func (s *Server) link(ctx context.Context, r *vault.Reader, draft *vault.Draft, f fields) (id vault.MessageID, err error) {
	receipt, err := draft.Commit(ctx)
	if err != nil {
		return id, err
	}
	about, err := f.about()
	if err == nil && !about.IsZero() {
		err = s.markAbout(ctx, r, about, f.Kind)
	}
	if err != nil { // the mail is sent; a mark is not worth saying otherwise
		s.log.Warn("web: the message that was answered is not marked", "message", about.String(), "err", err)
	}
	return receipt.ID, nil
}

func (s *Server) markAbout(ctx context.Context, r *vault.Reader, about vault.MessageID, kind string) error {
	if kind == kindAnswer {
		return r.Mark(ctx, about, vault.AddFlags, vault.Answered, nil)
	}
	return r.Mark(ctx, about, vault.AddFlags, 0, []string{"$Forwarded"}) // RFC 9051 section 2.3.2
}

// letterOf is the header of the mail, and the message whose files go along, to be closed.
func (s *Server) letterOf(v *visit, r *vault.Reader, f fields, to recipients) (l letter, original *vault.Content, err error) {
	froms, err := s.senders(v)
	if err != nil {
		return l, nil, err
	}
	for _, from := range froms {
		if from.Address.String() == f.From {
			l.From, l.Name = from.Address, from.Name
		}
	}
	if l.From.IsZero() {
		return l, nil, vault.ErrNotFound
	}
	l.recipients, l.Subject, l.Date, l.MessageID = to, f.Subject, s.now().In(stockholm), rand.Text()+"@"+s.base.Hostname()
	about, err := f.about()
	if err != nil || about.IsZero() {
		return l, nil, err
	}
	c, ix, err := s.openedAs(v, r, about)
	if err != nil {
		return l, nil, err
	}
	if f.Kind == kindAnswer {
		l.InReplyTo, l.References = ix.Envelope.MessageID, ix.Envelope.References
		c.Close()
		return l, nil, nil
	}
	return l, c, nil
}

// decide asks the rules, as for a mail that came in where everything is secure, and takes away what they say.
func (s *Server) decide(ctx context.Context, v *visit, l *letter) (vault.Deposit, error) {
	var header bytes.Buffer
	c, err := compose(&header, *l, "")
	if err == nil {
		err = c.Close()
	}
	if err != nil {
		return vault.Deposit{}, err
	}
	known, err := s.config.Vault.Directory().Classify(ctx, append([]policy.Address{l.From}, l.all()...))
	if err != nil {
		return vault.Deposit{}, err
	}
	f := policy.Facts{Sender: known[0], Recipients: known[1:], Dedicated: true}
	end := bytes.Index(header.Bytes(), []byte("\r\n\r\n")) + 2
	f.Subjects = message.Subjects(header.Bytes()[:end])
	if s.config.Facts != nil {
		s.config.Facts(&f, header.Bytes()[:end])
	}
	d := policy.Decide(f, s.config.Rules)
	switch d.Route {
	case policy.Seal, policy.Hold, policy.Deliver:
	case policy.Refuse:
		return vault.Deposit{}, &refusedMail{d}
	default:
		return vault.Deposit{}, fmt.Errorf("web: a mail of staff would %s", d.Route)
	}
	if d.Cut != (policy.Cut{}) {
		subject := []rune(f.Subjects[d.Cut.Subject])
		l.Subject = string(subject[:d.Cut.Start]) + string(subject[d.Cut.End:])
	}
	return vault.Deposit{
		From: l.From, Recipients: f.Recipients, Hold: d.Route == policy.Hold, Deliver: d.Route == policy.Deliver, Rule: d.Rule,
		Account: v.who.Address(), Person: d.Person,
	}, nil
}

// composeMail writes the whole mail into the draft and gives what its writer should look at.
func (s *Server) composeMail(draft *vault.Draft, l letter, f fields, p *postForm, original *vault.Content) ([]warning, error) {
	c, err := compose(draft, l, f.Text)
	if err != nil {
		return nil, err
	}
	warnings, err := s.attachments(c, p, inspect)
	if err == nil && f.Attached && original != nil {
		var more []warning
		more, err = attachFiles(c, original)
		warnings = append(warnings, more...)
	}
	if err == nil {
		err = c.Close()
	}
	return append(f.warnings(l.recipients), warnings...), err
}

// attachFiles writes the files of another message, and gives what their sender may want to look at.
func attachFiles(c *composer, from *vault.Content) (warnings []warning, err error) {
	for _, p := range slices.DeleteFunc(from.Index().Attachments(nil), from.Fenced) {
		name := cleanName(p.FileName())
		looked, found := inspectAs(name, message.Body(p, from.Section(p.Body)))
		if _, err := c.attach(name, p.Type+"/"+p.Subtype, looked); err != nil {
			return nil, err
		}
		warnings = append(warnings, found()...)
	}
	return warnings, nil
}

// confirm sends a mail that waited, or gives it back to be changed.
func (s *Server) confirm(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	f := fields{Token: v.r.PostForm.Get("form"), About: v.r.PostForm.Get("about"), Kind: v.r.PostForm.Get("kind")}
	if v.r.PostForm.Has("change") {
		return s.change(v, f)
	}
	sent, err := s.writeOnce(v, f, func(r *vault.Reader) (id vault.MessageID, err error) {
		d := s.unsent.take(f.Token)
		if d == nil {
			return id, errOldForm
		}
		defer d.draft.Abort()
		f = d.fields
		from, err := policy.ParseAddress(f.From)
		if err != nil {
			return id, err
		}
		// Asked again: a membership may have ended since.
		may, err := s.config.Vault.Directory().MaySendAs(v.r.Context(), v.who.Address(), from)
		if err == nil && !may {
			err = vault.ErrNotFound
		}
		if err != nil {
			return id, err
		}
		return s.link(v.r.Context(), r, d.draft, f)
	})
	return s.written(v, f, sent, err)
}

// change gives the draft up and its text back.
func (s *Server) change(v *visit, f fields) error {
	about, err := f.about()
	if err != nil {
		return err
	}
	if !s.replies.valid(f.Token, v.who, about) {
		return errOldForm
	}
	d := s.unsent.take(f.Token)
	if d == nil {
		return errOldForm
	}
	d.draft.Abort()
	return s.reading(func(v *visit, r *vault.Reader) error {
		return s.showWrite(v, r, http.StatusOK, writeBody{fields: d.fields})
	})(v)
}

type sentBody struct {
	ID   string
	Info vault.Info
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
