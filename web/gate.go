package web

import (
	"net"
	"net/netip"
	"sync"
)

// gate is a listener that lets in so many connections at a time, in all and of one network as limits count it: each is a
// file descriptor, which mail needs too, and some memory before it has asked for anything.
type gate struct {
	net.Listener
	most, each int

	mu  sync.Mutex
	all int
	by  map[netip.Prefix]int
}

func newGate(l net.Listener, limits Limits) *gate {
	return &gate{Listener: l, most: limits.Connections, each: limits.PerNetwork, by: map[netip.Prefix]int{}}
}

// Accept gives the next connection there is room for. Others are closed: TLS comes first, so nothing can be said.
func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if from := networkOf(c.RemoteAddr().String()); g.enter(from) {
			return &admitted{Conn: c, leave: func() { g.leave(from) }}, nil
		}
		c.Close()
	}
}

func (g *gate) enter(from netip.Prefix) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= g.most || g.by[from] >= g.each {
		return false
	}
	g.all++
	g.by[from]++
	return true
}

func (g *gate) leave(from netip.Prefix) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.by[from]--; g.by[from] == 0 {
		delete(g.by, from)
	}
}

// admitted is a connection that was let in.
type admitted struct {
	net.Conn
	once  sync.Once
	leave func()
}

func (a *admitted) Close() error {
	a.once.Do(a.leave)
	return a.Conn.Close()
}
