package smtpd

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/emersion/go-smtp"
)

// door is a listener that lets in whom it may: one connection.
type door struct {
	net.Listener
	server   *Server
	library  *smtp.Server   // that listens here
	networks []netip.Prefix // nil lets all in
	silent   bool           // TLS comes first: a refusal would be noise
	conn     *conn          // nil until one was let in
}

// errTaken is what a door ends with.
var errTaken = errors.New("smtpd: this connection has its server")

// Accept gives the next connection that is let in. The others are told why and closed.
func (d *door) Accept() (net.Conn, error) {
	if d.conn != nil {
		return nil, errTaken
	}
	for {
		raw, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c, refusal := d.server.admit(raw, d)
		if d.conn = c; c != nil {
			return c, nil
		}
		if !d.silent {
			_ = raw.SetWriteDeadline(time.Now().Add(time.Second))
			fmt.Fprintf(raw, "%s\r\n", refusal)
		}
		raw.Close()
	}
}

// admit counts a connection in, or says why not.
func (s *Server) admit(raw net.Conn, d *door) (c *conn, refusal string) {
	ip := remote(raw)
	if d.networks != nil && !within(ip, d.networks) {
		s.log.Warn("connection from outside the connector's networks", "client", ip)
		return nil, refuseNetwork
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	group := neighbourhood(ip)
	switch {
	case s.ending:
		return nil, refuseEnding
	case len(s.conns) >= s.limits.Connections, s.groups[group] >= s.limits.PerAddress:
		s.log.Warn("too many connections", "client", ip, "open", len(s.conns), "of client", s.groups[group])
		return nil, refuseMany
	}
	c = &conn{
		Conn: raw, limits: &s.limits, library: d.library, open: true, counted: true, reads: anyNumber,
		until: time.Now().Add(s.limits.Command),
	}
	c.closed = func(c *conn) { s.leave(c, group) }
	s.conns[c] = true
	s.groups[group]++
	return c, ""
}

func (s *Server) leave(c *conn, group netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.groups[group]--; s.groups[group] == 0 {
		delete(s.groups, group)
	}
	if s.ending && len(s.conns) == 0 {
		s.empty()
	}
}

// remote is the client's address; invalid if it has none.
func remote(c net.Conn) netip.Addr {
	tcp, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap().WithZone("")
}

// neighbourhood is the addresses that are counted as one: a subscriber has a whole IPv6 /64 network.
func neighbourhood(ip netip.Addr) netip.Prefix {
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits)
	return p
}

func within(ip netip.Addr, networks []netip.Prefix) bool {
	for _, n := range networks {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}
