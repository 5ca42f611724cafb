package imapd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"sigill/policy"
	"sigill/vault"
)

const capabilityLine = "* CAPABILITY IMAP4rev1 SASL-IR LITERAL- UNSELECT ENABLE IDLE UTF8=ACCEPT NAMESPACE UIDPLUS ESEARCH SEARCHRES " +
	"LIST-EXTENDED LIST-STATUS MOVE STATUS=SIZE BINARY CHILDREN SPECIAL-USE CREATE-SPECIAL-USE APPENDLIMIT=104857600"

func TestCapability(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.dial()
	if got := w.ok("CAPABILITY"); got != "* CAPABILITY IMAP4rev1 SASL-IR LITERAL- AUTH=PLAIN" {
		t.Errorf("before login: %s", got)
	}
	w.ok("LOGIN %s {%d+}\r\n%s", anna, len(password), password)
	if got := w.ok("CAPABILITY"); got != capabilityLine {
		t.Errorf("after login: %s", got)
	}
	w.fails("BAD", "ID NIL")
	w.ok("NOOP")
	if got := w.ok("LOGOUT"); !strings.HasPrefix(got, "* BYE") {
		t.Errorf("logout: %s", got)
	}
}

func TestMailboxNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("ett"), anna, omsorg)
	w := f.login(anna)
	for _, c := range []struct{ command, want, why string }{
		{`NAMESPACE`, `* NAMESPACE (("" "/")) NIL (("Shared/" "/"))`, "RFC 2342"},
		{`LIST "" ""`, `* LIST (\Noselect) "/" ""`, "only the delimiter"},
		{`LIST "" "*"`, `* LIST (\HasNoChildren) "/" INBOX
* LIST (\HasNoChildren \Sent) "/" "Sent"
* LIST (\HasNoChildren \Drafts) "/" "Drafts"
* LIST (\HasNoChildren \Trash) "/" "Trash"
* LIST (\HasNoChildren \Archive) "/" "Archive"
* LIST (\Noselect \HasChildren) "/" "Shared"
* LIST (\HasChildren) "/" "Shared/omsorg@kommun.example"
* LIST (\HasNoChildren) "/" "Shared/omsorg@kommun.example/Sent"`, "all"},
		{`LIST "" "Shared/%"`, `* LIST (\HasChildren) "/" "Shared/omsorg@kommun.example"`, "one level"},
		{`LIST (SPECIAL-USE) "" "*"`, `* LIST (\HasNoChildren \Sent) "/" "Sent"
* LIST (\HasNoChildren \Drafts) "/" "Drafts"
* LIST (\HasNoChildren \Trash) "/" "Trash"
* LIST (\HasNoChildren \Archive) "/" "Archive"`, "RFC 6154"},
		{`LIST (SUBSCRIBED RECURSIVEMATCH) "" "S%"`, `* LIST (\Subscribed \HasNoChildren \Sent) "/" "Sent"
* LIST (\Noselect \HasChildren) "/" "Shared" (CHILDINFO ("SUBSCRIBED"))`, "RFC 5258"},
		{`LSUB "" "%"`, `* LSUB (\Subscribed \HasNoChildren) "/" INBOX
* LSUB (\Subscribed \HasNoChildren \Sent) "/" "Sent"
* LSUB (\Subscribed \HasNoChildren \Drafts) "/" "Drafts"
* LSUB (\Subscribed \HasNoChildren \Trash) "/" "Trash"
* LSUB (\Subscribed \HasNoChildren \Archive) "/" "Archive"
* LSUB (\Noselect \HasChildren) "/" "Shared"`, "RFC 3501 section 6.3.9"},
		{`LIST "" (inbox "Shared/*/Sent") RETURN (STATUS (MESSAGES UNSEEN))`, `* LIST (\HasNoChildren) "/" INBOX
* STATUS INBOX (MESSAGES 1 UNSEEN 1)
* LIST (\HasNoChildren) "/" "Shared/omsorg@kommun.example/Sent"
* STATUS "Shared/omsorg@kommun.example/Sent" (MESSAGES 0 UNSEEN 0)`, "RFC 5819"},
		{`STATUS inbox (MESSAGES RECENT UIDNEXT UNSEEN DELETED SIZE APPENDLIMIT)`,
			fmt.Sprintf(`* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UNSEEN 1 DELETED 0 SIZE %d APPENDLIMIT 104857600 RECENT 1)`, len(mail("ett"))), "STATUS"},
		{`SUBSCRIBE Sent`, ``, "no change is no fault"},
	} {
		if got := w.ok("%s", c.command); got != c.want {
			t.Errorf("%s: %s:\n%s\nwant\n%s", c.why, c.command, got, c.want)
		}
	}
	for _, c := range [][2]string{
		{"NO [ALREADYEXISTS]", "CREATE Sent"}, {"NO [CANNOT]", "DELETE Sent"},
		{"NO [CANNOT]", "RENAME Sent Skickat"}, {"NO [NONEXISTENT]", "SUBSCRIBE Projekt"},
		{"NO [NONEXISTENT]", "SELECT Projekt"}, {"NO [NONEXISTENT]", "SELECT Shared"}, {"NO [NONEXISTENT]", "STATUS Projekt (MESSAGES)"},
		{"NO [NONEXISTENT]", "EXAMINE Shared/skola@kommun.example"}, {"BAD", "FETCH 1 FLAGS"},
	} {
		w.fails(c[0], "%s", c[1])
	}
}

func TestLoginFailures(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.dial()
	w.fails("NO [AUTHENTICATIONFAILED]", `LOGIN %s wrong-secret`, anna)
	w.fails("NO [AUTHENTICATIONFAILED]", `AUTHENTICATE PLAIN AGFubmEAeA==`)
	w.fails("NO [AUTHENTICATIONFAILED]", `LOGIN nobody@kommun.example x`)
	if got := w.response(); !strings.HasPrefix(got, "* BYE ") {
		t.Errorf("after three failures: %q", got)
	}
	if got := w.response(); got != "" {
		t.Errorf("after BYE: %q", got)
	}
	if s := f.log.String(); strings.Contains(s, "wrong-secret") || strings.Contains(s, anna.Local) {
		t.Errorf("the log tells too much:\n%s", s)
	}
	// Those that follow without waiting for an answer are not tried.
	w = f.dial()
	w.send("%s", strings.Repeat("a LOGIN x@kommun.example y\r\n", 20))
	answers := 0
	for r := w.response(); r != ""; r = w.response() {
		if strings.HasPrefix(r, "a NO") {
			answers++
		}
	}
	if answers != 3 {
		t.Errorf("%d passwords tried", answers)
	}
}

func TestLoginDelay(t *testing.T) {
	t.Parallel()
	s := &Server{limits: Limits{FailureDelay: time.Second, LoginFailures: 4}.orDefault()}
	if s.limits.FailureDelay<<2 != 4*time.Second || DefaultLimits.LoginFailures != 3 {
		t.Error("the third failure takes four seconds")
	}
}

func TestAuthenticatePlain(t *testing.T) {
	t.Parallel()
	w := newFixture(t).dial()
	w.send("a AUTHENTICATE PLAIN\r\n")
	if got := w.response(); got != "+ \r\n" {
		t.Fatalf("challenge %q", got)
	}
	w.send("AGFubmFAa29tbXVuLmV4YW1wbGUAY29ycmVjdCBob3JzZQ==\r\n")
	if got := w.response(); !strings.HasPrefix(got, "a OK [CAPABILITY ") {
		t.Fatalf("login %q", got)
	}
	w.ok("SELECT INBOX")
}

func TestStartTLS(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	clear := func() *wire {
		c, err := net.Dial("tcp", f.starttls)
		f.must(err)
		w := f.wire(c)
		if got := w.response(); !strings.HasPrefix(got, "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED]") {
			t.Fatalf("greeting %q", got)
		}
		return w
	}
	w := clear()
	w.fails("NO [PRIVACYREQUIRED]", "LOGIN %s secret", anna)
	w.fails("BAD", "SELECT INBOX")
	if got := w.ok("CAPABILITY"); got != "* "+clearCapabilities {
		t.Errorf("%s", got)
	}
	w.ok("STARTTLS")
	secure := tls.Client(w.Conn, f.clientTLS())
	f.must(secure.Handshake())
	w = f.wire(secure)
	if got := w.ok("CAPABILITY"); got != "* CAPABILITY IMAP4rev1 SASL-IR LITERAL- AUTH=PLAIN" {
		t.Errorf("there must be no second greeting, and no STARTTLS: %s", got)
	}
	w.ok("LOGIN %s \"%s\"", anna, password)
	w.ok("SELECT INBOX")

	w = clear()
	w.send("a STARTTLS\r\nb NOOP\r\n")
	if got := w.response(); got != "" {
		t.Errorf("what is sent behind STARTTLS in clear: %q", got)
	}
	w = clear()
	w.send("a LOGIN {5+}\r\nb FOO {3+}\r\n")
	if got := w.response(); !strings.HasPrefix(got, "* BYE") {
		t.Errorf("a literal in clear: %q", got)
	}
}

func TestConnectionLimits(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Limits.PerAddress = 2 })
	a, b := f.dial(), f.dial()
	if c, err := tls.Dial("tcp", f.implicit, f.clientTLS()); err == nil {
		c.Close()
		t.Error("a third connection was let in")
	}
	c, err := net.Dial("tcp", f.starttls)
	f.must(err)
	if got := f.wire(c).response(); !strings.HasPrefix(got, "* BYE Too many") {
		t.Errorf("got %q", got)
	}
	a.Close()
	for range 100 {
		if c, err := tls.Dial("tcp", f.implicit, f.clientTLS()); err == nil {
			c.Close()
			b.ok("NOOP")
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("the place of a connection that ended is not free again")
}

func TestLiterals(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Limits.MessageSize = 100 })
	w := f.login(anna)
	w.send("\r\n") // no command
	w.fails("BAD", "GETQUOTAROOT {18+}\r\nx CREATE Injected\r\n")
	w.fails("NO [TOOBIG]", "APPEND Drafts {101}")
	w.fails("NO [TOOBIG]", "APPEND Drafts {101+}\r\n%s", strings.Repeat("x NOOP\r\n", 12)+"x NOOP")
	w.ok("NOOP")
	w.send("a APPEND Drafts {5000+}\r\nx CREATE Injected\r\n")
	if got := w.response(); !strings.HasPrefix(got, "* BYE [TOOBIG]") {
		t.Errorf("a literal that is too large to be sent without waiting: %q", got)
	}
}

// TestShutdown: who does nothing is not waited for, however long the grace.
func TestShutdown(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Limits.Grace = time.Hour })
	idle, quiet, fresh := f.login(anna), f.login(anna), f.dial()
	idle.ok("SELECT INBOX")
	idle.send("a IDLE\r\n")
	idle.response()
	half, err := net.Dial("tcp", f.implicit) // never says anything
	f.must(err)
	defer half.Close()
	f.stop()
	for _, w := range []*wire{idle, quiet, fresh} {
		if got := w.response(); !strings.HasPrefix(got, "* BYE ") {
			t.Errorf("got %q", got)
		}
	}
}

// TestShutdownCutsOff: who neither sends nor reads what was begun is cut off when the grace ends, and nothing of the
// message that was coming in is kept.
func TestShutdownCutsOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Limits.Grace = 300 * time.Millisecond })
	f.deposit(mail("stort") + strings.Repeat("x", 32<<20))
	sends, reads, auth := f.login(anna), f.login(anna), f.dial()
	sends.send("a APPEND Drafts {5000}\r\n")
	sends.response()
	sends.send("Subject: halv")
	reads.ok("SELECT INBOX")
	reads.send("a FETCH 1 BODY[]\r\n")
	auth.send("a AUTHENTICATE PLAIN\r\n")
	auth.response()
	_, err := reads.in.ReadString('\n') // the rest is not read
	f.must(err)
	f.stop()
	if got := auth.response(); !strings.HasPrefix(got, "* BYE ") {
		t.Errorf("in AUTHENTICATE: %q", got)
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"192.0.2.1:5", "192.0.2.1", "IPv4"},
		{"[::ffff:192.0.2.1]:5", "192.0.2.1", "IPv4 on an IPv6 socket"},
		{"[2001:db8:1:2:3::4]:5", "2001:db8:1:2::", "an IPv6 customer has 64 bits"},
	} {
		a, err := net.ResolveTCPAddr("tcp", c[0])
		if err != nil {
			t.Fatal(err)
		}
		if got := origin(a).String(); got != c[1] {
			t.Errorf("%s: %s is %s", c[2], c[0], got)
		}
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	log := &syncBuffer{}
	s := &session{log: slog.New(slog.NewTextHandler(log, nil)), ctx: t.Context()}
	for _, c := range []struct {
		err    error
		want   string
		logged bool
		why    string
	}{
		{vault.ErrNotFound, "NO [NONEXISTENT]", false, "not there, or not theirs"},
		{fmt.Errorf("vault: open: %w", vault.ErrNotFound), "NO [NONEXISTENT]", false, "wrapped"},
		{vault.ErrBadCredentials, "NO [AUTHENTICATIONFAILED]", false, "wrong password"},
		{vault.ErrFull, "NO [OVERQUOTA]", true, "somebody must make room"},
		{vault.ErrDamaged, "NO [CORRUPTION]", true, "somebody must look"},
		{vault.ErrClosed, "NO [UNAVAILABLE]", false, "the server ends"},
		{context.Canceled, "NO [UNAVAILABLE]", false, "the server ends"},
		{errors.New("open /srv/secret: x"), "NO [SERVERBUG]", true, "anything else tells nothing but an id"},
		{fmt.Errorf("x: %w", errReadOnly), "NO [CANNOT]", false, "already decided"},
	} {
		before := len(log.String())
		e, ok := errors.AsType[*imap.Error](s.status("X", c.err))
		if !ok || !strings.HasPrefix(fmt.Sprintf("%s [%s]", e.Type, e.Code), c.want) || strings.Contains(e.Text, "secret") {
			t.Errorf("%s: %v", c.why, e)
		}
		_, id, found := strings.Cut(e.Text, "incident ")
		if logged := log.String()[before:]; found != c.logged || found && !strings.Contains(logged, "incident="+id) {
			t.Errorf("%s: text %q, log %q", c.why, e.Text, logged)
		}
	}
	if err := s.status("X", errGone); err != errGone {
		t.Errorf("a client that is gone: %v", err)
	}
}

func TestSharedNameEscaped(t *testing.T) {
	t.Parallel()
	a := policy.Address{Local: "a/b&c*%=", Domain: "kommun.example"}
	if got := sharedName(a); got != "Shared/a=2Fb=26c=2A=25=3D@kommun.example" {
		t.Error(got)
	}
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in      time.Duration
		rolling bool
		why     string
	}{
		{30 * time.Second, false, "a command"},
		{35 * time.Minute, false, "IDLE"},
		{5 * time.Minute, true, "a literal"},
		{-time.Second, false, "at once"},
	} {
		d := rolls(time.Now().Add(c.in))
		step := time.Until(d.next())
		if d.rolling != c.rolling || c.rolling && step > stallLimit || !c.rolling && (step-c.in).Abs() > time.Second {
			t.Errorf("%s: %v, step %v", c.why, d, step)
		}
	}
	if d := (deadline{end: time.Now().Add(time.Second), rolling: true}); time.Until(d.next()) > time.Second {
		t.Error("a literal has an end")
	}
	if !rolls(time.Time{}).next().IsZero() {
		t.Error("no deadline is none")
	}
}
