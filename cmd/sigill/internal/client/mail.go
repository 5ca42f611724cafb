package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"sigill/policy"
	"sigill/vault/message"
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
	Tagged    bool   // a subject asks for a sealed mail
	MessageID string // without angle brackets
}

// ErrNoMail means that a text has no header.
var ErrNoMail = errors.New("there is no header field at its start")

// ReadHeader reads tolerantly: what cannot be read is left out. Errors are ErrNoMail.
func ReadHeader(raw []byte) (h Header, err error) {
	fields := message.ParseHeader(raw)
	if len(fields.Fields) == 0 {
		return h, ErrNoMail
	}
	e := message.ParseEnvelope(fields, 0)
	if len(e.From) > 0 {
		h.From, _ = e.From[0].Address()
	}
	for _, m := range slices.Concat(e.To, e.Cc) {
		if a, err := m.Address(); err == nil && !slices.Contains(h.To, a) {
			h.To = append(h.To, a)
		}
	}
	_, h.Tagged = subjects(raw)
	h.MessageID = e.MessageID
	return h, nil
}

// WrittenBy gives a mail another author, in From, and no Sender (RFC 5322 section 3.6.2).
func WrittenBy(raw []byte, name string, a policy.Address) []byte {
	return append(fmt.Appendf(nil, "From: %s <%s>\r\n", name, a), without(raw, "From", "Sender")...)
}

// subjects are the mail's decoded subjects, the first tagged one without its tag, and with the white space people see.
func subjects(raw []byte) (out []string, tagged bool) {
	for _, subject := range message.Subjects(raw) {
		if _, at, ok := policy.FindTag(subject, policy.DefaultTags); ok && !tagged {
			runes := []rune(subject)
			subject, tagged = string(runes[:at.Start])+string(runes[at.End:]), true
		}
		out = append(out, strings.Join(strings.Fields(subject), " "))
	}
	return out, tagged
}

// SameLessTag says how a sealed mail differs from the one that was sent, less the tag: nil if it does not. Every octet
// must be the same but for Bcc, which must be gone, and for the subjects, which must decode to what they did, less the tag.
func SameLessTag(sent, sealed []byte) error {
	want, _ := subjects(sent)
	got := []string{}
	for _, s := range message.Subjects(sealed) {
		got = append(got, strings.Join(strings.Fields(s), " "))
	}
	if !slices.Equal(want, got) {
		return errors.New("the subject is another")
	}
	return Same(without(sent, "Subject", "Bcc"), without(sealed, "Subject"))
}

func without(raw []byte, names ...string) (out []byte) {
	at := int64(0)
	for _, f := range message.ParseHeader(raw).Fields {
		if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, f.Name) }) {
			out = append(out, raw[at:f.Range.Offset]...)
			at = f.Range.Offset + f.Range.Size
		}
	}
	return append(out, raw[at:]...)
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
