package vault

import (
	"sync"

	"sigill/vault/internal/seal"
)

// An opened chunk needs memory for as long as it is read from. That of small messages and of whole chunks, which is most,
// is used again: it was most of what the collector had to do for a client that reads one message after the other.
const (
	smallRoom = 16 << 10
	largeRoom = seal.ChunkSize
)

var (
	smallRooms = sync.Pool{New: func() any { return new([smallRoom]byte) }}
	largeRooms = sync.Pool{New: func() any { return new([largeRoom]byte) }}
)

// newRoom gives memory for so many octets of a chunk. What is far from both sizes is made, lest many small messages that
// are open hold a whole chunk each.
func newRoom(size int64) []byte {
	switch {
	case size <= smallRoom:
		return smallRooms.Get().(*[smallRoom]byte)[:0]
	case size > largeRoom/2:
		return largeRooms.Get().(*[largeRoom]byte)[:0]
	}
	return make([]byte, 0, size)
}

// freeRoom wipes memory and gives it back.
func freeRoom(b []byte) {
	b = b[:cap(b)]
	clear(b)
	switch len(b) {
	case smallRoom:
		smallRooms.Put((*[smallRoom]byte)(b))
	case largeRoom:
		largeRooms.Put((*[largeRoom]byte)(b))
	}
}
