package imapd

import (
	"slices"
	"strings"
	"testing"
)

// TestWrongState says every command in every state it is not for (RFC 3501 section 3): it is refused, and the connection
// goes on as if nothing had been said.
func TestWrongState(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("ett"))
	needLogin := []string{
		"SELECT INBOX", "EXAMINE INBOX", "CREATE X", "DELETE X", "RENAME X Y", "SUBSCRIBE INBOX", "UNSUBSCRIBE INBOX",
		`LIST "" *`, `LSUB "" *`, "NAMESPACE", "STATUS INBOX (MESSAGES)", "APPEND INBOX {3+}\r\nabc", "ENABLE UTF8=ACCEPT", "IDLE",
	}
	needMailbox := []string{ // not CHECK, which the library takes for NOOP in every state
		"CLOSE", "UNSELECT", "EXPUNGE", "SEARCH ALL", "FETCH 1 FLAGS", `STORE 1 FLAGS (\Seen)`, "COPY 1 Sent", "MOVE 1 Sent",
		"UID FETCH 1 FLAGS", "UID SEARCH ALL", `UID STORE 1 FLAGS (\Seen)`, "UID COPY 1 Sent", "UID MOVE 1 Sent", "UID EXPUNGE 1",
	}
	onlyBefore := []string{"LOGIN a b", "AUTHENTICATE PLAIN AGEAYg=="}
	const unknown = "XYZZY"
	for _, state := range []struct {
		name    string
		enter   func() *wire
		refused [][]string
	}{
		{"not authenticated", f.dial, [][]string{needLogin, needMailbox}},
		{"authenticated", func() *wire { return f.login(anna) }, [][]string{needMailbox, onlyBefore, {unknown}}},
		{"selected", func() *wire { w := f.login(anna); w.ok("SELECT INBOX"); return w }, [][]string{onlyBefore, {unknown, "STARTTLS"}}},
	} {
		w := state.enter()
		for _, commands := range state.refused {
			for _, c := range commands {
				_, status := w.do("%s", c)
				if status == "" { // the library ends a connection that talks nonsense before login
					w = state.enter()
				} else if !strings.HasPrefix(status, "BAD") && !strings.HasPrefix(status, "NO") {
					t.Errorf("%s: %s: %s", state.name, c, status)
				}
			}
		}
		w.ok("NOOP")
		w.ok("CAPABILITY")
	}
	// In IDLE nothing but DONE is a command (RFC 2177), and in a literal nothing is.
	w := f.login(anna)
	for _, c := range slices.Concat(needLogin, needMailbox, onlyBefore, []string{unknown, "NOOP", "LOGOUT", "IDLE"}) {
		if strings.Contains(c, "\r\n") {
			continue // two lines
		}
		w.ok("SELECT INBOX")
		w.send("i IDLE\r\n%s\r\n", c)
		for status := ""; !strings.HasPrefix(status, "i "); {
			if status = w.response(); strings.HasPrefix(status, "i OK") || status == "" {
				t.Errorf("in IDLE: %s: %q", c, status)
				break
			}
		}
		w.ok("NOOP")
	}
	content := "Subject: x\r\n\r\nx CREATE X\r\nDONE\r\nx LOGOUT\r\n"
	w.ok("APPEND Drafts {%d+}\r\n%s", len(content), content)
	w = f.login(anna)
	if got := w.ok("STATUS INBOX (MESSAGES UNSEEN)"); got != "* STATUS INBOX (MESSAGES 1 UNSEEN 1)" {
		t.Errorf("something was done: %s", got)
	}
	if got := w.ok(`LIST "" X`); got != "" {
		t.Errorf("something was done: %s", got)
	}
}
