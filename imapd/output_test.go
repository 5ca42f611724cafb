package imapd

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// sink is a connection that keeps what is written to it.
type sink struct {
	net.Conn
	writes   [][]byte
	deadline time.Time
}

func (s *sink) Write(p []byte) (int, error) {
	s.writes = append(s.writes, bytes.Clone(p))
	return len(p), nil
}

func (s *sink) SetWriteDeadline(t time.Time) error { s.deadline = t; return nil }

func (s *sink) Read([]byte) (int, error) { return 0, io.EOF }

// TestOutput: responses go out by records of TLS, none waits while the client is waited for, and none lies about after.
func TestOutput(t *testing.T) {
	t.Parallel()
	to := &sink{}
	o := &output{to: to}
	const line = "* 1 FETCH (FLAGS ())\r\n"
	want := ""
	for range 1000 {
		io.WriteString(o, line)
		want += line
	}
	if n := len(want) / len(record{}.octets); len(to.writes) != n {
		t.Errorf("%d writes, want %d", len(to.writes), n)
	}
	input{to, o}.Read(nil)
	if got := string(bytes.Join(to.writes, nil)); got != want || !to.deadline.IsZero() {
		t.Errorf("%d octets of %d, deadline %v", len(got), len(want), to.deadline)
	}
	if o.held != nil {
		t.Error("a connection without output has a buffer")
	}
	// A record that was let go may be anybody's: only what the pool gives is looked at.
	for range 100 {
		io.WriteString(o, line)
		o.send()
		if r := records.Get().(*record); *r != (record{}) {
			t.Fatal("clear text lies about")
		}
	}
	o.farewell("* BYE\r\n")
	if got := to.writes[len(to.writes)-1]; string(got) != "* BYE\r\n" || len(got) == 0 {
		t.Errorf("farewell %q", got)
	}
}

// TestSlowReader: who does not take an answer is cut off, whatever he asked for.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		for _, c := range []struct {
			limit func() deadline
			want  time.Duration
			why   string
		}{
			{func() deadline { return deadline{} }, stallLimit, "between responses"},
			{func() deadline { return rolls(time.Now().Add(30 * time.Second)) }, 30 * time.Second, "in a response"},
			{func() deadline { return rolls(time.Now().Add(literalDeadline)) }, stallLimit, "in a literal"},
		} {
			o, start := &output{to: near, limit: c.limit()}, time.Now()
			io.WriteString(o, "* 1 EXISTS\r\n")
			if err := o.send(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != c.want {
				t.Errorf("%s: %v after %v", c.why, err, time.Since(start))
			}
		}
	})
}
