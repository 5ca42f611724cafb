package imapd

import "strings"

const (
	maxPattern  = 1000 // octets; no name is longer than 300
	maxPatterns = 100
)

// matcher tells whether a LIST asks for a name.
type matcher func(name string) bool

// newMatcher is for the patterns of a LIST with its reference (RFC 3501 section 6.3.8): "*" is any octets, "%" any but the
// delimiter. The library's own matching takes time exponential in the number of wildcards.
func newMatcher(ref string, patterns []string) (matcher, error) {
	var whole []string
	for _, p := range patterns {
		if absolute, ok := strings.CutPrefix(p, string(delimiter)); ok {
			p = absolute
		} else {
			p = ref + p
		}
		if len(p) > maxPattern || len(patterns) > maxPatterns {
			return nil, errPattern
		}
		whole = append(whole, p)
	}
	return func(name string) bool {
		for _, p := range whole {
			// INBOX is the same in any case (RFC 3501 section 5.1), also in a pattern.
			if match(name, p) || name == inbox && match(name, strings.ToUpper(p)) {
				return true
			}
		}
		return false
	}, nil
}

// match keeps, for each octet of the pattern, whether the part of it up to there matches the part of the name up to here.
func match(name, pattern string) bool {
	reached := make([]bool, len(pattern)+1)
	reached[0] = true
	skip(reached, pattern)
	for i := range len(name) {
		next := make([]bool, len(pattern)+1)
		for j := range len(pattern) {
			switch {
			case !reached[j]:
			case pattern[j] == '*', pattern[j] == '%' && name[i] != delimiter:
				next[j] = true
			case pattern[j] == name[i]:
				next[j+1] = true
			}
		}
		skip(next, pattern)
		reached = next
	}
	return reached[len(pattern)]
}

// skip lets wildcards match nothing.
func skip(reached []bool, pattern string) {
	for j := range len(pattern) {
		if reached[j] && (pattern[j] == '*' || pattern[j] == '%') {
			reached[j+1] = true
		}
	}
}
