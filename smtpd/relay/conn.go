package relay

import (
	"net"
	"sync/atomic"
	"time"
)

// conn gives every read and every write a deadline of its own. The deadlines go-smtp sets are not used: it sets none
// while a message is written, and clears them otherwise.
type conn struct {
	net.Conn
	timeouts Timeouts
	final    atomic.Bool // the whole message is written
	leaving  atomic.Bool // only QUIT is left
}

// goodbye is how long the reply to QUIT may take: the message is taken, and somebody waits to hear it.
const goodbye = time.Second

func (c *conn) Read(p []byte) (int, error) {
	wait := c.timeouts.Command
	switch {
	case c.leaving.Load():
		wait = goodbye
	case c.final.Load():
		wait = c.timeouts.Final
	}
	if err := c.Conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *conn) Write(p []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(c.timeouts.Write)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

func (c *conn) SetDeadline(time.Time) error      { return nil }
func (c *conn) SetReadDeadline(time.Time) error  { return nil }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }
