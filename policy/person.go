package policy

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unique"
)

// What can be wrong with an identity number. Each has a sentence of its own on the pages, so each is its own error.
var (
	ErrPersonLength       = errors.New("policy: an identity number has 12 digits, YYYYMMDDNNNN")
	ErrPersonDate         = errors.New("policy: the identity number has no valid date")
	ErrPersonCheckDigit   = errors.New("policy: the identity number's check digit is wrong")
	ErrPersonInterim      = errors.New("policy: an interim number cannot be used to log in")
	ErrPersonUnborn       = errors.New("policy: the identity number is of somebody yet to be born")
	ErrPersonTest         = errors.New("policy: that is a test number, which is nobody's")
	ErrPersonOrganisation = errors.New("policy: that is an organisation number")
)

// PersonID is a valid personnummer or samordningsnummer of 12 digits. It is a secret: every way of printing it gives
// the masked form. Only [PersonID.Digits] gives the number. Two of them are the same number when they are ==.
//
// The digits are behind a handle because fmt prints the unexported fields of a struct without asking their methods: it
// then prints an address in memory.
type PersonID struct{ digits unique.Handle[string] }

// ParsePersonID reads a number of 12 digits, with or without the hyphen and spaces people write. The century must be
// given: the same ten digits can belong to two living people.
//
// A samordningsnummer has 60 added to its day. Some have month 00 or day 60, for a birth date that is not known
// (SKV 707); for those the calendar is not asked. The check digit is Luhn's over the last ten digits (SKV 704).
func ParsePersonID(s string) (PersonID, error) {
	digits := strings.Map(withoutMarks, s)
	if interim(digits) {
		return PersonID{}, ErrPersonInterim
	}
	if len(digits) != 12 || strings.ContainsFunc(digits, notDigit) {
		if len(digits) == 10 && !strings.ContainsFunc(digits, notDigit) && digits[2] >= '2' {
			return PersonID{}, ErrPersonOrganisation
		}
		return PersonID{}, ErrPersonLength
	}
	if digits[:2] == "16" && digits[4] >= '2' {
		return PersonID{}, ErrPersonOrganisation
	}
	if !plausibleDate(digits) {
		return PersonID{}, ErrPersonDate
	}
	if !luhn(digits[2:]) {
		return PersonID{}, ErrPersonCheckDigit
	}
	return PersonID{unique.Make(digits)}, nil
}

// withoutMarks drops white space and the hyphens that keyboards and word processors write.
func withoutMarks(r rune) rune {
	if r == '-' || r == '\u2212' || '\u2010' <= r && r <= '\u2015' || unicode.IsSpace(r) || ignorable(r) {
		return -1
	}
	return r
}

// MustPersonID is ParsePersonID for numbers written in the program text; it panics on a bad one.
func MustPersonID(s string) PersonID {
	p, err := ParsePersonID(s)
	if err != nil {
		panic(err)
	}
	return p
}

// Digits is the number itself, 12 digits. Never log it, mail it or put it in a URL.
func (p PersonID) Digits() string {
	if p.IsZero() {
		return ""
	}
	return p.digits.Value()
}

// Masked shows the date only, as a person is shown a number for recognition: "19900101-****".
func (p PersonID) Masked() string {
	if p.IsZero() {
		return ""
	}
	return p.Digits()[:8] + "-****"
}

// IsZero tells the absence of a number.
func (p PersonID) IsZero() bool { return p == PersonID{} }

// Coordination tells a samordningsnummer from a personnummer.
func (p PersonID) Coordination() bool { return !p.IsZero() && p.Digits()[6] >= '6' }

// Format prints the masked form whatever the verb is, so that no log line can hold the number by mistake.
func (p PersonID) Format(f fmt.State, _ rune) { fmt.Fprint(f, p.Masked()) }

// LogValue prints the masked form.
func (p PersonID) LogValue() slog.Value { return slog.StringValue(p.Masked()) }

// MarshalText gives the masked form, so that no JSON holds the number by mistake.
func (p PersonID) MarshalText() ([]byte, error) { return []byte(p.Masked()), nil }

func plausibleDate(digits string) bool {
	year, month, day := number(digits[:4]), number(digits[4:6]), number(digits[6:8])
	if year < 1800 || month > 12 {
		return false
	}
	coordination := day >= 60
	if coordination {
		day -= 60
	}
	if coordination && (month == 0 || day == 0) {
		return day <= 31
	}
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return date.Day() == day && int(date.Month()) == month
}

// interim tells the numbers YYMMDD-Xnnn that care givers hand out, where X is a letter of SKV 709.
func interim(s string) bool {
	if len(s) != 10 && len(s) != 12 {
		return false
	}
	return strings.ContainsRune("TRSUWXJKLMN", rune(s[len(s)-4])) && !strings.ContainsFunc(s[:len(s)-4], notDigit)
}

func luhn(digits string) bool {
	sum := 0
	for i, r := range digits {
		d := int(r-'0') * (2 - i%2)
		sum += d/10 + d%10
	}
	return sum%10 == 0
}

func number(digits string) int {
	n := 0
	for _, r := range digits {
		n = n*10 + int(r-'0')
	}
	return n
}

func notDigit(r rune) bool { return r < '0' || r > '9' }
