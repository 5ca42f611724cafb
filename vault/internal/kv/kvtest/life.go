package kvtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"sigill/vault/internal/kv"
)

func testContext(t *testing.T, s *store) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for range 20 {
		err := s.Update(ended, func(w kv.Writer) error { t.Error("run"); return w.Put("t", []byte("k"), nil) })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("update: %v", err)
		}
		err = s.View(ended, func(kv.Reader) error { t.Error("run"); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("view: %v", err)
		}
	}
	s.together(20, func(i int) {
		ctx := context.Background()
		if i%2 == 0 {
			ctx = ended
		}
		err := s.Update(ctx, func(w kv.Writer) error { return w.Put("t", []byte{byte(i)}, nil) })
		if errors.Is(err, context.Canceled) != (i%2 == 0) {
			t.Errorf("update %d: %v", i, err)
		}
	})
	if got := len(s.keys(t, "t", kv.Span{})); got != 10 {
		t.Errorf("%d keys", got)
	}
}

func testSnapshot(t *testing.T, s *store) {
	s.put(t, "t", "a", "b")
	s.view(t, func(r kv.Reader) {
		done := make(chan error)
		go func() {
			done <- s.Update(context.Background(), func(w kv.Writer) error {
				return errors.Join(w.Put("t", []byte("a"), []byte("changed")), w.Delete("t", []byte("b")), w.Put("t", []byte("c"), nil))
			})
		}()
		must(t, <-done)
		wantKeys(t, "the snapshot", keysOf(r, "t", kv.Span{}), "a", "b")
		if got := r.Get("t", []byte("a")); string(got) != "value of a" {
			t.Errorf("the snapshot changed: %q", got)
		}
	})
	wantKeys(t, "afterwards", s.keys(t, "t", kv.Span{}), "a", "c")
}

func testViewError(t *testing.T, s *store) {
	if err := s.View(context.Background(), func(kv.Reader) error { return errMine }); err != errMine {
		t.Errorf("%v", err)
	}
}

// testViewInView: a view within a view must not wait for a Close that waits for the outer one.
func testViewInView(t *testing.T, s *store) {
	s.put(t, "t", "k")
	closed := make(chan error, 1)
	s.view(t, func(r kv.Reader) {
		go func() { closed <- s.Close() }()
		for range 1000 {
			err := s.View(context.Background(), func(r kv.Reader) error {
				wantKeys(t, "inner view", keysOf(r, "t", kv.Span{}), "k")
				return nil
			})
			if errors.Is(err, kv.ErrClosed) {
				break // Close is pending now
			}
			must(t, err)
		}
		wantKeys(t, "outer view", keysOf(r, "t", kv.Span{}), "k")
	})
	must(t, <-closed)
}

func testClose(t *testing.T, s *store) {
	s.put(t, "t", "k")
	must(t, s.Close())
	must(t, s.Close())
	err := s.Update(context.Background(), func(kv.Writer) error { t.Error("run"); return nil })
	if !errors.Is(err, kv.ErrClosed) {
		t.Errorf("update: %v", err)
	}
	err = s.View(context.Background(), func(kv.Reader) error { t.Error("run"); return nil })
	if !errors.Is(err, kv.ErrClosed) {
		t.Errorf("view: %v", err)
	}
	s.start(t)
	wantKeys(t, "after opening again", s.keys(t, "t", kv.Span{}), "k")
}

func testCloseWaits(t *testing.T, s *store) {
	reading, writing, release := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var calls, closers sync.WaitGroup
	calls.Go(func() {
		must(t, s.View(context.Background(), func(r kv.Reader) error {
			close(reading)
			<-release
			wantKeys(t, "read while closing", keysOf(r, "t", kv.Span{}))
			return nil
		}))
	})
	calls.Go(func() {
		once := sync.OnceFunc(func() { close(writing) })
		must(t, s.Update(context.Background(), func(w kv.Writer) error {
			once()
			<-release
			return w.Put("t", []byte("k"), nil)
		}))
	})
	<-reading
	<-writing
	for range 2 {
		closers.Go(func() {
			must(t, s.Close())
			select {
			case <-release:
			default:
				t.Error("Close did not wait")
			}
		})
	}
	close(release)
	calls.Wait()
	closers.Wait()
	s.start(t)
	wantKeys(t, "after opening again", s.keys(t, "t", kv.Span{}), "k")
}

// testCloseUnderLoad: every call ends, and what was acknowledged is there afterwards.
func testCloseUnderLoad(t *testing.T, s *store) {
	for round := range 5 {
		var all sync.WaitGroup
		var mu sync.Mutex
		acknowledged := map[string]bool{}
		for g := range 700 { // more than wait in a queue
			all.Go(func() {
				for i := 0; ; i++ {
					key := fmt.Sprintf("%d/%d/%d", round, g, i)
					err := s.Update(context.Background(), func(w kv.Writer) error { return w.Put("t", []byte(key), nil) })
					if errors.Is(err, kv.ErrClosed) {
						return
					}
					must(t, err)
					mu.Lock()
					acknowledged[key] = true
					mu.Unlock()
				}
			})
		}
		all.Go(func() {
			for s.View(context.Background(), func(r kv.Reader) error {
				for range r.Range("t", kv.Span{}) {
				}
				return nil
			}) == nil {
			}
		})
		for n := 0; n < 50; {
			mu.Lock()
			n = len(acknowledged)
			mu.Unlock()
		}
		must(t, s.Close())
		all.Wait()
		s.start(t)
		there := map[string]bool{}
		for _, k := range s.keys(t, "t", kv.Span{From: fmt.Appendf(nil, "%d/", round)}) {
			there[k] = true
		}
		for k := range acknowledged {
			if !there[k] {
				t.Errorf("%s was acknowledged and is lost", k)
			}
		}
		if len(there) != len(acknowledged) {
			t.Errorf("%d keys, %d were acknowledged", len(there), len(acknowledged))
		}
	}
}

func testReopen(t *testing.T, s *store) {
	var want []string
	for i := range 50 {
		k := fmt.Sprintf("%02d", i)
		want = append(want, k)
		s.put(t, "t", k)
		if i%10 == 0 {
			s.reopen(t)
		}
	}
	s.update(t, func(w kv.Writer) { must(t, w.Delete("t", []byte("00"))) })
	s.reopen(t)
	wantKeys(t, "reopened", s.keys(t, "t", kv.Span{}), want[1:]...)
}
