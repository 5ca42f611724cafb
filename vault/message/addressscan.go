package message

import "strings"

// addressToken is a piece of an address field: 'a' a word, '"' a quoted string, '(' a comment, '<' what stands in angle
// brackets, or one of the characters , ; and : themselves.
type addressToken struct {
	kind   byte
	text   string // without quotes or brackets
	spaced bool   // white space stood before it
}

// addressScanner reads tokens in one pass: a quote or bracket that never ends is looked for once.
type addressScanner struct {
	s                         string
	i                         int
	noQuote, noAngle, noRound bool
}

func scanAddresses(s string) []addressToken {
	x := addressScanner{s: s}
	var tokens []addressToken
	spaced := false
	for x.i < len(s) {
		if c := s[x.i]; isSpace(c) || c == '\r' || c == '\n' {
			x.i++
			spaced = true
			continue
		}
		t, ok := x.next()
		if !ok {
			spaced = true // what is skipped keeps apart
			continue
		}
		t.spaced, spaced = spaced, false
		tokens = append(tokens, t)
	}
	return tokens
}

// next reads one token; false if a character was skipped.
func (x *addressScanner) next() (addressToken, bool) {
	switch c := x.s[x.i]; c {
	case ',', ';', ':':
		x.i++
		return addressToken{kind: c, text: string(c)}, true
	case '>', ')':
		x.i++
		return addressToken{}, false
	case '"':
		return x.quoted()
	case '(':
		return x.round()
	case '<':
		return x.angle()
	}
	return x.word()
}

func (x *addressScanner) quoted() (addressToken, bool) {
	end := -1
	if !x.noQuote {
		end = quoteEnd(x.s, x.i)
	}
	if end < 0 {
		x.noQuote = true
		x.i++
		return addressToken{}, false
	}
	text := unquoteValue(x.s[x.i:end])
	x.i = end
	return addressToken{kind: '"', text: text}, true
}

func (x *addressScanner) round() (addressToken, bool) {
	end := -1
	if !x.noRound {
		end = commentEnd(x.s, x.i)
	}
	if end < 0 {
		x.noRound = true
		x.i++
		return addressToken{}, false
	}
	text := x.s[x.i+1 : end-1]
	x.i = end
	return addressToken{kind: '(', text: text}, true
}

// angle reads to the closing bracket, or if there is none as far as an address can go.
func (x *addressScanner) angle() (addressToken, bool) {
	rest := x.s[x.i+1:]
	n := -1
	if !x.noAngle {
		n = strings.IndexAny(rest, "<>")
	}
	if n >= 0 && rest[n] == '>' {
		x.i += n + 2
		return addressToken{kind: '<', text: rest[:n]}, true
	}
	x.noAngle = x.noAngle || n < 0
	if n = strings.IndexAny(rest, ",; <"); n < 0 {
		n = len(rest)
	}
	x.i += n + 1
	if n == 0 {
		return addressToken{}, false
	}
	return addressToken{kind: '<', text: rest[:n]}, true
}

// maxLiteral is more octets than an address literal has, so that one left open is not looked for to the end.
const maxLiteral = 64

// word reads an atom with the dots, octets above 127 and whatever else stands in it. An encoded word is read whole, since
// some programs leave commas and brackets in it, and so is the address literal after "@[".
func (x *addressScanner) word() (addressToken, bool) {
	start := x.i
	for x.i < len(x.s) {
		if w, ok := scanWord(x.s, x.i); ok && !strings.ContainsAny(x.s[x.i:w.end], " \t\r") {
			x.i = w.end
			continue
		}
		c := x.s[x.i]
		if c == '[' && x.i > start && x.s[x.i-1] == '@' {
			if n := strings.IndexAny(x.s[x.i:min(len(x.s), x.i+maxLiteral)], "]<>,; "); n > 0 && x.s[x.i+n] == ']' {
				x.i += n + 1
				continue
			}
		}
		if isSpace(c) || strings.IndexByte("\r\n,;:<>()\"", c) >= 0 {
			break
		}
		x.i++
	}
	return addressToken{kind: 'a', text: x.s[start:x.i]}, true
}
