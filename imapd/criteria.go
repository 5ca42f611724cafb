package imapd

import (
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"golang.org/x/text/unicode/norm"

	"sigill/vault/message"
)

// test is a search key (RFC 3501 section 6.4.4) made ready to be asked of messages.
type test func(*candidate) verdict

// compile makes a test of criteria, all of which must hold.
func (q *query) compile(c *imap.SearchCriteria) (test, error) {
	tests, err := q.sets(c)
	if err != nil {
		return nil, err
	}
	for _, f := range c.Flag {
		tests = append(tests, func(c *candidate) verdict { return when(q.selected.view.marks(c.entry).has(f)) })
	}
	for _, f := range c.NotFlag {
		tests = append(tests, func(c *candidate) verdict { return when(!q.selected.view.marks(c.entry).has(f)) })
	}
	tests = append(tests, measures(c))
	tests = append(tests, sent(c.SentSince, c.SentBefore))
	for _, h := range c.Header {
		tests = append(tests, q.header(h.Key, fold(h.Value)))
	}
	for _, text := range c.Body {
		tests = append(tests, q.text(fold(text), bodyOnly))
	}
	for _, text := range c.Text {
		tests = append(tests, q.text(fold(text), withHeader))
	}
	nested, err := q.nested(c)
	return every(append(tests, nested...)), err
}

func (q *query) nested(c *imap.SearchCriteria) (tests []test, err error) {
	for i := range c.Not {
		not, err := q.compile(&c.Not[i])
		if err != nil {
			return nil, err
		}
		tests = append(tests, func(c *candidate) verdict { return not(c).not() })
	}
	for i := range c.Or {
		a, err := q.compile(&c.Or[i][0])
		if err != nil {
			return nil, err
		}
		b, err := q.compile(&c.Or[i][1])
		if err != nil {
			return nil, err
		}
		tests = append(tests, func(c *candidate) verdict {
			if v := a(c); v == passes {
				return v
			} else {
				return max(v, b(c))
			}
		})
	}
	return tests, nil
}

func every(tests []test) test {
	return func(c *candidate) verdict {
		least := passes
		for _, t := range tests {
			if least = min(least, t(c)); least == fails {
				break
			}
		}
		return least
	}
}

// sets finds out once which messages the sets name.
func (q *query) sets(c *imap.SearchCriteria) (tests []test, err error) {
	var sets []imap.NumSet
	for _, s := range c.SeqNum {
		sets = append(sets, s)
	}
	for _, s := range c.UID {
		sets = append(sets, s)
	}
	for _, s := range sets {
		spans, err := q.selected.view.resolve(s)
		if err != nil && err != errNoSuchNumber {
			return nil, err
		}
		tests = append(tests, func(c *candidate) verdict {
			i, found := slices.BinarySearchFunc(spans, c.pos, func(s span, pos int) int { return s.from - pos })
			return when(found || i > 0 && c.pos < spans[i-1].to)
		})
	}
	return tests, nil
}

// measures are size and internal date, which is compared without time of day, in the zone it is told in.
func measures(c *imap.SearchCriteria) test {
	since, before, larger := c.Since, c.Before, c.Larger // SMALLER is said otherwise (rewrite.go)
	return func(c *candidate) verdict {
		size := c.entry.Size
		return when((larger == 0 || size > larger) && within(c.entry.Date.UTC(), since, before))
	}
}

func sent(since, before time.Time) test {
	return func(c *candidate) verdict {
		switch {
		case since.IsZero() && before.IsZero():
			return passes
		case c.index == nil:
			return unknown
		}
		at := sentAt(&c.index.Envelope)
		return when(!at.IsZero() && within(at, since, before))
	}
}

func within(t, since, before time.Time) bool {
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	return (since.IsZero() || !day.Before(since)) && (before.IsZero() || day.Before(before))
}

// header looks for a text in the fields of a name; the empty text is in each. What the index has is looked up there.
func (q *query) header(name, text string) test {
	in := func(values []string) verdict {
		return when(slices.ContainsFunc(values, func(v string) bool { return strings.Contains(fold(v), text) }))
	}
	return func(c *candidate) verdict {
		if c.index == nil {
			return unknown
		}
		if values, ok := envelopeField(&c.index.Envelope, name); ok {
			return in(values)
		}
		if c.content == nil {
			return unknown
		}
		var values []string
		for _, f := range q.fields(c) {
			if strings.EqualFold(f.Name, name) {
				values = append(values, message.DecodeText(f.Value))
			}
		}
		return in(values)
	}
}

// envelopeField gives the values of a field the index has.
func envelopeField(e *message.Envelope, name string) (values []string, ok bool) {
	lists := map[string][]message.Mailbox{
		"from": e.From, "sender": e.Sender, "reply-to": e.ReplyTo, "to": e.To, "cc": e.Cc, "bcc": e.Bcc,
	}
	name = strings.ToLower(name)
	if list, ok := lists[name]; ok {
		for _, m := range list {
			values = append(values, m.Name+" <"+m.Local+"@"+m.Host+">")
		}
		return values, true
	}
	switch name {
	case "subject":
		return present(e.Subject), true
	case "message-id":
		return present(brackets(e.MessageID)), true
	case "in-reply-to":
		return present(brackets(e.InReplyTo...)), true
	case "references":
		return present(brackets(e.References...)), true
	}
	return nil, false
}

func present(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func brackets(ids ...string) string {
	text := strings.Join(ids, "> <")
	if text == "" {
		return ""
	}
	return "<" + text + ">"
}

// fold makes texts comparable: composed, since some clients write ö as two characters, and in lower case.
func fold(s string) string { return strings.ToLower(norm.NFC.String(s)) }
