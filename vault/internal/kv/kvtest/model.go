package kvtest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sigill/vault/internal/kv"
)

// model is what a store should hold: tables of keys and values.
type model map[kv.Table]map[string]string

func (m model) clone() model {
	out := model{}
	for t, rows := range m {
		out[t] = maps.Clone(rows)
	}
	return out
}

// span gives the keys of a span in order.
func (m model) span(t kv.Table, s kv.Span) (keys []string) {
	for k := range m[t] {
		if k >= string(s.From) && (s.To == nil || k < string(s.To)) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	if s.Reverse {
		slices.Reverse(keys)
	}
	return keys
}

var (
	anyTable = rapid.SampledFrom([]kv.Table{"a", "b", "ab"})
	// anyKey meets others often, shares prefixes, and has the highest octet.
	anyKey   = rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'k', 0xfe, 0xff}), 1, 4)
	anyBound = rapid.OneOf(rapid.Just([]byte(nil)), rapid.Just([]byte{}), anyKey)
	// anySize fills pages, so that trees get deep and lose pages again.
	anySize = rapid.SampledFrom([]int{0, 1, 10, 500, 1500, 9000})
)

func anySpan(r *rapid.T) kv.Span {
	if rapid.Bool().Draw(r, "prefix") {
		s := kv.Prefix(anyKey.Draw(r, "prefix"))
		s.Reverse = rapid.Bool().Draw(r, "reverse")
		return s
	}
	return kv.Span{From: anyBound.Draw(r, "from"), To: anyBound.Draw(r, "to"), Reverse: rapid.Bool().Draw(r, "reverse")}
}

// testModel does to a store and to a model what comes to rapid's mind, and wants the same of both.
func testModel(t *testing.T, s *store) {
	must(t, s.Close())
	rapid.Check(t, func(r *rapid.T) {
		s := &store{factory: s.factory, open: s.factory.New(t)}
		s.start(r)
		defer func() { s.Close() }()
		want := model{}
		r.Repeat(map[string]func(*rapid.T){
			"update": func(r *rapid.T) { want = modelUpdate(r, s, want) },
			"read":   func(r *rapid.T) { s.view(r, func(reader kv.Reader) { modelRead(r, reader, want) }) },
			"reopen": func(r *rapid.T) { s.reopen(r) },
		})
	})
}

// modelUpdate draws an update and gives the model after it. The steps are drawn before, since an engine may run an update
// again.
func modelUpdate(r *rapid.T, s *store, before model) (after model) {
	type step struct {
		table  kv.Table
		key    []byte
		size   int
		delete bool
	}
	steps := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) step {
		return step{anyTable.Draw(r, "table"), anyKey.Draw(r, "key"), anySize.Draw(r, "size"), rapid.IntRange(0, 2).Draw(r, "delete") == 0}
	}), 0, 20).Draw(r, "steps")
	span, table := anySpan(r), anyTable.Draw(r, "table")
	fails := rapid.IntRange(0, 4).Draw(r, "fails") == 0
	err := s.Update(context.Background(), func(w kv.Writer) error {
		after = before.clone()
		for i, st := range steps {
			if st.delete {
				must(r, w.Delete(st.table, st.key))
				delete(after[st.table], string(st.key))
				continue
			}
			value := bytes.Repeat([]byte{byte(i)}, st.size)
			must(r, w.Put(st.table, st.key, value))
			if after[st.table] == nil {
				after[st.table] = map[string]string{}
			}
			after[st.table][string(st.key)] = string(value)
		}
		compare(r, w, table, span, after)
		if fails {
			return errMine
		}
		return nil
	})
	if fails {
		if !errors.Is(err, errMine) {
			r.Fatal(err)
		}
		return before
	}
	must(r, err)
	return after
}

func modelRead(r *rapid.T, reader kv.Reader, want model) {
	table := anyTable.Draw(r, "table")
	compare(r, reader, table, anySpan(r), want)
	for _, key := range rapid.SliceOfN(anyKey, 1, 8).Draw(r, "keys") { // an engine may go on from where the last one was
		got := reader.Get(table, key)
		if value, ok := want[table][string(key)]; ok != (got != nil) || value != string(got) {
			r.Fatalf("get %s %q: %d octets, not %d", table, key, len(got), len(value))
		}
	}
}

func compare(r *rapid.T, reader kv.Reader, table kv.Table, span kv.Span, want model) {
	keys := want.span(table, span)
	i := 0
	for k, v := range reader.Range(table, span) {
		if i >= len(keys) || string(k) != keys[i] || string(v) != want[table][keys[i]] || v == nil {
			r.Fatalf("range %s %+v: number %d is %q, not of %q", table, span, i, k, keys)
		}
		i++
	}
	if i != len(keys) {
		r.Fatalf("range %s %+v: %d keys, not %q", table, span, i, keys)
	}
}
