package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"sigill/policy"
	"sigill/vault"
	"sigill/vault/message"
)

// fields are those of a mail that staff write, as they were filled in.
type fields struct {
	Token string
	// About is the message that is answered or forwarded, and Kind which of the two; "" for a new mail.
	About, Kind                      string
	From, To, Cc, Bcc, Subject, Text string
	// Attached tells that the files of a forwarded message go along, Chosen that files were chosen, which a form cannot be
	// given back.
	Attached, Chosen bool
	// Purpose and Basis are asked for where [Config.Purpose] says so.
	Purpose, Basis string
}

// The kinds of mails that are about another.
const (
	kindAnswer  = "answer"
	kindForward = "forward"
)

// writeFields are the fields of the form with the octets each may have. The button that only checks the recipients stands
// before the files, so none has to come in for it.
func writeFields(maxText int) map[string]int {
	return map[string]int{
		"form": maxToken, "about": 64, "kind": 16, "from": 400, "to": 40_000, "cc": 40_000, "bcc": 40_000, "add": 400, "check": 8, "subject": 4000,
		"text": 2 * maxText, "attached": 8, "purpose": maxPurposeField, "basis": maxPurposeField,
	}
}

func (f *postForm) fields() fields {
	out := fieldsOf(func(name string) string { return f.values[name] })
	out.Chosen = f.first != nil
	return out
}

func fieldsOf(value func(name string) string) fields {
	to := value("to")
	if add := strings.TrimSpace(value("add")); add != "" {
		to = strings.TrimSpace(to) + "\n" + add
	}
	return fields{
		Token: value("form"), About: value("about"), Kind: value("kind"), From: value("from"), To: strings.TrimSpace(to),
		Cc: strings.TrimSpace(value("cc")), Bcc: strings.TrimSpace(value("bcc")), Subject: value("subject"), Text: value("text"),
		Attached: value("attached") != "" && value("kind") == kindForward, Chosen: value("chosen") != "",
		Purpose: value("purpose"), Basis: value("basis"),
	}
}

// about is the message the mail is about; zero for a new mail. ErrNotFound.
func (f fields) about() (vault.MessageID, error) {
	switch {
	case f.Kind == "" && f.About == "":
		return vault.MessageID{}, nil
	case f.Kind == kindAnswer, f.Kind == kindForward:
		return vault.ParseMessageID(f.About)
	}
	return vault.MessageID{}, vault.ErrNotFound
}

type writeBody struct {
	fields
	Froms  []sender
	Known  []string // addresses that are offered
	Checks []check
	Files  []file // of the message that is forwarded
	Field  string // the field that is wrong, "" if none
	Fault  string // its text
	Limits Limits
	Asked  askedPurpose
	Kept   bool // it was written before the login ended
}

// Fenced tells that some of the files do not go along.
func (b writeBody) Fenced() bool {
	return slices.ContainsFunc(b.Files, func(f file) bool { return f.Fenced })
}

// Copies are the fields for those who get a copy.
func (b writeBody) Copies() []copyField { return []copyField{{"cc", b.Cc}, {"bcc", b.Bcc}} }

type copyField struct{ Name, Typed string }

// sender is an address one may send from.
type sender struct {
	Address policy.Address
	Name    string
}

// check is what is known of a recipient.
type check struct {
	Address string
	Kind    policy.RecipientKind
}

// newMail is the empty form.
func (s *Server) newMail(v *visit, r *vault.Reader) error {
	return s.showWrite(v, r, http.StatusOK, writeBody{})
}

// answerForm is the form of an answer, addressed to the other side.
func (s *Server) answerForm(v *visit, r *vault.Reader) error {
	c, info, err := s.opened(v, r)
	if err != nil {
		return err
	}
	defer c.Close()
	froms, err := s.senders(v)
	if err != nil {
		return err
	}
	f := fields{About: info.ID.String(), Kind: kindAnswer, Subject: prefixed("Sv: ", c.Index().Envelope.Subject), To: info.From.String(), Purpose: info.Purpose.Text, Basis: info.Purpose.Basis}
	if f.From = ownSide(froms, info); isOwn(froms, info.From) { // one goes on writing to those one wrote to
		f.From, f.To = info.From.String(), addressLines(info.Recipients)
	}
	return s.showWrite(v, r, http.StatusOK, writeBody{fields: f, Froms: froms})
}

// forwardForm is the form of a message that is sent on.
func (s *Server) forwardForm(v *visit, r *vault.Reader) error {
	c, info, err := s.opened(v, r)
	if err != nil {
		return err
	}
	defer c.Close()
	froms, err := s.senders(v)
	if err != nil {
		return err
	}
	text, _, err := plainText(c, s.config.Limits.ReplyText)
	if err != nil {
		return err
	}
	e := c.Index().Envelope
	head := "\n\n" + v.lang.text("write.forwarded", cmp.Or(mailboxes(e.From), info.From.String()), v.lang.moment(info.At), e.Subject)
	f := fields{
		About: info.ID.String(), Kind: kindForward, Subject: prefixed("Vb: ", e.Subject), From: ownSide(froms, info), Attached: true,
		Text: head + "\n\n" + strings.ReplaceAll(text, "\r\n", "\n"),
	}
	return s.showWrite(v, r, http.StatusOK, writeBody{fields: f, Froms: froms})
}

// showWrite shows the form, with what can be offered.
func (s *Server) showWrite(v *visit, r *vault.Reader, status int, b writeBody) (err error) {
	about, err := b.about()
	if err != nil {
		return err
	}
	if b.Froms, err = s.senders(v); err != nil {
		return err
	}
	if b.Known, err = s.offered(v.r.Context(), r); err != nil {
		return err
	}
	if b.Kind == kindForward {
		c, _, err := s.openedAs(v, r, about)
		if err != nil {
			return err
		}
		defer c.Close()
		if b.Files, err = ownFiles(c); err != nil {
			return err
		}
	}
	b.From, b.Limits = cmp.Or(b.From, b.Froms[0].Address.String()), s.config.Limits
	if !s.replies.valid(b.Token, v.who, about) { // else it stays one mail, wherever its writer goes back to
		b.Token = s.replies.issue(v.who, about)
	}
	b.Asked = s.config.Purpose.asked(vault.Purpose{Text: b.Purpose, Basis: b.Basis}, b.Field, b.Fault)
	key := "write.title"
	if b.Kind != "" {
		key += "." + b.Kind
	}
	return s.render(v, status, "write", v.lang.heading(key, b.Fault != ""), b)
}

// senders are the addresses a staff member may send from, the own one first.
func (s *Server) senders(v *visit) ([]sender, error) {
	out := []sender{{v.who.Address(), v.name}}
	all, err := s.config.Vault.Directory().FunctionAddresses(v.r.Context(), v.who.Address())
	for _, f := range all {
		out = append(out, sender{f.Address, f.Name})
	}
	return out, err
}

// offered are addresses somebody is likely to write to: those written to lately.
func (s *Server) offered(ctx context.Context, r *vault.Reader) (out []string, err error) {
	const most = 50
	boxes, err := r.Mailboxes(ctx)
	if err != nil {
		return nil, err
	}
	var ids []vault.MessageID
	for _, box := range boxes {
		if box.Role != vault.Sent {
			continue
		}
		entries, err := r.Latest(ctx, box.ID, 0, most)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			ids = append(ids, e.Message)
		}
	}
	indexes, err := r.Indexes(ctx, ids...)
	for _, ix := range indexes {
		if ix == nil {
			continue
		}
		for _, m := range people(slices.Concat(ix.Envelope.To, ix.Envelope.Cc)) {
			out = append(out, addressOf(m))
		}
	}
	slices.Sort(out)
	return slices.Compact(out), err
}

// ownFiles are the files of a message as they go along when it is forwarded, but for those that are fenced.
func ownFiles(c *vault.Content) (out []file, err error) {
	for _, p := range c.Index().Attachments(nil) {
		out = append(out, file{Name: cleanName(p.FileName()), Type: p.Type + "/" + p.Subtype, Size: p.Decoded, Fenced: c.Fenced(p)})
	}
	return out, nil
}

// ownSide is the address of ours that a message came to; "" if it came to none.
func ownSide(froms []sender, info vault.Info) string {
	for _, to := range info.Recipients {
		if isOwn(froms, to.Address) {
			return to.Address.String()
		}
	}
	return ""
}

func isOwn(froms []sender, a policy.Address) bool {
	return slices.ContainsFunc(froms, func(f sender) bool { return f.Address.Key() == a.Key() })
}

func addressLines(all []vault.RecipientState) string {
	var lines []string
	for _, to := range all {
		lines = append(lines, to.Address.String())
	}
	return strings.Join(lines, "\n")
}

func prefixed(prefix, subject string) string {
	if strings.HasPrefix(strings.ToLower(subject), strings.ToLower(strings.TrimSpace(prefix))) {
		return subject
	}
	return prefix + subject
}

var (
	errNobody  = errors.New("web: the mail has no recipient")
	errAddress = errors.New("web: a recipient is no address")
)

// recipients are those of a mail. Each is in one of the lists only, the first it was named in.
type recipients struct{ to, cc, bcc []policy.Address }

// all are they, in the order of the envelope.
func (r recipients) all() []policy.Address { return slices.Concat(r.to, r.cc, r.bcc) }

// badAddress tells what was typed that is no address, and in which field.
type badAddress struct{ field, text string }

func (e *badAddress) Error() string { return errAddress.Error() }
func (e *badAddress) Unwrap() error { return errAddress }

// recipients reads what was typed: an address a line, or parted by commas, also with a name before it.
func (f fields) recipients() (out recipients, err error) {
	seen := map[string]bool{}
	for _, list := range []struct {
		field, typed string
		into         *[]policy.Address
	}{{"to", f.To, &out.to}, {"cc", f.Cc, &out.cc}, {"bcc", f.Bcc, &out.bcc}} {
		for _, text := range strings.FieldsFunc(list.typed, func(r rune) bool { return r == ',' || r == ';' || r == '\n' || r == '\r' }) {
			if text = strings.TrimSpace(text); text == "" {
				continue
			}
			a, err := policy.ParseAddress(text[max(0, strings.LastIndexByte(text, '<')):])
			if err != nil {
				return out, &badAddress{list.field, text}
			}
			if !seen[a.Key()] {
				*list.into, seen[a.Key()] = append(*list.into, a), true
			}
		}
	}
	if len(out.all()) == 0 {
		return out, errNobody
	}
	return out, nil
}

// openedAs opens a message beside the one of the address.
func (s *Server) openedAs(v *visit, r *vault.Reader, id vault.MessageID) (*vault.Content, *message.Index, error) {
	contents, err := r.Open(v.r.Context(), id)
	if err != nil {
		return nil, nil, err
	}
	return contents[0], contents[0].Index(), nil
}
