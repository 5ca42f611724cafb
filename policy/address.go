package policy

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrAddress means that a text is not a mail address Sigill accepts.
var ErrAddress = errors.New("policy: not a mail address")

// Octet limits of RFC 5321 section 4.5.3.1.1 and 4.5.3.1.2, and of a whole path less its angle brackets.
const (
	maxLocalPart = 64
	maxDomain    = 255
	maxAddress   = 254
)

// Address is a mailbox of RFC 5321 section 4.1.2. The zero value is the null address "<>".
//
// Local is kept as it was written, since only its own domain may interpret it (RFC 5321 section 2.4). Domain is in
// lower case. Two addresses are the same mailbox when their keys are equal, so compare [Address.Key], not the struct.
type Address struct {
	Local  string
	Domain string
}

// ParseAddress reads local@domain, with or without angle brackets. It accepts dot-atoms, also with UTF-8 (RFC 6531),
// and refuses quoted local parts, address literals, control characters and white space: no municipality sends to them,
// and they are how addresses are smuggled. Errors are ErrAddress.
func ParseAddress(s string) (Address, error) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">") {
		s = s[1 : len(s)-1]
	}
	at := strings.LastIndexByte(s, '@')
	if at < 1 || len(s) > maxAddress || !utf8.ValidString(s) {
		return Address{}, ErrAddress
	}
	local, domain := s[:at], strings.ToLower(s[at+1:])
	if len(local) > maxLocalPart || !dotAtom(local) || !domainName(domain) {
		return Address{}, ErrAddress
	}
	return Address{Local: local, Domain: domain}, nil
}

// MustAddress is ParseAddress for addresses written in the program text; it panics on a bad one.
func MustAddress(s string) Address {
	a, err := ParseAddress(s)
	if err != nil {
		panic(err.Error() + ": " + s)
	}
	return a
}

// String is the form for the wire, without angle brackets; "" for the null address.
func (a Address) String() string {
	if a.IsZero() {
		return ""
	}
	return a.Local + "@" + a.Domain
}

// Key is the form to compare and look up by: in lower case, since every mail system a municipality meets treats the
// local part so.
func (a Address) Key() string { return strings.ToLower(a.String()) }

// IsZero tells the null address.
func (a Address) IsZero() bool { return a == Address{} }

// MarshalText makes an address its wire form in JSON and in stored records.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText wrote. Errors are ErrAddress.
func (a *Address) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*a = Address{}
		return nil
	}
	*a, err = ParseAddress(string(b))
	return err
}

func dotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" || strings.ContainsFunc(atom, notAtext) {
			return false
		}
	}
	return true
}

// notAtext is the complement of atext in RFC 5322 section 3.2.3, widened to UTF-8 by RFC 6532.
func notAtext(r rune) bool {
	switch {
	case r <= ' ', r == 0x7f:
		return true
	case r < utf8.RuneSelf:
		return strings.ContainsRune(`()<>[]:;@\,."`, r)
	}
	return unseen(r)
}

// unseen tells white space, control characters and marks that show as nothing: by them one address can look like
// another.
func unseen(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || ignorable(r) || r == utf8.RuneError
}

func domainName(s string) bool {
	if len(s) > maxDomain {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.ContainsFunc(label, notLetterDigitHyphen) {
			return false
		}
	}
	return true
}

func notLetterDigitHyphen(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '-', r == '_':
		return false
	case r < utf8.RuneSelf:
		return true
	}
	return unseen(r) || !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && r != '\u00b7'
}
