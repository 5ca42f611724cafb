package partner

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"sigill/policy"
	"sigill/smtpd/internal/sink"
	"sigill/smtpd/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const message = "From: anna@kommun.example\r\nSubject: Hemligt\r\n\r\n.\r\nText\r\n"

var asa = policy.MustAddress("asa@region.example")

// authority issues certificates for servers on loopback.
type authority struct {
	t     testing.TB
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	roots *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	a := &authority{t: t, roots: x509.NewCertPool()}
	c := a.issue(time.Hour)
	a.cert, a.key = c.Leaf, c.PrivateKey.(*ecdsa.PrivateKey)
	a.roots.AddCert(a.cert)
	return a
}

// issue makes a certificate that ends in so long; the first, or one without names, is an authority's own.
func (a *authority) issue(ends time.Duration, names ...string) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test"}, DNSNames: names,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(ends), IsCA: len(names) == 0, BasicConstraintsValid: true,
	}
	parent, signer := a.cert, a.key
	if parent == nil || len(names) == 0 {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func mailTo(to policy.Address) relay.Mail {
	return relay.Mail{Envelope: policy.Envelope{From: policy.MustAddress("retur@kommun.example"), To: []policy.Address{to}}}
}

func client(t testing.TB, c Config) *Client {
	t.Helper()
	c.Hello = "gateway.example"
	c.Timeouts = relay.Timeouts{Dial: 5 * time.Second, Command: 5 * time.Second, Write: 5 * time.Second, Final: 5 * time.Second}
	out, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	ca, stranger := newAuthority(t), newAuthority(t)
	self := stranger.issue(time.Hour)
	for _, row := range []struct {
		reason string
		cert   *tls.Certificate // nil: no STARTTLS
		change func(*sink.Sink)
		newest uint16 // version of TLS
		fails  string // in the error; "" is delivered
		later  bool   // the error is temporary
	}{
		{reason: "the right name", cert: ptr(ca.issue(time.Hour, "mx.region.example"))},
		{reason: "one of several names", cert: ptr(ca.issue(time.Hour, "a.example", "*.region.example"))},
		{reason: "another name", cert: ptr(ca.issue(time.Hour, "mx.other.example")), fails: "not mx.region.example", later: true},
		{reason: "expired", cert: ptr(ca.issue(-time.Hour, "mx.region.example")), fails: "expired", later: true},
		{reason: "of an authority nobody trusts", cert: ptr(stranger.issue(time.Hour, "mx.region.example")), fails: "unknown authority", later: true},
		{reason: "signed by itself", cert: &self, fails: "certificate", later: true},
		{reason: "TLS 1.1", cert: ptr(ca.issue(time.Hour, "mx.region.example")), newest: tls.VersionTLS11, fails: "protocol version", later: true},
		{reason: "no STARTTLS", fails: "does not offer STARTTLS", later: true},
		{reason: "refused for now", cert: ptr(ca.issue(time.Hour, "mx.region.example")), fails: "451 4.7.1", later: true,
			change: func(k *sink.Sink) {
				k.OnRcpt = func(string) error {
					return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "grey"}
				}
			}},
		{reason: "refused for good", cert: ptr(ca.issue(time.Hour, "mx.region.example")), fails: "550 5.1.1",
			change: func(k *sink.Sink) {
				k.OnRcpt = func(string) error {
					return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "nobody"}
				}
			}},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			var spoke atomic.Bool
			mx := sink.Start(t, func(s *smtp.Server) {
				if row.cert != nil {
					s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*row.cert}, MinVersion: tls.VersionTLS10, MaxVersion: row.newest}
				}
			})
			if row.change != nil {
				row.change(mx)
			}
			if mx.OnMail = func(string) error { spoke.Store(true); return nil }; row.fails == "" {
				mx.OnMail = nil
			}
			c := client(t, Config{Partners: []Partner{{
				Domains: []string{"region.example"}, Hosts: []string{mx.Addr}, Name: "mx.region.example", Roots: ca.roots,
			}}})
			evidence, err := c.Deliver(t.Context(), mailTo(asa), strings.NewReader(message))
			if row.fails != "" {
				var e *relay.Error
				if err == nil || !strings.Contains(err.Error(), row.fails) || !errors.As(err, &e) || e.Temporary() != row.later || evidence != "" {
					t.Errorf("%q, %v; want %q", evidence, err, row.fails)
				}
				if len(mx.Mails()) > 0 || row.change == nil && spoke.Load() {
					t.Error("something was sent to a server that proved nothing")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			mails := mx.Mails()
			if len(mails) != 1 || string(mails[0].Data) != message || mails[0].To[0] != "asa@region.example" {
				t.Fatalf("%+v", mails)
			}
			sum := sha256.Sum256(row.cert.Certificate[0])
			for _, want := range []string{"to asa@region.example", mx.Addr, "as mx.region.example", "TLS 1.3", "TLS_", hex.EncodeToString(sum[:]), "name configured", "reply 250"} {
				if !strings.Contains(evidence, want) {
					t.Errorf("the evidence %q lacks %q", evidence, want)
				}
			}
		})
	}
}

func ptr(c tls.Certificate) *tls.Certificate { return &c }

// The evidence is of the server that took the message, and not of one that was tried before.
func TestSecondHost(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	start := func(cert tls.Certificate) *sink.Sink {
		return sink.Start(t, func(s *smtp.Server) { s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}} })
	}
	first, second := ca.issue(time.Hour, "mx.region.example"), ca.issue(time.Hour, "mx.region.example")
	away, there := start(first), start(second)
	away.OnMail = func(string) error {
		return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "going down"}
	}
	c := client(t, Config{Partners: []Partner{{
		Domains: []string{"region.example"}, Hosts: []string{away.Addr, there.Addr}, Name: "mx.region.example", Roots: ca.roots,
	}}})
	evidence, err := c.Deliver(t.Context(), mailTo(asa), strings.NewReader(message))
	sum := sha256.Sum256(second.Certificate[0])
	if err != nil || len(there.Mails()) != 1 || !strings.Contains(evidence, there.Addr) || !strings.Contains(evidence, hex.EncodeToString(sum[:])) {
		t.Error(evidence, err)
	}
	if _, err := c.Deliver(t.Context(), mailTo(policy.MustAddress("x@other.example")), strings.NewReader(message)); err == nil {
		t.Error("a message for a domain that is no partner's went out")
	}
}

func TestNewNamesEveryFault(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		reason, want string
		partners     []Partner
	}{
		{"no domain", "needs the domains", []Partner{{Hosts: []string{"a:25"}}}},
		{"no host", "needs a host", []Partner{{Domains: []string{"a"}}}},
		{"a host without port", "no host and port", []Partner{{Domains: []string{"a"}, Hosts: []string{"mx.a"}}}},
		{"a name beside a policy", "must be for the host", []Partner{{Domains: []string{"a"}, Verify: MTASTS, Name: "b"}}},
		{"DANE without a resolver", "needs a resolver", []Partner{{Domains: []string{"a"}, Verify: DANE}}},
		{"DANE with a name", "no name or authority", []Partner{{Domains: []string{"a"}, Verify: DANE, Name: "b"}}},
		{"DANE of an address", "a host is a name", []Partner{{Domains: []string{"a"}, Verify: DANE, Hosts: []string{"192.0.2.1:25"}}}},
		{"no such verification", "unknown verification", []Partner{{Domains: []string{"a"}, Verify: "none"}}},
		{"a domain twice", "two partners", []Partner{{Domains: []string{"a"}, Hosts: []string{"a:25"}}, {Domains: []string{"a"}, Hosts: []string{"b:25"}}}},
	} {
		if _, err := New(Config{Partners: row.partners}); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.reason, err)
		}
	}
}

// zone is a DNS of maps.
type zone struct {
	mx  map[string][]*net.MX
	txt map[string][]string
}

func (z *zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) { return z.mx[name], nil }
func (z *zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	if z.txt[name] == nil {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return z.txt[name], nil
}

// publisher serves a policy at mta-sts.region.example.
func publisher(t *testing.T, ca *authority, serve http.HandlerFunc) (from *http.Transport) {
	t.Helper()
	s := httptest.NewUnstartedServer(serve)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{ca.issue(time.Hour, "mta-sts.region.example")}}
	s.StartTLS()
	t.Cleanup(s.Close)
	from = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.roots}, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
	}}
	t.Cleanup(from.CloseIdleConnections)
	return from
}
