package imapd

import (
	"cmp"
	"fmt"
	"math"
	"mime"
	"slices"
	"strings"
	"time"
	"unicode"

	"sigill/vault/message"
)

// envelope writes an ENVELOPE (RFC 3501 section 7.4.2).
func (t *text) envelope(e *message.Envelope) {
	t.raw("(")
	t.date(e)
	t.raw(" ")
	t.nstring(word(e.Subject))
	for _, list := range [][]message.Mailbox{e.From, first(e.Sender, e.From), first(e.ReplyTo, e.From), e.To, e.Cc, e.Bcc} {
		t.raw(" ")
		t.addresses(list)
	}
	t.raw(" ")
	t.ids(e.InReplyTo...)
	t.raw(" ")
	t.ids(e.MessageID)
	t.raw(")")
}

func first(list, other []message.Mailbox) []message.Mailbox {
	if len(list) == 0 {
		return other
	}
	return list
}

// date writes the Date field, made as it should be.
func (t *text) date(e *message.Envelope) {
	const layout = "Mon, 02 Jan 2006 15:04:05 -0700"
	if _, err := time.Parse(layout, e.RawDate); err == nil {
		t.string(e.RawDate)
		return
	}
	at := sentAt(e)
	if at.IsZero() {
		t.raw("NIL")
		return
	}
	t.b = at.AppendFormat(t.b, `"`+layout+`"`)
}

// sentAt is the date of the Date field in the sender's zone, which the index does not keep; zero if there is none.
func sentAt(e *message.Envelope) time.Time {
	if t, ok := message.ParseDate(e.RawDate); ok {
		return t
	}
	return e.Date
}

// ids writes message ids, which an index has without their brackets.
func (t *text) ids(list ...string) {
	if len(list) == 0 || list[0] == "" {
		t.raw("NIL")
		return
	}
	if len(list) > 1 {
		t.string("<" + clean(strings.Join(list, "> <")) + ">")
		return
	}
	t.string("<" + clean(list[0]) + ">")
}

// addresses writes mailboxes and the marks of groups. Half an address would look like such a mark, so what is missing of it
// is filled in with words other servers use too.
func (t *text) addresses(list []message.Mailbox) {
	if len(list) == 0 {
		t.raw("NIL")
		return
	}
	t.raw("(")
	for _, m := range list {
		name, local, host := word(m.Name), clean(m.Local), clean(m.Host)
		switch {
		case local == "" && host == "":
			name, local = "", name
		case local == "":
			local = "MISSING_MAILBOX"
		case host == "":
			host = "MISSING_DOMAIN"
		}
		t.raw("(")
		t.nstring(name)
		t.raw(" NIL ")
		t.nstring(local)
		t.raw(" ")
		t.nstring(host)
		t.raw(")")
	}
	t.raw(")")
}

// word is text as a header has it (RFC 2047).
func word(s string) string {
	if printable(s) {
		return s
	}
	return mime.QEncoding.Encode("utf-8", strings.ToValidUTF8(s, "\ufffd"))
}

// structure writes a BODYSTRUCTURE, or a BODY, which has no extension data (RFC 3501 section 7.4.2). A multipart without
// parts cannot be written, whatever the index holds: it becomes text.
func (t *text) structure(p *message.Part, extended bool) {
	t.raw("(")
	if p.Type == "multipart" && len(p.Children) > 0 {
		for i := range p.Children {
			t.structure(&p.Children[i], extended)
		}
		t.raw(" ")
		t.string(clean(p.Subtype))
		if extended {
			t.raw(" ")
			t.params(p.Params)
			t.extension(p)
		}
		t.raw(")")
		return
	}
	t.single(p, extended)
	if extended {
		t.raw(" NIL") // MD5
		t.extension(p)
	}
	t.raw(")")
}

// single writes what a part that has no parts begins with.
func (t *text) single(p *message.Part, extended bool) {
	kind, subtype := clean(p.Type), clean(p.Subtype)
	lost := kind == "" || subtype == "" || kind == "multipart" || kind == "message" && subtype == "rfc822"
	if lost && !embeds(p) {
		kind, subtype = "text", "plain"
	}
	t.string(kind)
	t.raw(" ")
	t.string(subtype)
	t.raw(" ")
	t.params(p.Params)
	t.raw(" ")
	t.ids(p.ID)
	t.raw(" ")
	t.nstring(word(clean(p.Description)))
	t.raw(" ")
	t.string(cmp.Or(strings.ToLower(clean(p.Encoding)), "7bit"))
	t.raw(" ")
	t.number(min(p.Body.Size, math.MaxUint32))
	if embeds(p) {
		t.raw(" ")
		t.envelope(p.Envelope)
		t.raw(" ")
		t.structure(&p.Children[0], extended)
	}
	if embeds(p) || kind == "text" {
		t.raw(" ")
		t.number(p.Lines)
	}
}

// extension writes disposition, languages and location.
func (t *text) extension(p *message.Part) {
	t.raw(" ")
	if p.Disposition == "" {
		t.raw("NIL")
	} else {
		t.raw("(")
		t.string(clean(p.Disposition))
		t.raw(" ")
		t.params(p.DispositionParams)
		t.raw(")")
	}
	t.raw(" ")
	t.list(p.Language)
	t.raw(" ")
	t.nstring(clean(p.Location))
}

func (t *text) list(list []string) {
	if len(list) == 0 {
		t.raw("NIL")
		return
	}
	begin := len(t.b)
	for _, s := range list {
		t.raw(" ")
		t.string(clean(s))
	}
	t.b[begin] = '('
	t.raw(")")
}

// params writes parameters as they stand in a header: what is not ASCII by RFC 2231 section 4, as "filename*". Of one that
// is there twice the first counts.
func (t *text) params(list []message.Param) {
	begin := len(t.b)
	for i, p := range list {
		if p.Name = clean(p.Name); p.Name == "" || slices.ContainsFunc(list[:i], func(q message.Param) bool { return clean(q.Name) == p.Name }) {
			continue
		}
		if !printable(p.Value) {
			p = message.Param{Name: p.Name + "*", Value: extended(p.Value)}
		}
		t.raw(" ")
		t.string(p.Name)
		t.raw(" ")
		t.string(p.Value)
	}
	if len(t.b) == begin {
		t.raw("NIL")
		return
	}
	t.b[begin] = '('
	t.raw(")")
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

// printable tells ASCII without control characters, as nearly all text is.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// clean takes out what no string of IMAP may hold.
func clean(s string) string {
	if printable(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}
