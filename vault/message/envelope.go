package message

import "strings"

// maxIDs is how many message ids are kept of one field: the first, which began the thread, and the last ones.
const maxIDs = 200

// ParseEnvelope makes an envelope of a header, with at most recipients mailboxes of each address field (all if zero).
// A field that stands more than once counts once for the subject, the date and the message id, and as one list for
// addresses and references.
func ParseEnvelope(h Header, recipients int) Envelope {
	var b budget
	b.left = maxKept
	return b.envelope(h, recipients)
}

// maxKept is the octets of text an index keeps in all, so that it cannot grow with the message.
const maxKept = 4 << 20

// budget is what may still be kept.
type budget struct{ left int }

// keep gives s, cut to limit octets and to what may still be kept.
func (b *budget) keep(s string, limit int) string {
	s = clip(s, min(limit, b.left))
	b.left -= len(s)
	return strings.Clone(s) // not a slice of the whole header
}

// costMailbox is what a mailbox takes besides its text.
const costMailbox = 48

func (b *budget) mailboxes(h Header, name string, limit int) []Mailbox {
	list := ParseAddresses(strings.Join(h.Values(name), ", "), limit)
	var out []Mailbox
	for _, m := range list {
		if b.left < costMailbox {
			break
		}
		b.left -= costMailbox
		out = append(out, Mailbox{b.keep(m.Name, maxValue), b.keep(m.Local, maxValue), b.keep(m.Host, maxValue), b.keep(m.Route, maxValue)})
	}
	return out
}

func (b *budget) ids(h Header, name string) []string {
	ids := MessageIDs(strings.Join(h.Values(name), " "))
	if n := len(ids); n > maxIDs {
		ids = append(ids[:1:1], ids[n-maxIDs+1:]...)
	}
	for i := range ids {
		ids[i] = b.keep(ids[i], maxLine)
	}
	return ids
}

func (b *budget) envelope(h Header, recipients int) Envelope {
	var e Envelope
	raw := h.Get("Date")
	if date, ok := ParseDate(raw); ok {
		e.Date = date
	}
	e.RawDate = b.keep(DecodeText(raw), 128)
	e.Subject = b.keep(h.Text("Subject"), 64<<10)
	if ids := MessageIDs(h.Get("Message-ID")); len(ids) > 0 {
		e.MessageID = b.keep(ids[0], maxLine)
	}
	e.From = b.mailboxes(h, "From", recipients)
	e.Sender = b.mailboxes(h, "Sender", recipients)
	e.ReplyTo = b.mailboxes(h, "Reply-To", recipients)
	e.To = b.mailboxes(h, "To", recipients)
	e.Cc = b.mailboxes(h, "Cc", recipients)
	e.Bcc = b.mailboxes(h, "Bcc", recipients)
	e.InReplyTo = b.ids(h, "In-Reply-To")
	e.References = b.ids(h, "References")
	return e
}

// MessageIDs are the message ids of a Message-ID, In-Reply-To or References field (RFC 5322 section 3.6.4), without
// angle brackets. Without any brackets every word with "@" is one.
func MessageIDs(field string) []string {
	var ids []string
	add := func(id string) {
		if id = strings.Join(strings.Fields(lenientString(id)), ""); id != "" {
			ids = append(ids, id)
		}
	}
	rest := field
	for {
		_, after, found := strings.Cut(rest, "<")
		if !found {
			break
		}
		end := strings.IndexAny(after, "<>")
		if end < 0 {
			end = len(after)
		}
		add(after[:end])
		rest = strings.TrimPrefix(after[end:], ">")
	}
	if len(ids) > 0 {
		return ids
	}
	for _, w := range strings.FieldsFunc(field, func(r rune) bool { return r <= ' ' || r == ',' || r == ';' }) {
		if strings.Contains(w, "@") {
			add(strings.Trim(w, "<>"))
		}
	}
	return ids
}
