package vault

import "sigill/vault/message"

// headerMost is how many octets of a header without clutter lie beside the index.
const headerMost = 4 << 10

// uncluttered is the header of a message on its way in, as lists want it.
type uncluttered struct {
	octets []byte // nil if the first chunk does not hold all of it
	size   int64  // with the clutter
}

// take reads the header that a message begins with. If it is what the index says is not known yet.
func (u *uncluttered) take(plain []byte) {
	if n := message.HeaderEnd(plain); n > 0 {
		u.octets, u.size = message.AppendUncluttered(make([]byte, 0, min(n, headerMost)), plain[:n]), int64(n)
	}
}

// worth tells that it is the header and short enough to be sealed by itself.
func (u *uncluttered) worth(header message.Range) bool {
	return u.octets != nil && len(u.octets) <= headerMost && header == message.Range{Size: u.size}
}
