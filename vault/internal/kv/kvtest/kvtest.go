// Package kvtest is what every engine of kv must do: one suite, run by each engine's own test.
package kvtest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"sigill/vault/internal/kv"
)

// Factory makes the stores of one engine.
type Factory struct {
	// New makes room for an empty store, which goes when the test ends, and gives what opens it. The suite closes what it
	// opened before it opens it again.
	New func(t testing.TB) (open func() (kv.Engine, error))
}

// Run runs the suite, every part of it in parallel.
func Run(t *testing.T, f Factory) {
	for _, part := range []struct {
		name string
		test func(*testing.T, *store)
	}{
		{"get put delete", testGetPutDelete},
		{"tables are independent", testTables},
		{"empty is not absent", testEmptyValue},
		{"bad keys", testBadKeys},
		{"keys may be used again", testKeyBuffer},
		{"ranges", testRanges},
		{"prefixes", testPrefixes},
		{"a range ends early", testRangeEndsEarly},
		{"a range sees what was written", testRangeSeesWrites},
		{"an error undoes", testErrorUndoes},
		{"companions survive", testCompanions},
		{"panics", testPanics},
		{"hooks", testHooks},
		{"hooks in the order of commits", testHookOrder},
		{"a panic in a hook", testHookPanics},
		{"counters add up", testCounters},
		{"context", testContext},
		{"view is a snapshot", testSnapshot},
		{"view gives the error", testViewError},
		{"view in view", testViewInView},
		{"close", testClose},
		{"close waits", testCloseWaits},
		{"close under load", testCloseUnderLoad},
		{"reopening keeps all", testReopen},
		{"model", testModel},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.test(t, newStore(t, f))
		})
	}
}

// store is an open engine under test.
type store struct {
	kv.Engine
	factory Factory
	open    func() (kv.Engine, error)
}

// fataler is what *testing.T and *rapid.T have in common.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func newStore(t testing.TB, f Factory) *store {
	t.Helper()
	s := &store{factory: f, open: f.New(t)}
	s.start(t)
	t.Cleanup(func() { s.Close() })
	return s
}

func (s *store) start(t fataler) {
	t.Helper()
	engine, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	s.Engine = engine
}

func (s *store) reopen(t fataler) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s.start(t)
}

// update and view take functions that cannot fail but through must.
func (s *store) update(t fataler, fn func(w kv.Writer)) {
	t.Helper()
	must(t, s.Update(context.Background(), func(w kv.Writer) error { fn(w); return nil }))
}

func (s *store) view(t fataler, fn func(r kv.Reader)) {
	t.Helper()
	must(t, s.View(context.Background(), func(r kv.Reader) error { fn(r); return nil }))
}

// put writes keys with values that tell them.
func (s *store) put(t fataler, table kv.Table, keys ...string) {
	t.Helper()
	must(t, s.Update(context.Background(), func(w kv.Writer) error {
		for _, k := range keys {
			if err := w.Put(table, []byte(k), []byte("value of "+k)); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (s *store) get(t fataler, table kv.Table, key string) (value []byte) {
	t.Helper()
	s.view(t, func(r kv.Reader) { value = bytes.Clone(r.Get(table, []byte(key))) })
	return value
}

func (s *store) keys(t fataler, table kv.Table, span kv.Span) (keys []string) {
	t.Helper()
	s.view(t, func(r kv.Reader) { keys = keysOf(r, table, span) })
	return keys
}

func keysOf(r kv.Reader, table kv.Table, span kv.Span) (keys []string) {
	for k := range r.Range(table, span) {
		keys = append(keys, string(k))
	}
	return keys
}

func wantKeys(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, not %q", what, got, want)
	}
}

func must(t fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func bound(b []byte) string {
	if b == nil {
		return "nil"
	}
	return fmt.Sprintf("%q", b)
}
