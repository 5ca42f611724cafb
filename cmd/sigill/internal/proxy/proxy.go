// Package proxy lets a load balancer in front of the gateway say who its clients are, by the PROXY protocol of HAProxy,
// version 1 and 2. Limits, networks and the log go by what it says, so it is believed only of networks that are configured,
// and a connection from there that does not say it is closed.
package proxy

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"
)

const (
	headerLimit = 5 * time.Second // for the header to come
	waiting     = 256             // connections whose header has not come
)

// Listen gives a listener whose connections have the address of the client where they come from a trusted network. It
// belongs under TLS. The listener l is closed with it.
func Listen(l net.Listener, trusted []netip.Prefix) net.Listener {
	p := &listener{Listener: l, trusted: trusted, ready: make(chan net.Conn), turns: make(chan struct{}, waiting), closed: make(chan struct{})}
	p.readers.Go(p.accept)
	return p
}

type listener struct {
	net.Listener
	trusted []netip.Prefix
	ready   chan net.Conn
	turns   chan struct{}
	readers sync.WaitGroup

	failed error // of Accept below; read once closed is closed
	closed chan struct{}
	once   sync.Once
}

// accept takes connections as fast as they come: one that says nothing must not keep others out.
func (p *listener) accept() {
	for {
		c, err := p.Listener.Accept()
		if err != nil {
			if t, ok := err.(interface{ Temporary() bool }); ok && t.Temporary() {
				time.Sleep(50 * time.Millisecond) // out of file descriptors, say
				continue
			}
			p.end(err)
			return
		}
		if !p.trusts(c.RemoteAddr()) {
			p.readers.Go(func() { p.hand(c) })
			continue
		}
		select {
		case p.turns <- struct{}{}:
			p.readers.Go(func() {
				told := p.header(c)
				<-p.turns
				p.hand(told)
			})
		default:
			c.Close()
		}
	}
}

// header reads it; nil if there is none.
func (p *listener) header(raw net.Conn) net.Conn {
	c := proxyproto.NewConn(raw, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.SetReadHeaderTimeout(headerLimit))
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-p.closed:
			raw.Close()
		case <-ended:
		}
	}()
	if c.ProxyHeader() == nil {
		raw.Close()
		return nil
	}
	return c
}

func (p *listener) hand(c net.Conn) {
	if c == nil {
		return
	}
	select {
	case p.ready <- c:
	case <-p.closed:
		c.Close()
	}
}

func (p *listener) trusts(a net.Addr) bool {
	ap, _ := netip.ParseAddrPort(a.String())
	ip := ap.Addr().Unmap().WithZone("")
	for _, n := range p.trusted {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}

func (p *listener) Accept() (net.Conn, error) {
	select {
	case c := <-p.ready:
		return c, nil
	case <-p.closed:
		return nil, p.failed
	}
}

func (p *listener) end(err error) {
	p.once.Do(func() {
		p.failed = err
		close(p.closed)
	})
}

// Close returns when nothing of the listener is left.
func (p *listener) Close() error {
	err := p.Listener.Close()
	p.end(net.ErrClosed)
	p.readers.Wait()
	return err
}
