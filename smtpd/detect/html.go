package detect

import (
	"errors"
	"io"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxToken is the longest tag or comment of HTML that is read.
const maxToken = 4 << 20

// html looks through the text of HTML, also what is hidden, and the texts that stand for pictures. Tags within a word
// do not end it.
func (l *look) html(r io.Reader) counts {
	s := l.begin()
	z := html.NewTokenizer(r)
	z.SetMaxBuf(maxToken)
	skip := atom.Atom(0)
	for {
		switch z.Next() {
		case html.ErrorToken:
			l.beyond = l.beyond || !errors.Is(z.Err(), io.EOF)
			return s.end()
		case html.TextToken:
			if skip == 0 {
				_, _ = s.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, attributes := z.TagName()
			tag := atom.Lookup(name)
			if tag == atom.Script || tag == atom.Style {
				skip = tag
			}
			if !inline[tag] {
				s.gap()
			}
			for attributes {
				var key, value []byte
				if key, value, attributes = z.TagAttr(); string(key) == "alt" || string(key) == "title" {
					s.gap()
					_, _ = s.Write(value)
					s.gap()
				}
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			tag := atom.Lookup(name)
			if tag == skip {
				skip = 0
			}
			if !inline[tag] {
				s.gap()
			}
		}
	}
}

// inline tags do not end a word.
var inline = map[atom.Atom]bool{
	atom.A: true, atom.B: true, atom.I: true, atom.U: true, atom.S: true, atom.Em: true, atom.Strong: true, atom.Span: true, atom.Font: true,
	atom.Small: true, atom.Big: true, atom.Sub: true, atom.Sup: true, atom.Mark: true, atom.Code: true, atom.Tt: true, atom.Ins: true,
	atom.Del: true, atom.Strike: true, atom.Wbr: true, atom.Bdo: true, atom.Abbr: true,
}
