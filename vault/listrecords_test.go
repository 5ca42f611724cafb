package vault

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"sigill/vault/message"
)

// FuzzListRecords: what the vault has written, the hand-written decoders read, and as the decoder of all other records
// does; also into an index that was another's. An entry is written by hand as the encoder writes it.
func FuzzListRecords(f *testing.F) {
	for _, depth := range []int{0, 1, 3} {
		ix, e := new(message.Index), new(entryRecord)
		fill(reflect.ValueOf(ix).Elem(), depth)
		fill(reflect.ValueOf(e).Elem(), depth)
		for _, rec := range []any{ix, e, &message.Index{}, &entryRecord{}} {
			plain, err := encode(rec)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(bytes.Clone(plain))
		}
	}
	other := new(message.Index)
	fill(reflect.ValueOf(other).Elem(), 2)
	used, err := encode(other)
	if err != nil {
		f.Fatal(err)
	}
	used = bytes.Clone(used)
	f.Fuzz(func(t *testing.T, plain []byte) {
		sameEntry(t, plain)
		sameIndex(t, plain, new(message.Index))
		again := new(message.Index)
		if !decodeIndex(used, again) || !reflect.DeepEqual(again, other) {
			t.Fatalf("%+v", again)
		}
		sameIndex(t, plain, again)
	})
}

func sameEntry(t *testing.T, plain []byte) {
	var byHand, byAll entryRecord
	ok := decodeEntry(plain, &byHand)
	if decodeBy(&decoders, plain, &byAll) != nil || !writtenSo(plain, &byAll) {
		return // not of the vault's writing
	}
	if !ok || !reflect.DeepEqual(byHand, byAll) {
		t.Errorf("%x: read %v as %+v, want %+v", plain, ok, byHand, byAll)
	}
}

func sameIndex(t *testing.T, plain []byte, byHand *message.Index) {
	var byAll message.Index
	ok := decodeIndex(plain, byHand)
	if decodeBy(&decodersInPlace, plain, &byAll) != nil || !writtenSo(plain, &byAll) {
		return
	}
	noEmptyLists(reflect.ValueOf(byHand).Elem())
	noEmptyLists(reflect.ValueOf(&byAll).Elem())
	if !ok || !reflect.DeepEqual(*byHand, byAll) {
		t.Errorf("%x: read %v as %+v, want %+v", plain, ok, *byHand, byAll)
	}
}

// noEmptyLists makes empty lists nil: those that were another's are not.
func noEmptyLists(v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			noEmptyLists(v.Field(i))
		}
	case v.Kind() == reflect.Slice && v.Len() == 0:
		v.SetZero()
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			noEmptyLists(v.Index(i))
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		noEmptyLists(v.Elem())
	}
}

func writtenSo(plain []byte, rec any) bool {
	again, err := encode(rec)
	return err == nil && bytes.Equal(again, plain)
}

// TestListRecordsFallBack: a field that is not known here, and an older record's missing ones, are read all the same.
func TestListRecordsFallBack(t *testing.T) {
	t.Parallel()
	type newer struct {
		entryRecord
		Later time.Time `codec:"77"`
	}
	want := entryRecord{Message: MessageID{1, 2}, Flags: Seen, Keywords: []string{"one"}, Date: 5, Size: 7}
	plain, err := encode(&newer{want, time.Unix(0, 0).UTC()})
	if err != nil {
		t.Fatal(err)
	}
	var got entryRecord
	if decodeEntry(plain, &got) {
		t.Error("an unknown field is read over")
	}
	if err := decode(plain, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}
