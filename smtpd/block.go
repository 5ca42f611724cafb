package smtpd

import "sync"

// block is room for a small mail, or a part of a larger one. Only what is in use at one time is there: between mails a
// connection has none.
type block [16 << 10]byte

var blocks = sync.Pool{New: func() any { return new(block) }}

// free gives the room back. What was in it may have been clear text.
func (b *block) free() {
	clear(b[:])
	blocks.Put(b)
}
