package detect

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// scanner reads one text, in pieces of any length, in constant memory. The text is brought to Unicode normalisation form
// KC first, so that letters of Apple's decomposed spelling, full width digits and no-break spaces are as others.
type scanner struct {
	norm    io.WriteCloser
	part    [utf8.UTFMax]byte // of a rune that came in two pieces
	partial int
	word    []byte // the word being read, folded
	long    bool   // it is longer than any that is looked for
	numbers numbers
	phrases phrases
}

// maxWord is the longest word that is looked for, in octets.
const maxWord = 100

func (d *Detector) begin() *scanner {
	s := &scanner{numbers: numbers{year: d.now().Year()}, phrases: phrases{words: d.words, found: make([]int, len(d.rules))}}
	s.norm = norm.NFKC.Writer(normalised{s})
	return s
}

// Write takes a piece of text. It never fails.
func (s *scanner) Write(p []byte) (int, error) { return s.norm.Write(p) }

// WriteString is Write.
func (s *scanner) WriteString(text string) { _, _ = io.WriteString(s.norm, text) }

// gap ends a word and a number, as a paragraph or a cell of a table does.
func (s *scanner) gap() { s.WriteString("\n\n") }

// end gives what was found.
func (s *scanner) end() counts {
	s.gap()
	_ = s.norm.Close() // never fails, as normalised never does
	return counts{s.numbers.found, s.phrases.found}
}

// normalised takes the normalised text.
type normalised struct{ *scanner }

func (n normalised) Write(p []byte) (int, error) {
	s, size := n.scanner, len(p)
	for s.partial > 0 && len(p) > 0 {
		s.part[s.partial] = p[0]
		s.partial, p = s.partial+1, p[1:]
		if b := s.part[:s.partial]; utf8.FullRune(b) {
			r, used := utf8.DecodeRune(b)
			s.rune(r)
			for _, c := range b[used:] { // of a rune that was broken off
				s.rune(rune(c))
			}
			s.partial = 0
		}
	}
	for len(p) > 0 {
		if !utf8.FullRune(p) {
			s.partial = copy(s.part[:], p)
			break
		}
		r, used := utf8.DecodeRune(p)
		s.rune(r)
		p = p[used:]
	}
	return size, nil
}

func (s *scanner) rune(r rune) {
	if invisible(r) {
		return
	}
	if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
		s.word = utf8.AppendRune(s.word, unicode.ToLower(r))
		if len(s.word) > maxWord {
			s.word, s.long = s.word[:0], true
		}
	} else if len(s.word) > 0 || s.long {
		if !s.long {
			s.phrases.next(s.word)
			s.numbers.named(s.word)
		}
		s.word, s.long = s.word[:0], false
	}
	s.numbers.next(r)
}

// invisible tells marks that word processors and mail programs leave inside words: soft hyphens, joiners, direction.
func invisible(r rune) bool {
	return r >= 0x80 && unicode.In(r, unicode.Cf, unicode.Variation_Selector)
}

// phrase is an entry of a word list: words that follow each other.
type phrase struct {
	rule  int
	words []string
}

func newPhrase(rule int, entry string) phrase {
	folded := strings.ToLower(norm.NFKC.String(entry))
	words := strings.FieldsFunc(folded, func(r rune) bool {
		return !invisible(r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
	return phrase{rule, words}
}

// phrases finds the entries of word lists.
type phrases struct {
	words  map[string][]phrase
	begun  []begun
	found  []int
	unused []begun
}

type begun struct {
	phrase
	at int // words seen
}

func (p *phrases) next(word []byte) {
	if len(p.words) == 0 {
		return
	}
	going := p.unused[:0]
	for _, b := range p.begun {
		if b.words[b.at] == string(word) {
			if b.at++; b.at == len(b.words) {
				p.found[b.rule]++
			} else {
				going = append(going, b)
			}
		}
	}
	for _, f := range p.words[string(word)] {
		if len(f.words) == 1 {
			p.found[f.rule]++
		} else {
			going = append(going, begun{f, 1})
		}
	}
	p.begun, p.unused = going, p.begun
}
