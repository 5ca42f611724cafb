package kvtest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"sigill/vault/internal/kv"
)

func testGetPutDelete(t *testing.T, s *store) {
	if got := s.get(t, "never", "k"); got != nil {
		t.Errorf("a table nobody wrote to has %q", got)
	}
	if got := s.keys(t, "never", kv.Span{}); got != nil {
		t.Errorf("a table nobody wrote to has %q", got)
	}
	s.update(t, func(w kv.Writer) { must(t, w.Delete("never", []byte("k"))) })
	s.put(t, "t", "k")
	if got := s.get(t, "t", "k"); string(got) != "value of k" {
		t.Errorf("%q", got)
	}
	if got := s.get(t, "t", "K"); got != nil {
		t.Errorf("another key has %q", got)
	}
	s.update(t, func(w kv.Writer) {
		must(t, w.Put("t", []byte("k"), []byte("second")))
		if got := w.Get("t", []byte("k")); string(got) != "second" {
			t.Errorf("own write: %q", got)
		}
		must(t, w.Delete("t", []byte("k")))
		if got := w.Get("t", []byte("k")); got != nil {
			t.Errorf("own delete: %q", got)
		}
		must(t, w.Put("t", []byte("k"), []byte("third")))
		must(t, w.Delete("t", []byte("not there")))
	})
	if got := s.get(t, "t", "k"); string(got) != "third" {
		t.Errorf("%q", got)
	}
	s.update(t, func(w kv.Writer) { must(t, w.Delete("t", []byte("k"))) })
	if got := s.get(t, "t", "k"); got != nil {
		t.Errorf("deleted: %q", got)
	}
	large := bytes.Repeat([]byte("large"), 200_000)
	s.update(t, func(w kv.Writer) { must(t, w.Put("t", []byte{0}, large)) })
	if !bytes.Equal(s.get(t, "t", "\x00"), large) {
		t.Error("a large value came back otherwise")
	}
}

func testTables(t *testing.T, s *store) {
	s.put(t, "a", "one", "two")
	s.put(t, "b", "two", "three")
	s.put(t, "ab", "four")
	s.update(t, func(w kv.Writer) {
		must(t, w.Put("b", []byte("two"), []byte("of b")))
		must(t, w.Delete("a", []byte("three")))
		must(t, w.Delete("b", []byte("one")))
	})
	wantKeys(t, "a", s.keys(t, "a", kv.Span{}), "one", "two")
	wantKeys(t, "b", s.keys(t, "b", kv.Span{}), "three", "two")
	wantKeys(t, "ab", s.keys(t, "ab", kv.Span{}), "four")
	if got := s.get(t, "a", "two"); string(got) != "value of two" {
		t.Errorf("a changed with b: %q", got)
	}
}

// testEmptyValue: marks are kept as empty values, so an empty one is there and nil is absence, at once and afterwards.
func testEmptyValue(t *testing.T, s *store) {
	check := func(when string, r kv.Reader) {
		for _, k := range []string{"nil", "empty"} {
			if got := r.Get("t", []byte(k)); got == nil || len(got) != 0 {
				t.Errorf("%s, put as %s: %#v", when, k, got)
			}
		}
		for k, v := range r.Range("t", kv.Span{}) {
			if v == nil || len(v) != 0 {
				t.Errorf("%s, put as %s, in a range: %#v", when, k, v)
			}
		}
	}
	s.update(t, func(w kv.Writer) {
		must(t, w.Put("t", []byte("nil"), nil))
		must(t, w.Put("t", []byte("empty"), []byte{}))
		check("in the update", w)
	})
	s.view(t, func(r kv.Reader) { check("afterwards", r) })
	wantKeys(t, "both", s.keys(t, "t", kv.Span{}), "empty", "nil")
}

func testBadKeys(t *testing.T, s *store) {
	for _, key := range [][]byte{nil, {}} {
		err := s.Update(context.Background(), func(w kv.Writer) error { return w.Put("t", key, []byte("v")) })
		if err == nil {
			t.Error("an empty key was put")
		}
	}
	s.put(t, "t", "k")
	s.update(t, func(w kv.Writer) { must(t, w.Delete("t", nil)) })
	if got := s.get(t, "t", ""); got != nil {
		t.Errorf("the empty key has %q", got)
	}
	wantKeys(t, "left", s.keys(t, "t", kv.Span{}), "k")
}

func testKeyBuffer(t *testing.T, s *store) {
	s.update(t, func(w kv.Writer) {
		key := []byte("kx")
		for i := range byte(50) {
			key[1] = i
			must(t, w.Put("t", key, []byte{i}))
		}
		for i := range byte(50) {
			if key[1] = i; i%2 == 0 {
				must(t, w.Delete("t", key))
			}
		}
		clear(key)
	})
	for i := range byte(50) {
		if got := s.get(t, "t", "k"+string([]byte{i})); (got == nil) != (i%2 == 0) || (got != nil && got[0] != i) {
			t.Errorf("key %d: %v", i, got)
		}
	}
}

func testRanges(t *testing.T, s *store) {
	all := []string{"a", "a\x00", "aa", "b", "b\xff", "c", "\xff", "\xff\xff"}
	bounds := [][]byte{nil, {}, {0}, []byte("a"), []byte("a\x00"), []byte("ab"), []byte("b"), []byte("b\xff"), []byte("bb"), []byte("c"),
		[]byte("d"), {0xff}, {0xff, 0}, {0xff, 0xff}, {0xff, 0xff, 0}}
	s.put(t, "before", "x")
	s.put(t, "t", all...)
	s.put(t, "u", "x")
	s.view(t, func(r kv.Reader) {
		for _, from := range bounds {
			for _, to := range bounds {
				var want []string
				for _, k := range all {
					if k >= string(from) && (to == nil || k < string(to)) {
						want = append(want, k)
					}
				}
				name := fmt.Sprintf("from %s to %s", bound(from), bound(to))
				wantKeys(t, name, keysOf(r, "t", kv.Span{From: from, To: to}), want...)
				slices.Reverse(want)
				wantKeys(t, name+" in reverse", keysOf(r, "t", kv.Span{From: from, To: to, Reverse: true}), want...)
			}
		}
		for k, v := range r.Range("t", kv.Span{}) {
			if string(v) != "value of "+string(k) {
				t.Errorf("%q has %q", k, v)
			}
		}
	})
}

func testPrefixes(t *testing.T, s *store) {
	s.put(t, "t", "a", "ab", "ab\x00", "ab\xff", "ab\xff\xff", "ac", "b", "\xfe\xff", "\xfe\xff\xff", "\xff", "\xff\x00", "\xff\xff", "\xff\xff\xff")
	all := s.keys(t, "t", kv.Span{})
	for _, p := range []string{"", "a", "ab", "ab\xff", "ab\xff\xff", "ad", "b", "\xfe", "\xfe\xff", "\xff", "\xff\xff", "\xff\xff\xff", "\xff\xff\xff\xff"} {
		var want []string
		for _, k := range all {
			if len(k) >= len(p) && k[:len(p)] == p {
				want = append(want, k)
			}
		}
		span := kv.Prefix([]byte(p))
		wantKeys(t, fmt.Sprintf("prefix %q", p), s.keys(t, "t", span), want...)
		span.Reverse = true
		slices.Reverse(want)
		wantKeys(t, fmt.Sprintf("prefix %q in reverse", p), s.keys(t, "t", span), want...)
	}
}

func testRangeEndsEarly(t *testing.T, s *store) {
	s.put(t, "t", "a", "b", "c")
	for _, reverse := range []bool{false, true} {
		s.view(t, func(r kv.Reader) {
			var seen []string
			for k := range r.Range("t", kv.Span{Reverse: reverse}) {
				seen = append(seen, string(k))
				// A range within a range, and a look-up, disturb nothing.
				wantKeys(t, "inner", keysOf(r, "t", kv.Span{}), "a", "b", "c")
				if r.Get("t", k) == nil {
					t.Errorf("%q is not there", k)
				}
				if len(seen) == 2 {
					break
				}
			}
			want := []string{"a", "b"}
			if reverse {
				want = []string{"c", "b"}
			}
			wantKeys(t, "until the break", seen, want...)
		})
	}
}

// testRangeSeesWrites empties and refills many pages within one update.
func testRangeSeesWrites(t *testing.T, s *store) {
	const n = 400
	key := func(i int) string { return fmt.Sprintf("%04d", i) }
	var all []string
	for i := range n {
		all = append(all, key(i))
	}
	s.update(t, func(w kv.Writer) {
		for _, k := range all {
			must(t, w.Put("t", []byte(k), bytes.Repeat([]byte(k), 50)))
		}
	})
	s.update(t, func(w kv.Writer) {
		wantKeys(t, "all", keysOf(w, "t", kv.Span{}), all...)
		for _, k := range all[100:300] {
			must(t, w.Delete("t", []byte(k)))
		}
		left := slices.Concat(all[:100], all[300:])
		wantKeys(t, "after deletes", keysOf(w, "t", kv.Span{}), left...)
		wantKeys(t, "in the gap", keysOf(w, "t", kv.Span{From: []byte(key(150)), To: []byte(key(250))}))
		wantKeys(t, "before the gap", keysOf(w, "t", kv.Span{From: []byte(key(98)), To: []byte(key(200))}), all[98:100]...)
		wantKeys(t, "over the gap", keysOf(w, "t", kv.Span{From: []byte(key(99)), To: []byte(key(301))}), key(99), key(300))
		slices.Reverse(left)
		wantKeys(t, "in reverse", keysOf(w, "t", kv.Span{Reverse: true}), left...)
		wantKeys(t, "in reverse, from within the gap", keysOf(w, "t", kv.Span{To: []byte(key(200)), Reverse: true}), left[100:]...)
		for _, k := range all {
			must(t, w.Delete("t", []byte(k)))
		}
		wantKeys(t, "after all deletes", keysOf(w, "t", kv.Span{}))
		wantKeys(t, "after all deletes, in reverse", keysOf(w, "t", kv.Span{Reverse: true}))
		must(t, w.Put("t", []byte("new"), nil))
		wantKeys(t, "new", keysOf(w, "t", kv.Span{Reverse: true}), "new")
	})
	wantKeys(t, "at the end", s.keys(t, "t", kv.Span{}), "new")
}
