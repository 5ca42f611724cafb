package imapd

import (
	"fmt"
	"math"
	"mime"
	"strings"
	"time"
	"unicode"

	"github.com/emersion/go-imap/v2"

	"sigill/vault/message"
)

// envelope is an ENVELOPE (RFC 3501 section 7.4.2). The library encodes subject and names (RFC 2047).
func envelope(e *message.Envelope) *imap.Envelope {
	return &imap.Envelope{
		Date: sentAt(e), Subject: strings.ToValidUTF8(e.Subject, "\ufffd"), MessageID: clean(e.MessageID), InReplyTo: cleanAll(e.InReplyTo),
		From: addresses(e.From), Sender: addresses(e.Sender), ReplyTo: addresses(e.ReplyTo),
		To: addresses(e.To), Cc: addresses(e.Cc), Bcc: addresses(e.Bcc),
	}
}

// sentAt is the date of the Date field in the sender's zone, which the index does not keep; zero if there is none.
func sentAt(e *message.Envelope) time.Time {
	if t, ok := message.ParseDate(e.RawDate); ok {
		return t
	}
	return e.Date
}

// addresses gives mailboxes and the marks of groups. Half an address would look like such a mark, so what is missing of it
// is filled in with words other servers use too.
func addresses(list []message.Mailbox) []imap.Address {
	var out []imap.Address
	for _, m := range list {
		a := imap.Address{Name: strings.ToValidUTF8(m.Name, "\ufffd"), Mailbox: clean(m.Local), Host: clean(m.Host)}
		switch {
		case a.Mailbox == "" && a.Host == "":
			a = imap.Address{Mailbox: mime.QEncoding.Encode("utf-8", a.Name)}
		case a.Mailbox == "":
			a.Mailbox = "MISSING_MAILBOX"
		case a.Host == "":
			a.Host = "MISSING_DOMAIN"
		}
		out = append(out, a)
	}
	return out
}

// structure is a BODYSTRUCTURE. The library panics on a multipart without parts and on anything without extension data,
// so neither is ever given to it, whatever the index holds.
func structure(p *message.Part) imap.BodyStructure {
	if p.Type == "multipart" && len(p.Children) > 0 {
		bs := &imap.BodyStructureMultiPart{Subtype: clean(p.Subtype), Extended: &imap.BodyStructureMultiPartExt{
			Params: params(p.Params), Disposition: disposition(p), Language: cleanAll(p.Language), Location: clean(p.Location),
		}}
		for i := range p.Children {
			bs.Children = append(bs.Children, structure(&p.Children[i]))
		}
		return bs
	}
	bs := &imap.BodyStructureSinglePart{
		Type: clean(p.Type), Subtype: clean(p.Subtype), Params: params(p.Params), Encoding: clean(p.Encoding),
		Description: mime.QEncoding.Encode("utf-8", clean(p.Description)), Size: uint32(min(p.Body.Size, math.MaxUint32)),
		Extended: &imap.BodyStructureSinglePartExt{
			Disposition: disposition(p), Language: cleanAll(p.Language), Location: clean(p.Location),
		},
	}
	if p.ID != "" {
		bs.ID = "<" + clean(p.ID) + ">"
	}
	switch {
	case embeds(p):
		bs.MessageRFC822 = &imap.BodyStructureMessageRFC822{
			Envelope: envelope(p.Envelope), BodyStructure: structure(&p.Children[0]), NumLines: p.Lines,
		}
	case p.Type == "multipart", p.Type == "message" && p.Subtype == "rfc822", p.Type == "", p.Subtype == "":
		bs.Type, bs.Subtype = "text", "plain"
		fallthrough
	case p.Type == "text":
		bs.Text = &imap.BodyStructureText{NumLines: p.Lines}
	}
	return bs
}

func disposition(p *message.Part) *imap.BodyStructureDisposition {
	if p.Disposition == "" {
		return nil
	}
	return &imap.BodyStructureDisposition{Value: clean(p.Disposition), Params: params(p.DispositionParams)}
}

// params gives parameters as they stand in a header: what is not ASCII by RFC 2231 section 4, as "filename*".
func params(list []message.Param) map[string]string {
	if len(list) == 0 {
		return nil
	}
	out := make(map[string]string, len(list))
	for _, p := range list {
		name, value := clean(p.Name), p.Value
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
			name, value = name+"*", extended(value)
		}
		if _, twice := out[name]; !twice && name != "" {
			out[name] = value
		}
	}
	return out
}

func extended(value string) string {
	var out strings.Builder
	out.WriteString("utf-8''")
	for i := range len(value) {
		c := value[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$&+-.^_`{|}~", c) >= 0 {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}

// clean takes out what no string of IMAP may hold.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

func cleanAll(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, clean(s))
	}
	return out
}
