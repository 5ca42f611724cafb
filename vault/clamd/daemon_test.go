package clamd_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"sigill/vault/clamd"
	"sigill/vault/clamd/clamdtest"
)

// TestDaemon asks Debian's clamd.
func TestDaemon(t *testing.T) {
	t.Parallel()
	c, err := clamd.New(clamd.Config{Address: clamdtest.Start(t, "StreamMaxLength 1M")})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	eicar := string(clamdtest.Eicar())
	// Mails begin with whatever field the last server wrote; clamd must take each for a mail and look into it.
	mail := func(first string) string {
		return first + ": x\r\nFrom: anna@kommun.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHej\r\n--b\r\n" +
			"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=a.doc\r\n\r\n" +
			base64.StdEncoding.EncodeToString([]byte(eicar)) + "\r\n--b--\r\n"
	}
	for _, row := range []struct{ reason, stream, found string }{
		{"nothing", "", ""},
		{"a text", "Hej", ""},
		{"the test file", eicar, clamdtest.Signature},
		{"in a mail", mail("Received"), clamdtest.Signature},
		{"in a mail that begins with another field", mail("Authentication-Results"), clamdtest.Signature},
		{"in a mail that begins with one clamd cannot know", mail("Thread-Topic"), clamdtest.Signature},
		{"as long as can be", strings.Repeat("x", 1<<20), ""},
		{"longer than it takes", strings.Repeat("x", 1<<20+1), clamd.TooLong},
		{"much longer than it takes", strings.Repeat("x", 8<<20), clamd.TooLong},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			if found, err := c.Scan(t.Context(), strings.NewReader(row.stream)); err != nil || found != row.found {
				t.Errorf("%q, %v; want %q", found, err, row.found)
			}
		})
	}
}
