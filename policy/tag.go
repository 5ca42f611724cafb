package policy

import "unicode"

// DefaultTags are the subject tags of a configuration that names none.
var DefaultTags = []string{"[säkert]", "[secure]", "#säkert"}

// Span is a range of runes in a decoded subject: [Start, End).
type Span struct{ Start, End int }

// FindTag looks for the first of the tags in a decoded subject and gives the runes to take away: the tag and the white
// space that followed it.
//
// A tag counts wherever it stands in the subject, since a tag that is overlooked is a leak and one too many is not.
// Case, white space inside brackets and the two Unicode ways of writing å, ä and ö make no difference. A tag that
// begins or ends in a letter must not be part of a longer word: "#säkert" is not in "#säkerhet".
func FindTag(subject string, tags []string) (tag string, at Span, found bool) {
	text := fold(subject)
	best := Span{Start: len(text) + 1}
	for _, t := range tags {
		if s, ok := find(text, fold(t)); ok && s.Start < best.Start {
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
// bracket.
func fold(s string) []folded {
	var out []folded
	runes := []rune(s)
	for i := 0; i < len(runes); i++ {
		r, at := unicode.ToLower(runes[i]), Span{i, i + 1}
		if i+1 < len(runes) {
			if c, ok := composed[[2]rune{r, runes[i+1]}]; ok {
				r, at.End, i = c, i+2, i+1
			}
		}
		if ignorable(r) {
			continue
		}
		if unicode.IsSpace(r) {
			r = ' '
			if n := len(out); n > 0 && (out[n-1].r == ' ' || out[n-1].r == '[') {
				continue
			}
		}
		if n := len(out); r == ']' && n > 0 && out[n-1].r == ' ' {
			out = out[:n-1]
		}
		out = append(out, folded{r, at})
	}
	return out
}

// composed is Unicode normalisation form C for the letters Swedish adds to the alphabet; mail written on Apple's
// systems comes decomposed.
var composed = map[[2]rune]rune{
	{'a', '\u0308'}: 'ä',
	{'a', '\u030a'}: 'å',
	{'o', '\u0308'}: 'ö',
	{'e', '\u0301'}: 'é',
}

// ignorable tells the marks that show as nothing and that word processors leave in text: soft hyphen, zero width
// space and joiners, byte order mark.
func ignorable(r rune) bool {
	return r == '\u00ad' || r == '\ufeff' || '\u200b' <= r && r <= '\u200f' || r == '\u2060'
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
		if text[i].r != tag[i].r {
			return false
		}
	}
	return true
}

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
