package seal

import "testing"

// TestAllocations cannot be parallel: testing.AllocsPerRun counts those of the whole process.
func TestAllocations(t *testing.T) {
	c, key := NewChunks(NewKey(), ID{}), NewKey()
	plain, part := make([]byte, 4096), []byte("anna.andersson@example.org")
	sealed := c.Seal(nil, 0, false, plain)
	dst := make([]byte, 0, len(sealed))
	box := NewBox(NewKey())
	sealedRecord := box.Seal(nil, part, part)
	record, opened := make([]byte, 0, len(sealedRecord)), make([]byte, 0, len(part))
	for _, row := range []struct {
		name string
		most float64
		fn   func()
	}{
		{"Chunks.Seal", 0, func() { c.Seal(dst, 0, false, plain) }},
		{"Chunks.Open", 0, func() { c.Open(dst, 0, false, sealed) }},
		{"Box.Seal", 0, func() { box.Seal(record, part, part) }},
		{"Box.Open", 0, func() { box.Open(opened, sealedRecord, part) }},
		{"Digest", 1, func() { key.Digest("address", part) }}, // now and then the pool is emptied
	} {
		if got := testing.AllocsPerRun(200, row.fn); got > row.most && !raceEnabled {
			t.Errorf("%s: %v allocations, at most %v wanted", row.name, got, row.most)
		}
	}
}
