package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"sigill/policy"
	"sigill/vault"
	"sigill/vault/message"
)

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

// decide asks the rules, as for a mail that came in, and takes away what they say.
func (s *Server) decide(ctx context.Context, v *visit, l *letter) (vault.Deposit, error) {
	f, err := s.facts(ctx, *l)
	if err != nil {
		return vault.Deposit{}, err
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

// facts are read from the header as it will be written, so that the rules see what they would see of a mail that came in.
func (s *Server) facts(ctx context.Context, l letter) (f policy.Facts, err error) {
	var b bytes.Buffer
	c, err := compose(&b, l, "")
	if err == nil {
		err = c.Close()
	}
	if err != nil {
		return f, err
	}
	known, err := s.config.Vault.Directory().Classify(ctx, append([]policy.Address{l.From}, l.all()...))
	if err != nil {
		return f, err
	}
	header := b.Bytes()[:bytes.Index(b.Bytes(), []byte("\r\n\r\n"))+2]
	f = policy.Facts{Sender: known[0], Recipients: known[1:], Written: true, Subjects: message.Subjects(header)}
	if s.config.Facts != nil {
		s.config.Facts(&f, header)
	}
	return f, nil
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
