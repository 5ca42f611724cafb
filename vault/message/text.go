package message

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
)

// DecodeText gives the text of an unstructured header field: encoded words decoded (RFC 2047), raw octets read as UTF-8
// or else windows-1252, control characters as spaces. The result is valid UTF-8. It takes what mail programs write:
// encoded words without white space around them, and characters split between two of them.
func DecodeText(s string) string {
	if !strings.Contains(s, "=?") && plainASCII(s) {
		return s
	}
	return scanText(s).String()
}

func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// text is an unstructured field with the octets each of its runes was written in. It is the one reading of a subject:
// what shows it, what looks for a tag in it and what cuts the tag out count the same runes.
type text struct {
	source string
	pieces []piece
	glyphs []glyph
	groups []group
}

// piece is a run of the source of one kind.
type piece struct {
	kind       kind
	start, end int
	word       word // if kind is coded
	group      int  // if kind is coded
	base       int  // if kind is coded: where the word's data begins in that of its group
}

type kind int

const (
	plain kind = iota
	coded      // an encoded word
	gap        // the white space between two encoded words, which is no text
)

// glyph is one rune of the text.
type glyph struct {
	r        rune
	piece    int // where it begins
	group    int // -1 for plain
	from, to int // octets of the source if plain, else of the group's data; of no meaning in an opaque group
}

// group is one or more adjacent encoded words whose data is read as one, since some programs split characters between
// words (against RFC 2047 section 5).
type group struct {
	first, last int // pieces, with gaps between
	data        []byte
	opaque      bool // the charset does not tell which octets a rune came from
}

// String gives the text.
func (t *text) String() string { return t.without(0, 0) }

// without gives the text less the runes from start to end.
func (t *text) without(start, end int) string {
	var out strings.Builder
	out.Grow(len(t.glyphs))
	for i, g := range t.glyphs {
		if i < start || i >= end {
			out.WriteRune(g.r)
		}
	}
	return out.String()
}

// scanText reads an unfolded text.
func scanText(source string) *text {
	t := &text{source: source}
	for at, i := 0, 0; i <= len(source); {
		if i == len(source) {
			t.add(piece{kind: plain, start: at, end: i})
			break
		}
		w, ok := scanWord(source, i)
		if !ok {
			i++
			continue
		}
		t.add(piece{kind: plain, start: at, end: i})
		t.add(piece{kind: coded, start: i, end: w.end, word: w})
		at, i = w.end, w.end
	}
	t.read()
	return t
}

// add appends a piece unless it is empty, and makes gaps of the white space between encoded words.
func (t *text) add(p piece) {
	if p.start == p.end {
		return
	}
	n := len(t.pieces)
	if p.kind == coded && n > 1 && t.pieces[n-1].kind == plain && t.pieces[n-2].kind == coded &&
		strings.Trim(t.source[t.pieces[n-1].start:t.pieces[n-1].end], " \t\r") == "" {
		t.pieces[n-1].kind = gap
	}
	t.pieces = append(t.pieces, p)
}

// read makes glyphs of the pieces.
func (t *text) read() {
	for i := 0; i < len(t.pieces); i++ {
		p := t.pieces[i]
		if p.kind == plain {
			t.readPlain(i)
			continue
		}
		last := i // of the words that share a charset with this one
		for j := i + 1; j < len(t.pieces); j++ {
			if q := t.pieces[j]; q.kind == plain || q.kind == coded && !strings.EqualFold(q.word.charset, p.word.charset) {
				break
			} else if q.kind == coded {
				last = j
			}
		}
		t.readWords(i, last)
		i = last
		if i+1 < len(t.pieces) && t.pieces[i+1].kind == gap {
			i++
		}
	}
}

func (t *text) readPlain(i int) {
	p := t.pieces[i]
	for at := p.start; at < p.end; {
		r, n := lenientRune(t.source[at:p.end])
		t.glyphs = append(t.glyphs, glyph{printable(r), i, -1, at, at + n})
		at += n
	}
}

// readWords reads adjacent words of one charset, as one if its octets can be told apart or if that is the only way.
func (t *text) readWords(first, last int) {
	e := charset(t.pieces[first].word.charset)
	cm, single := e.(*charmap.Charmap)
	if e != nil && !single && first < last {
		for i := first; i <= last; i++ {
			if p := t.pieces[i]; p.kind == coded && bytes.ContainsRune(decodeBytes(e, p.word.data), utf8.RuneError) {
				t.readOpaque(e, first, last)
				return
			}
		}
		for i := first; i <= last; i++ {
			if t.pieces[i].kind == coded {
				t.readOpaque(e, i, i)
			}
		}
		return
	}
	if e != nil && !single {
		t.readOpaque(e, first, last)
		return
	}
	g := t.join(first, last)
	data := string(t.groups[g].data)
	at := first
	for from := 0; from < len(data); {
		r, n := lenientRune(data[from:])
		if cm != nil {
			r, n = cm.DecodeByte(data[from]), 1
		}
		for t.pieces[at].kind == gap || from >= t.pieces[at].base+len(t.pieces[at].word.data) {
			at++
		}
		t.glyphs = append(t.glyphs, glyph{printable(r), at, g, from, from + n})
		from += n
	}
}

func (t *text) readOpaque(e encoding.Encoding, first, last int) {
	g := t.join(first, last)
	t.groups[g].opaque = true
	for _, r := range string(decodeBytes(e, t.groups[g].data)) {
		t.glyphs = append(t.glyphs, glyph{printable(r), first, g, 0, 0})
	}
}

func (t *text) join(first, last int) int {
	g := group{first: first, last: last}
	for i := first; i <= last; i++ {
		if p := &t.pieces[i]; p.kind == coded {
			p.group, p.base = len(t.groups), len(g.data)
			g.data = append(g.data, p.word.data...)
		}
	}
	t.groups = append(t.groups, g)
	return len(t.groups) - 1
}

// printable turns control characters into spaces, one for one: a subject is one line wherever it goes.
func printable(r rune) rune {
	if unicode.IsControl(r) && r != '\t' {
		return ' '
	}
	return r
}
