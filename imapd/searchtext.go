package imapd

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"sigill/vault/message"
)

// extent is what of a message is searched.
type extent int

const (
	bodyOnly extent = iota
	withHeader
)

// text looks for a folded text in what a person can read of a message: its parts of text, and for TEXT also its header and
// the names of its files.
func (q *query) text(text string, where extent) test {
	return func(c *candidate) verdict {
		switch {
		case text == "":
			return passes
		case c.content == nil && c.index != nil && where == withHeader && q.inNames(c.index, text):
			return passes
		case c.content == nil:
			return unknown
		case where == withHeader && (q.inNames(c.index, text) || q.inHeader(c, text)):
			return passes
		}
		return q.inParts(c, text)
	}
}

func (q *query) inNames(ix *message.Index, text string) bool {
	for _, p := range ix.Walk() {
		if strings.Contains(fold(p.FileName()), text) {
			return true
		}
	}
	return false
}

func (q *query) inHeader(c *candidate, text string) bool {
	for _, f := range q.fields(c) {
		if strings.Contains(fold(f.Name+": "+message.DecodeText(f.Value)), text) {
			return true
		}
	}
	return false
}

// fields are those of a message's header, as far as it was looked at when the message came in.
func (q *query) fields(c *candidate) []message.Field {
	size := min(c.index.Root.Header.Size, int64(message.DefaultLimits.HeaderSize))
	b, err := io.ReadAll(q.spend(c.content.Section(message.Range{Size: size})))
	c.err = errors.Join(c.err, err)
	return message.ParseHeader(b).Fields
}

func (q *query) inParts(c *candidate, text string) verdict {
	for _, p := range c.index.Walk() {
		if p.Type != "text" || len(p.Children) > 0 {
			continue
		}
		found, err := q.reads(message.Text(p, q.spend(c.content.Section(p.Body))), text)
		if err != nil {
			c.err = errors.Join(c.err, err)
			return fails
		}
		if found {
			return passes
		}
	}
	return fails
}

// reads looks for a folded text in a stream, holding a buffer of it.
func (q *query) reads(r io.Reader, text string) (bool, error) {
	folded := transform.NewReader(r, transform.Chain(norm.NFC, runes.Map(unicode.ToLower)))
	buf, kept, want := q.space(), 0, []byte(text)
	for {
		n, err := io.ReadFull(folded, buf[kept:])
		if bytes.Contains(buf[:kept+n], want) {
			return true, nil
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return false, nil
		default:
			return false, err
		}
		kept = copy(buf, buf[max(0, len(buf)-len(want)+1):])
	}
}

// spend counts octets against what a search may read.
func (q *query) spend(r io.Reader) io.Reader { return &budget{q, r} }

type budget struct {
	q *query
	r io.Reader
}

// Read is io.Reader's.
func (b *budget) Read(p []byte) (int, error) {
	if b.q.left <= 0 || b.q.ctx.Err() != nil {
		return 0, errSearchCost
	}
	n, err := b.r.Read(p)
	b.q.left -= int64(n)
	return n, err
}
