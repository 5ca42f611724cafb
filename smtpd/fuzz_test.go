package smtpd

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"sigill/vault"
)

// FuzzSession says anything to a connector, from the start and within a transaction. Whatever it is, the server
// goes on, nothing panics, and what comes upstream has only clean line ends.
func FuzzSession(f *testing.F) {
	for _, s := range []string{
		"EHLO a\r\nMAIL FROM:<anna@kommun.example>\r\nRCPT TO:<cecil@ut.example>\r\nDATA\r\nSubject: [secure]\r\n\r\n.\r\nQUIT\r\n",
		"DATA\r\nSubject: a\r\n\r\na\r\n.\r\nMAIL FROM:<>\r\n", "BDAT 5\r\nabcdeBDAT 0 LAST\r\n", "BDAT 5 LAST\r\nab", "BDAT x\r\n", "BDAT 5 NEXT\r\nabcde",
		"RSET\r\nRCPT TO:<a@b>\r\n", "MAIL FROM:<anna@kommun.example> SIZE=1 BODY=8BITMIME\r\n", "AUTH PLAIN AAAA\r\n", "STARTTLS\r\n\x16\x03\x01",
		"DATA\r\na\r\r\n.\r\n", "DATA\r\n\r\n.\r\r\n.\r\n", "BDAT 3\r\na\rbRSET\r\nBDAT 1\r\nx", "NOOP\r\nVRFY x\r\nHELP\r\n\r\n\x00\r\n",
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	g := start(f, func(o *setup) {
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
	f.Fuzz(func(t *testing.T, said []byte, open bool) {
		c, err := net.Dial("tcp", g.addr[Connector])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		if open {
			io.WriteString(c, "EHLO a.example\r\nMAIL FROM:<anna@kommun.example>\r\nRCPT TO:<cecil@ut.example>\r\n")
		}
		_, _ = c.Write(said)
		_ = c.(*net.TCPConn).CloseWrite()
		if _, err := io.Copy(io.Discard, c); err != nil && err.(net.Error).Timeout() {
			t.Error("the server does not end the connection")
		}
	})
}
