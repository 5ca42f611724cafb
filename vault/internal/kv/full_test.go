package kv_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"sigill/vault/internal/kv"
)

// fill puts values until one does not fit, and gives how many did.
func fill(t *testing.T, b *kv.Bolt, size int) (n int) {
	t.Helper()
	for ; n < 10_000; n++ {
		err := put(b, fmt.Sprintf("%05d", n), make([]byte, size))
		if errors.Is(err, kv.ErrFull) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("never full")
	return n
}

func deleteAll(b *kv.Bolt, from, to int) error {
	for i := from; i < to; i++ {
		err := b.Update(context.Background(), func(w kv.Writer) error { return w.Delete("t", fmt.Appendf(nil, "%05d", i)) })
		if err != nil {
			return fmt.Errorf("delete %d: %w", i, err)
		}
	}
	return nil
}

func count(t *testing.T, b *kv.Bolt) (n int) {
	t.Helper()
	err := b.View(context.Background(), func(r kv.Reader) error {
		for range r.Range("t", kv.Span{}) {
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const mib = 1 << 20

func TestFull(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store")
	o := kv.BoltOptions{MaxSize: 48 * mib}
	b, err := kv.OpenBolt(path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { b.Close() }()
	n := fill(t, b, 256<<10)
	if n < 40 {
		t.Errorf("only %d values of 256 KiB fit in %d MiB", n, o.MaxSize/mib)
	}
	if got := count(t, b); got != n {
		t.Errorf("%d keys, not %d", got, n)
	}
	// To fill what is left with ever smaller values leaves not a page for a deletion but those kept for it.
	for size := 128 << 10; size > 256; size /= 2 {
		for i := 0; put(b, fmt.Sprintf("small %d %d", size, i), make([]byte, size)) == nil; i++ {
		}
	}
	if info, err := os.Stat(path); err != nil || info.Size() > o.MaxSize {
		t.Errorf("the file has %d octets of %d, %v", info.Size(), o.MaxSize, err)
	}
	if err := deleteAll(b, 0, n/2); err != nil {
		t.Fatalf("nothing can be deleted: %v", err)
	}
	if again := fill(t, b, 200<<10); again < n/3 {
		t.Errorf("%d values deleted, room for %d", n/2, again)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err = kv.OpenBolt(path, o); err != nil {
		t.Fatal(err)
	}
	if err := deleteAll(b, 0, n); err != nil {
		t.Fatalf("nothing can be deleted after opening again: %v", err)
	}
	if again := fill(t, b, 256<<10); again < n/2 { // the small ones lie between
		t.Errorf("emptied, and %d values of %d fit", again, n)
	}
}

// TestFullForSome: in one batch, who does not fit fails, who fits or deletes does not, and many who do not fit cost one try.
func TestFullForSome(t *testing.T) {
	t.Parallel()
	b := openBolt(t, kv.BoltOptions{MaxSize: 48 * mib})
	n := fill(t, b, 256<<10)
	if err := deleteAll(b, 10, 12); err != nil {
		t.Fatal(err)
	}
	var runs atomic.Int32
	gathered(t, b, 40, func(i int) {
		switch {
		case i%4 == 0:
			if err := put(b, fmt.Sprintf("small %d", i), make([]byte, 100)); err != nil {
				t.Errorf("a small one: %v", err)
			}
		case i == 1:
			if err := deleteAll(b, 15, 16); err != nil {
				t.Error(err)
			}
		default:
			err := b.Update(context.Background(), func(w kv.Writer) error {
				runs.Add(1)
				w.OnCommit(func() { t.Error("a hook of one that did not fit") })
				return w.Put("t", fmt.Appendf(nil, "large %d", i), make([]byte, 12*mib))
			})
			if !errors.Is(err, kv.ErrFull) {
				t.Errorf("a large one: %v", err)
			}
		}
	})
	if got := runs.Load(); got > 60 {
		t.Errorf("29 that do not fit were run %d times", got)
	}
	if got := count(t, b); got != n-3+10+1 {
		t.Errorf("%d keys, not %d", got, n-3+10+1)
	}
}

// TestFullDisk fills a small file system of its own.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=12m"); err != nil {
		t.Skipf("a full disk needs the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "store")
	b, err := kv.OpenBolt(path, kv.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { b.Close() }()
	n := fill(t, b, 100<<10)
	if n < 60 || count(t, b) != n {
		t.Errorf("%d values fit, %d are there", n, count(t, b))
	}
	if err := put(b, "small", nil); err != nil && !errors.Is(err, kv.ErrFull) {
		t.Error(err)
	}
	if err := deleteAll(b, 0, n/2); err != nil {
		t.Fatalf("nothing can be deleted: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err = kv.OpenBolt(path, kv.BoltOptions{}); err != nil {
		t.Fatal(err)
	}
	if again := fill(t, b, 90<<10); again < n/3 {
		t.Errorf("%d values deleted, room for %d", n/2, again)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	other := filepath.Join(dir, "other")
	if _, err := kv.OpenBolt(other, kv.BoltOptions{}); err != nil && !errors.Is(err, kv.ErrFull) {
		t.Errorf("a new store on a full disk: %v", err)
	}
}

// TestFullAfterTheCommit: where files are copied on write, the last sync may find no room when the commit can be seen
// already. Such an update is neither called undone nor run again.
func TestFullAfterTheCommit(t *testing.T) {
	t.Parallel()
	b := openBolt(t, kv.BoltOptions{})
	kv.FailCommits(b, fmt.Errorf("%w: %w", kv.ErrFull, syscall.ENOSPC))
	var runs atomic.Int32
	update := func() error {
		return b.Update(context.Background(), func(w kv.Writer) error {
			w.OnCommit(func() { t.Error("a hook of an update that may not be durable") })
			return w.Put("t", fmt.Append(nil, runs.Add(1)), nil)
		})
	}
	for range 2 {
		if err := update(); err == nil || errors.Is(err, kv.ErrFull) {
			t.Errorf("%v", err)
		}
	}
	if n := runs.Load(); n != 1 {
		t.Errorf("two updates were run %d times: the second must find the store broken", n)
	}
	if got := count(t, b); got != 1 {
		t.Errorf("%d keys", got)
	}
}
