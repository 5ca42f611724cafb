package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// DefaultTags are the subject tags of a configuration that names none.
var DefaultTags = []string{"[säkert]", "[secure]", "#säkert"}

// Span is a range of runes in a decoded subject: [Start, End).
type Span struct{ Start, End int }

// FindTag looks for the first of the tags in a decoded subject and gives the runes to take away: the tag and the white
// space that followed it.
//
// A tag counts wherever it stands in the subject, since a tag that is overlooked is a leak and one too many is not.
// Case, white space inside brackets, the full width forms of East Asian keyboards, marks that show as nothing, the two
// Unicode ways of writing å, ä and ö, and what programs make of them that mistake a charset, make no difference. A tag that begins or ends in a letter must not be part of a
// longer word: "#säkert" is not in "#säkertext". Of several tags the first is given; the others stay in the subject.
func FindTag(subject string, tags []string) (tag string, at Span, found bool) {
	text := fold(subject)
	best := Span{Start: len(text) + 1}
	for _, t := range tags {
		if s, ok := find(text, fold(strings.TrimSpace(t))); ok && s.Start < best.Start {
			tag, best, found = t, s, true
		}
	}
	if !found {
		return "", Span{}, false
	}
	return tag, widen(best, []rune(subject)), true
}

// folded is a rune as it is compared, with the runes of the source it came from.
type folded struct {
	r  rune
	at Span
}

// fold lowers case, composes the letters a Swedish tag can hold, and drops the white space that stands beside a
// bracket and the marks that show as nothing.
func fold(s string) []folded {
	runes := []rune(s)
	out := make([]folded, 0, len(runes))
	for i, r := range runes {
		r = simple(r)
		n := len(out)
		if ignorable(r) {
			continue
		}
		if n > 0 {
			if r > unicode.MaxLatin1 || out[n-1].r == 'ã' { // as all marks are; or what began in UTF-8
				if c, ok := composed[[2]rune{out[n-1].r, r}]; ok {
					out[n-1] = folded{c, Span{out[n-1].at.Start, i + 1}}
					continue
				}
			}
			if r == ' ' && (out[n-1].r == ' ' || out[n-1].r == '[') {
				continue
			}
			if r == ']' && out[n-1].r == ' ' {
				out = out[:n-1]
			}
		}
		out = append(out, folded{r, Span{i, i + 1}})
	}
	return out
}

// simple gives the rune that a rune is compared as.
func simple(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case '\uff01' <= r && r <= '\uff5e': // full width
		r += '!' - '\uff01'
	}
	return unicode.ToLower(r)
}

// composed is Unicode normalisation form C for the letters Swedish adds to the alphabet, since mail written on Apple's
// systems comes decomposed; and those letters where a program wrote UTF-8 and said that it was something else.
var composed = map[[2]rune]rune{
	{'a', '\u0308'}: 'ä',
	{'a', '\u030a'}: 'å',
	{'o', '\u0308'}: 'ö',
	{'e', '\u0301'}: 'é',
	// The two octets of UTF-8, small and capital, as windows-1252.
	{'ã', '¤'}: 'ä', {'ã', '„'}: 'ä',
	{'ã', '¥'}: 'å', {'ã', '…'}: 'å',
	{'ã', '¶'}: 'ö', {'ã', '–'}: 'ö',
	{'ã', '©'}: 'é', {'ã', '‰'}: 'é',
}

// ignorable tells the marks that show as nothing and that word processors leave in text: control characters, soft hyphen,
// zero width space and joiners, marks of writing direction, variation selectors, byte order mark.
func ignorable(r rune) bool {
	if ' ' <= r && r <= '~' {
		return false
	}
	return unicode.In(r, unicode.Cf, unicode.Cc, unicode.Variation_Selector) && !unicode.IsSpace(r) || r == '\u034f'
}

func find(text, tag []folded) (Span, bool) {
	for i := 0; len(tag) > 0 && i+len(tag) <= len(text); i++ {
		if matches(text[i:], tag) && bounded(text, i, i+len(tag)) {
			return Span{text[i].at.Start, text[i+len(tag)-1].at.End}, true
		}
	}
	return Span{}, false
}

func matches(text, tag []folded) bool {
	for i := range tag {
		if text[i].r != tag[i].r && !(tag[i].r > unicode.MaxASCII && standsIn(text[i].r)) {
			return false
		}
	}
	return true
}

// standsIn tells what programs put in place of a letter that they cannot read or write.
func standsIn(r rune) bool { return r == '?' || r == utf8.RuneError }

func bounded(text []folded, start, end int) bool {
	before := start == 0 || !word(text[start].r) || !word(text[start-1].r)
	after := end == len(text) || !word(text[end-1].r) || !word(text[end].r)
	return before && after
}

func word(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// widen takes the white space after the tag along or, at the end of the subject, the white space before it.
func widen(s Span, subject []rune) Span {
	for s.End < len(subject) && unicode.IsSpace(subject[s.End]) {
		s.End++
	}
	if s.End == len(subject) {
		for s.Start > 0 && unicode.IsSpace(subject[s.Start-1]) {
			s.Start--
		}
	}
	return s
}
