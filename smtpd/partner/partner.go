package partner

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"sigill/smtpd/relay"
)

// Verification says what tells the right server.
type Verification string

// The verifications.
const (
	// Name: the certificate must be for the configured name, or the name of the host.
	Name Verification = "name"
	// MTASTS: the host must be in the policy the partner's domain publishes, and the certificate for the host.
	MTASTS Verification = "mta-sts"
	// DANE: the certificate must be one that the TLSA records of the host tell, and these be signed by DNSSEC.
	DANE Verification = "dane"
)

// Partner is an organisation that gets sealed messages directly.
type Partner struct {
	// Domains are those of its addresses, in lower case.
	Domains []string
	// Hosts are its servers, host:port, tried in this order. But with Name it may be empty: those of the MX records then.
	Hosts []string
	// Verify is Name if empty.
	Verify Verification
	// Name is what the certificate must be for, if that is not the host's; only with Name.
	Name string
	// Roots are the authorities to trust; the system's if nil. Not with DANE.
	Roots *x509.CertPool
}

// Resolver asks the DNS; *net.Resolver, or one of a test.
type Resolver interface {
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Config says who the partners are.
type Config struct {
	Partners []Partner
	// Hello is our name in EHLO.
	Hello    string
	Timeouts relay.Timeouts
	Resolver Resolver          // net.DefaultResolver if nil; not for DANE
	DNSSEC   DNSSEC            // for DANE
	HTTP     http.RoundTripper // for MTA-STS policies; http.DefaultTransport if nil
	Log      *slog.Logger      // discards if nil
	Now      func() time.Time  // time.Now if nil
}

// Client hands messages over. It is for use by many goroutines at once.
type Client struct {
	config   Config
	partners map[string]Partner // by domain
	policies *policies
	port     string // of the hosts of MX records
}

// New checks the configuration and names every fault; it does not connect.
func New(c Config) (*Client, error) {
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	client := &Client{config: c, partners: map[string]Partner{}, policies: newPolicies(c), port: "25"}
	faults := []error{c.DNSSEC.check()}
	for _, p := range c.Partners {
		faults = append(faults, p.check(c.DNSSEC))
		for _, d := range p.Domains {
			if _, twice := client.partners[d]; twice {
				faults = append(faults, fmt.Errorf("partner: %s is in two partners", d))
			}
			client.partners[d] = p
		}
	}
	return client, errors.Join(faults...)
}

func (p Partner) check(d DNSSEC) error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf("partner: "+format, args...))
		}
	}
	fault(len(p.Domains) == 0, "it needs the domains of its addresses")
	for _, h := range p.Hosts {
		host, _, err := net.SplitHostPort(h)
		fault(err != nil || host == "", "%q is no host and port", h)
	}
	switch p.Verify {
	case "", Name:
		fault(len(p.Hosts) == 0, "it needs a host, unless its MTA-STS policy or DANE names them")
	case MTASTS:
		fault(p.Name != "", "with %q the certificate must be for the host, and not for %s", MTASTS, p.Name)
	case DANE:
		fault(d.Resolver == "", "%q needs a resolver that validates DNSSEC", DANE)
		fault(p.Name != "" || p.Roots != nil, "with %q the partner's records tell the certificate, and no name or authority here", DANE)
		fault(slices.ContainsFunc(p.Hosts, isAddress), "with %q a host is a name: it is what the records belong to", DANE)
	default:
		fault(true, "unknown verification %q; there are %q, %q and %q", p.Verify, Name, MTASTS, DANE)
	}
	return errors.Join(faults...)
}

func isAddress(host string) bool { _, err := netip.ParseAddrPort(host); return err == nil }

// Deliver hands a message to the partner that has the domain of its recipients, which must be the same for all. The
// evidence is for the audit: one line that tells the server, what it proved and how, and nothing of the message. Errors are
// those of [relay.Client.Send]; they are temporary, or not of this kind, when the right server was not found.
func (c *Client) Deliver(ctx context.Context, m relay.Mail, message io.Reader) (evidence string, err error) {
	p, ok := c.partners[m.To[0].Domain]
	if !ok {
		return "", fmt.Errorf("partner: %s is no partner", m.To[0].Domain)
	}
	servers, err := c.servers(ctx, p, m.To[0].Domain)
	if err != nil {
		return "", err
	}
	// A client for each attempt: the connection is made for this message, so what it has proved is of this message.
	var used string
	upstreams := make([]relay.Upstream, len(servers))
	for i, s := range servers {
		s.tls.VerifyConnection = func(shown tls.ConnectionState) error {
			proof, err := s.prove(shown)
			used = shownBy(s.addr, shown) + ", " + proof
			return err
		}
		upstreams[i] = relay.Upstream{Addr: s.addr, Security: relay.StartTLS, TLS: s.tls}
	}
	client, err := relay.New(relay.Config{
		Upstreams: upstreams, Hello: c.config.Hello, Timeouts: c.config.Timeouts, Pool: relay.Pool{Connections: 1}, Log: c.config.Log,
	})
	if err != nil {
		return "", err
	}
	defer client.Close()
	reply, err := client.Send(ctx, m, message)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("to %s, %s, reply %d", m.To[0], used, reply.Code), nil
}

// server is where a message may go.
type server struct {
	addr string // host and port
	tls  *tls.Config
	// prove judges what it has shown, after the library has if tls does not keep it from that, and says what proves it.
	prove func(tls.ConnectionState) (string, error)
}

func (c *Client) servers(ctx context.Context, p Partner, domain string) ([]server, error) {
	switch p.Verify {
	case MTASTS:
		return c.byPolicy(ctx, p, domain)
	case DANE:
		return c.byDANE(ctx, p, domain)
	}
	return p.named(p.Hosts, "name configured"), nil
}

// named are hosts whose certificate must be for their name.
func (p Partner) named(hosts []string, proof string) (out []server) {
	for _, h := range hosts {
		out = append(out, server{
			addr: h, tls: &tls.Config{RootCAs: p.Roots, ServerName: p.Name},
			prove: func(tls.ConnectionState) (string, error) { return proof, nil },
		})
	}
	return out
}

func (c *Client) byPolicy(ctx context.Context, p Partner, domain string) ([]server, error) {
	published, err := c.policies.get(ctx, domain)
	if err != nil {
		return nil, err
	}
	hosts := p.Hosts
	if len(hosts) == 0 {
		if hosts, err = c.exchangers(ctx, domain); err != nil {
			return nil, err
		}
	}
	var named []string
	for _, h := range hosts {
		if host, _, err := net.SplitHostPort(h); err == nil && published.names(host) {
			named = append(named, h)
		}
	}
	if len(named) == 0 {
		return nil, fmt.Errorf("partner: the MTA-STS policy of %s names none of its servers", domain)
	}
	return p.named(named, "MTA-STS policy "+cmp.Or(published.id, "without id")), nil
}

// exchangers are the hosts of the MX records, the preferred first (RFC 5321 section 5.1).
func (c *Client) exchangers(ctx context.Context, domain string) (hosts []string, err error) {
	records, err := c.config.Resolver.LookupMX(ctx, domain)
	if err != nil {
		return nil, fmt.Errorf("partner: mail servers of %s: %w", domain, err)
	}
	slices.SortStableFunc(records, func(a, b *net.MX) int { return cmp.Compare(a.Pref, b.Pref) })
	for _, mx := range records {
		if host := plainName(mx.Host); host != "" { // RFC 7505: "." takes no mail
			hosts = append(hosts, net.JoinHostPort(host, c.port))
		}
	}
	return hosts, nil
}

// shownBy is what a server has shown.
func shownBy(host string, s tls.ConnectionState) string {
	sum := sha256.Sum256(s.PeerCertificates[0].Raw)
	return fmt.Sprintf("by %s as %s, %s, %s, certificate sha256 %s", host, s.ServerName,
		tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite), hex.EncodeToString(sum[:]))
}
