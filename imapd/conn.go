package imapd

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// Deadlines. The library sets absolute ones (go-imap v2.0.0-beta.8: 5 minutes for a literal, however large), which a slow
// line does not meet; conn makes those of literals rolling and leaves the others.
const (
	literalDeadline = 5 * time.Minute // the library's, by which a literal is recognised
	stallLimit      = 2 * time.Minute // without an octet in a literal
	literalLimit    = time.Hour       // for a literal in all
	loginLimit      = 3 * time.Minute // from connection to login
	byeLimit        = 5 * time.Second // to write the last line
)

// conn is a client's connection after TLS, as the library is given it. The library takes passwords on it, so there is no
// way to make one but from a *tls.Conn.
//
// After the first read error it is dead: the library would go on and take the rest of a broken literal for commands.
type conn struct {
	net.Conn // the *tls.Conn
	input    guard
	output   *output
	// probe takes what the library writes if it is only to be looked at.
	probe *bytes.Buffer
	// skip tells that the next line of the library is not to be sent: the greeting, if the client has had one before
	// STARTTLS, or the results of a search that only saves them.
	skip bool
	// expunged tells that the next tagged OK is to say that messages are gone, for which the library has no way.
	expunged bool
	// release is called once, at the close.
	release func()
	closing sync.Once

	mu    sync.Mutex // for what follows
	dead  error
	bye   string    // the last line to the client, once it is decided to hang up
	login time.Time // when a client that is not logged in is cut off; zero once it is
	// waiting tells that the library waits for a command, or for the end of IDLE.
	waiting bool
	read    deadline
}

// deadline is what the library has set. A rolling one has a limit for each step and end is its end in all.
type deadline struct {
	end     time.Time
	rolling bool
}

func newConn(c *tls.Conn, release func()) *conn {
	out := &output{to: c}
	in := bufio.NewReader(input{c, out})
	return &conn{Conn: c, input: guard{in: in}, output: out, release: release, login: time.Now().Add(loginLimit)}
}

// Read gives the library at most one line, or octets of a literal (guard.go). Between lines it hangs up if that has been
// decided.
func (c *conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	err, bye := c.dead, c.bye
	c.waiting = c.input.atLine()
	if c.read.rolling {
		c.Conn.SetReadDeadline(c.read.next())
	}
	c.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if bye != "" && c.input.atLine() {
		return 0, c.sayBye(bye)
	}
	n, err := c.input.Read(p)
	if err != nil {
		return n, c.die(err)
	}
	c.mu.Lock()
	c.waiting = false
	c.mu.Unlock()
	return n, nil
}

// die remembers the first read error.
func (c *conn) die(err error) error {
	c.mu.Lock()
	bye := c.bye
	if e, ok := err.(*refusal); ok {
		bye = e.bye
	}
	c.dead = err
	c.mu.Unlock()
	if bye != "" {
		return c.sayBye(bye)
	}
	return err
}

// hangUp ends the connection with a BYE as soon as the command that is running, if any, is answered.
func (c *conn) hangUp(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bye == "" {
		c.bye = text
	}
	if c.waiting {
		c.Conn.SetReadDeadline(time.Now())
	}
}

// sayBye writes the last line past the library, which at that moment writes nothing or, in IDLE, whole lines.
func (c *conn) sayBye(text string) error {
	c.output.farewell("* BYE " + text + "\r\n")
	c.mu.Lock()
	c.dead = net.ErrClosed
	c.mu.Unlock()
	c.Close()
	return net.ErrClosed
}

// Write takes all of p, which may wait until the library reads (output.go).
func (c *conn) Write(p []byte) (int, error) {
	if c.skip {
		c.skip = false // it is one write
		return len(p), nil
	}
	if c.probe != nil {
		return c.probe.Write(p)
	}
	if c.expunged && p[0] != '*' {
		c.expunged = false
		told := bytes.Replace(p, []byte(" OK "), []byte(" OK [EXPUNGEISSUED] "), 1)
		if n, err := c.Write(told); err != nil {
			return min(n, len(p)), err
		}
		return len(p), nil
	}
	c.input.answered(p)
	return c.output.Write(p)
}

// Close may be called by anyone, at any time.
func (c *conn) Close() error {
	c.output.last()
	err := c.Conn.Close()
	c.closing.Do(c.release)
	return err
}

// SetReadDeadline is for the library. A connection that is to be hung up wakes at once; one that has not logged in ends in
// any case.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.bye != "" && c.input.atLine():
		t = time.Now()
	case !c.login.IsZero() && (t.IsZero() || t.After(c.login)):
		t = c.login
	}
	c.read = rolls(t)
	return c.Conn.SetReadDeadline(c.read.next())
}

// SetWriteDeadline is for the library.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.output.setLimit(rolls(t))
	return nil
}

// loggedIn lifts the limit of time before login.
func (c *conn) loggedIn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.login = time.Time{}
}

func rolls(t time.Time) deadline {
	if d := time.Until(t); literalDeadline-time.Minute < d && d <= literalDeadline {
		return deadline{end: time.Now().Add(literalLimit), rolling: true}
	}
	return deadline{end: t}
}

// next is the deadline for the next step.
func (d deadline) next() time.Time {
	if step := time.Now().Add(stallLimit); d.rolling && step.Before(d.end) {
		return step
	}
	return d.end
}
