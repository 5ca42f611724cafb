package kv_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"sigill/vault/internal/kv"
)

func openBolt(t testing.TB, o kv.BoltOptions) *kv.Bolt {
	t.Helper()
	b, err := kv.OpenBolt(filepath.Join(t.TempDir(), "store"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func put(b *kv.Bolt, key string, value []byte) error {
	return b.Update(context.Background(), func(w kv.Writer) error { return w.Put("t", []byte(key), value) })
}

// gathered starts updates while another is under way, and lets them go when all of them wait.
func gathered(t *testing.T, b *kv.Bolt, n int, fn func(i int)) {
	t.Helper()
	begun, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := b.Update(context.Background(), func(w kv.Writer) error {
			close(begun)
			<-release
			return w.Put("t", []byte("first"), nil)
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-begun
	for i := range n {
		all.Go(func() { fn(i) })
	}
	for kv.WaitingIn(b) < n {
		runtime.Gosched()
	}
	close(release)
	all.Wait()
}

func TestLoneUpdateIsOneCommit(t *testing.T) {
	t.Parallel()
	b := openBolt(t, kv.BoltOptions{})
	for i := range 5 {
		before := kv.CommitsOf(b)
		if err := put(b, fmt.Sprint(i), nil); err != nil {
			t.Fatal(err)
		}
		if got := kv.CommitsOf(b) - before; got != 1 {
			t.Errorf("a lone update made %d commits", got)
		}
	}
	before := kv.CommitsOf(b)
	err := b.Update(context.Background(), func(w kv.Writer) error { w.Get("t", []byte("0")); return w.Delete("t", []byte("none")) })
	if got := kv.CommitsOf(b) - before; got != 0 || err != nil {
		t.Errorf("an update that wrote nothing made %d commits, %v", got, err)
	}
}

func TestUpdatesGather(t *testing.T) {
	t.Parallel()
	b := openBolt(t, kv.BoltOptions{})
	before := kv.CommitsOf(b)
	gathered(t, b, 100, func(i int) {
		if err := put(b, fmt.Sprint(i), nil); err != nil {
			t.Error(err)
		}
	})
	if got := kv.CommitsOf(b) - before; got != 2 {
		t.Errorf("one update and 100 that came meanwhile made %d commits, not 2", got)
	}
}

// TestLargeUpdatesDoNotGather: a commit is cut at some octets, so that small updates do not wait for all large ones.
func TestLargeUpdatesDoNotGather(t *testing.T) {
	t.Parallel()
	b := openBolt(t, kv.BoltOptions{})
	before := kv.CommitsOf(b)
	gathered(t, b, 24, func(i int) {
		if err := put(b, fmt.Sprint(i), make([]byte, 1<<20)); err != nil {
			t.Error(err)
		}
	})
	if got := kv.CommitsOf(b) - before; got < 4 || got > 5 {
		t.Errorf("24 MiB made %d commits", got)
	}
}

// TestFailuresInABatch counts runs: those that fail must not make all others run once for each of them.
func TestFailuresInABatch(t *testing.T) {
	t.Parallel()
	mine := errors.New("mine")
	for _, row := range []struct {
		why           string
		writes        bool
		runs, commits int
	}{
		{"who fails without a write disturbs nobody", false, 60, 2},
		{"who fails after a write is found in the first run and runs alone", true, 60 + 30 + 30, 2},
	} {
		b := openBolt(t, kv.BoltOptions{})
		before := kv.CommitsOf(b)
		var runs atomic.Int32
		gathered(t, b, 60, func(i int) {
			err := b.Update(context.Background(), func(w kv.Writer) error {
				runs.Add(1)
				fails := i%2 == 0
				if fails && !row.writes {
					return mine
				}
				if err := w.Put("t", fmt.Append(nil, i), nil); err != nil {
					return err
				}
				if fails {
					return mine
				}
				return nil
			})
			if errors.Is(err, mine) != (i%2 == 0) {
				t.Errorf("%s: update %d: %v", row.why, i, err)
			}
		})
		if got := int(runs.Load()); got != row.runs {
			t.Errorf("%s: %d runs, not %d", row.why, got, row.runs)
		}
		if got := kv.CommitsOf(b) - before; got != row.commits {
			t.Errorf("%s: %d commits, not %d", row.why, got, row.commits)
		}
	}
}

// TestManyShareCommits: goroutines that go on at once after each answer still meet in the same commits.
func TestManyShareCommits(t *testing.T) {
	t.Parallel()
	const goroutines, rounds = 50, 20
	b := openBolt(t, kv.BoltOptions{})
	before := kv.CommitsOf(b)
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := range rounds {
				if err := put(b, fmt.Sprint(g, i), make([]byte, 1000)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	commits := kv.CommitsOf(b) - before
	t.Logf("%d updates of %d goroutines in %d commits", goroutines*rounds, goroutines, commits)
	if commits > goroutines*rounds/4 {
		t.Errorf("%d updates in %d commits", goroutines*rounds, commits)
	}
}
