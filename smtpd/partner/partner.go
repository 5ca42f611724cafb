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
)

// Partner is an organisation that gets sealed messages directly.
type Partner struct {
	// Domains are those of its addresses, in lower case.
	Domains []string
	// Hosts are its servers, host:port, tried in this order. With MTASTS it may be empty: those of the MX records then.
	Hosts []string
	// Verify is Name if empty.
	Verify Verification
	// Name is what the certificate must be for, if that is not the host's; only with Name.
	Name string
	// Roots are the authorities to trust; the system's if nil.
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
	Resolver Resolver          // net.DefaultResolver if nil
	HTTP     http.RoundTripper // for MTA-STS policies; http.DefaultTransport if nil
	Log      *slog.Logger      // discards if nil
	Now      func() time.Time  // time.Now if nil
}

// Client hands messages over. It is for use by many goroutines at once.
type Client struct {
	config   Config
	partners map[string]Partner // by domain
	policies *policies
}

// New checks the configuration and names every fault; it does not connect.
func New(c Config) (*Client, error) {
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	client := &Client{config: c, partners: map[string]Partner{}, policies: newPolicies(c)}
	var faults []error
	for _, p := range c.Partners {
		faults = append(faults, p.check())
		for _, d := range p.Domains {
			if _, twice := client.partners[d]; twice {
				faults = append(faults, fmt.Errorf("partner: %s is in two partners", d))
			}
			client.partners[d] = p
		}
	}
	return client, errors.Join(faults...)
}

func (p Partner) check() error {
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
		fault(len(p.Hosts) == 0, "it needs a host, unless its MTA-STS policy names them")
	case MTASTS:
		fault(p.Name != "", "with %q the certificate must be for the host, and not for %s", MTASTS, p.Name)
	default:
		fault(true, "unknown verification %q; there are %q and %q", p.Verify, Name, MTASTS)
	}
	return errors.Join(faults...)
}

// Deliver hands a message to the partner that has the domain of its recipients, which must be the same for all. The
// evidence is for the audit: one line that tells the server, what it proved and how, and nothing of the message. Errors are
// those of [relay.Client.Send]; they are temporary, or not of this kind, when the right server was not found.
func (c *Client) Deliver(ctx context.Context, m relay.Mail, message io.Reader) (evidence string, err error) {
	p, ok := c.partners[m.To[0].Domain]
	if !ok {
		return "", fmt.Errorf("partner: %s is no partner", m.To[0].Domain)
	}
	route, err := c.route(ctx, p, m.To[0].Domain)
	if err != nil {
		return "", err
	}
	// A client for each attempt: the connection is made for this message, so what it has proved is of this message.
	var used proof
	upstreams := make([]relay.Upstream, len(route.hosts))
	for i, host := range route.hosts {
		upstreams[i] = relay.Upstream{Addr: host, Security: relay.StartTLS, TLS: &tls.Config{
			RootCAs: p.Roots, ServerName: p.Name,
			// Called after the library has verified chain and name.
			VerifyConnection: func(s tls.ConnectionState) error { used = proof{host, s}; return nil },
		}}
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
	return fmt.Sprintf("to %s, %s, %s, reply %d", m.To[0], used, route.proof, reply.Code), nil
}

// route is where a message goes, and what says so.
type route struct {
	hosts []string
	proof string
}

func (c *Client) route(ctx context.Context, p Partner, domain string) (route, error) {
	if p.Verify != MTASTS {
		return route{p.Hosts, "name configured"}, nil
	}
	published, err := c.policies.get(ctx, domain)
	if err != nil {
		return route{}, err
	}
	hosts := p.Hosts
	if len(hosts) == 0 {
		if hosts, err = c.exchangers(ctx, domain); err != nil {
			return route{}, err
		}
	}
	var named []string
	for _, h := range hosts {
		if host, _, err := net.SplitHostPort(h); err == nil && published.names(host) {
			named = append(named, h)
		}
	}
	if len(named) == 0 {
		return route{}, fmt.Errorf("partner: the MTA-STS policy of %s names none of its servers", domain)
	}
	return route{named, "MTA-STS policy " + cmp.Or(published.id, "without id")}, nil
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
			hosts = append(hosts, net.JoinHostPort(host, "25"))
		}
	}
	return hosts, nil
}

// proof is what a server has shown.
type proof struct {
	host  string
	state tls.ConnectionState
}

func (p proof) String() string {
	sum := sha256.Sum256(p.state.PeerCertificates[0].Raw)
	return fmt.Sprintf("by %s as %s, %s, %s, certificate sha256 %s", p.host, p.state.ServerName,
		tls.VersionName(p.state.Version), tls.CipherSuiteName(p.state.CipherSuite), hex.EncodeToString(sum[:]))
}
