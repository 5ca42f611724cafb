package smtpd

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"sigill/policy"
	"sigill/vault/message"
)

// sealedHeader is the header as it is stored: without the tag, without Bcc, and without the number that a tag gave.
func sealedHeader(m mail, d policy.Decision) (_ []byte, err error) {
	header, fields := m.header, m.fields.Fields
	unwanted := func(f message.Field) bool { return blind(f) || repeats(f, d.Person) }
	if d.Cut != (policy.Cut{}) {
		if header, err = message.CutSubject(header, d.Cut.Subject, d.Cut.Span); err != nil {
			return nil, fmt.Errorf("smtpd: take the tag away: %w", err)
		}
		if !slices.ContainsFunc(fields, unwanted) {
			return header, nil
		}
		fields = message.ParseHeader(header).Fields
	}
	return without(header, fields, unwanted), nil
}

// without takes fields out of a header and leaves every other octet as it is.
func without(header []byte, fields []message.Field, unwanted func(message.Field) bool) []byte {
	var out []byte
	from := int64(0)
	for _, f := range fields {
		if !unwanted(f) {
			continue
		}
		out = append(out, header[from:f.Range.Offset]...)
		from = f.Range.Offset + f.Range.Size
	}
	if from == 0 {
		return header
	}
	return append(out, header[from:]...)
}

// blind tells the fields that no recipient may see (RFC 5322 section 3.6.3).
func blind(f message.Field) bool {
	return strings.EqualFold(f.Name, "Bcc") || strings.EqualFold(f.Name, "Resent-Bcc")
}

// repeats tells a field that has the number of the tag: Outlook writes the subject into Thread-Topic as well. What the
// subject says of it beside the tag is the sender's text and stays.
func repeats(f message.Field, person policy.PersonID) bool {
	if person.IsZero() || strings.EqualFold(f.Name, "Subject") {
		return false
	}
	digits := strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) || unicode.IsLetter(r) {
			return r
		}
		return -1
	}, message.DecodeText(f.Value))
	return strings.Contains(digits, person.Digits()[2:])
}
