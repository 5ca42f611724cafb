package vault

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// TestFlagBlockModel: a block comes back from its record as it was, whatever it tells, and is as long as its last UID needs.
func TestFlagBlockModel(t *testing.T) {
	t.Parallel()
	set := rapid.SampledFrom([][]string{nil, {"$Forwarded"}, {"$Forwarded", "$Junk"}, {"$SigillOpened"}})
	rapid.Check(t, func(t *rapid.T) {
		var want flagBlock
		last := -1
		for _, at := range rapid.SliceOfDistinct(rapid.IntRange(0, blockUIDs-1), rapid.ID[int]).Draw(t, "told") {
			want.told[at] = true
			want.marks[at] = marks{Flags(rapid.IntRange(0, 31).Draw(t, "flags")), set.Draw(t, "keywords")}
			last = max(last, at)
		}
		rec := want.record()
		if len(rec.Flags) != last+1 {
			t.Fatalf("%d octets for UIDs up to %d", len(rec.Flags), last)
		}
		plain, err := encode(&rec)
		if err != nil {
			t.Fatal(err)
		}
		var again flagsRecord
		var got flagBlock
		if err := errors.Join(decode(plain, &again), got.read(again)); err != nil {
			t.Fatal(err)
		}
		for at := range blockUIDs {
			if got.told[at] != want.told[at] || !got.marks[at].equal(want.marks[at]) {
				t.Fatalf("UID %d: %v %v, want %v %v", at, got.told[at], got.marks[at], want.told[at], want.marks[at])
			}
		}
	})
}

// TestFlagBlocksThatAreNone: a record that no version has written is told as damage, not read past its ends.
func TestFlagBlocksThatAreNone(t *testing.T) {
	t.Parallel()
	for why, rec := range map[string]flagsRecord{
		"too many UIDs":        {Flags: make([]byte, blockUIDs+1)},
		"more sets than flags": {Flags: []byte{toldHere}, Sets: []byte{0, 0}},
		"a set that is none":   {Flags: []byte{toldHere}, Sets: []byte{2}, Keywords: [][]string{{"one"}}},
	} {
		if err := new(flagBlock).read(rec); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", why, err)
		}
	}
}
