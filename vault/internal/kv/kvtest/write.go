package kvtest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"sigill/vault/internal/kv"
)

var errMine = errors.New("an error of the caller")

func testErrorUndoes(t *testing.T, s *store) {
	s.put(t, "t", "a", "b")
	err := s.Update(context.Background(), func(w kv.Writer) error {
		must(t, w.Put("t", []byte("a"), []byte("changed")))
		must(t, w.Delete("t", []byte("b")))
		must(t, w.Put("new", []byte("k"), nil))
		return fmt.Errorf("wrapped: %w", errMine)
	})
	if !errors.Is(err, errMine) || err.Error() != "wrapped: an error of the caller" {
		t.Errorf("the caller's error came back as %v", err)
	}
	if got := s.get(t, "t", "a"); string(got) != "value of a" {
		t.Errorf("a: %q", got)
	}
	wantKeys(t, "t", s.keys(t, "t", kv.Span{}), "a", "b")
	wantKeys(t, "new", s.keys(t, "new", kv.Span{}))
}

// together starts n updates at once while another is under way, so that an engine that shares commits shares these.
func (s *store) together(n int, fn func(i int)) {
	begun, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		once := sync.OnceFunc(func() { close(begun) })
		s.Update(context.Background(), func(kv.Writer) error { once(); <-release; return nil })
	})
	<-begun
	var started sync.WaitGroup
	for i := range n {
		started.Add(1)
		all.Go(func() { started.Done(); fn(i) })
	}
	started.Wait()
	close(release)
	all.Wait()
}

func testCompanions(t *testing.T, s *store) {
	for round := range 10 {
		s.together(30, func(i int) {
			key := []byte{byte(round), byte(i)}
			err := s.Update(context.Background(), func(w kv.Writer) error {
				if err := w.Put("t", key, nil); err != nil || i%3 != 0 {
					return err
				}
				return errMine
			})
			if wantErr := i%3 == 0; errors.Is(err, errMine) != wantErr || (err != nil) != wantErr {
				t.Errorf("update %d: %v", i, err)
			}
			if there := s.get(t, "t", string(key)) != nil; there == (i%3 == 0) {
				t.Errorf("update %d: is there: %v", i, there)
			}
		})
	}
	if got := len(s.keys(t, "t", kv.Span{})); got != 200 {
		t.Errorf("%d keys", got)
	}
}

func testPanics(t *testing.T, s *store) {
	try := func(fn func()) (p any) {
		defer func() { p = recover() }()
		fn()
		return nil
	}
	s.together(20, func(i int) {
		p := try(func() {
			err := s.Update(context.Background(), func(w kv.Writer) error {
				must(t, w.Put("t", []byte{1, byte(i)}, nil))
				w.OnCommit(func() {
					if i == 5 {
						t.Error("the hook of an update that panicked was run")
					}
				})
				if i == 5 {
					panic(errMine)
				}
				return nil
			})
			if err != nil {
				t.Errorf("update %d: %v", i, err)
			}
		})
		if (i == 5) != (p == any(errMine)) {
			t.Errorf("update %d panicked with %v", i, p)
		}
	})
	if got := len(s.keys(t, "t", kv.Span{})); got != 19 {
		t.Errorf("%d keys, not those of all but the one that panicked", got)
	}
	p := try(func() { s.View(context.Background(), func(kv.Reader) error { panic(errMine) }) })
	if p != any(errMine) {
		t.Errorf("a view panicked with %v", p)
	}
	s.put(t, "t", "still works")
}

func testHooks(t *testing.T, s *store) {
	var ran []string
	err := s.Update(context.Background(), func(w kv.Writer) error {
		must(t, w.Put("t", []byte("k"), []byte("v")))
		for _, name := range []string{"first", "second"} {
			w.OnCommit(func() {
				ran = append(ran, name)
				if string(s.get(t, "t", "k")) != "v" {
					t.Error("a hook ran before the commit can be seen")
				}
			})
		}
		return nil
	})
	must(t, err)
	wantKeys(t, "hooks", ran, "first", "second")
	err = s.Update(context.Background(), func(w kv.Writer) error {
		w.OnCommit(func() { t.Error("a hook ran after a rollback") })
		must(t, w.Put("t", []byte("k"), []byte("changed")))
		return errMine
	})
	if !errors.Is(err, errMine) {
		t.Error(err)
	}
	var count [30]atomic.Int32
	s.together(len(count), func(i int) {
		err := s.Update(context.Background(), func(w kv.Writer) error {
			w.OnCommit(func() { count[i].Add(1) })
			must(t, w.Put("t", []byte{byte(i)}, nil))
			if i%5 == 0 {
				return errMine
			}
			return nil
		})
		want := int32(1)
		if i%5 == 0 {
			want = 0
		}
		if got := count[i].Load(); got != want {
			t.Errorf("update %d (%v): its hook ran %d times", i, err, got)
		}
	})
}

// testHookOrder: what hooks learn of a counter comes in the order in which it was written.
func testHookOrder(t *testing.T, s *store) {
	var mu sync.Mutex
	var seen []uint64
	for range 10 {
		s.together(20, func(i int) {
			err := s.Update(context.Background(), func(w kv.Writer) error {
				n := increment(t, w, "n")
				if i%7 == 0 {
					return errMine
				}
				w.OnCommit(func() { mu.Lock(); defer mu.Unlock(); seen = append(seen, n) })
				return nil
			})
			if err != nil && !errors.Is(err, errMine) {
				t.Error(err)
			}
		})
	}
	if len(seen) != 170 || !slices.IsSorted(seen) || seen[0] != 1 || seen[169] != 170 {
		t.Errorf("hooks in the order %v", seen)
	}
}

// testHookPanics: what was committed stays, other hooks run, and the panic is its owner's.
func testHookPanics(t *testing.T, s *store) {
	var ran atomic.Int32
	s.together(10, func(i int) {
		defer func() {
			if p := recover(); (p == any(errMine)) != (i == 3) {
				t.Errorf("update %d panicked with %v", i, p)
			}
		}()
		must(t, s.Update(context.Background(), func(w kv.Writer) error {
			w.OnCommit(func() {
				if i == 3 {
					panic(errMine)
				}
			})
			w.OnCommit(func() { ran.Add(1) })
			return w.Put("t", []byte{byte(i)}, nil)
		}))
	})
	if got := len(s.keys(t, "t", kv.Span{})); got != 10 {
		t.Errorf("%d keys", got)
	}
	if got := ran.Load(); got < 9 {
		t.Errorf("%d other hooks ran", got)
	}
}

func increment(t fataler, w kv.Writer, key string) (n uint64) {
	if v := w.Get("counter", []byte(key)); v != nil {
		n = binary.BigEndian.Uint64(v)
	}
	n++
	must(t, w.Put("counter", []byte(key), binary.BigEndian.AppendUint64(nil, n)))
	return n
}

func testCounters(t *testing.T, s *store) {
	const goroutines, rounds = 16, 15
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for range rounds {
				s.update(t, func(w kv.Writer) {
					increment(t, w, "shared")
					increment(t, w, fmt.Sprint(g))
				})
			}
		})
	}
	all.Wait()
	s.view(t, func(r kv.Reader) {
		for k, v := range r.Range("counter", kv.Span{}) {
			want := uint64(rounds)
			if string(k) == "shared" {
				want *= goroutines
			}
			if got := binary.BigEndian.Uint64(v); got != want {
				t.Errorf("%s: %d, not %d", k, got, want)
			}
		}
	})
}
