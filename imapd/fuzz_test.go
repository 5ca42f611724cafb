package imapd

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// commands are the seeds: one of each, and what has gone wrong in servers before.
var commands = []string{
	"CAPABILITY", "NOOP", "LOGOUT", "STARTTLS", "AUTHENTICATE PLAIN\r\n*", "AUTHENTICATE PLAIN =", "LOGIN a b", "LOGIN {1}\r\na {1}\r\nb",
	"SELECT INBOX", "EXAMINE INBOX", "CREATE x", "DELETE x", "RENAME x y", "SUBSCRIBE x", "LIST \"\" *", "LIST (SUBSCRIBED) \"\" (% *) RETURN (STATUS (MESSAGES))",
	"LSUB \"\" %", "STATUS INBOX (MESSAGES DELETED DELETED-STORAGE)", "APPEND Drafts {5+}\r\na: b\n", "APPEND Drafts (\\Seen) ~{1}\r\nx", "APPEND Drafts UTF8 (~{1+}\r\nx)",
	"CHECK", "CLOSE", "UNSELECT", "EXPUNGE", "UID EXPUNGE 1:*", "IDLE\r\nDONE", "IDLE\r\nNOOP", "NAMESPACE", "ENABLE UTF8=ACCEPT IMAP4rev2",
	"FETCH 1:* ALL", "FETCH 1:* FULL", "FETCH 1 (BODY BODYSTRUCTURE)", "UID FETCH *:1 (UID RFC822.SIZE RFC822.PEEK)", "FETCH 1,1,1:* BODY[1.1.MIME]<0.1>",
	"FETCH 1 BODY[HEADER.FIELDS (a b)]<3.9223372036854775807>", "FETCH 1 BODY[]<9223372036854775807.9223372036854775807>", "FETCH 1 BINARY.SIZE[1]", "FETCH 1:* (BINARY[1]<3.5> BINARY.PEEK[] BINARY.SIZE[2.1])",
	"FETCH 4294967295 FLAGS", "FETCH 0 FLAGS", "FETCH 1 BODY[99999999999.1]", "FETCH 1 BODY[0.0.0]", "FETCH $ FLAGS", "UID FETCH $ FLAGS",
	"STORE 1 +FLAGS (\\Deleted)", "STORE 1 FLAGS ()", "STORE 1:* -FLAGS.SILENT x", "COPY 1 Trash", "MOVE 1 Trash", "UID MOVE 1:* INBOX",
	"SEARCH NOT NOT OR ALL (SEEN) BODY x", "SEARCH CHARSET UTF-8 TEXT {1+}\r\n\xff", "SEARCH RETURN (MIN SAVE) 1", "SEARCH 1:*,$", "UID SEARCH UID * LARGER 0",
	"SEARCH HEADER \"\" \"\" SENTON 1-Jan-0000", "SEARCH TEXT \"\"", "LIST \"\" &-&", "CREATE \"&\"", "x {4097+}\r\n", "\x00", "(((((", "\"", "{", "{0}", "{0+}\r\n",
}

// states are those of a connection, with what leads there and what follows the octets.
var states = []struct{ before, lead, after string }{
	{"", "f ", ""},
	{"L", "f ", ""},
	{"LS", "f ", ""},
	{"LS", "i IDLE\r\n", "\r\nDONE"},
	{"LS", "a APPEND Drafts {30+}\r\n", ""},
	{"L", "a APPEND Drafts (\\Seen) ~{30}\r\n", ""},
	{"", "a AUTHENTICATE PLAIN\r\n", ""},
	{"", "a LOGIN {20+}\r\n", ""},
}

// FuzzCommands sends octets in each state. The server must answer or hang up, and nothing may panic.
func FuzzCommands(f *testing.F) {
	for state := 3; state < len(states); state++ {
		for _, in := range []string{"", "DONE", "NOOP", "DONE\r\nx SELECT Drafts", "*", "AGEAYg==", "Subject: x\r\n\r\nx CREATE Injected\r\nx NOOP", "{5}\r\n", "\x00"} {
			f.Add(byte(state), []byte(in))
		}
	}
	for i, c := range commands {
		f.Add(byte(2), []byte(c))
		if i%4 < 2 { // before SELECT most are only refused
			f.Add(byte(i%2), []byte(c))
		}
	}
	x := newFixture(f)
	for _, raw := range hostileMails {
		x.deposit(raw)
	}
	var mu sync.Mutex // one mailbox for all
	f.Fuzz(func(t *testing.T, state byte, in []byte) {
		mu.Lock()
		defer mu.Unlock()
		c, err := tls.Dial("tcp", x.implicit, x.clientTLS())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		before := map[rune]string{'L': fmt.Sprintf("L LOGIN %s \"%s\"\r\n", anna, password), 'S': "S SELECT INBOX\r\n"}
		at := states[int(state)%len(states)]
		var say bytes.Buffer
		for _, step := range at.before {
			say.WriteString(before[step])
		}
		fmt.Fprintf(&say, "%s%s%s\r\nz LOGOUT\r\n", at.lead, in, at.after)
		if _, err := c.Write(say.Bytes()); err != nil {
			return
		}
		c.CloseWrite()
		if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Fatalf("neither an answer nor an end to %q", in)
		}
		if n := x.server.panics.Load(); n > 0 {
			t.Fatalf("%d panics:\n%s", n, x.log.String())
		}
	})
}
