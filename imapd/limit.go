package imapd

import (
	"net"
	"net/netip"
	"sync"
)

// gate counts connections, in all and by address. The library has no limit of its own.
type gate struct {
	most, each int

	mu  sync.Mutex
	all int
	by  map[netip.Addr]int
}

// enter counts a connection in. leave counts it out and is called once.
func (g *gate) enter(a net.Addr) (leave func(), ok bool) {
	from := origin(a)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= g.most || g.by[from] >= g.each {
		return nil, false
	}
	if g.by == nil {
		g.by = map[netip.Addr]int{}
	}
	g.all++
	g.by[from]++
	return func() { g.leave(from) }, true
}

func (g *gate) leave(from netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.by[from]--; g.by[from] == 0 {
		delete(g.by, from)
	}
}

// origin is what is counted as one address: of IPv6 the network of 64 bits that one customer has.
func origin(a net.Addr) netip.Addr {
	ip := remote(a)
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return ip
}

// remote is an address without port and zone; invalid if it is none of IP.
func remote(a net.Addr) netip.Addr {
	ap, _ := netip.ParseAddrPort(a.String())
	return ap.Addr().Unmap().WithZone("")
}

// host is an address without port, for the log.
func host(a net.Addr) string {
	h, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return h
}
