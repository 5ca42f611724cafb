package policy

import (
	"errors"
	"strings"
)

// ErrPattern means that a text is no entry of an address list.
var ErrPattern = errors.New("policy: neither an address, nor a domain, nor a dot and a domain")

// Pattern is an entry of an address list. The zero value matches nothing.
type Pattern struct {
	address string // a key of Address
	domain  string
	below   bool // domains below it too
}

// ParsePattern reads an entry of an address list: an address, "example.se" or "@example.se" for the addresses of a
// domain, ".example.se" for those of the domain and all below it. Errors are ErrPattern.
func ParsePattern(s string) (Pattern, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	domain, below := strings.CutPrefix(s, ".")
	if !below {
		domain = strings.TrimPrefix(s, "@")
	}
	if domainName(domain) {
		return Pattern{domain: domain, below: below}, nil
	}
	a, err := ParseAddress(s)
	if err != nil {
		return Pattern{}, ErrPattern
	}
	return Pattern{address: a.Key()}, nil
}

// MustPattern is ParsePattern for entries written in the program text; it panics on a bad one.
func MustPattern(s string) Pattern {
	p, err := ParsePattern(s)
	if err != nil {
		panic(err.Error() + ": " + s)
	}
	return p
}

// Matches tells whether an address is meant. The null address never is.
func (p Pattern) Matches(a Address) bool {
	switch {
	case a.IsZero(), p == Pattern{}:
		return false
	case p.address != "":
		return a.Key() == p.address
	}
	return a.Domain == p.domain || p.below && strings.HasSuffix(a.Domain, "."+p.domain)
}
