package web

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiter allows so much a minute for each of many keys. What is full again is forgotten.
type limiter struct {
	now       func() time.Time
	perMinute int
	burst     int
	mu        sync.Mutex
	keys      map[string]*rate.Limiter
}

// maxKeys bounds a limiter's memory, about 20 MB; beyond it new keys share one allowance.
const maxKeys = 100_000

func newLimiter(now func() time.Time, perMinute, burst int) *limiter {
	return &limiter{now: now, perMinute: perMinute, burst: burst, keys: map[string]*rate.Limiter{}}
}

// allow takes one from the key's allowance.
func (l *limiter) allow(key string) bool { return l.of(key).AllowN(l.now(), 1) }

func (l *limiter) of(key string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.keys[key]
	if r == nil && len(l.keys) >= maxKeys {
		key = ""
		r = l.keys[key]
	}
	if r == nil {
		r = rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.burst)
		l.keys[key] = r
	}
	return r
}

func (l *limiter) sweep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, r := range l.keys {
		if r.TokensAt(l.now()) >= float64(l.burst) {
			delete(l.keys, key)
		}
	}
}

// network is the visitor's address as limits count it: one IPv4 address, or the /64 that one IPv6 customer has.
func network(r *http.Request) string {
	a := address(r)
	if a.Is6() {
		return networkOf(r.RemoteAddr).String()
	}
	return a.String()
}

// networkOf is that of an address with a port; zero if it cannot be told.
func networkOf(remote string) netip.Prefix {
	bits, a := 32, addressOfPort(remote)
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// address is the visitor's, invalid if it cannot be told.
func address(r *http.Request) netip.Addr { return addressOfPort(r.RemoteAddr) }

func addressOfPort(remote string) netip.Addr {
	ap, _ := netip.ParseAddrPort(remote)
	return ap.Addr().Unmap().WithZone("")
}
