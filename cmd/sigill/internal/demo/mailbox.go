package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-message/charset"
	"github.com/emersion/go-message/mail"
)

// Mailbox is the recipients' web mail: every mail that left the gateway, as whom it went to would read it.
type Mailbox struct {
	sink    *Sink
	handler http.Handler
}

// NewMailbox shows what is in the sink.
func NewMailbox(s *Sink) *Mailbox {
	m := &Mailbox{sink: s}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", m.list)
	mux.HandleFunc("GET /mail/{number}", m.read)
	mux.HandleFunc("GET /mail/{number}/raw", m.raw)
	mux.HandleFunc("GET /style.css", style)
	m.handler = mux
	return m
}

// Serve answers on l until ctx ends. It is plain HTTP, since the demo shows it to its own machine only.
func (m *Mailbox) Serve(ctx context.Context, l net.Listener) error {
	return serveHTTP(ctx, l, m.handler)
}

// mailPage is a mail, or a row in the list of mails.
type mailPage struct {
	Lang, Other, OtherURL string
	Number                int
	From, To, Subject     string
	When                  string
	Text                  []piece
}

// piece is a run of text, and a link if URL is set.
type piece struct{ Text, URL string }

type listPage struct {
	Lang, Other, OtherURL string
	To                    string   // only mail to this address
	Addresses             []string // that got mail
	Mails                 []mailPage
}

func (m *Mailbox) list(w http.ResponseWriter, r *http.Request) {
	p := listPage{To: r.URL.Query().Get("to")}
	p.Lang, p.Other = languageOf(r)
	p.OtherURL = "?" + url.Values{"to": {p.To}, "lang": {p.Other}}.Encode()
	for _, mail := range m.sink.Mails() {
		p.Addresses = append(p.Addresses, mail.To...)
		if p.To == "" || slices.Contains(mail.To, p.To) {
			p.Mails = append(p.Mails, pageOf(mail))
		}
	}
	slices.Reverse(p.Mails)
	slices.Sort(p.Addresses)
	p.Addresses = slices.Compact(p.Addresses)
	render(w, http.StatusOK, "mailbox.html", p)
}

func (m *Mailbox) read(w http.ResponseWriter, r *http.Request) {
	found, ok := m.find(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	p := pageOf(found)
	p.Lang, p.Other = languageOf(r)
	p.OtherURL = "?lang=" + p.Other
	render(w, http.StatusOK, "mail.html", p)
}

func (m *Mailbox) raw(w http.ResponseWriter, r *http.Request) {
	found, ok := m.find(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "message/rfc822")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%06d.eml", found.Number))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(found.Data)
}

func (m *Mailbox) find(r *http.Request) (Mail, bool) {
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil {
		return Mail{}, false
	}
	mails := m.sink.Mails()
	i := slices.IndexFunc(mails, func(m Mail) bool { return m.Number == number })
	if i < 0 {
		return Mail{}, false
	}
	return mails[i], true
}

func pageOf(m Mail) mailPage {
	p := mailPage{Number: m.Number, From: m.From, To: strings.Join(m.To, ", "), When: m.At.Format("2006-01-02 15:04:05")}
	if p.From == "" {
		p.From = "<>"
	}
	subject, text := content(m.Data)
	p.Subject, p.Text = subject, links(text)
	return p
}

// content is the decoded subject and the first text of a mail; the raw text if it cannot be read.
func content(data []byte) (subject, text string) {
	r, err := mail.CreateReader(bytes.NewReader(data))
	if err != nil {
		return "", string(data)
	}
	defer r.Close()
	subject = r.Header.Get("Subject")
	words := mime.WordDecoder{CharsetReader: charset.Reader}
	if decoded, err := words.DecodeHeader(subject); err == nil {
		subject = decoded
	}
	for {
		part, err := r.NextPart()
		if err != nil {
			return subject, string(data)
		}
		h, ok := part.Header.(*mail.InlineHeader)
		if !ok {
			continue
		}
		if kind, _, _ := h.ContentType(); kind != "" && kind != "text/plain" {
			continue
		}
		if b, err := io.ReadAll(part.Body); err == nil {
			return subject, string(b)
		}
	}
}

// linkPattern is a web address in running text, less the punctuation after it.
var linkPattern = regexp.MustCompile(`https?://[^\s<>"]*[^\s<>".,;:!?)\]]`)

func links(text string) (out []piece) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	at := 0
	for _, found := range linkPattern.FindAllStringIndex(text, -1) {
		link := text[found[0]:found[1]]
		out = append(out, piece{Text: text[at:found[0]]}, piece{Text: link, URL: link})
		at = found[1]
	}
	return append(out, piece{Text: text[at:]})
}
