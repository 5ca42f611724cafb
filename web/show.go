package web

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"io"
	"net/http"

	"sigill/vault"
	"sigill/vault/message"
	"sigill/web/clean"
	"sigill/web/export"
)

// policyMail is the policy of a mail's HTML: that of clean, and only our own pages may frame it.
const policyMail = clean.CSP + "; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"

// html shows a mail's HTML made safe, for the frame in the message's page.
func (s *Server) html(v *visit, r *vault.Reader) error {
	c, err := s.content(v, r)
	if err != nil {
		return err
	}
	defer c.Close()
	ix := c.Index()
	p, ok := ix.BestText("html")
	if !ok {
		return vault.ErrNotFound
	}
	text, _, err := message.TextString(p, c.Section(p.Body), clean.MaxSize)
	if err != nil {
		return err
	}
	doc, err := clean.HTML(text, clean.Options{Inline: func(id string) (string, bool) { return inline(c, id) }})
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policyMail)
	v.w.WriteHeader(http.StatusOK)
	v.w.Write(doc.HTML)
	return nil
}

// plainText is the text of a message without formatting; one that has only HTML is told in words.
func plainText(c *vault.Content, limit int) (text string, cut bool, err error) {
	ix := c.Index()
	if p, ok := ix.BestText("plain"); ok {
		return message.TextString(p, c.Section(p.Body), limit)
	}
	if p, ok := ix.BestText("html"); ok {
		text, cut, err = message.TextString(p, c.Section(p.Body), limit)
		return clean.Text(text), cut, err
	}
	return "", false, nil
}

// pdf saves the message as PDF.
func (s *Server) pdf(v *visit, r *vault.Reader) error {
	return s.sendPDF(v, r, "file.message")
}

// receiptPDF saves a reply with its receipt: what was written, the checksums of what was attached, and when it came in.
func (s *Server) receiptPDF(v *visit, r *vault.Reader) error {
	return s.sendPDF(v, r, "receipt.title")
}

func (s *Server) sendPDF(v *visit, r *vault.Reader, name string) error {
	c, info, err := s.saved(v, r)
	if err != nil {
		return err
	}
	defer c.Close()
	if name == "receipt.title" && !info.FromPerson { // what others wrote has no receipt
		return vault.ErrNotFound
	}
	m, err := s.printed(v, c, info)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := export.PDF(&b, m); err != nil {
		return err
	}
	return s.download(v, v.lang.text(name)+"-"+dayName(info)+".pdf", "application/pdf", &b)
}

func (s *Server) printed(v *visit, c *vault.Content, info vault.Info) (export.Message, error) {
	e := c.Index().Envelope
	m := export.Message{
		From: cmp.Or(mailboxes(e.From), info.From.String()), To: list(e.To), Cc: list(e.Cc), Subject: e.Subject,
		Sent: e.Date, Received: info.At, MessageID: e.MessageID,
		Organisation: s.config.Organisation.Name, Language: v.lang.tag, Printed: s.now(),
	}
	if info.FromPerson {
		m.Receipt = &export.Receipt{At: info.At, ID: info.ID.String()}
	}
	text, cut, err := plainText(c, export.MaxBody)
	if err != nil {
		return m, err
	}
	if cut {
		return m, export.ErrTooLarge
	}
	if m.Body = text; text == "" && len(c.Index().Attachments(nil)) == 0 {
		if m.Body, _, err = s.rawText(c); err != nil {
			return m, err
		}
	}
	m.Attachments, err = printedFiles(v, c)
	return m, err
}

// printedFiles reads every attachment for its checksum.
func printedFiles(v *visit, c *vault.Content) (out []export.Attachment, err error) {
	for f, err := range attachedTo(v, c, nil) {
		if err != nil {
			return nil, err
		}
		a := export.Attachment{Name: cmp.Or(f.Name, v.lang.text("file.unnamed")), Type: f.Type, Size: f.Size, Fenced: f.Fenced}
		if !f.Fenced {
			sum := sha256.New()
			if a.Size, err = io.Copy(sum, f.open()); err != nil {
				return nil, err
			}
			a.SHA256 = [32]byte(sum.Sum(nil))
		}
		out = append(out, a)
	}
	return out, nil
}

func mailboxes(in []message.Mailbox) string {
	out := ""
	for i, m := range list(in) {
		if i > 0 {
			out += ", "
		}
		out += m
	}
	return out
}

func list(in []message.Mailbox) (out []string) {
	for _, m := range people(in) {
		if m.Name == "" {
			out = append(out, addressOf(m))
			continue
		}
		out = append(out, m.Name+" <"+addressOf(m)+">")
	}
	return out
}
