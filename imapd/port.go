package imapd

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// port is one listener being served, with its connections.
type port struct {
	*Server
	mode Mode
	// sessions is the context of all that runs for clients.
	sessions context.Context
	queue    *queue
	running  sync.WaitGroup // connections being made, and sessions

	mu     sync.Mutex
	ending bool
	// open are the connections, by what the listener gave; nil while they are being made secure.
	open map[net.Conn]*conn
}

// accept takes connections until the listener is closed.
func (p *port) accept(ctx context.Context, l net.Listener) error {
	for {
		c, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				c.Close()
			}
			return nil
		case err == nil:
			p.admit(c)
		case temporary(err): // out of file descriptors, say
			p.sleep(ctx, 50*time.Millisecond)
		default:
			return fmt.Errorf("imapd: accept: %w", err)
		}
	}
}

// admit lets a connection in, if there is room.
func (p *port) admit(c net.Conn) {
	if !p.serves(remote(c.RemoteAddr())) {
		p.refuse(c, "This server is for other networks")
		return
	}
	leave, ok := p.gate.enter(c.RemoteAddr())
	if !ok {
		p.refuse(c, "Too many connections")
		return
	}
	p.mu.Lock()
	p.open[c] = nil
	p.mu.Unlock()
	p.running.Go(func() { p.begin(c, leave) })
}

func (s *Server) serves(client netip.Addr) bool {
	in := s.config.Networks
	return len(in) == 0 || slices.ContainsFunc(in, func(n netip.Prefix) bool { return n.Contains(client) })
}

// refuse says why, where words are understood: not where TLS comes first.
func (p *port) refuse(c net.Conn, why string) {
	p.log.Warn("imap connection refused", "why", why, "remote", host(c.RemoteAddr()))
	if p.mode == StartTLS {
		c.SetWriteDeadline(time.Now().Add(time.Second))
		io.WriteString(c, "* BYE "+why+"\r\n")
	}
	c.Close()
}

// begin makes a connection secure and hands it to the library.
func (p *port) begin(c net.Conn, leave func()) {
	release := func() {
		p.mu.Lock()
		delete(p.open, c)
		p.mu.Unlock()
		leave()
	}
	secure, err := p.secure(c)
	if err != nil {
		p.log.Debug("imap connection without TLS", "remote", host(c.RemoteAddr()), "err", err)
		c.Close()
		release()
		return
	}
	in := newConn(secure, release)
	in.skip = p.mode == StartTLS
	p.mu.Lock()
	p.open[c] = in
	ending := p.ending
	p.mu.Unlock()
	if ending {
		in.Close()
		return
	}
	p.running.Add(1) // until the session is closed
	if !p.queue.put(in) {
		p.running.Done()
		in.Close()
	}
}

func (p *port) secure(c net.Conn) (*tls.Conn, error) {
	if p.mode == StartTLS {
		return startTLS(p.sessions, c, p.config.TLS)
	}
	return handshake(p.sessions, c, p.config.TLS)
}

// end ends all connections: politely, then not.
func (p *port) end(cut context.CancelFunc) {
	p.mu.Lock()
	p.ending = true
	for raw, c := range p.open {
		if c == nil {
			raw.Close()
		} else {
			c.hangUp("The server is ending, come back later")
		}
	}
	p.mu.Unlock()
	late := time.AfterFunc(p.limits.Grace, func() { p.cutOff(cut) })
	defer late.Stop()
	p.running.Wait()
}

func (p *port) cutOff(cut context.CancelFunc) {
	cut()
	p.mu.Lock()
	defer p.mu.Unlock()
	for raw := range p.open {
		raw.Close() // under TLS, so that no farewell is waited for
	}
}

// queue hands connections to the library as a listener would.
type queue struct {
	addr net.Addr
	in   chan net.Conn
	done chan struct{}
	once sync.Once
}

func newQueue(a net.Addr) *queue {
	return &queue{addr: a, in: make(chan net.Conn), done: make(chan struct{})}
}

func (q *queue) put(c net.Conn) bool {
	select {
	case q.in <- c:
		return true
	case <-q.done:
		return false
	}
}

// Accept is net.Listener's.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.in:
		return c, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}

// Close is net.Listener's.
func (q *queue) Close() error {
	q.once.Do(func() { close(q.done) })
	return nil
}

// Addr is net.Listener's.
func (q *queue) Addr() net.Addr { return q.addr }
