package smtpd

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"sigill/vault"
)

// states are how far a session has come before a fuzzed client says what it likes.
var states = []struct {
	kind Kind
	said string
}{
	{Connector, ""},
	{Connector, "EHLO a.example\r\n"},
	{Connector, "EHLO a.example\r\nMAIL FROM:<anna@kommun.example>\r\n"},
	{Connector, "EHLO a.example\r\nMAIL FROM:<anna@kommun.example>\r\nRCPT TO:<cecil@ut.example>\r\n"},
	{Connector, "EHLO a.example\r\nMAIL FROM:<anna@kommun.example>\r\nRCPT TO:<cecil@ut.example>\r\nDATA\r\nSubject: [secure] a\r\n"},
	{Connector, "EHLO a.example\r\nMAIL FROM:<anna@kommun.example>\r\nRCPT TO:<cecil@ut.example>\r\nBDAT 12\r\nSubject: a\r\n"},
	{Submission, "EHLO a.example\r\nSTARTTLS\r\n"},
	{Submissions, "EHLO a.example\r\n"},
	{Submissions, "EHLO a.example\r\nAUTH LOGIN\r\n"},
	{Submissions, "EHLO a.example\r\nAUTH OAUTHBEARER\r\n"},
	{Submissions, "EHLO a.example\r\nAUTH PLAIN " + plainAuth(anna.String(), password) + "\r\nMAIL FROM:<anna@kommun.example>\r\nRCPT TO:<cecil@ut.example>\r\nDATA\r\n"},
}

// FuzzSession says anything in every state. Whatever it is, the server goes on, nothing panics, and what comes upstream
// has only clean line ends.
func FuzzSession(f *testing.F) {
	for _, s := range []string{
		"EHLO a\r\nMAIL FROM:<anna@kommun.example>\r\nRCPT TO:<cecil@ut.example>\r\nDATA\r\nSubject: [secure]\r\n\r\n.\r\nQUIT\r\n",
		"DATA\r\nSubject: a\r\n\r\na\r\n.\r\nMAIL FROM:<>\r\n", "BDAT 5\r\nabcdeBDAT 0 LAST\r\n", "BDAT 5 LAST\r\nab", "BDAT x\r\n", "BDAT 5 NEXT\r\nabcde",
		"RSET\r\nRCPT TO:<a@b>\r\n", "MAIL FROM:<anna@kommun.example> SIZE=1 BODY=8BITMIME\r\n", "AUTH PLAIN AAAA\r\n", "STARTTLS\r\n\x16\x03\x01",
		"DATA\r\na\r\r\n.\r\n", "DATA\r\n\r\n.\r\r\n.\r\n", "BDAT 3\r\na\rbRSET\r\nBDAT 1\r\nx", "NOOP\r\nVRFY x\r\nHELP\r\n\r\n\x00\r\n",
	} {
		for state := range states {
			f.Add([]byte(s), uint8(state))
		}
	}
	g := start(f, func(o *setup) {
		o.Tokens = issuer{}
		o.Limits = Limits{MessageSize: 1 << 16, HeaderSize: 1 << 12, Idle: time.Second, Command: time.Second, Data: 2 * time.Second, AuthDelay: 1, PerAddress: 500}
	})
	f.Cleanup(func() {
		for _, m := range g.upstream.Mails() {
			if rest := bytes.ReplaceAll(m.Data, []byte("\r\n"), nil); bytes.ContainsAny(rest, "\r\n\x00") {
				f.Errorf("passed on: %q", m.Data)
			}
		}
		g.sealed(vault.Staff(anna))
	})
	f.Fuzz(func(t *testing.T, said []byte, state uint8) {
		at := states[int(state)%len(states)]
		raw, err := net.Dial("tcp", g.addr[at.kind])
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		_ = raw.SetDeadline(time.Now().Add(20 * time.Second))
		c := raw
		if at.kind == Submissions {
			c = tls.Client(raw, g.tls())
		}
		_, _ = io.WriteString(c, at.said)
		_, _ = c.Write(said)
		_ = c.(interface{ CloseWrite() error }).CloseWrite()
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("the server does not end the connection")
		}
	})
}
