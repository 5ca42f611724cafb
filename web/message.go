package web

import (
	"errors"
	"html/template"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"sigill/policy"
	"sigill/vault"
	"sigill/vault/message"
	"sigill/web/clean"
)

// messageBody is a message as it is read.
type messageBody struct {
	ID      string
	Subject string
	From    []message.Mailbox
	To      []message.Mailbox
	Cc      []message.Mailbox
	// SentAs is the envelope's sender where the header names another.
	SentAs string
	Info   vault.Info
	Own    bool // the reader wrote it
	Ours   bool // a staff reader's side sent it
	// Taker is who takes care of it; Shared tells that it came to a function address, Mine that the reader is the taker.
	Taker  policy.Address
	Shared bool
	Mine   bool
	// View is html, plain, raw or none.
	View string
	// Height is the class of the frame: short, middle or "" for tall.
	Height   string
	HasHTML  bool
	HasPlain bool
	Broken   bool // the mail breaks rules: offer it raw
	// Encrypted is how the sender encrypted the content itself: smime, rms, pgp or "".
	Encrypted string
	Text      []segment
	// Paper is the text that is printed where the page shows a frame, of which paper would get the part that shows.
	Paper    template.HTML
	Cut      bool // there is more of the text, or of Paper
	Files    []file
	Fenced   bool // some of them are not handed out
	Several  bool // more than one is
	Talk     []talk
	CanReply bool
	Draft    bool // a reply has been begun
	Asks     bool // an export for the case system asks for the purpose first
}

// talk is a message of the conversation.
type talk struct {
	vault.Info
	Here bool
	Own  bool // the reader, a person, wrote it
	Who  string
	By   string // who wrote it in a function address's name; "" if it was nobody else
	// Subject is told where it is another than that of the message before.
	Subject string
	Files   int
}

func (s *Server) message(v *visit, r *vault.Reader) error {
	c, info, err := s.opened(v, r)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := r.MarkSeen(v.r.Context(), info.ID); err != nil {
		return err
	}
	talks, err := s.conversation(v, r, info.ID)
	if err != nil {
		return err
	}
	ix := c.Index()
	body := messageBody{
		ID: info.ID.String(), Subject: ix.Envelope.Subject, Info: info, Talk: talks,
		From: ix.Envelope.From, To: people(ix.Envelope.To), Cc: people(ix.Envelope.Cc),
		SentAs: sentAs(ix, info), Own: info.FromPerson && v.who.IsPerson(),
		CanReply: v.who.IsPerson() && !info.FromPerson, Broken: len(ix.Defects) > 0, Encrypted: encrypted(ix),
	}
	if !v.who.IsPerson() {
		froms, err := s.senders(v)
		if err != nil {
			return err
		}
		body.Ours = isOwn(froms, info.From)
		if body.Taker, body.Shared, err = r.Taker(v.r.Context(), info.ID); err != nil {
			return err
		}
		body.Mine, body.Asks = body.Taker.Key() == v.who.Address().Key(), s.config.Purpose.asks()
	}
	if body.CanReply {
		draft, err := r.ReplyDraft(v.r.Context(), info.ID)
		if err != nil && !errors.Is(err, vault.ErrNoReply) {
			return err
		}
		body.Draft = draft.Text != ""
	}
	if err := s.fill(v, &body, c); err != nil {
		return err
	}
	// The title stays in the browser's history, so it does not hold the subject.
	return s.render(v, http.StatusOK, "message", v.lang.text("message.title", v.lang.day(info.At)), body)
}

// opened opens the message of the address.
func (s *Server) opened(v *visit, r *vault.Reader) (*vault.Content, vault.Info, error) {
	c, err := s.content(v, r)
	if err != nil {
		return nil, vault.Info{}, err
	}
	info, err := r.Info(v.r.Context(), c.ID())
	if err != nil {
		c.Close()
		return nil, vault.Info{}, err
	}
	return c, info, nil
}

// content is opened where the content is all that is asked for.
func (s *Server) content(v *visit, r *vault.Reader) (*vault.Content, error) {
	id, err := vault.ParseMessageID(v.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	contents, err := r.Open(v.r.Context(), id)
	if err != nil {
		return nil, err
	}
	return contents[0], nil
}

// conversation are the messages of it that the reader may open, oldest first. Their texts are not on the page: a text that is
// in a page has been read, and the sender would be told so.
func (s *Server) conversation(v *visit, r *vault.Reader, here vault.MessageID) ([]talk, error) {
	infos, err := r.Conversation(v.r.Context(), here)
	if err != nil {
		return nil, err
	}
	ids := make([]vault.MessageID, len(infos))
	for i := range infos {
		ids[i] = infos[i].ID
	}
	indexes, err := r.Indexes(v.r.Context(), ids...)
	if err != nil {
		return nil, err
	}
	talks := make([]talk, len(infos))
	thread := ""
	for i, info := range infos {
		talks[i] = talk{Info: info, Here: info.ID == here, Own: info.FromPerson && v.who.IsPerson(), Who: info.From.String()}
		if !info.Account.IsZero() && info.Account.Key() != info.From.Key() {
			talks[i].By = info.Account.String()
		}
		if indexes[i] != nil {
			talks[i].Who = names(indexes[i].Envelope.From, 1)
			talks[i].Files = len(indexes[i].Attachments(nil))
			if subject := threadSubject(indexes[i].Envelope.Subject); subject != thread {
				talks[i].Subject, thread = indexes[i].Envelope.Subject, subject
			}
		}
	}
	return talks, nil
}

// threadSubject is a subject without the marks of answers.
func threadSubject(subject string) string {
	for {
		before, rest, found := strings.Cut(strings.TrimSpace(subject), ":")
		switch strings.ToLower(before) {
		case "sv", "re", "vs", "vb", "fw", "fwd":
		default:
			found = false
		}
		if !found {
			return strings.TrimSpace(subject)
		}
		subject = rest
	}
}

// maxPaper is the octets of a text that the page has for paper beside the frame; the PDF has all of it.
const maxPaper = 64 << 10

// fill chooses how the text is shown: as asked for, else HTML, plain text, or the raw mail if there is nothing else.
func (s *Server) fill(v *visit, b *messageBody, c *vault.Content) (err error) {
	ix := c.Index()
	html, hasHTML := ix.BestText("html")
	_, b.HasPlain = ix.BestText("plain")
	b.HasPlain = b.HasPlain || hasHTML
	b.HasHTML = hasHTML && html.Decoded <= clean.MaxSize
	var source string
	var used map[string]bool
	if b.HasHTML {
		if source, _, err = message.TextString(html, c.Section(html.Body), clean.MaxSize); err != nil {
			return err
		}
		used = message.ContentIDs(source)
	}
	if b.Files, err = filesOf(v, c, used); err != nil {
		return err
	}
	handed := 0
	for _, f := range b.Files {
		if !f.Fenced {
			handed++
		}
	}
	b.Fenced, b.Several = handed < len(b.Files), handed > 1
	b.View = viewOf(v.r.URL.Query().Get("view"), b.HasHTML, b.HasPlain, len(b.Files) > 0)
	var text string
	switch b.View {
	case "html":
		b.Height = height(c, source)
		text, b.Cut, err = paper(c, source)
		b.Paper = escaped(text)
		return err
	case "plain":
		text, b.Cut, err = plainText(c, int(s.config.Limits.Shown))
	case "raw":
		text, b.Cut, err = s.rawText(c)
	}
	b.Text = segments(text)
	return err
}

// paper is the text to print of a message that is shown as HTML. The frame has all of it, and so has the PDF.
func paper(c *vault.Content, html string) (text string, cut bool, err error) {
	if p, ok := c.Index().BestText("plain"); ok {
		return message.TextString(p, c.Section(p.Body), maxPaper)
	}
	n := min(len(html), maxPaper)
	for n < len(html) && !utf8.RuneStart(html[n]) {
		n--
	}
	return clean.Text(html[:n]), n < len(html), nil
}

// height guesses how tall a frame the HTML needs: without scripts a frame does not grow with what is in it. It scrolls
// where the guess is too low.
func height(c *vault.Content, html string) string {
	if len(html) > 32<<10 {
		return ""
	}
	switch tall := clean.Height(html, func(id string) (int, int, bool) { return pictureSize(c, id) }); {
	case tall <= 170: // less than the style sheet's 15rem, for the space between paragraphs
		return "short"
	case tall <= 360:
		return "middle"
	}
	return ""
}

func viewOf(asked string, html, plain, files bool) string {
	switch {
	case asked == "raw":
		return "raw"
	case html && asked != "plain":
		return "html"
	case plain:
		return "plain"
	case files:
		return "none"
	}
	return "raw"
}

func (s *Server) rawText(c *vault.Content) (text string, cut bool, err error) {
	b := make([]byte, min(c.Size(), s.config.Limits.Shown))
	n, err := c.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, vault.ErrFenced) {
		return "", false, err
	}
	return strings.ToValidUTF8(string(b[:n]), "\ufffd"), c.Size() > int64(n), nil
}

// people leaves out the marks of groups.
func people(in []message.Mailbox) (out []message.Mailbox) {
	for _, m := range in {
		if m.Host != "" || m.Local != "" {
			out = append(out, m)
		}
	}
	return out
}

func sentAs(ix *message.Index, info vault.Info) string {
	for _, m := range ix.Envelope.From {
		if a, err := m.Address(); err == nil && a.Key() == info.From.Key() {
			return ""
		}
	}
	return info.From.String()
}
