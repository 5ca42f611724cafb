package export

import (
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	lam         = 'ل'
	zeroJoiner  = '\u200d'
	kashida     = 'ـ'
	firstArabic = '\u0600'
	lastArabic  = '\u06ff'
)

// The shapes of a letter are, in Unicode's order: alone, joined to the letter before it, to the one behind it, to both.
const (
	alone  = 0
	toLast = 1
	toNext = 2
)

// shapes are those of letters, and of lam with an alef, as code points of Unicode's presentation forms: the library finds
// glyphs by code points alone, so that what a font does by tables of its own is out of reach. One shape: the letter joins to
// nothing; two: to the letter before it; four: to both.
var shapes = sync.OnceValue(func() map[string][]rune {
	all := map[string][]rune{}
	add := func(from, to rune) {
		for r := from; r <= to; r++ {
			letters := []rune(norm.NFKC.String(string(r)))
			if len(letters) == 1 && letters[0] != r && unicode.IsLetter(letters[0]) || len(letters) == 2 && letters[0] == lam && r >= 0xFEF5 {
				all[string(letters)] = append(all[string(letters)], r)
			}
		}
	}
	add(0xFE80, 0xFEFC)
	add(0xFB50, 0xFBFF) // the other languages'
	return all
})

// joined gives Arabic letters the shape that their neighbours ask for. It comes before joiners and non-joiners, which have
// no shape themselves, are left out. A letter without shapes of its own in Unicode, as some of Sorani and Pashto, stands
// alone.
func joined(s string) string {
	if !strings.ContainsFunc(s, arabic) {
		return s
	}
	in := []rune(s)
	var b strings.Builder
	b.Grow(len(s))
	before := false // the letter before joins to what comes
	for i := 0; i < len(in); i++ {
		if transparent(in[i]) {
			b.WriteRune(in[i])
			continue
		}
		letter := string(in[i])
		if in[i] == lam && i+1 < len(in) && len(shapes()[string(in[i:i+2])]) > 0 {
			letter = string(in[i : i+2])
			i++
		}
		shape := alone
		forms := shapes()[letter]
		if before && len(forms) >= 2 {
			shape |= toLast
		}
		both := len(forms) == 4
		if both && takes(in[i+1:]) {
			shape |= toNext
		}
		if shape < len(forms) && has(forms[shape]) {
			b.WriteRune(forms[shape])
		} else {
			b.WriteString(letter)
		}
		before = both || in[i] == kashida || in[i] == zeroJoiner
	}
	return b.String()
}

// takes tells whether the next letter joins to the one before it.
func takes(next []rune) bool {
	for _, r := range next {
		if !transparent(r) {
			return r == kashida || r == zeroJoiner || len(shapes()[string(r)]) >= 2
		}
	}
	return false
}

// transparent marks stand on letters and part none.
func transparent(r rune) bool { return unicode.Is(unicode.Mn, r) }

func arabic(r rune) bool { return r >= firstArabic && r <= lastArabic }
