package kv_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"sigill/vault/internal/kv"
)

// seekHole is lseek(2)'s SEEK_HOLE, which gives the end of the file where there are no holes.
const seekHole = 4

func TestSmallCommitsFindWrittenBlocks(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why     string
		n, size int
		ahead   bool
	}{
		{"a step lasts for many small commits", 100, 20_000, true},
		{"large ones would only be written twice", 12, 1 << 20, false},
	} {
		path := filepath.Join(t.TempDir(), "store")
		b, err := kv.OpenBolt(path, kv.BoltOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		for i := range row.n {
			if err := put(b, fmt.Sprintf("%05d", i), make([]byte, row.size)); err != nil {
				t.Fatal(err)
			}
		}
		stats, err := b.Stats()
		if err := errors.Join(err, b.Close()); err != nil { // Close waits for what is still being written ahead
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		hole, err := f.Seek(0, seekHole)
		if ahead := hole >= stats.Size+kv.AheadLeast; err != nil || ahead != row.ahead {
			t.Errorf("%s: %d octets are in use, and the file has blocks up to %d, %v", row.why, stats.Size, hole, err)
		}
	}
}

func TestNothingDependsOnWritingAhead(t *testing.T) {
	t.Parallel()
	b := openBolt(t, kv.BoltOptions{})
	if err := kv.FailAhead(b); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := put(b, fmt.Sprintf("%05d", i), make([]byte, 20_000)); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, b); n != 100 {
		t.Errorf("%d of 100 keys", n)
	}
}

// TestPanicInACommit: who writes may be a goroutine that recovers from panics. Nobody may wait for its turn for ever.
func TestPanicInACommit(t *testing.T) {
	t.Parallel()
	b := openBolt(t, kv.BoltOptions{})
	kv.PanicInCommits(b)
	for range 3 {
		if err := put(b, "k", nil); !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("an update gives %v", err)
		}
	}
}
