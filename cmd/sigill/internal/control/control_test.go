package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// running is a server in a folder of its own.
func running(t *testing.T, handle Handler) (dir string) {
	t.Helper()
	dir = t.TempDir()
	runIn(t, dir, handle)
	return dir
}

func runIn(t *testing.T, dir string, handle Handler) (stop func()) {
	t.Helper()
	s, err := Listen(dir, handle, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		done <- nil
	}
	t.Cleanup(stop)
	return stop
}

func TestCall(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", maxFrame/4)
	dir := running(t, func(_ context.Context, c Call, stdout, stderr io.Writer) error {
		switch c.Name {
		case "long":
			_, err := io.WriteString(stdout, long)
			return err
		case "usage":
			return fmt.Errorf("wrapped: %w", &Error{Text: "no such thing", Usage: true})
		case "fail":
			return errors.New("it failed")
		}
		fmt.Fprintf(stdout, "%s %s", c.Params, c.Caller)
		fmt.Fprint(stderr, "beside")
		return nil
	})
	info, err := os.Stat(filepath.Join(dir, socketName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	for _, row := range []struct {
		name, stdout, stderr string
		fails                string
		usage                bool
		why                  string
	}{
		{name: "echo", stdout: `{"a":1} ` + Self(), stderr: "beside", why: "both streams, and who called"},
		{name: "long", stdout: long, why: "more than a frame holds"},
		{name: "usage", fails: "no such thing", usage: true, why: "a usage error stays one"},
		{name: "fail", fails: "it failed", why: "a failure stays one"},
	} {
		var out, errs bytes.Buffer
		err := Do(t.Context(), dir, Call{Name: row.name, Params: json.RawMessage(`{"a":1}`)}, &out, &errs)
		var e *Error
		switch {
		case errors.As(err, &e) && (e.Text != row.fails || e.Usage != row.usage), e == nil && err != nil, e == nil && row.fails != "":
			t.Errorf("%s: %v (%s)", row.name, err, row.why)
		case out.String() != row.stdout || errs.String() != row.stderr:
			t.Errorf("%s: %d octets, %q (%s)", row.name, out.Len(), errs.String(), row.why)
		}
	}
}

// TestCallerGoes holds that a command ends with whoever asked for it.
func TestCallerGoes(t *testing.T) {
	t.Parallel()
	begun, ended := make(chan bool), make(chan error, 1)
	dir := running(t, func(ctx context.Context, _ Call, _, _ io.Writer) error {
		close(begun)
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	if err := Do(ctx, dir, Call{Name: "wait"}, io.Discard, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("the caller is told %v", err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the command goes on")
	}
}

// TestServerGoes holds that a caller is told when the server ends in the middle.
func TestServerGoes(t *testing.T) {
	t.Parallel()
	dir, begun := t.TempDir(), make(chan bool)
	stop := runIn(t, dir, func(ctx context.Context, _ Call, _, _ io.Writer) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	})
	go func() { <-begun; stop() }()
	if err := Do(t.Context(), dir, Call{Name: "wait"}, io.Discard, io.Discard); err == nil {
		t.Error("a command that did not end passes for done")
	}
}

func TestNobody(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := Do(t.Context(), dir, Call{}, io.Discard, io.Discard); !errors.Is(err, ErrNobody) {
		t.Errorf("no socket: %v", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, socketName), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if err := Do(t.Context(), dir, Call{}, io.Discard, io.Discard); !errors.Is(err, ErrNobody) {
		t.Errorf("a socket that was left behind: %v", err)
	}
	runIn(t, dir, func(context.Context, Call, io.Writer, io.Writer) error { return nil })
	if err := Do(t.Context(), dir, Call{}, io.Discard, io.Discard); err != nil {
		t.Errorf("a server after one that crashed: %v", err)
	}
}

func TestLongPath(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 40))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	runIn(t, dir, func(context.Context, Call, io.Writer, io.Writer) error { return nil })
	if err := Do(t.Context(), dir, Call{}, io.Discard, io.Discard); err != nil {
		t.Error(err)
	}
}

func TestTrusted(t *testing.T) {
	t.Parallel()
	for uid, want := range map[uint32]bool{0: true, uint32(os.Geteuid()): true, 65534: os.Geteuid() == 65534, 4242: os.Geteuid() == 4242} {
		if trusted(uid) != want {
			t.Errorf("uid %d: %v", uid, !want)
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte{frameStdout, 0, 0, 0, 1, 'x', frameEnd, 0, 0, 0, 0})
	f.Add([]byte{frameEnd, 0, 0, 0, 2, '{', '}'})
	f.Fuzz(func(t *testing.T, b []byte) { follow(bytes.NewReader(b), io.Discard, io.Discard) })
}
