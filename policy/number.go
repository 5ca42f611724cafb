package policy

import (
	"errors"
	"slices"
	"strings"
	"unicode"
)

// numberAdvice says what is wrong with a number in a tag, without the number.
var numberAdvice = []struct {
	err  error
	text string
}{
	{ErrPersonLength, "it needs 12 digits, YYYYMMDDNNNN"},
	{ErrPersonDate, "it has no valid date"},
	{ErrPersonCheckDigit, "its check digit is wrong"},
	{ErrPersonInterim, "an interim number cannot be used to log in"},
	{ErrPersonUnborn, "its year is yet to come; check the century"},
	{ErrPersonTest, "it is a test number, which is nobody's"},
	{ErrPersonOrganisation, "it is an organisation number"},
}

// numbered looks for a tag with an identity number, such as "[säkert 19640823-3234]". It is found also where the rules
// take none: it must not go on in clear with the number in it.
func numbered(f Facts, r Rules) (Decision, bool) {
	var d Decision
	var number string
	count := 0
	for i, text := range f.Subjects {
		for _, n := range findNumbers(text, r.tags()) {
			number, d.Cut = n.text, Cut{i, n.at}
			count++
		}
	}
	const why = "the subject has a tag with a number"
	switch {
	case count == 0:
		return Decision{}, false
	case !r.NumberTags:
		return refuse(RuleNumber, why+", and none is taken",
			"an identity number in the subject is not taken here; use the tag without it, and you are asked for the number on a web page"), true
	case count > 1:
		return refuse(RuleNumber, why+" more than once", "the subject may have one tag with one identity number"), true
	}
	var err error
	if d.Person, err = r.ParsePerson(number, f.Today); err != nil {
		return refuse(RuleNumber, why+" that is no identity number", "the identity number in the subject cannot be used: "+faultOf(err)), true
	}
	d.Route, d.Rule, d.Why = Seal, RuleNumber, why
	return d, true
}

func faultOf(err error) string {
	for _, row := range numberAdvice {
		if errors.Is(err, row.err) {
			return row.text
		}
	}
	return "it is not valid"
}

type numberTag struct {
	text string // between the tag's word and its bracket
	at   Span
}

// maxNumber is how many runes after the tag's word are looked at for the bracket that closes it.
const maxNumber = 100

// findNumbers finds every tag in brackets that has more in it than its word, of which some is a digit. A bracket that is
// never closed hides no number.
func findNumbers(subject string, tags []string) (out []numberTag) {
	text, source := fold(subject), []rune(subject)
	if !slices.ContainsFunc(text, func(f folded) bool { return f.r == '[' }) {
		return nil
	}
	words := make([][]folded, 0, len(tags))
	for _, t := range tags {
		words = append(words, fold(strings.TrimSpace(t)))
	}
	for i := range text {
		if text[i].r != '[' {
			continue
		}
		n, ok := insideTag(text[i:], words)
		if !ok {
			continue
		}
		inside := Span{text[i+n.Start].at.Start, text[i+n.End-1].at.End}
		tag := Span{text[i].at.Start, text[min(i+n.End, len(text)-1)].at.End}
		out = append(out, numberTag{string(source[inside.Start:inside.End]), widen(tag, source)})
	}
	return out
}

// insideTag gives what stands between the word and the bracket of such a tag, if text begins with one.
func insideTag(text []folded, tags [][]folded) (inside Span, ok bool) {
	for _, tag := range tags {
		word := len(tag) - 1
		if word < 1 || tag[0].r != '[' || tag[word].r != ']' || word >= len(text) || !matches(text, tag[:word]) || unicode.IsLetter(text[word].r) {
			continue
		}
		end, digit := word, false
		for ; end < min(len(text), word+maxNumber) && text[end].r != ']'; end++ {
			digit = digit || unicode.IsDigit(text[end].r)
		}
		if digit {
			return Span{word, end}, true
		}
	}
	return Span{}, false
}
