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
	"unicode/utf8"

	"sigill/vault/message"
)

// envelope writes an ENVELOPE (RFC 3501 section 7.4.2).
func (t *text) envelope(e *message.Envelope) {
	t.raw("(")
	t.date(e)
	t.raw(" ")
	t.word(e.Subject)
	t.raw(" ")
	begin := len(t.b)
	t.addresses(e.From)
	from := t.b[begin:]
	for _, list := range [][]message.Mailbox{e.Sender, e.ReplyTo} {
		t.raw(" ")
		if len(list) == 0 {
			t.b = append(t.b, from...)
		} else {
			t.addresses(list)
		}
	}
	for _, list := range [][]message.Mailbox{e.To, e.Cc, e.Bcc} {
		t.raw(" ")
		t.addresses(list)
	}
	t.raw(" ")
	t.ids(e.InReplyTo...)
	t.raw(" ")
	t.ids(e.MessageID)
	t.raw(")")
}

const dateLayout = "Mon, 02 Jan 2006 15:04:05 -0700"

// date writes the Date field, made as it should be.
func (t *text) date(e *message.Envelope) {
	if regular(e.RawDate) {
		t.string(e.RawDate)
		return
	}
	if _, err := time.Parse(dateLayout, e.RawDate); err == nil {
		t.string(e.RawDate)
		return
	}
	at := sentAt(e)
	if at.IsZero() {
		t.raw("NIL")
		return
	}
	t.b = at.AppendFormat(t.b, `"`+dateLayout+`"`)
}

// regular tells most dates of dateLayout from all else, at a fifth of what it costs to read one.
func regular(s string) bool {
	const form = "Aaa, 00 Aaa 0000 00:00:00 +0000"
	if len(s) != len(form) {
		return false
	}
	for i := range len(form) {
		c := s[i]
		switch form[i] {
		case '0':
			if c < '0' || c > '9' {
				return false
			}
		case 'A', 'a': // a name
		case c:
		default:
			if form[i] != '+' || c != '-' {
				return false
			}
		}
	}
	return oneOf(s[:3], "MonTueWedThuFriSatSun") && oneOf(s[8:11], "JanFebMarAprMayJunJulAugSepOctNovDec") &&
		"01" <= s[5:7] && s[5:7] <= "28" && s[17:19] < "24" && s[20:22] < "60" && s[23:25] < "60" && s[27:29] < "24" && s[29:31] < "60"
}

func oneOf(s, names string) bool { return strings.Index(names, s)%len(s) == 0 }

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
	if len(list) > 1 || !simple(list[0]) {
		t.string("<" + clean(strings.Join(list, "> <")) + ">")
		return
	}
	t.b = append(append(append(t.b, `"<`...), list[0]...), `>"`...)
}

// addresses writes mailboxes and the marks of groups.
func (t *text) addresses(list []message.Mailbox) {
	if len(list) == 0 {
		t.raw("NIL")
		return
	}
	t.raw("(")
	for _, m := range list {
		t.address(m)
	}
	t.raw(")")
}

// address writes one. Half an address would look like the mark of a group, so what is missing of it is filled in with words
// other servers use too.
func (t *text) address(m message.Mailbox) {
	name, local, host := m.Name, clean(m.Local), clean(m.Host)
	switch {
	case local == "" && host == "":
		name, local = "", word(name)
	case local == "":
		local = "MISSING_MAILBOX"
	case host == "":
		host = "MISSING_DOMAIN"
	}
	t.raw("(")
	t.word(name)
	t.raw(" ")
	t.nstring(clean(m.Route))
	t.raw(" ")
	t.nstring(local)
	t.raw(" ")
	t.nstring(host)
	t.raw(")")
}

// word is text as a header has it (RFC 2047).
func word(s string) string {
	if printable(s) {
		return s
	}
	if one, ok := shortWord(s); ok {
		return one
	}
	return mime.QEncoding.Encode("utf-8", strings.ToValidUTF8(s, "\ufffd"))
}

// shortWord makes one encoded word, as mime does at several times the cost, if one is enough (RFC 2047 section 2).
func shortWord(s string) (string, bool) {
	const most, hex = 75 - len("?="), "0123456789ABCDEF"
	var room [most + 3]byte
	b := append(room[:0], "=?utf-8?q?"...)
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\t' || len(b) > most:
			return "", false
		case c == ' ':
			b = append(b, '_')
		case c < ' ' || c > '~' || c == '=' || c == '?' || c == '_':
			b = append(b, '=', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	if len(b) > most || !utf8.ValidString(s) {
		return "", false
	}
	return string(append(b, "?="...)), true
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
		t.clean(p.Subtype)
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
	t.word(clean(p.Description))
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
		t.clean(p.Disposition)
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
		t.clean(s)
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
