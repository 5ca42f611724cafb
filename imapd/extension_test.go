package imapd

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Every trap of go-imap's server that was measured before this package was written has a test:
//
//	its helpers hold whole messages in memory      TestMemory, TestLargeMessage, BenchmarkMemory
//	nesting 20,000 deep takes a minute             TestDeepMail, TestHostileMails
//	multiparts without parts are a panic           TestStructure, TestHostileMails, FuzzCommands
//	BODY[]<1.9223372036854775807> is a panic       TestFetchStoresWhatItServes, TestBinaryRefused
//	a panic while a response is open               no server under test may have one: fixture.serve
//	refused literals are not read                  TestLiterals, TestGuard, FuzzGuard
//	sets of more than 50 KB                        TestLongCommand
//	unknown keys of SEARCH are a fault of ours     TestExtensionsAreRefused
//	8-bit headers and file names                   TestHostileMails, TestParams, TestStructure
//	a bad From is lost                             TestHostileMails
//	"A & B" after ENABLE UTF8=ACCEPT               TestFolders
//	LOGIN is tried without end, at once            TestLoginFailures, TestLoginDelay
//	connections before login                       TestConnectionLimits, TestLoginLimit
//	an empty line ends the connection              TestLiterals, TestGuard
//	its tracker counts EXPUNGE and EXISTS wrong    TestViewModel, TestSessionsModel
//	Close while Idle runs                          TestCutConnections, TestShutdown
//	flags in lower case                            TestFetchStoresWhatItServes
//	absolute deadlines for literals                TestRollingDeadlines, TestDeadlines, TestSlowReader
//	AUTH only on a *tls.Conn                       TestCapability, TestStartTLS
//	EXAMINE is not enforced                        TestExamineIsReadOnly
//	CLOSE expunges with a writer of nothing        TestExamineIsReadOnly, TestLegalHold
//	IMAP4rev2 is enabled though not offered        TestExtensionsAreRefused
//	SEARCH RETURN (SAVE) gives ALL                 TestSavedSearch
//	SMALLER before a date or LARGER is lost        TestSearch, TestRewrite
//	a shift that is no UTF-7 is a server's error   TestRewrite, TestGuard
//	no drain at the end                            TestShutdown, TestShutdownCutsOff
//	ID and others before login end the connection  TestCapability, TestExtensionsAreRefused

// TestExtensionsAreRefused holds that what is not offered is not taken either, and that the connection goes on.
func TestExtensionsAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("ett"))
	w := f.login(anna)
	w.ok("SELECT INBOX")
	offered := strings.Fields(w.ok("CAPABILITY"))
	for _, name := range []string{
		"IMAP4rev2", "LITERAL+", "ID", "CONDSTORE", "QRESYNC", "SORT", "THREAD=REFERENCES", "QUOTA", "ACL", "METADATA", "COMPRESS=DEFLATE",
		"OBJECTID", "PREVIEW", "NOTIFY", "WITHIN", "SAVEDATE", "MULTIAPPEND", "REPLACE", "CATENATE", "UNAUTHENTICATE", "STARTTLS",
	} {
		if slices.Contains(offered, name) {
			t.Errorf("%s is offered", name)
		}
	}
	for _, row := range []struct{ want, command, why string }{
		{"BAD", `ID ("name" "x")`, "RFC 2971"},
		{"BAD", "SORT (DATE) UTF-8 ALL", "RFC 5256"},
		{"BAD", "THREAD REFERENCES UTF-8 ALL", "RFC 5256"},
		{"BAD", "GETQUOTAROOT INBOX", "RFC 9208"},
		{"BAD", "GETACL INBOX", "RFC 4314"},
		{"BAD", `GETMETADATA INBOX "/comment"`, "RFC 5464"},
		{"BAD", "COMPRESS DEFLATE", "RFC 4978"},
		{"BAD", "UNAUTHENTICATE", "RFC 8437"},
		{"BAD", "NOTIFY NONE", "RFC 5465"},
		{"BAD", "FETCH 1 MODSEQ", "RFC 7162"},
		{"BAD", "FETCH 1 (FLAGS) (CHANGEDSINCE 1)", "RFC 7162"},
		{"BAD", "FETCH 1 EMAILID", "RFC 8474"},
		{"BAD", "FETCH 1 PREVIEW", "RFC 8970"},
		{"BAD", "SELECT INBOX (CONDSTORE)", "RFC 7162"},
		{"", "SEARCH YOUNGER 5", "RFC 5032; refused in whatever words"},
		{"", "SEARCH MODSEQ 1", "RFC 7162"},
		{"BAD", "XYZZY", "nobody's"},
	} {
		if _, status := w.do("%s", row.command); !strings.HasPrefix(status, row.want) || strings.HasPrefix(status, "OK") || status == "" {
			t.Errorf("%s: %q, want %q (%s)", row.command, status, row.want, row.why)
		}
	}
	// The library enables IMAP4rev2 for whoever asks, though it is not offered; what it changes then is nobody's panic.
	if got := w.ok("ENABLE IMAP4rev2 CONDSTORE QRESYNC"); got != "* ENABLED IMAP4rev2" {
		t.Errorf("enabled: %q", got)
	}
	for _, command := range []string{"SELECT INBOX", "SEARCH ALL", "FETCH 1 (FLAGS ENVELOPE)", `STORE 1 +FLAGS (\Deleted)`, "MOVE 1 Trash", "EXPUNGE", "CLOSE"} {
		w.ok("%s", command)
	}
}

// TestLongCommand: a command that is longer than the library takes is refused, or the connection ends; the server goes on.
func TestLongCommand(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("ett"))
	for _, command := range []string{
		"FETCH " + strings.Repeat("1,", 40_000) + "1 FLAGS",
		"SEARCH SUBJECT " + strings.Repeat("x", 80_000),
		`LIST "" "` + strings.Repeat("%", 80_000) + `"`,
	} {
		w := f.login(anna)
		w.ok("SELECT INBOX")
		if _, status := w.do("%s", command); strings.HasPrefix(status, "OK") {
			t.Errorf("%.20s…: %q", command, status)
		}
		w.Close()
	}
	f.login(anna).ok("NOOP")
}

// TestDeepMail lists and serves a mail whose parts are nested 20,000 deep, by multiparts and by messages.
func TestDeepMail(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const depth = 20_000
	f.deposit(deepParts(depth))
	f.deposit(strings.Repeat("Subject: x\r\nContent-Type: message/rfc822\r\n\r\n", depth) + "end")
	w := f.login(anna)
	w.ok("SELECT INBOX")
	if got := w.ok("FETCH 1:2 (ENVELOPE BODYSTRUCTURE)"); strings.Count(got, "BODYSTRUCTURE (") != 2 {
		t.Errorf("structures: %.200q", got)
	}
	w.ok("FETCH 1:2 (BODY.PEEK[1.1.1.MIME] BODY.PEEK[1%s])", strings.Repeat(".1", 1000))
	if got := w.ok("FETCH 1 BODY.PEEK[]"); literalOf(got) != deepParts(depth) {
		t.Error("the mail does not come back")
	}
}

// TestIdleIsTold: what is deposited reaches a client in IDLE by itself; BenchmarkIdle has how soon.
func TestIdleIsTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.login(anna)
	w.ok("SELECT INBOX")
	w.send("i IDLE\r\n")
	w.response()
	for n := range 3 {
		f.deposit(mail(fmt.Sprint("nr ", n)))
		if got, want := w.response()+w.response(), fmt.Sprintf("* %[1]d EXISTS\r\n* %[1]d RECENT\r\n", n+1); got != want {
			t.Fatalf("told %q, want %q", got, want)
		}
	}
}

// TestCopyToSent: the copy that a mail program files in Sent after it has sent a mail by the gateway is recognised as the
// one already there, whose UID it is told (Outlook, Apple Mail and Thunderbird do so).
func TestCopyToSent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("beslut"))
	w := f.login(bo)
	sent := mail("beslut") // as the client has it: with the tag that the gateway has cut out
	sent = strings.Replace(sent, "Subject: beslut", "Subject: [säkert] beslut", 1)
	if _, status := w.do("APPEND Sent (\\Seen) {%d+}\r\n%s", len(sent), sent); !strings.HasPrefix(status, "OK [APPENDUID ") || !strings.Contains(status, " 1] ") {
		t.Errorf("append: %q", status)
	}
	if got := w.ok("STATUS Sent (MESSAGES)"); got != `* STATUS "Sent" (MESSAGES 1)` {
		t.Errorf("it lies there twice: %s", got)
	}
	other := strings.Replace(sent, "beslut@", "annat@", 1)
	if _, status := w.do("APPEND Sent (\\Seen) {%d+}\r\n%s", len(other), other); !strings.Contains(status, " 2] ") {
		t.Errorf("another mail: %q", status)
	}
}
