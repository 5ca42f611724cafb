package relay

import (
	"net"
	"time"
)

// conn gives every read and every write a deadline of its own, below TLS.
type conn struct {
	net.Conn
	patience time.Duration // of reads, set by the one goroutine that reads
	write    time.Duration
}

// goodbye is how long the reply to QUIT may take.
const goodbye = time.Second

func (c *conn) Read(p []byte) (int, error) {
	if err := c.Conn.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *conn) Write(p []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(c.write)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
