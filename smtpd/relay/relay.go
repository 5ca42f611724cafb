package relay

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"
)

// Security says how the connection to an upstream is protected.
type Security string

// The securities. Both that use TLS check the upstream's certificate and name.
const (
	StartTLS    Security = "starttls"  // RFC 3207, and nothing is sent if the upstream does not offer it
	ImplicitTLS Security = "implicit"  // RFC 8314 section 3
	Cleartext   Security = "cleartext" // to loopback addresses only
	// Unprotected is without TLS to any address. Only a network that nobody else is on justifies it; there is no AUTH.
	Unprotected Security = "unprotected"
)

// Credentials log in to an upstream, by AUTH PLAIN or else LOGIN.
type Credentials struct{ Username, Password string }

// String keeps the password out of print.
func (c Credentials) String() string { return c.Username + ":**redacted**" }

// GoString keeps the password out of print.
func (c Credentials) GoString() string { return c.String() }

// Timeouts bound how long an upstream may take. Zeroes become those RFC 5321 section 4.5.3.2 asks for.
type Timeouts struct {
	Dial    time.Duration // to connect, and to wait for a connection that is free; 30 s
	Command time.Duration // for the reply to a command; 5 min
	Write   time.Duration // to take one block of the message; 3 min
	Final   time.Duration // for the reply to the whole message; 10 min
}

// Pool bounds the connections to each upstream.
type Pool struct {
	Connections int           // at one time; 50, which is what Postfix allows one client
	Idle        time.Duration // until one that is not used is closed; 1 min
	Age         time.Duration // past which one is not used again; 5 min
}

// Upstream is a mail relay.
type Upstream struct {
	// Addr is host:port.
	Addr string
	// Security is StartTLS if empty.
	Security Security
	// TLS has the roots to trust and what else is out of the ordinary. The name to check is its ServerName, or else the
	// host of Addr. May be nil.
	TLS *tls.Config
	// Auth logs in; nil does not.
	Auth *Credentials
}

// Config says where mail goes.
type Config struct {
	// Upstreams are tried in this order. One that cannot be reached comes last for half a minute.
	Upstreams []Upstream
	// Hello is our name in EHLO.
	Hello    string
	Pool     Pool
	Timeouts Timeouts
	Log      *slog.Logger // discards if nil
}

// Client hands mail to the upstreams. It is for use by many goroutines at once.
type Client struct {
	upstreams []*upstream
	log       *slog.Logger
}

// New checks the configuration and names every fault; it does not connect.
func New(c Config) (*Client, error) {
	client := &Client{log: c.Log}
	if client.log == nil {
		client.log = slog.New(slog.DiscardHandler)
	}
	var faults []error
	if c.Hello == "" {
		faults = append(faults, errors.New("relay: Hello is empty"))
	}
	if len(c.Upstreams) == 0 {
		faults = append(faults, errors.New("relay: there is no upstream"))
	}
	pool, timeouts := c.Pool.orDefault(), c.Timeouts.orDefault()
	for _, u := range c.Upstreams {
		u, err := u.check()
		faults = append(faults, err)
		client.upstreams = append(client.upstreams, newUpstream(u, c.Hello, pool, timeouts))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return client, nil
}

// check gives the upstream with what was left out.
func (u Upstream) check() (Upstream, error) {
	host, _, err := net.SplitHostPort(u.Addr)
	if err != nil {
		return u, fmt.Errorf("relay: address of the upstream: %w", err)
	}
	if u.Security == "" {
		u.Security = StartTLS
	}
	u.TLS = tlsConfig(u.TLS, host)
	switch {
	case u.TLS.InsecureSkipVerify && u.TLS.VerifyConnection == nil:
		return u, fmt.Errorf("relay: %s: the upstream's name must be checked", u.Addr)
	case u.Security == StartTLS, u.Security == ImplicitTLS:
	case u.Security == Cleartext && !loopback(host):
		return u, fmt.Errorf("relay: %s: without TLS only a loopback address can be the upstream; a network of your own can be %q", u.Addr, Unprotected)
	case u.Security == Unprotected && u.Auth != nil:
		return u, fmt.Errorf("relay: %s: a password does not go over a network without TLS", u.Addr)
	case u.Security != Cleartext && u.Security != Unprotected:
		return u, fmt.Errorf("relay: %s: unknown security %q", u.Addr, u.Security)
	}
	return u, nil
}

func tlsConfig(c *tls.Config, host string) *tls.Config {
	if c == nil {
		c = &tls.Config{}
	}
	c = c.Clone()
	if c.ServerName == "" {
		c.ServerName = host
	}
	if c.ClientSessionCache == nil {
		c.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	return c
}

func (t Timeouts) orDefault() Timeouts {
	return Timeouts{or(t.Dial, 30*time.Second), or(t.Command, 5*time.Minute), or(t.Write, 3*time.Minute), or(t.Final, 10*time.Minute)}
}

func (p Pool) orDefault() Pool {
	return Pool{or(p.Connections, 50), or(p.Idle, time.Minute), or(p.Age, 5*time.Minute)}
}

func or[T int | time.Duration](value, standard T) T {
	if value == 0 {
		return standard
	}
	return value
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
