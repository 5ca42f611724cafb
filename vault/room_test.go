package vault

import (
	"bytes"
	"testing"
)

// TestRooms cannot be parallel: it looks at memory that others may have been given by then.
func TestRooms(t *testing.T) {
	for _, row := range []struct{ size, want int64 }{
		{0, smallRoom}, {1, smallRoom}, {smallRoom, smallRoom}, {smallRoom + 1, smallRoom + 1}, {largeRoom / 2, largeRoom / 2},
		{largeRoom/2 + 1, largeRoom}, {largeRoom, largeRoom},
	} {
		b := newRoom(row.size)
		if int64(cap(b)) != row.want || len(b) != 0 {
			t.Errorf("for %d octets: room for %d with %d in it, want %d", row.size, cap(b), len(b), row.want)
		}
		b = append(b, bytes.Repeat([]byte{1}, int(row.size))...)
		freeRoom(b)
		if whole := b[:cap(b)]; !bytes.Equal(whole, make([]byte, len(whole))) {
			t.Errorf("room for %d octets is given back with content", row.size)
		}
	}
}
