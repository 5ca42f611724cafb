package smtpd

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sigill/vault"
)

// wire is a client that says what it likes.
type wire struct {
	t testing.TB
	net.Conn
	in *bufio.Reader
}

func (g *gateway) wire(kind Kind) *wire { return g.wireFrom("127.0.0.1", kind) }

// wireFrom is a client with a loopback address of its own.
func (g *gateway) wireFrom(ip string, kind Kind) *wire {
	g.t.Helper()
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	c, err := from.Dial("tcp", g.addr[kind])
	if err != nil {
		g.t.Fatal(err)
	}
	return g.on(c, kind)
}

// still is a client by a pipe.
func (g *gateway) still(kind Kind) *wire { return g.on(g.pipes[kind].dial(), kind) }

func (g *gateway) on(c net.Conn, kind Kind) *wire {
	if kind == Submissions {
		c = tls.Client(c, g.tls())
	}
	g.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute)) // many at once, with the race detector, take their time
	return &wire{g.t, c, bufio.NewReader(c)}
}

// reply reads one reply, its lines joined by "\n"; "" at the end of the connection.
func (w *wire) reply() string {
	w.t.Helper()
	var lines []string
	for {
		line, err := w.in.ReadString('\n')
		if err != nil {
			if len(lines) > 0 {
				w.t.Errorf("cut off within a reply: %q", lines)
			}
			return ""
		}
		lines = append(lines, strings.TrimRight(line, "\r\n"))
		if len(line) < 4 || line[3] != '-' {
			return strings.Join(lines, "\n")
		}
	}
}

// say writes text as it is, with a line end added.
func (w *wire) say(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\r\n", args...) }

// talk says one line for each pair and expects the reply to begin so.
func (w *wire) talk(pairs ...string) {
	w.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] != "" {
			w.say("%s", pairs[i])
		}
		if got := w.reply(); !strings.HasPrefix(got, pairs[i+1]) || got == "" && pairs[i+1] != "" {
			w.t.Errorf("%.80q was answered %q, want %q", pairs[i], got, pairs[i+1])
		}
	}
}

// gone expects the end of the connection.
func (w *wire) gone() {
	w.t.Helper()
	for {
		if _, err := w.in.ReadString('\n'); err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				w.t.Error("the connection stays open")
			}
			return
		}
	}
}

// envelope goes up to RCPT on a connector.
func (w *wire) envelope() {
	w.t.Helper()
	w.talk("", "220", "EHLO client.example", "250", "MAIL FROM:<anna@kommun.example>", "250", "RCPT TO:<cecil@ut.example>", "250")
}

const injection = "\r\nMAIL FROM:<bo@kommun.example>\r\nRCPT TO:<cecil@ut.example>\r\nDATA\r\nSubject: injected\r\n\r\n.\r\n"

// TestStallInMessage: what comes after a message has stalled is no command.
func TestStallInMessage(t *testing.T) {
	t.Parallel()
	for why, begin := range map[string]string{
		"DATA":                     "DATA\r\nSubject: a\r\n\r\nb\r\n",
		"DATA under TLS":           "DATA\r\nSubject: a\r\n\r\nb\r\n",
		"BDAT":                     "BDAT 4000\r\nSubject: a\r\n\r\nb\r\n",
		"BDAT, header whole, last": "BDAT 4000 LAST\r\nSubject: [secure]\r\n\r\nb\r\n",
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := startStill(t, func(o *setup) { o.Limits.Idle = time.Second })
				var w *wire
				if why == "DATA under TLS" {
					w = g.still(Submissions)
					w.talk("", "220", "EHLO client.example", "250", "AUTH PLAIN "+plainAuth(anna.String(), password), "235",
						"MAIL FROM:<anna@kommun.example>", "250", "RCPT TO:<cecil@ut.example>", "250")
				} else {
					w = g.still(Connector)
					w.envelope()
				}
				go io.WriteString(w, begin) // the rest of a chunk is not waited for
				if strings.HasPrefix(begin, "DATA") {
					w.talk("", "354")
				}
				time.Sleep(2 * time.Second)
				go io.WriteString(w, injection)
				w.talk("", "451 4.4.2")
				w.gone()
				g.empty()
			})
		})
	}
}

func TestSlowUpload(t *testing.T) {
	t.Parallel()
	for why, row := range map[string]struct {
		whole time.Duration
		bdat  bool
		want  string
	}{
		"a steady upload may take many idle times": {time.Hour, false, "250"},
		"a steady upload in chunks too":            {time.Hour, true, "250"},
		"but no longer than a message may take":    {10 * time.Minute, false, "451 4.4.2"},
		"nor in chunks":                            {10 * time.Minute, true, "4"},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := startStill(t, func(o *setup) {
					o.Limits.Idle, o.Limits.Command, o.Limits.Data = 3*time.Minute, 3*time.Minute, row.whole
				})
				w := g.still(Connector)
				_ = w.SetDeadline(time.Time{})
				w.envelope()
				if got := w.upload(30, time.Minute, row.bdat); !strings.HasPrefix(got, row.want) {
					t.Errorf("answered %q, want %q", got, row.want)
				}
			})
		})
	}
}

// upload sends a message of header fields with a pause after each, and gives the reply that ends it.
func (w *wire) upload(fields int, pause time.Duration, bdat bool) (reply string) {
	replies := 1
	if bdat {
		replies = fields + 1
	} else {
		w.talk("DATA", "354")
	}
	var poured sync.WaitGroup
	poured.Go(func() { w.pour(fields, pause, bdat) })
	defer poured.Wait()
	for range replies {
		if reply = w.reply(); !strings.HasPrefix(reply, "250") {
			break
		}
	}
	return reply
}

func (w *wire) pour(fields int, pause time.Duration, bdat bool) {
	line, end := "Subject: [secure]\r\n", ".\r\n"
	if bdat {
		line, end = fmt.Sprintf("BDAT %d\r\n%s", len(line), line), "BDAT 0 LAST\r\n"
	}
	for range fields {
		if _, err := io.WriteString(w, line); err != nil {
			return
		}
		time.Sleep(pause)
	}
	_, _ = io.WriteString(w, end)
}

func TestLineEnds(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	for name, body := range map[string]string{
		"LF dot LF":                 "a\n.\nb\r\n",
		"LF dot CRLF":               "a\n.\r\nb\r\n",
		"CR dot CR":                 "a\r.\rb\r\n",
		"CR dot CRLF":               "a\r.\r\nb\r\n",
		"LF dot CR":                 "a\n.\rb\r\n",
		"CRLF dot LF":               "a\r\n.\nb\r\n",
		"NUL":                       "a\x00b\r\n",
		"CRLF NUL dot":              "a\r\n\x00.\r\nb\r\n",
		"bare LF":                   "a\nb\r\n",
		"bare CR":                   "a\rb\r\n",
		"CR CR LF at the end":       "a\r\r\n",
		"CR CR LF within":           "a\r\r\nb\r\n",
		"four CR at the end":        "a\r\r\r\r\n",
		"LF, then CR CR LF at end":  "a\nb\r\r\n",
		"CR CR LF twice at the end": "a\r\r\nb\r\r\n",
	} {
		for _, how := range []struct {
			name string
			kind Kind
			step int
		}{{"at once", Connector, 1 << 10}, {"octet by octet", Connector, 1}, {"within TLS", Submissions, 1 << 10}, {"in records of three", Submissions, 3}} {
			t.Run(name+", "+how.name, func(t *testing.T) {
				t.Parallel()
				w := g.wire(how.kind)
				if how.kind == Submissions {
					w.talk("", "220", "EHLO a.example", "250", "AUTH PLAIN "+plainAuth(anna.String(), password), "235",
						"MAIL FROM:<anna@kommun.example>", "250", "RCPT TO:<cecil@ut.example>", "250")
				} else {
					w.envelope()
				}
				w.talk("DATA", "354")
				// What follows is what a smuggler would have obeyed.
				for part := range slices.Chunk([]byte("Subject: [secure]\r\n\r\n"+body+".\r\n"), how.step) {
					_, _ = w.Write(part)
				}
				w.talk("", "550 5.6.0")
			})
		}
	}
	t.Cleanup(g.empty)
}

func TestSmuggling(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	for _, end := range []string{"\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r.\n", "\n.\r", "\r\n\x00.\r\n", "\r\n.\x00\r\n", "\r\n.\r\r\n", "\r\r\n.\r\n"} {
		t.Run(fmt.Sprintf("%q", end), func(t *testing.T) {
			t.Parallel()
			w := g.wire(Connector)
			w.envelope()
			w.talk("DATA", "354")
			io.WriteString(w, "Subject: a\r\n\r\na"+end+"MAIL FROM:<bo@kommun.example>\r\nRCPT TO:<cecil@ut.example>\r\nDATA\r\nSubject: b\r\n\r\nsmuggled\r\n.\r\nQUIT\r\n")
			_ = w.SetReadDeadline(time.Now().Add(5 * time.Second))
			for w.reply() != "" {
			}
		})
	}
	t.Cleanup(func() {
		for _, m := range g.upstream.Mails() {
			if m.From != "anna@kommun.example" || strings.Contains(strings.ReplaceAll(string(m.Data), "\r\n", ""), "\r") {
				t.Errorf("smuggled: from %s: %q", m.From, m.Data)
			}
		}
	})
}

func TestBDAT(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		chunks []string
		want   string
		sealed string
	}{
		"whole":                     {[]string{"Subject: [secure] a\r\n\r\nb\r\n"}, "250", "Subject: a\r\n\r\nb\r\n"},
		"cut anywhere":              {[]string{"Subject: [sec", "ure] a\r", "\n", "\r\nb", "\r\n"}, "250", "Subject: a\r\n\r\nb\r\n"},
		"no line end at the end":    {[]string{"Subject: [secure] a\r\n\r\nb"}, "250", "Subject: a\r\n\r\nb"},
		"a dot is a dot":            {[]string{"Subject: [secure] a\r\n\r\n.\r\n..\r\n"}, "250", "Subject: a\r\n\r\n.\r\n..\r\n"},
		"bare LF becomes CRLF":      {[]string{"Subject: [secure] a\n\nb\nc\r\nd\n"}, "250", "Subject: a\r\n\r\nb\r\nc\r\nd\r\n"},
		"LF at a chunk's start":     {[]string{"Subject: [secure] a\r\n\r\nb", "\nc\r", "\n"}, "250", "Subject: a\r\n\r\nb\r\nc\r\n"},
		"bare CR":                   {[]string{"Subject: [secure] a\r\n\r\nb\rc\r\n"}, "550 5.6.0", ""},
		"bare CR at the end":        {[]string{"Subject: [secure] a\r\n\r\nb\r"}, "550 5.6.0", ""},
		"bare CR hides the subject": {[]string{"X: y\r\r\nSubject: [secure] a\r\n\r\nb\r\n"}, "550 5.6.0", ""},
		"NUL":                       {[]string{"Subject: [secure] a\r\n\r\nb\x00\r\n"}, "550 5.6.0", ""},
		"many small chunks":         {strings.SplitAfter("Subject: [secure] a\r\n\r\n"+strings.Repeat("x", 1500), ""), "250", "Subject: a\r\n\r\n" + strings.Repeat("x", 1500)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := start(t, nil)
			w := g.wire(Connector)
			w.envelope()
			for i, c := range row.chunks {
				last := ""
				if i == len(row.chunks)-1 {
					last = " LAST"
				}
				fmt.Fprintf(w, "BDAT %d%s\r\n%s", len(c), last, c)
			}
			got := ""
			for range row.chunks {
				got = w.reply()
			}
			if !strings.HasPrefix(got, row.want) {
				t.Errorf("answered %q, want %q", got, row.want)
			}
			w.talk("MAIL FROM:<anna@kommun.example>", "250") // the session goes on
			all := g.sealed(vault.Staff(anna))
			if row.sealed == "" && len(all) > 0 || row.sealed != "" && (len(all) != 1 || all[0] != row.sealed) {
				t.Errorf("sealed %q, want %q", all, row.sealed)
			}
			if len(g.upstream.Mails()) > 0 {
				t.Error("passed on")
			}
		})
	}
}

func TestBDATAborted(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	w := g.wire(Connector)
	for range 20 {
		fmt.Fprint(w, "EHLO a.example\r\nMAIL FROM:<anna@kommun.example>\r\nRCPT TO:<cecil@ut.example>\r\nBDAT 40\r\nSubject: [secure] a\r\n\r\n0123456789abcdefRSET\r\n")
	}
	fmt.Fprint(w, "QUIT\r\n")
	// The server closes with commands unread, so the system may throw its last reply away.
	_, _ = io.Copy(io.Discard, w)
	g.stop()
	g.empty()
}

// TestBDATRefused: a chunk whose command is refused is thrown away and not obeyed.
func TestBDATRefused(t *testing.T) {
	t.Parallel()
	const limit = 1000
	g := start(t, func(o *setup) { o.Limits.MessageSize = limit })
	const mail = "MAIL FROM:<anna@kommun.example>\r\n"
	for _, row := range []struct {
		why, before, chunk string
		want               []string
	}{
		{"before MAIL", "", injection, []string{"502 5.5.1"}},
		{"before RCPT", mail, injection, []string{"250", "502 5.5.1"}},
		{"too large", mail + "RCPT TO:<cecil@ut.example>\r\n", strings.Repeat(injection, limit/len(injection)+1), []string{"250", "250", "552 5.3.4"}},
	} {
		for _, kind := range []Kind{Connector, Submissions} {
			w := g.wire(kind)
			w.talk("", "220", "EHLO client.example", "250")
			if kind == Submissions {
				w.talk("AUTH PLAIN "+plainAuth(anna.String(), password), "235")
			}
			fmt.Fprintf(w, "%sBDAT %d LAST\r\n%sNOOP\r\n", row.before, len(row.chunk), row.chunk)
			for _, want := range append(row.want, "250 2.0.0 I have successfully done nothing") {
				w.talk("", want)
			}
			w.talk("QUIT", "221")
		}
	}
	g.empty()
	if n := len(g.upstream.Mails()); n != 0 {
		t.Errorf("%d mails passed on", n)
	}
}

// TestBDATNotUnderstood: nobody knows how long the chunk of such a command is, so nothing behind it is obeyed.
func TestBDATNotUnderstood(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	size := len(injection)
	for why, line := range map[string]string{
		"a chunk before":    "BDAT 2\r\nA:BDAT x",
		"no size":           "BDAT",
		"no size, a space":  "BDAT ",
		"a word as size":    "BDAT many LAST",
		"a negative size":   "BDAT -1 LAST",
		"more than 32 bits": "BDAT 4294967296",
		"an unknown word":   fmt.Sprintf("BDAT %d NEXT", size),
		"a word too many":   fmt.Sprintf("BDAT %d LAST LAST", size),
		"a tab":             fmt.Sprintf("bdat\t%d LAST", size),
	} {
		for _, kind := range []Kind{Connector, Submission, Submissions} {
			t.Run(why+" by "+string(kind), func(t *testing.T) {
				t.Parallel()
				w := g.wire(kind)
				w.t = t
				w.talk("", "220", "EHLO client.example", "250")
				if kind == Submission {
					w.talk("STARTTLS", "220")
					w = g.on(tls.Client(w.Conn, g.tls()), kind)
					w.talk("EHLO client.example", "250")
				}
				if kind != Connector {
					w.talk("AUTH PLAIN "+plainAuth(anna.String(), password), "235")
				}
				w.talk("MAIL FROM:<anna@kommun.example>", "250", "RCPT TO:<cecil@ut.example>", "250")
				fmt.Fprintf(w, "%s\r\nRSET\r\n%s", line, injection)
				if strings.HasPrefix(line, "BDAT 2") {
					w.talk("", "250")
				}
				w.talk("", "501 5.5.")
				if more := w.reply(); more != "" {
					t.Errorf("the connection goes on: %q", more)
				}
			})
		}
	}
	t.Cleanup(g.empty)
}

func TestTransactionState(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	w := g.wire(Connector)
	w.talk("", "220",
		"MAIL FROM:<anna@kommun.example>", "502", // before EHLO
		"EHLO client.example", "250",
		"RCPT TO:<cecil@ut.example>", "502",
		"MAIL FROM:<anna@kommun.example>", "250",
		"DATA", "502", // nobody to send to
		"RCPT TO:<cecil@ut.example>", "250",
		"MAIL FROM:<bo@kommun.example>", "503 5.5.1", // nested
		"DATA", "354",
		"Subject: a\r\n\r\nb\r\n.", "250",
		"DATA", "502", // the transaction is over
		"MAIL FROM:<anna@kommun.example>", "250",
		"RSET", "250",
		"RCPT TO:<cecil@ut.example>", "502",
		"MAIL FROM:<anna@kommun.example>", "250",
		"EHLO again.example", "250", // as RSET, RFC 5321 section 4.1.4
		"MAIL FROM:<bo@kommun.example>", "250",
		"QUIT", "221")
	if m := g.upstream.Mails(); len(m) != 1 || m[0].From != anna.String() {
		t.Errorf("%+v", m)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	w := g.wire(Connector)
	w.talk("", "220", "EHLO client.example", "250")
	for _, row := range []struct{ mail, want string }{
		{"<anna@kommun.example>", "250"},
		{"<anna@KOMMUN.example>", "250"},
		{"<>", "250"},
		{"<chef@annan.example>", "550 5.7.1"},
		{"<anna@under.kommun.example>", "550 5.7.1"},
		{"<anna@[127.0.0.1]>", "553 5.1.7"},
		{"<an\x01na@kommun.example>", "553 5.1.7"},
		{"<an\rna@kommun.example>", "553 5.1.7"},
		{"<\"anna b\"@kommun.example>", "553 5.1.7"},
		{"<anna>", "501"},
		{"<åsa@kommun.example>", "553 5.6.7"},
		{"<åsa@kommun.example> SMTPUTF8", "250"},
		{"<anna@kommun.example> BODY=8BITMIME SIZE=1000", "250"},
		{"<anna@kommun.example> SIZE=157286400", "250"},
		{"<anna@kommun.example> SIZE=157286401", "552 5.3.4"},
		{"<anna@kommun.example> SIZE=99999999999", "501"},
		{"<anna@kommun.example> REQUIRETLS", "504"},
	} {
		w.talk("MAIL FROM:"+row.mail, row.want, "RSET", "250")
	}
	w.talk("MAIL FROM:<anna@kommun.example>", "250")
	for _, row := range []struct{ rcpt, want string }{
		{"<cecil@ut.example>", "250"},
		{"<>", "501"},
		{"<a\x01\rb@x.example>", "553 5.1.3"},
		{"<a\x7f@x.example>", "553 5.1.3"},
		{"<cecil@ut..example>", "553 5.1.3"},
		{"<åsa@ut.example>", "553 5.6.7"},
		{"<\xff@ut.example>", "553 5.1.3"},
		{"<" + strings.Repeat("x", 65) + "@ut.example>", "553 5.1.3"},
		{"<@relay.example:cecil@ut.example>", "250"}, // RFC 5321 appendix C: a source route is ignored
	} {
		w.talk("RCPT TO:"+row.rcpt, row.want)
	}
}

func TestSizeLimit(t *testing.T) {
	t.Parallel()
	const limit = 20000
	g := start(t, func(o *setup) { o.Limits.MessageSize = limit })
	message := func(n int) string {
		const head = "Subject: a\r\n\r\n"
		body := strings.Repeat(strings.Repeat("x", 98)+"\r\n", n/100+1)[:n-len(head)-2]
		return head + strings.TrimRight(body, "\r\n") + strings.Repeat("y", len(body)-len(strings.TrimRight(body, "\r\n"))) + "\r\n"
	}
	w := g.wire(Connector)
	w.talk("", "220", "EHLO client.example", "250")
	for _, row := range []struct {
		size int
		want string
	}{{limit - 1, "250"}, {limit, "250"}, {limit + 1, "552 5.3.4"}, {limit + 2, "552 5.3.4"}, {5 * limit, "552 5.3.4"}, {limit, "250"}} {
		m := message(row.size)
		if len(m) != row.size {
			t.Fatal(len(m), row.size)
		}
		w.talk("MAIL FROM:<anna@kommun.example>", "250", "RCPT TO:<cecil@ut.example>", "250", "DATA", "354", m+".", row.want)
		w.talk("MAIL FROM:<anna@kommun.example>", "250", "RCPT TO:<cecil@ut.example>", "250")
		fmt.Fprintf(w, "BDAT %d LAST\r\n%s", len(m), m)
		w.talk("", row.want)
	}
	if n := len(g.upstream.Mails()); n != 6 {
		t.Errorf("%d mails upstream", n)
	}
}

// TestEndlessMessage: who goes on far beyond the limit is told so, and is not heard out.
func TestEndlessMessage(t *testing.T) {
	t.Parallel()
	g := start(t, func(o *setup) { o.Limits.MessageSize = 20000 })
	w := g.wire(Connector)
	w.envelope()
	w.talk("DATA", "354")
	go func() {
		lines := []byte("Subject: a\r\n\r\n" + strings.Repeat(strings.Repeat("x", 998)+"\r\n", 1000))
		for written := 0; written < 2*heardOut; written += len(lines) {
			if _, err := w.Write(lines); err != nil {
				return
			}
		}
		w.say(".\r\nQUIT")
	}()
	w.talk("", "552 5.3.4")
	if more := w.reply(); more != "" {
		t.Errorf("it was heard out: %q", more)
	}
	g.empty()
}

func TestTooManyRecipients(t *testing.T) {
	t.Parallel()
	g := start(t, func(o *setup) { o.Limits.Recipients = 3 })
	w := g.wire(Connector)
	w.envelope()
	w.talk("RCPT TO:<b@ut.example>", "250", "RCPT TO:<c@ut.example>", "250", "RCPT TO:<d@ut.example>", "452 4.5.3",
		"DATA", "354", "Subject: a\r\n\r\n.", "250")
	if m := g.upstream.Mails(); len(m) != 1 || len(m[0].To) != 3 {
		t.Errorf("%+v", m)
	}
}

func TestLongLines(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	w := g.wire(Connector)
	w.envelope()
	w.talk("DATA", "354", "Subject: a\r\n\r\n"+strings.Repeat("x", 60000)+"\r\n.", "250")
	w.talk("MAIL FROM:<anna@kommun.example>", "250", "RCPT TO:<cecil@ut.example>", "250",
		"DATA", "354", "Subject: a\r\n\r\n"+strings.Repeat("x", 70000)+"\r\n.", "550 5.6.0")
	w.gone()
	w = g.wire(Connector)
	w.talk("", "220", "EHLO "+strings.Repeat("x", 70000), "500")
	w.gone()
	if len(g.upstream.Mails()) != 1 {
		t.Error("a cut line was passed on")
	}
	// More than the network holds: a client whose write fails does not look for the reply that says why.
	w = g.wire(Connector)
	w.envelope()
	w.talk("DATA", "354")
	if _, err := io.WriteString(w, "Subject: a\r\n\r\n"+strings.Repeat("x", 16<<20)+"\r\n.\r\n"); err != nil {
		t.Errorf("a client that sends a long line cannot end: %v", err)
	}
	w.talk("", "550 5.6.0")
	w.gone()
}

func TestFloods(t *testing.T) {
	t.Parallel()
	for why, line := range map[string]string{"NOOP": "NOOP", "RSET": "RSET", "EHLO": "EHLO a.example", "VRFY": "VRFY a", "empty chunks": "BDAT 0"} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			g := start(t, func(o *setup) { o.Limits.Commands = 50 })
			w := g.wire(Connector)
			w.envelope()
			n := 0
			for ; n < 200; n++ {
				w.say("%s", line)
				if r := w.reply(); r == "" || strings.HasPrefix(r, "421") {
					break
				}
			}
			if n > 50 {
				t.Errorf("%d times", n)
			}
			w.gone()
		})
	}
	t.Run("mail after mail is no flood", func(t *testing.T) {
		t.Parallel()
		g := start(t, func(o *setup) { o.Limits.Commands = 50 })
		w := g.wire(Connector)
		w.talk("", "220", "EHLO a.example", "250")
		for range 60 {
			w.talk("MAIL FROM:<anna@kommun.example>", "250", "RCPT TO:<cecil@ut.example>", "250", "DATA", "354", "A: b\r\n\r\n.", "250")
		}
	})
}

func TestPassIsByteForByte(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	received := regexp.MustCompile(`^Received: from (\S+) \(\[127\.0\.0\.1\]\)\r\n(?:\t\(using TLS1\.3 with cipher TLS_\w+\)\r\n)?\tby gateway\.example \(Sigill\) with (\w+) id [0-9a-f]{12};\r\n\t[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}\r\n`)
	bodies := []string{
		"", "b\r\n", ".\r\n..\r\n.b\r\n...\r\n", "\xff\xfe\x80 \xe5\r\n", strings.Repeat("x", 60000) + "\r\n", "\r\n\r\n\r\n",
		strings.Repeat(strings.Repeat("z", 998)+"\r\n", 500), "Received: in the body\r\n", "From b\r\n",
	}
	for _, kind := range []Kind{Connector, Submission, Submissions} {
		c := g.client(kind)
		for i, body := range bodies {
			// Odd headers pass as they are.
			m := "Received: from earlier\r\n\tby hop\r\nsubject :  a  \r\nX-\xe5: \xff\r\n \t folded \r\nSubject: second\r\n\r\n" + body
			if _, err := submit(c, anna.String(), m, cecil); err != nil {
				t.Fatal(kind, i, err)
			}
			all := g.upstream.Mails()
			got := string(all[len(all)-1].Data)
			top := received.FindStringSubmatch(got)
			if top == nil {
				t.Fatalf("Received is %.300q", got)
			}
			if want := map[Kind]string{Connector: "ESMTP", Submission: "ESMTPSA", Submissions: "ESMTPSA"}[kind]; top[2] != want {
				t.Errorf("with %s, want %s", top[2], want)
			}
			if got[len(top[0]):] != m {
				t.Errorf("%s %d: changed on the way", kind, i)
			}
		}
	}
	w := g.wire(Connector)
	w.talk("", "220", "EHLO (evil) <a>\x01b", "250", "MAIL FROM:<anna@kommun.example> SMTPUTF8", "250", "RCPT TO:<åsa@ut.example>", "250")
	io.WriteString(w, "BDAT 14 LAST\r\nSubject: a\r\n\r\nBDAT 0\r\n")
	w.talk("", "250")
	all := g.upstream.Mails()
	last := all[len(all)-1]
	if got := string(last.Data); !strings.HasPrefix(got, "Received: from ?evil? ([127.0.0.1])\r\n\tby gateway.example (Sigill) with UTF8SMTP id ") || !last.Options.UTF8 {
		t.Errorf("%q %+v", got, last.Options)
	}
}

func TestDoors(t *testing.T) {
	t.Parallel()
	g := start(t, func(o *setup) {
		o.Limits.PerAddress, o.Limits.Connections = 3, 4
		o.Listeners = append(o.Listeners, Listener{Kind: Connector, Net: listen(t), Networks: nil})
		o.Listeners[3].Networks = append(o.Listeners[3].Networks, netip.MustParsePrefix("192.0.2.0/24"))
	})
	g.addr["far"] = g.server.config.Listeners[3].Net.Addr().String()
	far := g.wire("far")
	far.talk("", "554 5.7.1")
	far.gone()

	var open []*wire
	for range 3 {
		w := g.wire(Connector)
		w.talk("", "220")
		open = append(open, w)
	}
	w := g.wire(Connector)
	w.talk("", "421 4.7.0")
	w.gone()
	other, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).Dial("tcp", g.addr[Connector])
	if err != nil {
		t.Skip("this system has no 127.0.0.2")
	}
	second := &wire{t, other, bufio.NewReader(other)}
	second.talk("", "220") // the fourth in all
	third, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 3)}}).Dial("tcp", g.addr[Connector])
	if err != nil {
		t.Fatal(err)
	}
	(&wire{t, third, bufio.NewReader(third)}).talk("", "421 4.7.0")
	second.Close()
	open[0].talk("QUIT", "221")
	open[0].gone()
	for deadline := time.Now().Add(5 * time.Second); ; {
		w := g.wire(Connector)
		if strings.HasPrefix(w.reply(), "220") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a place that was left is not free")
		}
	}
}
