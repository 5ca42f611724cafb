package web

import (
	"io/fs"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
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
