package imapd

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigill/vault"
)

// TestCutConnections: a client that goes away in any state leaves nothing that runs and nothing half done.
func TestCutConnections(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Limits.Grace = time.Hour })
	f.deposit(mail("ett"))
	f.deposit(mail("stort") + strings.Repeat("0123456789abcde\r\n", 1<<20))
	selected := func() *wire { w := f.login(anna); w.ok("SELECT INBOX"); return w }
	for _, c := range []struct {
		why   string
		enter func() *wire
		say   string
	}{
		{"before it has said anything", f.dial, ""},
		{"in a line", f.dial, "a LOG"},
		{"in the literal of a password", f.dial, "a LOGIN " + anna.String() + " {10+}\r\nabc"},
		{"in AUTHENTICATE", f.dial, "a AUTHENTICATE PLAIN\r\n"},
		{"after login", func() *wire { return f.login(anna) }, ""},
		{"in a literal of APPEND", func() *wire { return f.login(anna) }, "a APPEND INBOX {1000}\r\nSubject: "},
		{"in IDLE without mailbox", func() *wire { return f.login(anna) }, "a IDLE\r\n"},
		{"in IDLE", selected, "a IDLE\r\n"},
		{"in IDLE, with half of DONE", selected, "a IDLE\r\nDO"},
		{"in the answer to FETCH, unread", selected, "a FETCH 1:2 BODY.PEEK[]\r\n"},
		{"in SEARCH", selected, "a SEARCH BODY finnsinte\r\n"},
		{"in STORE", selected, "a STORE 1 +FLAGS.SILENT (\\Flagged"},
		{"in a queue of commands", selected, strings.Repeat("a FETCH 2 BODY.PEEK[]\r\n", 20)},
	} {
		w := c.enter()
		w.send("%s", c.say)
		if err := w.Close(); err != nil && !strings.Contains(err.Error(), "closed") {
			t.Logf("%s: %v", c.why, err)
		}
	}
	w := selected()
	if got := w.ok("FETCH 1:* FLAGS"); got != "* 1 FETCH (FLAGS ())\n* 2 FETCH (FLAGS ())" {
		t.Errorf("something was half done: %s", got)
	}
	w.ok("LOGOUT")
	f.stop() // waits for all sessions, and finds panics
}

// TestFullDisk: what does not fit is refused in words, changes nothing, and all else goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("ett"))
	f.stop()
	keys, err := vault.OpenKeyFile(filepath.Join(f.dir, "key"))
	f.must(err)
	f.vault, err = vault.Open(t.Context(), filepath.Join(f.dir, "vault"), keys, vault.Options{
		Log: slog.New(slog.DiscardHandler), MailPasswords: true, PasswordMemory: 8, MaxSize: 24 << 20,
	})
	f.must(err)
	f.serve()
	w := f.login(anna)
	w.ok("SELECT Drafts")
	text := mail("utkast") + strings.Repeat("0123456789abcde\r\n", 1<<16)
	status := "OK"
	for n := 0; strings.HasPrefix(status, "OK") && n < 40; n++ {
		w.send("a APPEND Drafts {%d}\r\n", len(text))
		if got := w.response(); !strings.HasPrefix(got, "+") {
			t.Fatalf("append: %q", got)
		}
		w.send("%s\r\n", text)
		for status = ""; status == ""; {
			status, _ = strings.CutPrefix(w.response(), "a ")
			if strings.HasPrefix(status, "*") {
				status = ""
			}
		}
	}
	if !strings.HasPrefix(status, "NO [OVERQUOTA]") {
		t.Errorf("full: %q", status)
	}
	w.ok("SELECT INBOX")
	n := 1
	for ; n < 1<<17; n *= 2 { // entries are small
		if _, status = w.do("COPY 1:* INBOX"); !strings.HasPrefix(status, "OK") {
			break
		}
	}
	if exists := fmt.Sprintf("* %d EXISTS", n); !strings.HasPrefix(status, "NO [OVERQUOTA]") || !strings.Contains(w.ok("SELECT INBOX"), exists) {
		t.Errorf("a copy of %d messages: %q; then not %q", n, status, exists)
	}
	if got := w.ok("FETCH 1 (ENVELOPE BODY.PEEK[])"); literalOf(got[strings.Index(got, "BODY[]"):]) != mail("ett") {
		t.Errorf("reading: %q", got)
	}
	w.ok("SELECT Drafts")
	w.ok(`STORE 1:* +FLAGS.SILENT (\Deleted)`)
	w.ok("EXPUNGE")
	w.send("a APPEND Drafts {%d}\r\n", len(text))
	w.response()
	w.send("%s\r\n", text)
	for status = w.response(); strings.HasPrefix(status, "*"); status = w.response() {
	}
	if !strings.HasPrefix(status, "a OK") {
		t.Errorf("after making room: %q", status)
	}
}
