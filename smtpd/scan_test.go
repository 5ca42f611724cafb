package smtpd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/emersion/go-smtp"
)

// scanner takes some words for malware, and gives no verdict on others.
type scanner struct{}

func (scanner) Scan(_ context.Context, r io.Reader) (string, error) {
	b, err := io.ReadAll(r)
	switch {
	case bytes.Contains(b, []byte("malware of the test")):
		return "Test.Virus", err
	case bytes.Contains(b, []byte("no verdict of the test")):
		return "", errors.New("no verdict: secret")
	}
	return "", err
}

// A sealed mail is taken when it is found clean, and else stays with its sender, who is told. What passes is the upstream's.
func TestScannedMail(t *testing.T) {
	t.Parallel()
	g := start(t, func(o *setup) { o.vault.Scanner = scanner{} })
	for _, row := range []struct{ reason, subject, body, want string }{
		{"clean", "[secure] a", "hello", ""},
		{"malware", "[secure] a", "the malware of the test", "550 5.7.1 malware was found in the message, it was not taken: Test.Virus"},
		{"the scanner is away", "[secure] a", "no verdict of the test", "451 4.7.1 the malware scanner does not answer, send it again later"},
		{"not to be sealed", "a", "the malware of the test", ""},
	} {
		_, err := g.send("From: anna@kommun.example\r\nSubject: "+row.subject+"\r\n\r\n"+row.body+"\r\n", cecil)
		got := ""
		if e, ok := errors.AsType[*smtp.SMTPError](err); ok {
			got = code(e) + " " + e.Message
		}
		if got != row.want {
			t.Errorf("%s: %q, want %q", row.reason, got, row.want)
		}
	}
	if n := len(g.upstream.Mails()); n != 1 {
		t.Errorf("%d mails were passed on", n)
	}
}
