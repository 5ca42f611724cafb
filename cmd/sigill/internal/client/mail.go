package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/textproto"
	"slices"
	"strings"

	"github.com/emersion/go-message/charset"
	"github.com/emersion/go-message/mail"

	"sigill/policy"
)

// Canonical gives a mail the line ends it must have on the wire (RFC 5321 section 2.3.8); a file often has others.
func Canonical(mail []byte) []byte {
	var out bytes.Buffer
	for i, b := range mail {
		if b == '\n' && (i == 0 || mail[i-1] != '\r') {
			out.WriteByte('\r')
		}
		out.WriteByte(b)
	}
	if !bytes.HasSuffix(out.Bytes(), []byte("\r\n")) {
		out.WriteString("\r\n")
	}
	return out.Bytes()
}

// Header is what a sender's mail program reads of a mail before it sends it.
type Header struct {
	From      policy.Address // zero if there is none that can be read
	To        []policy.Address
	Subject   string // decoded
	MessageID string // without angle brackets
}

// ReadHeader reads tolerantly: what cannot be read is left out.
func ReadHeader(raw []byte) (h Header, err error) {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	fields, err := Fields(head)
	if err != nil {
		return h, err
	}
	parser := mail.HeaderFromMap(fields)
	if from, err := parser.AddressList("From"); err == nil && len(from) > 0 {
		h.From, _ = policy.ParseAddress(from[0].Address)
	}
	for _, field := range []string{"To", "Cc"} {
		list, _ := parser.AddressList(field)
		for _, a := range list {
			if a, err := policy.ParseAddress(a.Address); err == nil && !slices.Contains(h.To, a) {
				h.To = append(h.To, a)
			}
		}
	}
	h.Subject = Decode(parser.Get("Subject"))
	h.MessageID, _ = parser.MessageID()
	return h, nil
}

// Fields are the header fields of a mail, unfolded, by canonical name.
func Fields(head []byte) (map[string][]string, error) {
	fields := map[string][]string{}
	last := ""
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if line == "" {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if last == "" {
				return nil, errors.New("the header begins with a folded line")
			}
			values := fields[last]
			values[len(values)-1] += line
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.ContainsAny(name, " \t") {
			return nil, errors.New("there is a line in the header that is no field")
		}
		last = textproto.CanonicalMIMEHeaderKey(name)
		fields[last] = append(fields[last], strings.TrimSpace(value))
	}
	return fields, nil
}

// Decode reads encoded words (RFC 2047).
func Decode(text string) string {
	words := mime.WordDecoder{CharsetReader: charset.Reader}
	if decoded, err := words.DecodeHeader(text); err == nil {
		return decoded
	}
	return text
}

// Tagged tells whether a decoded subject asks for a sealed mail, and gives the subject without the tag.
func Tagged(subject string) (without string, tagged bool) {
	_, at, tagged := policy.FindTag(subject, policy.DefaultTags)
	if !tagged {
		return subject, false
	}
	runes := []rune(subject)
	return string(runes[:at.Start]) + string(runes[at.End:]), true
}

// SameLessTag says how a sealed mail differs from the one that was sent, less the tag: nil if it does not. Every octet
// must be the same but for the subject field, which must decode to the subject without its tag.
func SameLessTag(sent, sealed []byte) error {
	before, field, after, err := cutSubject(sent)
	if err != nil {
		return fmt.Errorf("the mail sent: %w", err)
	}
	gotBefore, gotField, gotAfter, err := cutSubject(sealed)
	if err != nil {
		return fmt.Errorf("the sealed mail: %w", err)
	}
	want, _ := Tagged(Decode(unfold(field)))
	if got := Decode(unfold(gotField)); strings.TrimSpace(got) != strings.TrimSpace(want) {
		return errors.New("the subject is another")
	}
	if err := Same(before, gotBefore); err != nil {
		return fmt.Errorf("before the subject: %w", err)
	}
	if err := Same(after, gotAfter); err != nil {
		return fmt.Errorf("after the subject: %w", err)
	}
	return nil
}

// Same says where two texts part, without showing them.
func Same(want, got []byte) error {
	if bytes.Equal(want, got) {
		return nil
	}
	at := 0
	for at < min(len(want), len(got)) && want[at] == got[at] {
		at++
	}
	return fmt.Errorf("differs at octet %d (%d octets, not %d)", at, len(got), len(want))
}

// SameButReceived says how a mail that passed differs from the one sent, but for one Received field on top; nil if not.
func SameButReceived(sent, passed []byte) error {
	if !bytes.HasPrefix(passed, []byte("Received:")) {
		return errors.New("there is no Received field on top")
	}
	rest := passed
	for {
		_, after, ok := bytes.Cut(rest, []byte("\r\n"))
		if !ok {
			return io.ErrUnexpectedEOF
		}
		rest = after
		if len(rest) == 0 || rest[0] != ' ' && rest[0] != '\t' {
			return Same(sent, rest)
		}
	}
}

// cutSubject parts a mail into what is before its first Subject field, the field's value as it is, and the rest.
func cutSubject(raw []byte) (before []byte, field string, after []byte, err error) {
	start := 0
	for start < len(raw) {
		end := start
		for { // a field ends where no folded line follows
			i := bytes.Index(raw[end:], []byte("\r\n"))
			if i < 0 {
				return nil, "", nil, errors.New("it has no subject")
			}
			end += i + 2
			if end == len(raw) || raw[end] != ' ' && raw[end] != '\t' {
				break
			}
		}
		name, value, _ := strings.Cut(string(raw[start:end]), ":")
		if strings.EqualFold(name, "Subject") {
			return raw[:start], value, raw[end:], nil
		}
		if end-start == 2 {
			break
		}
		start = end
	}
	return nil, "", nil, errors.New("it has no subject")
}

func unfold(value string) string { return strings.TrimSpace(strings.ReplaceAll(value, "\r\n", "")) }
