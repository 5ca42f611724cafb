package message

// counter counts the octets a body decodes to.
type counter struct {
	encoding string
	base64   base64Count
	quoted   unquote
	total    int64 // of quoted
	scratch  []byte
}

func (c *counter) begin(encoding string) {
	c.encoding, c.base64, c.total = encoding, base64Count{}, 0
	c.quoted = unquote{held: c.quoted.held[:0], space: c.quoted.space[:0]}
}

func (c *counter) count(b []byte) {
	switch c.encoding {
	case "base64":
		c.base64.count(b)
	case "quoted-printable":
		for len(b) > 0 {
			n := min(len(b), 4096)
			c.scratch = c.quoted.decode(c.scratch[:0], b[:n])
			c.total += int64(len(c.scratch))
			b = b[n:]
		}
	}
}

// size is the octets of a body of raw octets, less a line end of eol octets that was counted and is not part of it.
func (c *counter) size(raw, eol int64) int64 {
	switch {
	case raw == 0:
		return 0
	case c.encoding == "base64":
		return c.base64.size()
	case c.encoding == "quoted-printable":
		total := c.total + int64(len(c.quoted.end(nil)))
		if c.quoted.hard {
			total -= eol
		}
		return total
	}
	return raw
}
