package smtpd

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
)

// conn is a client's connection as go-smtp sees it, below TLS. It meets six traps of go-smtp:
//
//   - After a read that failed in the middle of a message go-smtp goes on reading commands, so the rest of the message
//     would be obeyed (issue 196). A conn is dead after its first read error.
//   - A BDAT chunk that is cut off by the end of the connection counts as whole, so half a mail would be taken, and one
//     whose subject is in the other half passed on in clear. A conn never ends in EOF. Within TLS the client can end it
//     all the same; see [session.whole].
//   - A read deadline is set when a command line is awaited and holds for the message too. A conn gives each
//     octet of a message a rolling deadline, with a cap for the whole.
//   - The chunk of a BDAT command with a mistake in it is obeyed; see [overheard].
//   - Commands are not counted. Each command line sets the read deadline once, so they are counted there.
//   - Connections live on after Shutdown. A conn can be told to end at the next command line.
//
// How it reads is in ahead.go, how it writes in replies.go.
type conn struct {
	net.Conn
	limits *Limits
	closed func(*conn) // called once, when closed and no message is under way

	library  *smtp.Server
	replying atomic.Bool // what go-smtp writes next is a reply

	// What was read ahead. Only the goroutine that reads uses it.
	ahead []byte   // in few or block
	few   [64]byte // what a connection holds while its message is dealt with
	block *block   // nil if nothing is in it

	// The way it gives command lines; used as what was read ahead.
	plain   bool   // no TLS is between go-smtp and this connection
	awaited bool   // a command line, of which the end was not given yet
	line    bool   // the last read gave one line at most
	word    []byte // how the command line begins

	writing  sync.Mutex
	gathered []byte // replies

	mu       sync.Mutex
	dead     bool
	killed   bool      // by us: the client may still send
	reads    int       // how many more get something; any number if negative
	leave    error     // what the next command line ends with
	open     bool      // not closed
	counted  bool      // closed has not been called
	messages int       // Data calls under way; with BDAT an aborted one may overlap the next
	until    time.Time // cap of all reads
	commands int       // lines since a mail was taken
	tries    int       // failed logins
}

var (
	// errLeave makes go-smtp say 421 and close.
	errLeave = errors.New("smtpd: the server ends")
	// errCommands is the same for a client that only talks.
	errCommands = errors.New("smtpd: too many commands")
)

// mayRead counts a read, if they are counted, and sets its deadline, if it will need one: more tells that what was read
// ahead is not enough.
func (c *conn) mayRead(more bool) (counted bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.dead:
		return false, net.ErrClosed
	case c.reads == 0:
		return false, os.ErrDeadlineExceeded
	case c.reads > 0:
		c.reads--
		counted = true
	}
	c.line = c.plain && c.awaited
	if c.ready() && !more {
		return counted, nil
	}
	return counted, c.Conn.SetReadDeadline(c.deadline())
}

// deadline is that of the next read. The caller has the lock.
func (c *conn) deadline() time.Time {
	if c.messages == 0 {
		return c.until
	}
	if idle := time.Now().Add(c.limits.Idle); idle.Before(c.until) {
		return idle
	}
	return c.until
}

// die lets nothing more be read. In a message a deadline is told as a reply: for BDAT go-smtp itself answers with what
// the connection's read ends with, and would make 554 of anything else.
func (c *conn) die(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
	switch {
	case err == io.EOF:
		return net.ErrClosed
	case c.messages > 0 && errors.Is(err, os.ErrDeadlineExceeded):
		return errStalled
	}
	return err
}

// SetReadDeadline is called by go-smtp when it awaits a command line, and before a TLS handshake.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leave != nil {
		return c.leave
	}
	if c.commands++; c.commands > c.limits.Commands {
		return errCommands
	}
	c.awaited, c.word = true, c.word[:0]
	if c.messages == 0 {
		c.until = t
	}
	return nil
}

// SetWriteDeadline is called by go-smtp before each reply.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.replying.Store(true)
	return c.Conn.SetWriteDeadline(t)
}

// replies tells, once for each reply, that go-smtp has begun one.
func (c *conn) replies() bool { return c.replying.Load() && c.replying.CompareAndSwap(true, false) }

// SetDeadline keeps the way into Conn closed for callers that mean only their own.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// beginMessage starts the deadlines of a message; also for a read that waits already.
func (c *conn) beginMessage() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.messages++; c.messages == 1 {
		c.until = time.Now().Add(c.limits.Data)
	}
	if !c.dead {
		_ = c.Conn.SetReadDeadline(c.deadline())
	}
}

// endMessage goes back to the deadline of commands. Taken tells that the client has earned new ones.
func (c *conn) endMessage(taken bool) {
	c.mu.Lock()
	if taken {
		c.commands = 0
	}
	c.messages--
	c.until = time.Now().Add(c.limits.Command)
	c.mu.Unlock()
	c.gone()
}

// gone tells once that nothing of the connection is left.
func (c *conn) gone() {
	c.mu.Lock()
	gone := c.counted && !c.open && c.messages == 0
	if gone {
		c.counted = false
	}
	c.mu.Unlock()
	if gone {
		c.closed(c)
	}
}

// progress gives back the command line of a BDAT chunk that held octets: a message may come in any number of those.
func (c *conn) progress() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commands = max(c.commands-1, 0)
}

// hangUp ends the connection after the reply that is being made.
func (c *conn) hangUp() { c.end(net.ErrClosed, false) }

// end makes the next command line the last. With now, a client that says nothing is not waited for, unless a message of
// its is under way.
func (c *conn) end(how error, now bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave = how
	if now && c.messages == 0 {
		c.until = time.Now()
		_ = c.Conn.SetReadDeadline(c.until)
	}
}

// anyNumber of reads get what the client says.
const anyNumber = -1

// allow lets so many reads get something. Those after them get [os.ErrDeadlineExceeded], which the layers above, TLS too,
// take for a pause and not for an end: they give what they have.
func (c *conn) allow(reads int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads = reads
}

// kill lets nothing more be read.
func (c *conn) kill() {
	_ = c.die(net.ErrClosed)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killed = true
}

// failed counts a failed login.
func (c *conn) failed() (tries int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tries++
	return c.tries
}

// Close closes the connection, after hearing out a client that was cut off. A second time ends that.
func (c *conn) Close() error {
	c.mu.Lock()
	open, killed := c.open, c.killed
	c.open, c.dead = false, true
	c.mu.Unlock()
	if !open {
		_ = c.Conn.Close()
		return nil
	}
	defer c.gone()
	c.part()
	if killed {
		c.linger()
	}
	return c.Conn.Close()
}

// How long a client that was cut off may go on sending, and how long it may pause.
const (
	lingerTime  = 10 * time.Second
	lingerPause = time.Second
)

// linger throws away what the client still sends. A connection that is closed with octets unread is reset (RFC 9293
// section 3.6.1), and most clients whose write fails never look for the reply that says why.
func (c *conn) linger() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	b := blocks.Get().(*block)
	defer b.free()
	for until := time.Now().Add(lingerTime); time.Now().Before(until); {
		if err := c.Conn.SetReadDeadline(time.Now().Add(lingerPause)); err != nil {
			return
		}
		if _, err := c.Conn.Read(b[:]); err != nil {
			return
		}
	}
}
