package smtpd

import "time"

// This file is how a conn writes: replies are gathered until the client is waited for, so a client that pipelines its
// commands gets the replies to them at once (RFC 2920 section 3.2), in one system call.

const (
	maxGathered = 4 << 10 // octets that wait
	maxKept     = 512     // octets of room that a connection keeps for them; a TLS handshake takes more
)

// Write puts a reply where the next wait sends it. An error comes with that.
func (c *conn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if len(c.gathered)+len(p) <= maxGathered {
		c.gathered = append(c.gathered, p...)
		return len(p), nil
	}
	if err := c.send(); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// flush sends what was gathered.
func (c *conn) flush() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.send()
}

// part is flush at the end of the connection, after which TLS lets nothing more be written. It waits for nobody who writes:
// that may be what Close is to end.
func (c *conn) part() {
	if !c.writing.TryLock() {
		return
	}
	defer c.writing.Unlock()
	if c.Conn.SetWriteDeadline(time.Now().Add(c.limits.Reply)) == nil {
		_ = c.send()
	}
}

// send is for who has the lock.
func (c *conn) send() (err error) {
	if len(c.gathered) > 0 {
		_, err = c.Conn.Write(c.gathered)
	}
	c.gathered = c.gathered[:0]
	if cap(c.gathered) > maxKept {
		c.gathered = nil
	}
	return err
}
