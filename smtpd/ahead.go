package smtpd

import "bytes"

// This file is how a conn reads: as much as there is, at once, and what it gives of that. Of commands in clear it gives one
// line at a time. So whoever reads DATA in a line of its own holds nothing of what follows, and the message can be read
// from here, past go-smtp's reader.

// Read gives what the client says.
func (c *conn) Read(p []byte) (int, error) {
	counted, err := c.mayRead(false)
	if err != nil {
		if !isTimeout(err) {
			c.forget()
		}
		return 0, err
	}
	if !c.ready() && counted {
		if err := c.more(); err != nil {
			return 0, err
		}
	}
	if c.ready() {
		return c.give(p), nil
	}
	n, err := c.wait(p[:min(len(p), len(block{}))])
	if err != nil {
		return 0, err
	}
	first := c.first(p[:n])
	c.keep(p[first:n])
	c.gave(p[:first])
	return first, nil
}

// next gives what was read ahead, which stays until it is skipped. If there is nothing, or not enough, it waits for more.
func (c *conn) next(enough bool) ([]byte, error) {
	if _, err := c.mayRead(!enough); err != nil {
		c.forget()
		return nil, err
	}
	if !c.ready() || !enough {
		if err := c.more(); err != nil {
			return nil, err
		}
	}
	return c.ahead, nil
}

// first is how many octets of b may be given at once.
func (c *conn) first(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); c.line && i >= 0 {
		return i + 1
	}
	return len(b)
}

// more reads as much as there is, behind what was read ahead, so that the small buffers above cost one system call and not
// many. It waits for the first of it.
func (c *conn) more() error {
	if c.block == nil {
		c.block = blocks.Get().(*block)
	}
	kept := copy(c.block[:], c.ahead)
	n, err := c.wait(c.block[kept:])
	if err != nil {
		c.forget()
		return err
	}
	c.ahead = c.block[:kept+n]
	return nil
}

// wait reads what the client says next, after it has all replies.
func (c *conn) wait(p []byte) (int, error) {
	err := c.flush()
	if err != nil {
		return 0, c.die(err)
	}
	n, err := c.Conn.Read(p)
	if err != nil {
		return 0, c.die(err)
	}
	return n, nil
}

// give hands over what was read ahead.
func (c *conn) give(p []byte) int {
	n := copy(p, c.ahead[:c.first(c.ahead)])
	c.skip(n)
	c.gave(p[:n])
	return n
}

// gave looks for the end of a command line. What came in clear with STARTTLS, from whoever was in between, must not be
// heard after it (RFC 3207 section 4.2); go-smtp forgets only what it holds.
func (c *conn) gave(b []byte) {
	if !c.line || len(b) == 0 {
		return
	}
	c.word = append(c.word, b[:min(len(b), len(startTLS)-len(c.word))]...)
	if b[len(b)-1] != '\n' {
		return
	}
	if c.awaited = false; bytes.EqualFold(c.word, startTLS) {
		c.forget()
	}
}

var startTLS = []byte("STARTTLS")

// skip drops the first octets of what was read ahead.
func (c *conn) skip(n int) { c.keep(c.ahead[n:]) }

// keep makes b, which may be a part of it, what was read ahead.
func (c *conn) keep(b []byte) {
	switch {
	case len(b) > len(c.few) && c.block == nil:
		c.block = blocks.Get().(*block)
		c.ahead = c.block[:copy(c.block[:], b)]
	case len(b) > len(c.few):
		c.ahead = b
	default:
		few := c.few[:copy(c.few[:], b)]
		c.forget()
		c.ahead = few
	}
}

// forget drops what was read ahead.
func (c *conn) forget() {
	c.ahead = nil
	if c.block != nil {
		c.block.free()
		c.block = nil
	}
}

// ready tells that the next read will not wait.
func (c *conn) ready() bool { return len(c.ahead) > 0 }
