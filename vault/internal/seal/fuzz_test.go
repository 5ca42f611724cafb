package seal

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzOpen opens octets from outside in every way: nothing opens that was not sealed, and nothing panics.
func FuzzOpen(f *testing.F) {
	v := readVectors(f)
	key := mustKey(f, v.Key)
	box, chunks := NewBox(key), NewChunks(key, ID(v.ID))
	f.Add([]byte{}, []byte{}, uint32(0), false)
	for _, r := range v.Box {
		f.Add([]byte(r.Sealed), []byte(r.AAD), uint32(0), true)
	}
	for _, c := range v.Chunk {
		f.Add([]byte(c.Sealed), []byte{}, c.Number, c.Last)
	}
	f.Fuzz(func(t *testing.T, sealed, aad []byte, number uint32, last bool) {
		before := bytes.Clone(sealed)
		plain, err := box.Open(nil, sealed, aad)
		if err == nil && !bytes.Equal(box.sealWith(sealed[1:recordHead], nil, plain, aad), sealed) {
			t.Error("a record opened that was not sealed")
		}
		wantOnlyDamaged(t, err)
		plain, err = chunks.Open(nil, number, last, sealed)
		if err == nil && !bytes.Equal(chunks.Seal(nil, number, last, plain), sealed) {
			t.Error("a chunk opened that was not sealed")
		}
		wantOnlyDamaged(t, err)
		if !bytes.Equal(before, sealed) {
			t.Error("opening changed its input")
		}
	})
}

func FuzzUnwrap(f *testing.F) {
	v := readVectors(f)
	box := NewBox(mustKey(f, v.Root).Derive("content keys"))
	f.Add([]byte(v.Content[4:]), []byte(v.ID))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, wrapped, stream []byte) {
		var id ID
		copy(id[:], stream)
		k, err := Unwrap(box, wrapped, id)
		wantOnlyDamaged(t, err)
		if err == nil && !bytes.Equal(box.sealWith(wrapped[1:recordHead], nil, k.Bytes(), id[:]), wrapped) {
			t.Error("a key was unwrapped that was not wrapped")
		}
	})
}

func wantOnlyDamaged(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}
