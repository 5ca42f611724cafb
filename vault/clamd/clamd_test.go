package clamd

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, fine := range map[string]bool{
		"/run/clamav/clamd.ctl": true, "127.0.0.1:3310": true, "[::1]:3310": true, // nobody else hears what is said there
		"10.0.0.7:3310":  false, // in clear through a network
		"localhost:3310": false, // whatever that is
		"127.0.0.1":      false, "clamd.ctl": false, "": false,
	} {
		if _, err := New(Config{Address: address}); (err == nil) != fine {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// fake is a clamd that answers as it is told. It reads the whole stream first, unless it is impatient.
type fake struct {
	answer    string
	impatient bool // answers and leaves after the first chunk
	silent    bool // never answers
	got       chan []byte
}

func (f *fake) start(t *testing.T) *Client {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	f.got = make(chan []byte, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		f.got <- f.serve(conn)
		if f.silent {
			io.Copy(io.Discard, conn)
			return
		}
		io.WriteString(conn, f.answer)
	}()
	t.Cleanup(func() { l.Close(); <-done })
	c, err := New(Config{Address: l.Addr().String(), Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (f *fake) serve(conn net.Conn) (stream []byte) {
	command := make([]byte, len("zINSTREAM\x00"))
	if _, err := io.ReadFull(conn, command); err != nil || string(command) != "zINSTREAM\x00" {
		return nil
	}
	for {
		var size uint32
		if binary.Read(conn, binary.BigEndian, &size) != nil || size == 0 {
			return stream
		}
		part := make([]byte, size)
		if _, err := io.ReadFull(conn, part); err != nil {
			return stream
		}
		if stream = append(stream, part...); f.impatient {
			return stream
		}
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		reason string
		fake   fake
		found  string
		fails  string
	}{
		{"clean", fake{answer: "stream: OK\x00"}, "", ""},
		{"malware", fake{answer: "stream: Win.Test-1 FOUND\x00"}, "Win.Test-1", ""},
		{"a name that would break a log", fake{answer: "stream: a\nb\xff FOUND\x00"}, "a_b_", ""},
		{"a name without end", fake{answer: "stream: " + strings.Repeat("x", 500) + " FOUND\x00"}, strings.Repeat("x", maxName), ""},
		{"a nameless finding is no verdict, and not clean", fake{answer: "stream:  FOUND\x00"}, "", "it answers"},
		{"it cannot scan", fake{answer: "stream: Can't allocate memory ERROR\x00"}, "", "allocate"},
		{"too long, told while we still write", fake{answer: "INSTREAM size limit exceeded. ERROR\x00", impatient: true}, TooLong, ""},
		{"malware, told while we still write", fake{answer: "stream: Early FOUND\x00", impatient: true}, "Early", ""},
		{"clean, told while we still write: it has not seen all", fake{answer: "stream: OK\x00", impatient: true}, "", "stopped listening"},
		{"another command's answer", fake{answer: "PONG\x00"}, "", "PONG"},
		{"cut off within the verdict", fake{answer: "stream: OK"}, "", "cut off"},
		{"nothing", fake{}, "", "cut off"},
		{"an answer without end", fake{answer: strings.Repeat("x", 3*maxReply)}, "", "too long"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			content := bytes.Repeat([]byte("0123456789"), 80_000) // more than a socket's buffers hold
			found, err := row.fake.start(t).Scan(t.Context(), bytes.NewReader(content))
			if found != row.found || (err == nil) != (row.fails == "") || err != nil && !strings.Contains(err.Error(), row.fails) {
				t.Errorf("%q, %v", found, err)
			}
			if got := <-row.fake.got; !row.fake.impatient && !bytes.Equal(got, content) {
				t.Errorf("%d octets came of %d", len(got), len(content))
			}
		})
	}
}

// What is read in small pieces comes in whole; what cannot be read to its end has no verdict, whatever clamd says.
func TestBrokenStream(t *testing.T) {
	t.Parallel()
	f := &fake{answer: "stream: OK\x00"}
	if _, err := f.start(t).Scan(t.Context(), iotest.OneByteReader(strings.NewReader("hello"))); err != nil || string(<-f.got) != "hello" {
		t.Error(err)
	}
	for _, broken := range []error{errors.New("damaged"), io.ErrUnexpectedEOF} {
		f := &fake{answer: "stream: OK\x00"}
		_, err := f.start(t).Scan(t.Context(), io.MultiReader(strings.NewReader("hello"), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) {
			t.Errorf("%v, want %v", err, broken)
		}
	}
}

func TestWaitsEnd(t *testing.T) {
	t.Parallel()
	c := (&fake{silent: true}).start(t)
	c.timeout = 50 * time.Millisecond
	if _, err := c.Scan(t.Context(), strings.NewReader("hello")); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f := &fake{silent: true}
	c = f.start(t)
	go func() { <-f.got; cancel() }()
	if _, err := c.Scan(ctx, strings.NewReader("hello")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	c, err := New(Config{Address: filepath.Join(t.TempDir(), "nobody")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Scan(t.Context(), strings.NewReader("hello")); err == nil || c.Ping(t.Context()) == nil {
		t.Error("a verdict of nobody")
	}
}

// FuzzReply holds that only one reply says clean, and that a name can be logged.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"stream: OK\x00", "stream: X FOUND\x00", "stream: OK FOUND\x00", "stream: OK\n\x00", "\x00", " FOUND\x00", "INSTREAM size limit exceeded. ERROR\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		reply, err := receive(strings.NewReader(s))
		if err != nil {
			return
		}
		found, err := parse(reply)
		if clean := found == "" && err == nil; clean != (reply == "stream: OK") {
			t.Errorf("%q is clean: %v", reply, clean)
		}
		if strings.ContainsFunc(found, func(r rune) bool { return r <= ' ' || r > '~' }) || len(found) > maxName {
			t.Errorf("%q", found)
		}
	})
}
