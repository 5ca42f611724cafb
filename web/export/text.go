package export

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// box stands for a character that the fonts lack.
const box = '□'

// printable makes s text of lines that the fonts can print: valid UTF-8, composed, every line end a "\n", a box for
// what has a shape and no glyph.
func (d *document) printable(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\t", "    ", "\f", "\n", "\v", "\n",
		"\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(strings.ToValidUTF8(s, "\uFFFD"))
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range joined(norm.NFC.String(s)) {
		d.spare = d.spare || spared(r)
		switch {
		case r == '\n' || has(r):
			b.WriteRune(r)
		case shapeless(r):
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		default:
			b.WriteRune(box)
			d.boxes++
		}
	}
	return b.String()
}

// shapeless characters change others or mark places and show nothing themselves.
func shapeless(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r)
}

func (d *document) oneLine(s string) string {
	return strings.Join(strings.Fields(d.printable(s)), " ")
}

func (d *document) oneLines(list []string) []string {
	var lines []string
	for _, s := range list {
		lines = append(lines, d.oneLine(s))
	}
	return lines
}

// firstLine gives as much of s as fits into width millimetres, and the rest. It breaks after a space, else after one
// of "-/", else anywhere; a break that would leave most of the line empty does not count. A line is never empty unless s
// is.
func firstLine(s string, f face, points, width float64) (line, rest string) {
	room := width / mmPerPoint * 1000 / points
	table, sum := &measured().widths[f], 0.0
	var space, mark int // where the line may end
	for i, r := range s {
		sum += float64(table[uint16(r)])
		if sum > room && i > 0 && r != ' ' {
			end := i
			switch {
			case space > 0:
				end = space
			case mark > 0:
				end = mark
			}
			return strings.TrimRight(s[:end], " "), strings.TrimLeft(s[end:], " ")
		}
		switch wide := sum > room/4; {
		case wide && r == ' ':
			space = i + 1
		case wide && (r == '-' || r == '/'):
			mark = i + 1
		}
	}
	return strings.TrimRight(s, " "), ""
}
