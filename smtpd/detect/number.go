package detect

import (
	"bytes"
	"slices"
	"strings"
	"unicode"

	"sigill/policy"
)

// numbers finds personnummer and samordningsnummer: twelve digits or ten, with a date that can be and the check digit,
// as one run of digits or with the marks people write between them. Nothing else may touch them.
//
// Ten digits of random have such a date and check digit once in 130. So ten digits in a run count only where they do not
// begin with 0, as every Swedish telephone number does, and stand free; and digits apart, such as a date and a time of
// day, only where they cannot be one. Where the text has just said that it is about an identity number all of these count.
type numbers struct {
	year  int // of today
	found int

	digits  []byte // of the groups that hang together
	groups  []int  // where each ends in digits
	mark    rune   // the mark after the last group, 0 if none
	over    bool   // more digits than any number has
	before  rune   // what stands before them
	plus    bool   // one of the marks is a plus: a person over a hundred
	last    rune   // what came before
	about   int    // runes for which the text is about an identity number
	date    []byte // six or eight digits that stood before a single space
	dateWas bool   // and nothing but that space came since
}

// named is told of each word, before the rune that ends it.
func (n *numbers) named(word []byte) {
	for _, name := range names {
		if bytes.HasPrefix(word, name) {
			n.about = 40
		}
	}
}

var names = [][]byte{
	[]byte("personnummer"), []byte("personnr"), []byte("pnr"), []byte("persnr"), []byte("samordningsn"), []byte("född"), []byte("födelsenummer"),
}

func (n *numbers) next(r rune) {
	switch {
	case '0' <= r && r <= '9':
		n.digit(byte(r))
	case len(n.groups) > 0 && n.mark == 0 && (dash(r) || r == '+'):
		n.mark, n.plus = r, n.plus || r == '+'
	default:
		n.flush(r)
	}
	n.last = r
	if n.about > 0 {
		n.about--
	}
}

func (n *numbers) digit(c byte) {
	switch {
	case len(n.groups) == 0:
		n.before = n.last
		n.groups = append(n.groups, 0)
	case n.mark != 0:
		if len(n.groups) == 4 {
			n.over = true
		} else {
			n.groups = append(n.groups, 0)
		}
		n.mark = 0
	}
	if len(n.digits) == 12 {
		n.over = true
		return
	}
	n.digits = append(n.digits, c)
	n.groups[len(n.groups)-1] = len(n.digits)
}

// flush looks at the groups of digits that r ends.
func (n *numbers) flush(r rune) {
	if len(n.groups) == 0 {
		n.dateWas = false
		return
	}
	alone := len(n.groups) == 1 && n.mark == 0
	free := !n.over && !joins(r) && !joins(n.before)
	if free && n.is(alone) {
		n.found++
	}
	n.dateWas = free && alone && r == ' ' && (len(n.digits) == 6 || len(n.digits) == 8)
	n.date = append(n.date[:0], n.digits...)
	n.digits, n.groups, n.mark, n.over, n.plus = n.digits[:0], n.groups[:0], 0, false, false
}

func joins(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// is tells an identity number by the lengths of its groups.
func (n *numbers) is(alone bool) bool {
	switch {
	case n.shape(12), n.shape(8, 4), n.shape(4, 2, 2, 4):
		return n.valid(n.digits)
	case n.shape(6, 4), n.shape(2, 2, 2, 4):
		return n.ofCentury(n.digits)
	case n.shape(10):
		return (n.about > 0 || n.digits[0] != '0' && standsFree(n.before)) && n.ofCentury(n.digits)
	case alone && n.dateWas && n.before == ' ' && len(n.digits) == 4:
		whole := slices.Concat(n.date, n.digits)
		if n.about > 0 || len(n.date) == 8 && !timeOfDay(n.digits) {
			return len(whole) == 12 && n.valid(whole) || len(whole) == 10 && n.ofCentury(whole)
		}
	}
	return false
}

func (n *numbers) shape(lengths ...int) bool {
	if len(lengths) != len(n.groups) {
		return false
	}
	end := 0
	for i, l := range lengths {
		if end += l; n.groups[i] != end {
			return false
		}
	}
	return true
}

func (n *numbers) valid(digits []byte) bool {
	year := int(digits[0]-'0')*1000 + int(digits[1]-'0')*100 + int(digits[2]-'0')*10 + int(digits[3]-'0')
	if year < n.year-130 || year > n.year || !checkDigit(digits[2:]) {
		return false
	}
	_, err := policy.ParsePersonID(string(digits))
	return err == nil
}

func (n *numbers) ofCentury(digits []byte) bool {
	centuries := []string{"20", "19"}
	if n.plus {
		centuries = []string{"19", "18"}
	}
	for _, c := range centuries {
		if n.valid(append([]byte(c), digits...)) {
			return true
		}
	}
	return false
}

// checkDigit is asked first, as it is cheap and nine in ten fail: Luhn's sum, as SKV 704 has it.
func checkDigit(digits []byte) bool {
	sum := 0
	for i, c := range digits {
		d := int(c-'0') * (2 - i%2)
		sum += d/10 + d%10
	}
	return sum%10 == 0
}

func timeOfDay(digits []byte) bool { return string(digits[:2]) < "24" && string(digits[2:]) < "60" }

// standsFree tells what may stand before ten digits in a run. In addresses of the web they are ids.
func standsFree(r rune) bool {
	return r == 0 || unicode.IsSpace(r) || strings.ContainsRune(`("';|>[`, r)
}

// dash tells the hyphens that keyboards and word processors write.
func dash(r rune) bool { return r == '-' || r == '\u2212' || '\u2010' <= r && r <= '\u2015' }
