package kv_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"sigill/vault/internal/kv"
)

// TestTogetherIsLikeApart does the same in two stores, one of which keeps its tables together, and compares every span.
func TestTogetherIsLikeApart(t *testing.T) {
	t.Parallel()
	tables := []kv.Table{"a", "b", "c"}
	apart, err := kv.OpenBolt(filepath.Join(t.TempDir(), "apart"), kv.BoltOptions{})
	must(t, err)
	side, err := kv.OpenBolt(filepath.Join(t.TempDir(), "together"), kv.BoltOptions{Together: [][]kv.Table{{"a", "b"}, {"c"}}})
	must(t, err)
	t.Cleanup(func() { must(t, apart.Close()); must(t, side.Close()) })

	octet := rapid.SampledFrom([]byte{0, 1, 2, 3, 0xfe, 0xff})
	// Keys of 16 octets and more, alike but for a few; bounds of any length.
	key := rapid.Custom(func(t *rapid.T) []byte {
		k := bytes.Repeat([]byte{octet.Draw(t, "first")}, 15)
		return append(k, rapid.SliceOfN(octet, 1, 3).Draw(t, "rest")...)
	})
	bound := rapid.Custom(func(t *rapid.T) []byte {
		k := key.Draw(t, "bound")
		return k[:rapid.IntRange(0, len(k)).Draw(t, "cut")]
	})
	rapid.Check(t, func(rt *rapid.T) {
		table := rapid.SampledFrom(tables).Draw(rt, "table")
		keys := rapid.SliceOfN(key, 0, 8).Draw(rt, "keys")
		remove := rapid.Bool().Draw(rt, "remove")
		for _, engine := range []kv.Engine{apart, side} {
			must(t, engine.Update(t.Context(), func(w kv.Writer) error {
				for _, k := range keys {
					err := w.Put(table, k, append([]byte(table), k...))
					if remove {
						err = w.Delete(table, k)
					}
					if err != nil {
						return err
					}
				}
				return nil
			}))
		}
		span := kv.Span{From: bound.Draw(rt, "from"), To: bound.Draw(rt, "to"), Reverse: rapid.Bool().Draw(rt, "reverse")}
		switch rapid.IntRange(0, 3).Draw(rt, "kind") {
		case 0:
			span.From = nil
		case 1:
			span.To = nil
		case 2:
			reverse := span.Reverse
			span = kv.Prefix(key.Draw(rt, "prefix")[:16])
			span.Reverse = reverse
		}
		want, got := list(t, apart, table, span), list(t, side, table, span)
		if want != got {
			rt.Fatalf("table %s, span %x to %x, reverse %v: apart\n%s together\n%s", table, span.From, span.To, span.Reverse, want, got)
		}
		looked := rapid.SliceOfN(key, 1, 12).Draw(rt, "looked for")
		in := rapid.SliceOfN(rapid.SampledFrom(tables), len(looked), len(looked)).Draw(rt, "in")
		if want, got := gets(t, apart, in, looked), gets(t, side, in, looked); want != got {
			rt.Fatalf("%x in %q: apart\n%s together\n%s", looked, in, want, got)
		}
	})
	if err := side.Update(t.Context(), func(w kv.Writer) error { return w.Put("a", []byte("short"), nil) }); err == nil {
		t.Error("a key of fewer than 16 octets is taken in a shared tree")
	}
}

func list(t *testing.T, engine kv.Engine, table kv.Table, span kv.Span) (out string) {
	t.Helper()
	must(t, engine.View(t.Context(), func(r kv.Reader) error {
		for k, v := range r.Range(table, span) {
			out += fmt.Sprintf("%x=%x (%x)\n", k, v, r.Get(table, k))
		}
		return nil
	}))
	return out
}

// gets looks up each key in its table, all in one view.
func gets(t *testing.T, engine kv.Engine, tables []kv.Table, keys [][]byte) (out string) {
	t.Helper()
	must(t, engine.View(t.Context(), func(r kv.Reader) error {
		for i, k := range keys {
			v := r.Get(tables[i], k)
			out += fmt.Sprintf("%x %v\n", v, v == nil)
		}
		return nil
	}))
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestGrowingTablesFillTheirPages counts pages: a table that grows at its end needs little more than half of what one
// needs whose keys may come anywhere.
func TestGrowingTablesFillTheirPages(t *testing.T) {
	t.Parallel()
	size := func(o kv.BoltOptions) int64 {
		store := openBolt(t, o)
		for i := range 100 {
			err := store.Update(t.Context(), func(w kv.Writer) error {
				for j := range 20 {
					if err := w.Put("t", fmt.Appendf(nil, "%06d", 20*i+j), make([]byte, 200)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		stats, err := store.Stats()
		if err != nil {
			t.Fatal(err)
		}
		return stats.Size - stats.Free
	}
	other, growing := size(kv.BoltOptions{}), size(kv.BoltOptions{Growing: []kv.Table{"t"}})
	if growing*4 > other*3 {
		t.Errorf("%d octets where pages are filled, %d where they are not", growing, other)
	}
}

// TestTableAppears: a table that was looked for in vain is there once it, or one beside it, is written to.
func TestTableAppears(t *testing.T) {
	t.Parallel()
	b, err := kv.OpenBolt(filepath.Join(t.TempDir(), "store"), kv.BoltOptions{Together: [][]kv.Table{{"a", "b"}}})
	must(t, err)
	t.Cleanup(func() { must(t, b.Close()) })
	key := bytes.Repeat([]byte{'k'}, 16)
	must(t, b.Update(t.Context(), func(w kv.Writer) error {
		for _, table := range []kv.Table{"a", "b", "c"} {
			if w.Get(table, key) != nil {
				t.Errorf("table %s has a key", table)
			}
			must(t, w.Put(table, key, []byte(table)))
			if got := w.Get(table, key); string(got) != string(table) {
				t.Errorf("table %s has %q", table, got)
			}
		}
		return nil
	}))
}
