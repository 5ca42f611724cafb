package kv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"sigill/vault/internal/kv"
)

const page = 4096

// filled makes a closed store of some depth and gives its file's octets.
func filled(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store")
	b, err := kv.OpenBolt(path, kv.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		err := b.Update(context.Background(), func(w kv.Writer) error {
			for i := range 30 {
				if err := w.Put("t", fmt.Appendf(nil, "%d %02d", round, i), make([]byte, 700)); err != nil {
					return err
				}
			}
			return w.Put("small", []byte{byte(round + 1)}, nil)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	octets, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	octets = bytes.TrimRight(octets, "\x00") // the file grows ahead
	return append(octets, make([]byte, -len(octets)&(page-1))...)
}

// opens writes a file, opens it as a store and wants the file to be as it was, whatever happened.
func opens(t *testing.T, what string, octets []byte) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store")
	if err := os.WriteFile(path, octets, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := kv.OpenBolt(path, kv.BoltOptions{})
	if err == nil {
		b.Close()
	}
	after, readErr := os.ReadFile(path)
	if readErr != nil || !bytes.Equal(after, octets) {
		t.Errorf("%s: the file was changed (%v, %v)", what, err, readErr)
	}
	return err
}

func TestDamagedFile(t *testing.T) {
	t.Parallel()
	whole := filled(t)
	if err := opens(t, "whole", whole); err != nil {
		t.Fatal(err)
	}
	bad := map[string][]byte{
		"empty":                 {},
		"one octet":             {0},
		"text":                  bytes.Repeat([]byte("garbage "), 4*page/8),
		"zeros":                 make([]byte, 8*page),
		"short zeros":           make([]byte, 100),
		"another kind of store": slices.Concat([]byte("SQLite format 3\x00"), make([]byte, 4*page)),
		"without its metas":     slices.Concat(make([]byte, 2*page), whole[2*page:]),
		"metas only":            whole[:2*page],
	}
	for n := page; n < len(whole); n += page {
		bad[fmt.Sprintf("cut off after page %d", n/page)] = whole[:n]
		bad[fmt.Sprintf("cut off within page %d", n/page)] = whole[:n+page/2]
	}
	for what, octets := range bad {
		if err := opens(t, what, octets); !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestDamagedPages spoils page by page. A page may be a free one; if the store opens, it must not be by losing what is
// damaged, and nothing may end the process.
func TestDamagedPages(t *testing.T) {
	t.Parallel()
	whole := filled(t)
	refused := 0
	for at := 2 * page; at < len(whole); at += page {
		for what, spoil := range map[string]func([]byte){
			"zeros":   func(p []byte) { clear(p) },
			"ones":    func(p []byte) { copy(p, bytes.Repeat([]byte{0xff}, len(p))) },
			"flags":   func(p []byte) { p[8] ^= 3 },
			"id":      func(p []byte) { p[0] ^= 1 },
			"count":   func(p []byte) { p[10], p[11] = 0xff, 0xff },
			"pointer": func(p []byte) { p[16], p[20], p[21], p[22], p[23] = 0xff, 0xff, 0xff, 0xff, 0x7f },
			"key":     func(p []byte) { copy(p[100:], bytes.Repeat([]byte{0xfe}, 1000)) },
		} {
			octets := slices.Clone(whole)
			spoil(octets[at:min(at+page, len(octets))])
			err := opens(t, fmt.Sprintf("page %d, %s", at/page, what), octets)
			if err == nil {
				continue
			}
			refused++
			if !errors.Is(err, kv.ErrCorrupt) {
				t.Errorf("page %d, %s: %v", at/page, what, err)
			}
		}
	}
	if refused < 50 {
		t.Errorf("only %d damaged files were refused", refused)
	}
}

func TestOneMetaIsEnough(t *testing.T) {
	t.Parallel()
	// A commit that a power cut tore leaves one of the two metas invalid; the other one is the commit before.
	whole := filled(t)
	for _, at := range []int{0, page} {
		octets := slices.Clone(whole)
		clear(octets[at : at+page])
		if err := opens(t, fmt.Sprintf("without the meta at %d", at), octets); err != nil {
			t.Errorf("without the meta at %d: %v", at, err)
		}
	}
}

func TestLocked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store")
	b, err := kv.OpenBolt(path, kv.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if second, err := kv.OpenBolt(path, kv.BoltOptions{}); !errors.Is(err, kv.ErrLocked) || second != nil {
		t.Errorf("opened twice: %v", err)
	}
	if err := put(b, "k", nil); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	b, err = kv.OpenBolt(path, kv.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
}

func TestNewFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "store")
	b, err := kv.OpenBolt(path, kv.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	for what, path := range map[string]string{"a folder": dir, "no folder": filepath.Join(dir, "none", "store")} {
		if _, err := kv.OpenBolt(path, kv.BoltOptions{}); err == nil || errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestReadOnlyFile(t *testing.T) {
	t.Parallel()
	octets := filled(t)
	path := filepath.Join(t.TempDir(), "store")
	if err := os.WriteFile(path, octets, 0o400); err != nil {
		t.Fatal(err)
	}
	os.Chmod(filepath.Dir(filepath.Dir(path)), 0o755) // for the user below; it is the test's own
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if os.Geteuid() == 0 {
			// Root may write to any file. This thread's file access is that of user nobody, who owns the file.
			os.Chown(path, 65534, 65534)
			syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0)
		}
		_, err = kv.OpenBolt(path, kv.BoltOptions{})
	}()
	<-done
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, octets) {
		t.Errorf("the file was changed, %v", err)
	}
}

// TestDamagedWhileOpen: a page that goes bad under an open store fails calls, each its own, and ends nothing.
func TestDamagedWhileOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store")
	if err := os.WriteFile(path, filled(t), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := kv.OpenBolt(path, kv.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(2 * page); at < size; at += page {
		if _, err := f.WriteAt(bytes.Repeat([]byte{0xff}, 16), at); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if err := calmly(func() error { return put(b, "0 00", nil) }); err == nil {
			t.Error("a damaged store was written to")
		}
		if err := calmly(func() error {
			return b.View(context.Background(), func(r kv.Reader) error { r.Get("t", []byte("0 00")); return nil })
		}); err == nil {
			t.Error("a damaged store was read")
		}
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// calmly gives a panic as an error.
func calmly(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return fn()
}
