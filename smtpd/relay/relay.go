package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Security says how the connection to the upstream is protected.
type Security string

// The securities. Both that use TLS check the upstream's certificate and name.
const (
	StartTLS    Security = "starttls"  // RFC 3207, and nothing is sent if the upstream does not offer it
	ImplicitTLS Security = "implicit"  // RFC 8314 section 3
	Cleartext   Security = "cleartext" // to loopback addresses only
)

// Credentials log in to the upstream by AUTH PLAIN.
type Credentials struct{ Username, Password string }

// String keeps the password out of print.
func (c Credentials) String() string { return c.Username + ":**redacted**" }

// GoString keeps the password out of print.
func (c Credentials) GoString() string { return c.String() }

// Timeouts bound how long the upstream may take. Zeroes become those RFC 5321 section 4.5.3.2 asks for.
type Timeouts struct {
	Dial    time.Duration // to connect; 30 s
	Command time.Duration // for the reply to a command; 5 min
	Write   time.Duration // to take one block of the message; 3 min
	Final   time.Duration // for the reply to the whole message; 10 min
}

// Config says where the upstream is.
type Config struct {
	// Addr is host:port.
	Addr string
	// Security is StartTLS if empty.
	Security Security
	// TLS has the roots to trust and what else is out of the ordinary. The name to check is its ServerName, or else the
	// host of Addr. May be nil.
	TLS *tls.Config
	// Auth logs in; nil does not.
	Auth *Credentials
	// Hello is our name in EHLO.
	Hello    string
	Timeouts Timeouts
}

// Client hands mail to one upstream. It is for use by many goroutines at once.
type Client struct{ Config }

// New checks the configuration; it does not connect.
func New(c Config) (*Client, error) {
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return nil, fmt.Errorf("relay: address of the upstream: %w", err)
	}
	if c.Hello == "" {
		return nil, errors.New("relay: Hello is empty")
	}
	switch c.Security {
	case "":
		c.Security = StartTLS
	case StartTLS, ImplicitTLS:
	case Cleartext:
		if !loopback(host) {
			return nil, fmt.Errorf("relay: %s: without TLS only a loopback address can be the upstream", c.Addr)
		}
	default:
		return nil, fmt.Errorf("relay: unknown security %q", c.Security)
	}
	c.TLS = tlsConfig(c.TLS, host)
	if c.TLS.InsecureSkipVerify {
		return nil, errors.New("relay: the upstream's name must be checked")
	}
	c.Timeouts = c.Timeouts.orDefault()
	return &Client{c}, nil
}

func tlsConfig(c *tls.Config, host string) *tls.Config {
	if c == nil {
		c = &tls.Config{}
	}
	c = c.Clone()
	if c.ServerName == "" {
		c.ServerName = host
	}
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	return c
}

func (t Timeouts) orDefault() Timeouts {
	or := func(d, standard time.Duration) time.Duration {
		if d == 0 {
			return standard
		}
		return d
	}
	return Timeouts{or(t.Dial, 30*time.Second), or(t.Command, 5*time.Minute), or(t.Write, 3*time.Minute), or(t.Final, 10*time.Minute)}
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// connect gives a connection on which MAIL may be said.
func (c *Client) connect(ctx context.Context) (*smtp.Client, *conn, error) {
	dialer := net.Dialer{Timeout: c.Timeouts.Dial}
	raw, err := dialer.DialContext(ctx, "tcp", c.Addr)
	if err != nil {
		return nil, nil, err
	}
	link := &conn{Conn: raw, timeouts: c.Timeouts}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	up, err := c.greet(link)
	if !stop() || err != nil {
		raw.Close()
		return nil, nil, errors.Join(context.Cause(ctx), err)
	}
	return up, link, nil
}

func (c *Client) greet(link *conn) (up *smtp.Client, err error) {
	switch c.Security {
	case StartTLS:
		if up, err = smtp.NewClientStartTLS(link, c.TLS); err != nil {
			return nil, err
		}
	case ImplicitTLS:
		up = smtp.NewClient(tls.Client(link, c.TLS))
	default:
		up = smtp.NewClient(link)
	}
	if err := up.Hello(c.Hello); err != nil {
		return nil, err
	}
	if c.Auth != nil {
		return up, up.Auth(sasl.NewPlainClient("", c.Auth.Username, c.Auth.Password))
	}
	return up, nil
}
