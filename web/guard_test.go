package web

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// TestNoFormInFiles: these methods of http.Request keep what is too large for memory in files, in clear.
func TestNoFormInFiles(t *testing.T) {
	t.Parallel()
	calls := regexp.MustCompile(`\.(ParseMultipartForm|FormValue|PostFormValue|FormFile|ReadForm)\(|os\.(Create|WriteFile|OpenFile)`)
	names, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if m := calls.Find(b); m != nil && !strings.HasSuffix(name, "_test.go") {
			t.Errorf("%s calls %s", name, m)
		}
	}
}

// TestEndedSessionsStayEnded: a request that began before a logout ends after it.
func TestEndedSessionsStayEnded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	s := newSessionStore(func() time.Time { return now }, DefaultLimits)
	keep := func(token string) bool {
		if err := s.Commit(token, []byte("x"), time.Time{}); err != nil {
			t.Fatal(err)
		}
		_, found, _ := s.Find(token)
		return found
	}
	if !keep("a") || !keep("b") {
		t.Fatal("a new session is not there")
	}
	if s.Delete("a"); keep("a") {
		t.Error("an ended session came back")
	}
	now = now.Add(DefaultLimits.Idle + time.Second)
	if keep("b") {
		t.Error("an idle session came back")
	}
	now = now.Add(25 * time.Hour)
	if s.sweep(); len(s.held) != 0 {
		t.Errorf("%d sessions are still kept", len(s.held))
	}
}

func TestLimiter(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	l := newLimiter(func() time.Time { return now }, 6, 2)
	for i, want := range []bool{true, true, false} {
		if l.allow("a") != want {
			t.Errorf("attempt %d: allowed is %v", i, !want)
		}
	}
	if !l.allow("b") {
		t.Error("each key has its own allowance")
	}
	now = now.Add(10 * time.Second)
	if !l.allow("a") || l.allow("a") {
		t.Error("six a minute")
	}
	now = now.Add(time.Minute)
	if l.sweep(); len(l.keys) != 0 {
		t.Errorf("%d keys are kept", len(l.keys))
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"192.0.2.1:5":              "192.0.2.1",
		"[::ffff:192.0.2.1]:5":     "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:5": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:5":         "fe80::/64",
		"@":                        "invalid IP",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = remote
		if got := network(r); got != want {
			t.Errorf("%s is %s, want %s", remote, got, want)
		}
	}
}

// TestUnsentTwice: who goes back and sends a form again, though its mail waits, leaves no draft behind.
func TestUnsentTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := vault.CreateKeyFile(key); err != nil {
		t.Fatal(err)
	}
	keys, err := vault.OpenKeyFile(key)
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(t.Context(), filepath.Join(dir, "vault"), keys, vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	u := &unsent{now: time.Now, drafts: map[string]*unsentDraft{}}
	first, second := v.Depositor().Begin(vault.Deposit{}), v.Depositor().Begin(vault.Deposit{})
	defer second.Abort()
	u.keep("form", first, fields{})
	u.keep("form", second, fields{})
	if _, err := first.Write([]byte("x")); !errors.Is(err, vault.ErrClosed) {
		t.Errorf("the first draft goes on: %v", err)
	}
	if d := u.take("form"); d == nil || d.draft != second {
		t.Errorf("not the second draft waits: %v", d)
	}
}

// TestInterruptedIsBounded: the newest mail of each writer is kept, of so many writers, until its time is over.
func TestInterruptedIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	i := &interrupted{now: func() time.Time { return now }, mails: map[string]interruptedMail{}}
	for n := range maxInterrupted + 1 {
		now = now.Add(time.Second)
		i.keep("writer"+strconv.Itoa(n), fields{Token: "old"})
		i.keep("writer"+strconv.Itoa(n), fields{Token: strconv.Itoa(n)})
	}
	if f, ok := i.of("writer1"); !ok || f.Token != "1" || len(i.mails) != maxInterrupted {
		t.Errorf("of %d mails the second is %v, %v", len(i.mails), f, ok)
	}
	if _, ok := i.of("writer0"); ok {
		t.Error("the oldest was not given up")
	}
	if i.drop("2"); len(i.mails) != maxInterrupted-1 {
		t.Errorf("after one was sent there are %d", len(i.mails))
	}
	now = now.Add(interruptedTime - time.Second)
	if i.sweep(); len(i.mails) != 2 {
		t.Errorf("after its time there are %d", len(i.mails))
	}
}

// TestFullOfStrangers: browsers that began a login and no more keep nobody out who logs in.
func TestFullOfStrangers(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	s := newSessionStore(func() time.Time { return now }, DefaultLimits)
	s.most = 100
	in := vault.Person(policy.MustPersonID("199001019802"))
	for i := range 3 * s.most {
		token := strconv.Itoa(i)
		if err := s.Commit(token, []byte("x"), time.Time{}); err != nil {
			t.Fatalf("session %d: %v", i, err)
		}
		if i < s.most/2 {
			s.describe(token, in, "browser")
		}
	}
	if n := len(s.of(in, "")); n != s.most/2 || len(s.held) > s.most {
		t.Errorf("%d of %d who are in are left, of %d sessions", n, s.most/2, len(s.held))
	}
	for i := range s.most {
		if s.Commit("more"+strconv.Itoa(i), []byte("x"), time.Time{}) == nil {
			s.describe("more"+strconv.Itoa(i), in, "browser")
		}
	}
	if s.Commit("last", []byte("x"), time.Time{}) == nil {
		t.Error("somebody who is in was put out")
	}
}

// TestFullOfAnswers: whoever posts forms that belong to no login does not keep those of others from coming through.
func TestFullOfAnswers(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	a := newAnswers(func() time.Time { return now })
	junk := url.Values{"SAMLResponse": {strings.Repeat("x", maxAnswer-100)}}
	first := a.put("idp", junk)
	for range 2 * maxAnswers / maxAnswer {
		now = now.Add(time.Millisecond)
		a.put("idp", junk)
	}
	name := a.put("idp", url.Values{"SAMLResponse": {"mine"}})
	if a.size > maxAnswers {
		t.Errorf("%d octets are kept", a.size)
	}
	if form, ok := a.take("idp", name); !ok || form.Get("SAMLResponse") != "mine" {
		t.Error("the newest form is gone")
	}
	if _, ok := a.take("idp", first); ok {
		t.Error("the oldest form is kept")
	}
}

// TestTurns: one principal's requests wait for each other, and for nobody else's.
func TestTurns(t *testing.T) {
	t.Parallel()
	turns := &turns{most: 2, lines: map[vault.Principal]*line{}}
	me, other := vault.Person(policy.MustPersonID("199001019802")), vault.Staff(policy.MustAddress("anna@kommun.example"))
	take := func(who vault.Principal) (done func()) {
		done, err := turns.take(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	first, second := take(me), take(me.Named("Astrid"))
	over, stop := context.WithCancel(t.Context())
	stop()
	if _, err := turns.take(over, me); !errors.Is(err, context.Canceled) {
		t.Errorf("a third, whose browser goes away: %v", err)
	}
	take(other)()
	third := make(chan func())
	go func() {
		done, _ := turns.take(t.Context(), me)
		third <- done
	}()
	first()
	(<-third)()
	second()
	if len(turns.lines) > 0 {
		t.Errorf("remembered for nothing: %v", turns.lines)
	}
}

func TestGate(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(l, Limits{Connections: 10, PerNetwork: 2})
	defer g.Close()
	inside := make(chan net.Conn, 10)
	go func() {
		for {
			c, err := g.Accept()
			if err != nil {
				return
			}
			inside <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	dial()
	dial()
	first := <-inside
	defer (<-inside).Close()
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Error("a third connection of a network that may have two")
	}
	first.Close()
	first.Close() // counts once
	dial()
	defer (<-inside).Close()
	if g.all != 2 {
		t.Errorf("%d connections are counted", g.all)
	}
	g.most = 2
	if g.enter(networkOf("192.0.2.1:5")) {
		t.Error("one more than there is room for")
	}
}
