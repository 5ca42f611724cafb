package web

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"

	"sigill/policy"
	"sigill/vault"
)

// What is wrong with a reply that its writer can mend; the texts are reply.error.<name>.
var replyFaults = []struct {
	err    error
	field  string
	name   string
	status int
}{
	{errEmpty, "text", "empty", http.StatusUnprocessableEntity},
	{errLongText, "text", "long", http.StatusRequestEntityTooLarge},
	{errManyFiles, "files", "many", http.StatusRequestEntityTooLarge},
	{errTooLarge, "files", "large", http.StatusRequestEntityTooLarge},
	{errOldForm, "text", "old", http.StatusConflict},
	{vault.ErrFull, "text", "full", http.StatusInsufficientStorage},
	{vault.ErrUnscanned, "text", "unscanned", http.StatusServiceUnavailable},
}

var (
	errEmpty     = errors.New("web: the reply is empty")
	errLongText  = errors.New("web: the text is too long")
	errManyFiles = errors.New("web: too many attachments")
)

type replyBody struct {
	ID      string
	Subject string
	To      string
	Form    string
	Text    string
	Field   string // the field that is wrong, "" if none
	Fault   string // the key of its text
	Chosen  bool   // files were, which a form cannot be given back
	Limits  Limits
	// Kept is the draft the text is kept in; zero if it is not.
	Kept  vault.ReplyDraft
	Saved bool // the page answers the button that saves
}

func (s *Server) replyForm(v *visit, r *vault.Reader) error {
	return s.showReply(v, r, http.StatusOK, replyBody{Saved: v.r.URL.Query().Has("saved")})
}

// showReply shows the form; a draft is begun and given up to learn whether and to whom the message can be answered.
func (s *Server) showReply(v *visit, r *vault.Reader, status int, b replyBody) error {
	id, err := vault.ParseMessageID(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	draft, to, err := r.Reply(v.r.Context(), id)
	if err != nil {
		return err
	}
	draft.Abort()
	if b.Kept, err = r.ReplyDraft(v.r.Context(), id); err != nil {
		return err
	}
	if b.Fault == "" {
		b.Text = b.Kept.Text
	}
	b.ID, b.Subject, b.To, b.Limits = id.String(), to.Subject, to.To.String(), s.config.Limits
	b.Form = s.replies.issue(v.who, id)
	return s.render(v, status, "reply", v.lang.heading("reply.title", b.Fault != ""), b)
}

// reply takes a reply in. Whatever goes wrong, the text is kept and comes back to its writer.
func (s *Server) reply(v *visit) error {
	u := s.upload(v)
	defer u.drain() // a browser reads no answer before it has sent all
	f, err := readForm(u, v.r, replyFields(s.config.Limits.ReplyText))
	if f == nil {
		return err
	}
	id, noID := vault.ParseMessageID(v.r.PathValue("id"))
	if noID != nil || v.in && !v.who.IsPerson() {
		return vault.ErrNotFound
	}
	chosen := f.first != nil
	var sent vault.MessageID
	if v.in && err == nil {
		sent, err = s.accept(v, id, f)
	}
	u.drain()
	if v.in && err == nil {
		return v.redirect("/receipts/" + sent.String())
	}
	text := f.values["text"]
	kept := s.keepText(v, id, f.values["form"], text)
	if !v.in && err == nil {
		return s.lostReply(v, http.StatusForbidden, text, kept)
	}
	if v.in {
		return s.replyAgain(v, err, replyBody{Text: text, Chosen: chosen})
	}
	return err
}

// replyAgain shows the form of a reply that was not sent, if its writer can mend what is wrong.
func (s *Server) replyAgain(v *visit, err error, b replyBody) error {
	for _, fault := range replyFaults {
		if !errors.Is(err, fault.err) {
			continue
		}
		b.Field, b.Fault = fault.field, "reply.error."+fault.name
		return s.reading(func(v *visit, r *vault.Reader) error { return s.showReply(v, r, fault.status, b) })(v)
	}
	return err
}

func (s *Server) accept(v *visit, id vault.MessageID, f *postForm) (vault.MessageID, error) {
	if !s.replies.valid(f.values["form"], v.who, id) {
		return vault.MessageID{}, errOldForm
	}
	return s.replies.once(v.r.Context(), f.values["form"], func() (sent vault.MessageID, err error) {
		err = s.reading(func(v *visit, r *vault.Reader) error {
			sent, err = s.send(v.r.Context(), r, id, f)
			return err
		})(v)
		return sent, err
	})
}

// send composes the mail straight into the vault as it comes in.
func (s *Server) send(ctx context.Context, r *vault.Reader, id vault.MessageID, f *postForm) (vault.MessageID, error) {
	var none vault.MessageID
	if len(f.values["text"]) > s.config.Limits.ReplyText {
		return none, errLongText
	}
	if strings.TrimSpace(f.values["text"]) == "" && f.first == nil {
		return none, errEmpty
	}
	draft, to, err := r.Reply(ctx, id)
	if err != nil {
		return none, err
	}
	defer draft.Abort()
	l := letter{
		From: to.From, recipients: recipients{to: []policy.Address{to.To}}, Subject: "Sv: " + to.Subject, InReplyTo: to.InReplyTo, References: to.References,
		Date: s.now().In(stockholm), MessageID: rand.Text() + "@" + s.base.Hostname(), Mixed: f.first != nil,
	}
	c, err := compose(draft, l, f.values["text"])
	if err != nil {
		return none, err
	}
	if _, err := s.attachments(c, f, noInspection); err != nil {
		return none, err
	}
	if err := c.Close(); err != nil {
		return none, err
	}
	receipt, err := draft.Commit(ctx)
	return receipt.ID, err
}

// attachments writes the files of a form as they come in, and gives what their sender may want to look at.
func (s *Server) attachments(c *composer, f *postForm, inspect func(*multipart.Part) (io.Reader, func() []warning)) (warnings []warning, err error) {
	var size int64
	for n := 1; ; n++ {
		p, err := f.next()
		switch {
		case err != nil:
			return nil, err
		case p == nil:
			return warnings, nil
		case n > s.config.Limits.Files:
			return nil, errManyFiles
		}
		looked, found := inspect(p)
		from := &heard{Reader: looked}
		octets, err := c.attach(p.FileName(), p.Header.Get("Content-Type"), from)
		if from.err != nil {
			return nil, f.fault()
		}
		if err != nil {
			return nil, err
		}
		if size += octets; size > s.config.Limits.ReplySize {
			return nil, errTooLarge
		}
		warnings = append(warnings, found()...)
	}
}

type receiptBody struct {
	Info    vault.Info
	Subject string
	To      string
}

// receipt is the proof that a reply came in, and when.
func (s *Server) receipt(v *visit, r *vault.Reader) error {
	id, err := vault.ParseMessageID(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	info, err := r.Info(v.r.Context(), id)
	if err != nil {
		return err
	}
	indexes, err := r.Indexes(v.r.Context(), id)
	if err != nil {
		return err
	}
	if !info.FromPerson || indexes[0] == nil { // what others wrote has no receipt
		return vault.ErrNotFound
	}
	e := indexes[0].Envelope
	return s.render(v, http.StatusOK, "receipt", v.lang.text("receipt.title"), receiptBody{Info: info, Subject: e.Subject, To: names(e.To, 3)})
}
