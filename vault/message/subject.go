package message

import (
	"bytes"
	"errors"
	"iter"
	"strings"

	"sigill/policy"
)

// ErrSpan means that the runes to cut are not in the subject.
var ErrSpan = errors.New("message: no such runes in the subject")

// Subjects are the decoded texts of every Subject field of a header, as DecodeText gives them. A mail should have one;
// some have more, and programs differ in which they show, so a tag in any of them counts.
func Subjects(header []byte) []string { return ParseHeader(header).Subjects() }

// Subjects are those that the function Subjects gives.
func (h Header) Subjects() []string {
	var texts []string
	for _, s := range h.Values("Subject") {
		texts = append(texts, DecodeText(s))
	}
	return texts
}

// CutSubject takes the runes at out of the n-th subject, as Subjects(header)[n] counts both, and gives the header
// without them. Errors are ErrSpan.
//
// Every other octet of the header stays as it was: the field's name, its folds, the encoded words that hold none of the
// runes. An encoded word that holds some keeps its charset and its letter; one that is left empty goes, with the white
// space after it. New encoded words are made only where RFC 2047 needs one: for a space between two words, for letters
// that would come to stand against a word, and for charsets that cannot be cut octet by octet. White space that comes
// to stand at either end of the field is no longer text (RFC 5322 section 3.6.5).
func CutSubject(header []byte, n int, at policy.Span) ([]byte, error) {
	f, ok := nthField(ParseHeader(header), "Subject", n)
	if !ok {
		return nil, ErrSpan
	}
	raw := header[f.Range.Offset : f.Range.Offset+f.Range.Size]
	u := unfold(raw, bytes.IndexByte(raw, ':')+1)
	t := scanText(u.text)
	if at.Start < 0 || at.End > len(t.glyphs) || at.Start > at.End {
		return nil, ErrSpan
	}
	if at.Start == at.End {
		return bytes.Clone(header), nil
	}
	want := t.without(at.Start, at.End)
	first, last := u.from[0], u.from[len(u.from)-1]+1
	for body := range bodies(raw, u, t, at, want) {
		field := join(raw[:first], body, raw[last:])
		if shows(field, want) && !longer(field, raw) {
			return join(header[:f.Range.Offset], field, header[f.Range.Offset+f.Range.Size:]), nil
		}
	}
	return nil, ErrSpan // not reached: the last body is the whole text encoded anew
}

// bodies are the ways to write the text without the runes, the best first.
func bodies(raw []byte, u unfolded, t *text, at policy.Span, want string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		c := cutter{raw: raw, u: u, t: t, eol: lineEnd(raw)}
		moved := policy.Span{Start: at.Start - 1, End: at.End - 1}
		if moved.Start >= 0 && t.glyphs[moved.Start].r == t.glyphs[moved.End].r {
			// "a [tag] b": which of the two spaces goes makes no difference to the text, but one may hold a fold or keep a
			// word apart from what follows.
			if body := c.cut(moved); c.made == 0 && (c.fold(at.End-1) || c.needs(at)) && !yield(body) {
				return
			}
		}
		if !yield(c.cut(at)) {
			return
		}
		letter := byte('Q')
		if len(t.groups) > 0 {
			letter = t.pieces[t.groups[0].first].word.letter
		}
		yield([]byte(encodeWords(want, letter, c.eol+" ")))
	}
}

func nthField(h Header, name string, n int) (Field, bool) {
	for _, f := range h.Fields {
		if !strings.EqualFold(f.Name, name) {
			continue
		}
		if n == 0 {
			return f, true
		}
		n--
	}
	return Field{}, false
}

// shows tells whether a field is one field, and reads as the text wanted.
func shows(field []byte, want string) bool {
	h := ParseHeader(field)
	if len(h.Fields) != 1 || h.Fields[0].Range.Size != int64(len(field)) {
		return false
	}
	got := DecodeText(h.Fields[0].Value)
	return got == want || got == strings.Trim(want, " \t")
}

// maxLine is the most octets in a line, less its line end (RFC 5322 section 2.1.1).
const maxLine = 998

// longer tells whether a field has a line that is too long, where the one it was made from had none as long.
func longer(field, raw []byte) bool {
	n := longest(field)
	return n > maxLine && n > longest(raw)
}

func longest(b []byte) (n int) {
	for line := range bytes.Lines(b) {
		n = max(n, len(bytes.TrimRight(line, "\r\n")))
	}
	return n
}

func lineEnd(raw []byte) string {
	if line := firstLine(raw); bytes.HasSuffix(line, []byte("\n")) && !bytes.HasSuffix(line, []byte("\r\n")) {
		return "\n"
	}
	return "\r\n"
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
