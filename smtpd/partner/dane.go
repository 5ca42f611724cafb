package partner

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// otherwise is what an operator can do about a partner without DANE.
const otherwise = "the partner must mend it, or agree on another verification: name or mta-sts"

// byDANE finds the servers of a domain and the records that tell their certificates (RFC 7672). The RFC lets a mail go
// without them where there are none; here they are a condition, and whatever is missing, or not validated, is an error.
func (c *Client) byDANE(ctx context.Context, p Partner, domain string) (out []server, err error) {
	hosts := p.Hosts
	var next []string // names that a certificate may have besides
	if len(hosts) == 0 {
		next = []string{domain} // RFC 7672 section 3.2.2
		if hosts, err = c.secureExchangers(ctx, domain); err != nil {
			return nil, err
		}
	}
	var faults []error
	for _, h := range hosts {
		host, port, err := net.SplitHostPort(h)
		if err != nil {
			return nil, fmt.Errorf("partner: %w", err)
		}
		found, err := c.pinned(ctx, plainName(host), port, next)
		out, faults = append(out, found...), append(faults, err)
	}
	if len(out) == 0 {
		return nil, errors.Join(faults...)
	}
	return out, nil
}

// secureExchangers are the hosts of the MX records, the preferred first, if they are validated (section 2.2.1).
func (c *Client) secureExchangers(ctx context.Context, domain string) (hosts []string, err error) {
	a, err := c.config.DNSSEC.ask(ctx, domain, dns.TypeMX)
	if err != nil {
		return nil, err
	}
	var records []*dns.MX
	for _, r := range a.records {
		if mx, ok := r.(*dns.MX); ok && plainName(mx.Mx) != "" { // RFC 7505: "." takes no mail
			records = append(records, mx)
		}
	}
	switch {
	case !a.secure:
		return nil, fmt.Errorf("partner: the MX records of %s are not signed by DNSSEC; name its servers in hosts, or %s", domain, otherwise)
	case len(records) == 0:
		return nil, fmt.Errorf("partner: %s has no mail servers: it has no MX record", domain)
	}
	slices.SortStableFunc(records, func(a, b *dns.MX) int { return cmp.Compare(a.Preference, b.Preference) })
	for _, mx := range records {
		hosts = append(hosts, net.JoinHostPort(plainName(mx.Mx), c.port))
	}
	return hosts, nil
}

// pinned is a host at each of its addresses, with the records that tell its certificate.
func (c *Client) pinned(ctx context.Context, host, port string, names []string) (out []server, err error) {
	four, err := c.config.DNSSEC.ask(ctx, host, dns.TypeA)
	six, err6 := c.config.DNSSEC.ask(ctx, host, dns.TypeAAAA)
	if err := errors.Join(err, err6); err != nil {
		return nil, err
	}
	// If the host is an alias, the records are at the name it stands for, or else at its own (section 2.2.2).
	bases := []string{host}
	if full := four.target(host); full != host && four.secure && six.secure && six.target(host) == full {
		bases = []string{full, host}
	}
	var found pins
	for _, base := range bases {
		if found, err = c.pins(ctx, base, port); err == nil {
			break
		}
		if !errors.Is(err, errNoPins) {
			return nil, err // nobody knows what is there
		}
	}
	if err != nil {
		return nil, err
	}
	found.names = slices.Concat(bases, names)
	for _, ip := range append(four.addresses(), six.addresses()...) {
		out = append(out, server{
			addr: net.JoinHostPort(ip, port), prove: found.prove,
			// What is verified is found.prove's, which the library calls in place of its own.
			tls: &tls.Config{ServerName: found.base, InsecureSkipVerify: true},
		})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("partner: %s has no address", host)
	}
	return out, nil
}

// errNoPins is the error of a name that has no records to go by.
var errNoPins = errors.New("there is no TLSA record that DNSSEC vouches for and that is of DANE-EE(3) or DANE-TA(2)")

// pins are the TLSA records of a server (RFC 6698) that are usable for SMTP.
type pins struct {
	base    string // the name they belong to, asked for in TLS
	owner   string
	names   []string // a certificate under an authority must be for one of these
	records []*dns.TLSA
	now     func() time.Time
}

func (c *Client) pins(ctx context.Context, base, port string) (pins, error) {
	p := pins{base: base, owner: "_" + port + "._tcp." + base, now: c.policies.now}
	a, err := c.config.DNSSEC.ask(ctx, p.owner, dns.TypeTLSA)
	if err != nil {
		return p, err
	}
	for _, r := range a.records {
		if r, ok := r.(*dns.TLSA); ok && a.secure && usable(r) {
			p.records = append(p.records, r)
		}
	}
	if p.records = strongest(p.records); len(p.records) == 0 {
		return p, fmt.Errorf("partner: %s: %w; %s", p.owner, errNoPins, otherwise)
	}
	return p, nil
}

// The usages of RFC 6698 section 2.1.1, by the names of RFC 7218. Those below are for authorities that everybody trusts,
// which mail servers do not have in common (RFC 7672 section 3.1.3).
const (
	daneTA = 2
	daneEE = 3
)

// Matching types (section 2.1.3); 0 is the whole.
const (
	bySHA256 = 1
	bySHA512 = 2
)

func usable(r *dns.TLSA) bool {
	return (r.Usage == daneTA || r.Usage == daneEE) && r.Selector <= 1 && r.MatchingType <= bySHA512 && r.Certificate != ""
}

// strongest leaves out the records of SHA-256 that have one of SHA-512 beside them (RFC 7671 section 9).
func strongest(records []*dns.TLSA) (out []*dns.TLSA) {
	for _, r := range records {
		better := func(o *dns.TLSA) bool {
			return o.Usage == r.Usage && o.Selector == r.Selector && o.MatchingType == bySHA512
		}
		if r.MatchingType != bySHA256 || !slices.ContainsFunc(records, better) {
			out = append(out, r)
		}
	}
	return out
}

// prove tells which record the server's certificate fits.
func (p pins) prove(s tls.ConnectionState) (string, error) {
	chain, reason := s.PeerCertificates, dns.ErrSig
	for _, r := range p.records {
		var err error
		if r.Usage == daneEE {
			err = r.Verify(chain[0]) // its names and its time do not matter (RFC 7672 section 3.1.1)
		} else {
			err = p.under(r, chain)
		}
		if err == nil {
			return fmt.Sprintf("DANE by %s %d %d %d %.128s", p.owner, r.Usage, r.Selector, r.MatchingType, r.Certificate), nil
		}
		if err != dns.ErrSig {
			reason = err
		}
	}
	if reason == dns.ErrSig {
		reason = errors.New("none is of it")
	}
	return "", fmt.Errorf("partner: the certificate of %s fits none of its %d TLSA records: %w; nothing was sent, and %s",
		p.base, len(p.records), reason, otherwise)
}

// under tells whether the chain leads to the authority of the record, which is a part of it (section 3.1.2), for one of the
// names.
func (p pins) under(r *dns.TLSA, chain []*x509.Certificate) error {
	o := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: p.now()}
	found := false
	for _, c := range chain {
		if r.Verify(c) == nil {
			o.Roots.AddCert(c)
			found = true
		} else {
			o.Intermediates.AddCert(c)
		}
	}
	if !found {
		return dns.ErrSig
	}
	if _, err := chain[0].Verify(o); err != nil {
		return err
	}
	for _, name := range p.names {
		if chain[0].VerifyHostname(name) == nil {
			return nil
		}
	}
	return chain[0].VerifyHostname(p.base)
}
