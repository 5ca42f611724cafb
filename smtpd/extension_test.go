package smtpd

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
)

// Every trap of go-smtp that was measured before this package was written has a test:
//
//	body of a stalled DATA run as commands     TestStallInMessage, TestCutOff
//	BDAT content run as commands               TestBDAT, TestBDATRefused, TestBDATAborted, TestPipelinedAfterBDATWithinTLS
//	bare CR, bare LF and NUL                   TestLineEnds, TestSmuggling, TestPassIsByteForByte
//	CR CR LF and the end of data               TestLineEnds
//	a message that comes with its DATA         TestHowDATAComes
//	nested MAIL, transactions after RSET       TestTransactionState
//	an absolute deadline for a message         TestSlowUpload
//	plain and wrapped errors become 554        TestTranslate, TestVaultFails, TestNothingOfAMailInTheLog
//	long lines, of tokens too                  TestLongLines, TestTokenLogin
//	the size limit is one off                  TestSizeLimit
//	AUTH tries, commands and connections       TestLogin, TestFloods, TestDoors
//	control characters in addresses            TestAddresses
//	text behind STARTTLS, state before it      TestStartTLSForgets
//	530 before login                           TestLogin
//	extensions that are off                    TestExtensionsAreRefused
//	Shutdown leaves connections                TestShutdown, TestShutdownBeforeServing

// TestExtensionsAreRefused holds that what is not offered is not taken either: a sender who asks for a receipt, or for TLS
// on the whole way, must not believe to get it.
func TestExtensionsAreRefused(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	const from = "MAIL FROM:<anna@kommun.example> "
	for _, row := range []struct{ why, command, want string }{
		{"RFC 3461: no receipts are made, nor asked for upstream", from + "RET=HDRS", "504 5.5.4"},
		{"RFC 3461", from + "ENVID=abc", "504 5.5.4"},
		{"RFC 8689: the upstream's next hop is not ours to promise", from + "REQUIRETLS", "504 5.5.4"},
		{"RFC 3030: line ends are checked, so binary cannot be", from + "BODY=BINARYMIME", "504 5.5.4"},
		{"a parameter nobody knows", from + "FOO=BAR", "5"},
		{"RFC 6152", from + "BODY=8BITMIME", "250"},
		{"RFC 6531", "MAIL FROM:<anna@kommun.example> SMTPUTF8", "250"},
	} {
		w := g.wire(Connector)
		w.talk("", "220")
		w.say("EHLO client.example")
		offered := w.reply()
		for _, name := range []string{"DSN", "REQUIRETLS", "BINARYMIME", "DELIVERBY", "MT-PRIORITY", "RRVS"} {
			if strings.Contains(offered, name) {
				t.Errorf("%s is offered", name)
			}
		}
		w.talk(row.command, row.want)
		if row.want == "250" {
			w.talk("RCPT TO:<cecil@ut.example> NOTIFY=SUCCESS", "504 5.5.4", "RCPT TO:<cecil@ut.example> ORCPT=rfc822;c@x", "504 5.5.4")
		}
		w.Close()
	}
}

// TestStartTLSForgets holds that nothing said in clear counts afterwards (RFC 3207 section 4.2).
func TestStartTLSForgets(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	secure := func(clear ...string) *wire {
		w := g.wire(Connector)
		w.talk("", "220", "EHLO client.example", "250", "MAIL FROM:<anna@kommun.example>", "250")
		for _, part := range clear {
			fmt.Fprint(w, part)
		}
		w.talk("", "220")
		c := tls.Client(w.Conn, g.tls())
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		return &wire{t, c, bufio.NewReader(c)}
	}
	secure("STARTTLS\r\n").talk("RCPT TO:<cecil@ut.example>", "502", "EHLO client.example", "250", "RCPT TO:<cecil@ut.example>", "502",
		"MAIL FROM:<anna@kommun.example>", "250")
	// In the same segment as STARTTLS, from somebody in between.
	const evil = "EHLO evil.example\r\nMAIL FROM:<bo@kommun.example>\r\n"
	for _, clear := range [][]string{{"STARTTLS\r\n" + evil}, {"start", "tls\r\n" + evil}, {"STARTTLS now\r\n" + evil}} {
		secure(clear...).talk("EHLO client.example", "250", "RCPT TO:<cecil@ut.example>", "502", "QUIT", "221")
	}
	g.empty()
}
