package seal

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

// opener is one way to open one sealed thing, and what was sealed.
type opener struct {
	name   string
	sealed []byte
	plain  []byte
	open   func(sealed []byte) ([]byte, error)
}

func openers(t testing.TB) []opener {
	key, id := NewKey(), ID{1, 2, 3}
	box, chunks, content := NewBox(key.Derive("records")), NewChunks(key, id), NewKey()
	plain, aad := []byte("hemligt, och ganska kort"), []byte("table/key")
	unwrap := func(sealed []byte) ([]byte, error) {
		k, err := Unwrap(box, sealed, id)
		if err != nil {
			return nil, err
		}
		return k.Bytes(), nil
	}
	return []opener{
		{"record", box.Seal(nil, plain, aad), plain, func(s []byte) ([]byte, error) { return box.Open(nil, s, aad) }},
		{"empty record", box.Seal(nil, nil, nil), nil, func(s []byte) ([]byte, error) { return box.Open(nil, s, nil) }},
		{"chunk", chunks.Seal(nil, 7, false, plain), plain, func(s []byte) ([]byte, error) { return chunks.Open(nil, 7, false, s) }},
		{"empty chunk", chunks.Seal(nil, 8, true, nil), nil, func(s []byte) ([]byte, error) { return chunks.Open(nil, 8, true, s) }},
		{"wrapped key", Wrap(box, content, id), content.Bytes(), unwrap},
	}
}

func TestTampered(t *testing.T) {
	t.Parallel()
	for _, o := range openers(t) {
		if got, err := o.open(o.sealed); err != nil || !bytes.Equal(got, o.plain) {
			t.Fatalf("%s: untouched: %x, %v", o.name, got, err)
		}
		for i := range o.sealed {
			for bit := range 8 {
				bad := slices.Clone(o.sealed)
				bad[i] ^= 1 << bit
				wantDamaged(t, o, bad, "flipped")
			}
			wantDamaged(t, o, o.sealed[:i], "cut off")
			wantDamaged(t, o, o.sealed[i+1:], "without its beginning")
			wantDamaged(t, o, slices.Delete(slices.Clone(o.sealed), i, i+1), "with an octet less")
			wantDamaged(t, o, slices.Insert(slices.Clone(o.sealed), i, 0), "with an octet more")
		}
		wantDamaged(t, o, append(slices.Clone(o.sealed), 0), "with an octet after it")
	}
}

func wantDamaged(t *testing.T, o opener, bad []byte, how string) {
	t.Helper()
	if got, err := o.open(bad); !errors.Is(err, ErrDamaged) || got != nil {
		t.Fatalf("%s %s: %x, %v", o.name, how, got, err)
	}
}

func TestChunkInAnotherPlace(t *testing.T) {
	t.Parallel()
	key, id := NewKey(), ID{1}
	sealed := NewChunks(key, id).Seal(nil, 5, false, []byte("chunk"))
	for _, row := range []struct {
		why    string
		key    *Key
		id     ID
		number uint32
		last   bool
	}{
		{"another number", key, id, 4, false},
		{"a number whose octets are shifted", key, id, 5 << 8, false},
		{"as the last one: the stream was cut off here", key, id, 5, true},
		{"another stream under the same key", key, ID{2}, 5, false},
		{"another key", NewKey(), id, 5, false},
		{"the key of another purpose", key.Derive("chunks"), id, 5, false},
	} {
		got, err := NewChunks(row.key, row.id).Open(nil, row.number, row.last, sealed)
		if !errors.Is(err, ErrDamaged) || got != nil {
			t.Errorf("%s: %x, %v", row.why, got, err)
		}
	}
	last := NewChunks(key, id).Seal(nil, 5, true, []byte("chunk"))
	if _, err := NewChunks(key, id).Open(nil, 5, false, last); !errors.Is(err, ErrDamaged) {
		t.Errorf("the last chunk as one that others follow: %v", err)
	}
}

func TestRecordInAnotherPlace(t *testing.T) {
	t.Parallel()
	key := NewKey()
	box := NewBox(key)
	sealed := box.Seal(nil, []byte("record"), []byte("a"))
	for why, open := range map[string]func() ([]byte, error){
		"another aad":             func() ([]byte, error) { return box.Open(nil, sealed, []byte("b")) },
		"no aad":                  func() ([]byte, error) { return box.Open(nil, sealed, nil) },
		"the aad and the content": func() ([]byte, error) { return box.Open(nil, sealed, []byte("arecord")) },
		"another key":             func() ([]byte, error) { return NewBox(NewKey()).Open(nil, sealed, []byte("a")) },
		"a derived key":           func() ([]byte, error) { return NewBox(key.Derive("a")).Open(nil, sealed, []byte("a")) },
	} {
		if got, err := open(); !errors.Is(err, ErrDamaged) || got != nil {
			t.Errorf("%s: %x, %v", why, got, err)
		}
	}
	wrapped := Wrap(box, NewKey(), ID{1})
	if _, err := Unwrap(box, wrapped, ID{2}); !errors.Is(err, ErrDamaged) {
		t.Errorf("the content key of another stream: %v", err)
	}
	id := ID{3}
	if _, err := Unwrap(box, box.Seal(nil, make([]byte, keySize-1), id[:]), id); !errors.Is(err, ErrDamaged) {
		t.Errorf("a wrapped key that is too short: %v", err)
	}
}

func TestSealAppends(t *testing.T) {
	t.Parallel()
	key := NewKey()
	box, chunks := NewBox(key), NewChunks(key, ID{})
	if a, b := box.Seal(nil, []byte("same"), nil), box.Seal(nil, []byte("same"), nil); bytes.Equal(a, b) {
		t.Error("two records with one nonce")
	}
	sealed := box.Seal([]byte("before"), []byte("record"), nil)
	if !bytes.HasPrefix(sealed, []byte("before")) || len(sealed) != len("before")+len("record")+BoxOverhead {
		t.Errorf("sealed record: %x", sealed)
	}
	if got, err := box.Open([]byte("kept "), sealed[len("before"):], nil); err != nil || string(got) != "kept record" {
		t.Errorf("opened record: %q, %v", got, err)
	}
	sealed = chunks.Seal([]byte("before"), 0, true, []byte("chunk"))
	if got, err := chunks.Open([]byte("kept "), 0, true, sealed[len("before"):]); err != nil || string(got) != "kept chunk" {
		t.Errorf("opened chunk: %q, %v", got, err)
	}
	inPlace := chunks.Seal(nil, 1, true, []byte("chunk"))
	if got, err := chunks.Open(inPlace[:0], 1, true, inPlace); err != nil || string(got) != "chunk" {
		t.Errorf("opened in its own place: %q, %v", got, err)
	}
}
