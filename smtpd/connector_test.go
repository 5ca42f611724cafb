package smtpd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/emersion/go-smtp"

	"sigill/vault"
)

// connector changes that listener.
func connector(change func(*Listener)) func(*setup) {
	return func(o *setup) {
		for i := range o.Listeners {
			if o.Listeners[i].Kind == Connector {
				change(&o.Listeners[i])
			}
		}
	}
}

// authority issues certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t}
	a.cert, a.key = a.make(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
	return a
}

func (a *authority) make(c, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.Subject = big.NewInt(1), pkix.Name{CommonName: "test"}
	c.NotBefore = time.Now().Add(-time.Hour)
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(time.Hour)
	}
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return made, key
}

func (a *authority) issue(c x509.Certificate) tls.Certificate {
	made, key := a.make(&c, a.cert, a.key)
	return tls.Certificate{Certificate: [][]byte{made.Raw}, PrivateKey: key}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

func TestConnectorByCertificate(t *testing.T) {
	t.Parallel()
	ours, others := newAuthority(t), newAuthority(t)
	const exchange = "exchange.kommun.example"
	named := func(names ...string) x509.Certificate { return x509.Certificate{DNSNames: names} }
	late := named(exchange)
	late.NotAfter = time.Now().Add(-time.Minute)
	server := named(exchange)
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	code1 := named(exchange)
	code1.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
	self := newAuthority(t)
	pinned, pinnedKey := self.make(&x509.Certificate{DNSNames: []string{exchange}}, nil, nil)
	pool := ours.pool()
	pool.AddCert(pinned)
	g := start(t, connector(func(l *Listener) {
		l.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.9.0/24")}
		l.System = System{Authority: pool, Names: []string{exchange}}
	}))
	for _, row := range []struct {
		why  string
		cert *tls.Certificate
		want string
	}{
		{"the mail system's", ptr(ours.issue(named("other.example", exchange))), ""},
		{"one for servers, which authorities still give", ptr(ours.issue(server)), ""},
		{"one that is pinned", &tls.Certificate{Certificate: [][]byte{pinned.Raw}, PrivateKey: pinnedKey}, ""},
		{"another name of the same authority", ptr(ours.issue(named("web.kommun.example"))), "550 5.7.1"},
		{"no name", ptr(ours.issue(named())), "550 5.7.1"},
		{"another authority", ptr(others.issue(named(exchange))), "550 5.7.1"},
		{"expired", ptr(ours.issue(late)), "550 5.7.1"},
		{"for another use", ptr(ours.issue(code1)), "550 5.7.1"},
		{"none", nil, "550 5.7.1"},
	} {
		conf := g.tls()
		if row.cert != nil {
			conf.Certificates = []tls.Certificate{*row.cert}
		}
		c, err := smtp.DialStartTLS(g.addr[Connector], conf)
		if err != nil {
			t.Errorf("%s: %v", row.why, err)
			continue
		}
		if err := c.Mail(anna.String(), nil); code(err) != row.want {
			t.Errorf("%s: %v, want %q", row.why, err, row.want)
		}
		c.Close()
	}
	g.wire(Connector).talk("", "220", "EHLO x.example", "250", "MAIL FROM:<anna@kommun.example>", "530 5.7.0")
	g.wireFrom("127.0.9.1", Connector).talk("", "220", "EHLO x.example", "250", "MAIL FROM:<anna@kommun.example>", "250")
}

// elsewhere is a listener whose clients seem to be at an address.
type elsewhere struct {
	net.Listener
	at netip.Addr
}

func (e elsewhere) Accept() (net.Conn, error) {
	c, err := e.Listener.Accept()
	return seems{c, net.TCPAddrFromAddrPort(netip.AddrPortFrom(e.at, 1025))}, err
}

type seems struct {
	net.Conn
	remote net.Addr
}

func (s seems) RemoteAddr() net.Addr { return s.remote }

// TestConnectorTakesNothingInClear: whoever is known by network sends by TLS, unless it is this machine or the operator
// says otherwise.
func TestConnectorTakesNothingInClear(t *testing.T) {
	t.Parallel()
	network := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("::/127")}
	ours := newAuthority(t)
	for _, row := range []struct {
		why   string
		at    string
		kind  Listener
		clear string // MAIL without TLS
		tls   string // and with
	}{
		{"a mail system in its network", "192.0.2.7", Listener{}, "530 5.7.0 say STARTTLS first", "250"},
		{"by IPv6", "2001:db8::7", Listener{}, "530 5.7.0", "250"},
		{"as IPv6 shows an address of IPv4", "::ffff:192.0.2.7", Listener{}, "530 5.7.0", "250"},
		{"where all is secure", "192.0.2.7", Listener{Secure: true}, "530 5.7.0", "250"},
		{"who must sign", "192.0.2.7", Listener{Signed: true}, "530 5.7.0", "250"},
		{"one beside those known by certificate", "192.0.2.7", Listener{System: System{Authority: ours.pool(), Names: []string{"a.example"}}}, "530 5.7.0", "250"},
		{"this machine", "::1", Listener{}, "250", "250"},
		{"the operator takes it", "192.0.2.7", Listener{Unprotected: true}, "250", "250"},
		{"the operator takes it from that network", "198.51.100.7", Listener{Unprotected: true, System: System{Authority: ours.pool(), Names: []string{"a.example"}}}, "530 5.7.0", "550 5.7.1"},
	} {
		g := start(t, connector(func(l *Listener) {
			row.kind.Kind, row.kind.Networks, row.kind.Net = Connector, network, elsewhere{l.Net, netip.MustParseAddr(row.at)}
			*l = row.kind
		}))
		w := g.wire(Connector)
		w.talk("", "220", "EHLO x.example", "250", "MAIL FROM:<anna@kommun.example>", row.clear)
		if row.clear != "250" {
			w.talk("RCPT TO:<cecil@ut.example>", "502", "BDAT 3 LAST\r\na", "502", "NOOP", "250")
		}
		w.talk("STARTTLS", "220")
		c := tls.Client(w.Conn, g.tls())
		(&wire{t, c, bufio.NewReader(c)}).talk("EHLO x.example", "250", "MAIL FROM:<anna@kommun.example>", row.tls)
	}
}

func ptr[T any](v T) *T { return &v }

// zone is a DNS with the keys of two domains and one that does not answer.
type zone map[string]string

func (z zone) lookup(_ context.Context, name string) ([]string, error) {
	if strings.HasSuffix(name, ".slow.example") {
		return nil, &net.DNSError{Err: "timeout", Name: name, IsTimeout: true, IsTemporary: true}
	}
	if record, ok := z[strings.ToLower(name)]; ok {
		return []string{record}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

type signer struct {
	t   *testing.T
	key ed25519.PrivateKey
}

// sign puts a signature on top of a mail.
func (s signer) sign(domain, mail string, fields ...string) string {
	s.t.Helper()
	if fields == nil {
		fields = []string{"From", "To", "Subject"}
	}
	var out bytes.Buffer
	if err := dkim.Sign(&out, strings.NewReader(mail), &dkim.SignOptions{Domain: domain, Selector: "s", Signer: s.key, HeaderKeys: fields,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed}); err != nil {
		s.t.Fatal(err)
	}
	return out.String()
}

func TestConnectorBySignature(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	record := "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	dns := zone{"s._domainkey.kommun.example": record, "s._domainkey.annan.example": record}
	s := signer{t, private}
	head := func(subject string) string {
		return "From: Anna <anna@kommun.example>\r\nTo: cecil@ut.example\r\nSubject: " + subject + "\r\nMessage-ID: <1@kommun.example>\r\n\r\n"
	}
	plain, tagged := head("Hej")+"Text.\r\n", head(subjectOf(secureMail))+"Text.\r\n"
	large := head(subjectOf(secureMail)) + strings.Repeat(strings.Repeat("0123456789", 7)+"\r\n", 40_000)
	junk := strings.Repeat("DKIM-Signature: v=1; a=ed25519-sha256; d=kommun.example; s=x; h=From:Subject; bh=; b=\r\n", 5)
	for _, row := range []struct {
		why, mail, want string
		sealed, passed  int
	}{
		{"a tagged mail is sealed", s.sign("kommun.example", tagged), "250 2.6.0", 1, 0},
		{"another is passed on", s.sign("kommun.example", plain), "250 2.0.0", 0, 1},
		{"a large one is sealed", s.sign("kommun.example", large), "250 2.6.0", 1, 0},
		{"one signature of two is enough", s.sign("annan.example", s.sign("Kommun.example", plain)), "250 2.0.0", 0, 1},
		{"no signature", plain, "550 5.7.20", 0, 0},
		{"no signature, tagged", tagged, "550 5.7.20", 0, 0},
		{"another tenant's signature holds, and is not ours", s.sign("annan.example", tagged), "550 5.7.20", 0, 0},
		{"another tenant's, untagged", s.sign("annan.example", plain), "550 5.7.20", 0, 0},
		{"a domain of ours without that key", s.sign("sub.kommun.example", plain), "550 5.7.20", 0, 0},
		{"the body was changed", strings.Replace(s.sign("kommun.example", plain), "Text.", "Texx.", 1), "550 5.7.20", 0, 0},
		{"the last octets of a large one were changed", strings.TrimSuffix(s.sign("kommun.example", large), "789\r\n") + "788\r\n", "550 5.7.20", 0, 0},
		{"text was added", s.sign("kommun.example", plain) + "More.\r\n", "550 5.7.20", 0, 0},
		{"the tag was taken away", strings.Replace(s.sign("kommun.example", tagged), subjectOf(secureMail), "Hej", 1), "550 5.7.20", 0, 0},
		{"a second subject on top of the signed one", "Subject: Hej\r\n" + s.sign("kommun.example", tagged), "550 5.7.1", 0, 0},
		{"a second author on top", "From: chef@kommun.example\r\n" + s.sign("kommun.example", plain), "550 5.7.1", 0, 0},
		{"the subject is not signed", s.sign("kommun.example", plain, "From", "To"), "550 5.7.20", 0, 0},
		{"only a part of the body is signed", strings.Replace(s.sign("kommun.example", plain), "v=1;", "v=1; l=7;", 1), "550 5.7.20", 0, 0},
		{"text was added behind more white space than any mail has", s.sign("kommun.example", plain) + strings.Repeat("\r\n", 40<<10) + "More.\r\n", "550 5.7.20", 0, 0},
		{"white space that is as good as none at the end", s.sign("kommun.example", plain) + strings.Repeat("\r\n", 30<<10), "250 2.0.0", 0, 1},
		{"as much white space as a mail may have, in it", s.sign("kommun.example", head("Hej")+"a"+strings.Repeat("\r\n", 30<<10)+"b\r\n"), "250 2.0.0", 0, 1},
		{"a signature of ours with a header of folds without end", "X: y\r\n" + strings.Repeat(" \r\n", 60<<10) + s.sign("kommun.example", plain), "550 5.7.20", 0, 0},
		{"a signature that names every field a thousand times", strings.Replace(s.sign("kommun.example", plain), "h=", "h="+strings.Repeat("a:", 1000), 1), "550 5.7.20", 0, 0},
		{"a second tag for the domain", strings.Replace(s.sign("annan.example", plain), "v=1;", "v=1; d=kommun.example;", 1), "550 5.7.20", 0, 0},
		{"junk signatures of others before ours are not looked at", strings.ReplaceAll(junk, "kommun", "annan") + s.sign("kommun.example", plain), "250 2.0.0", 0, 1},
		{"more signatures than are looked at", junk + s.sign("kommun.example", plain), "550 5.7.20", 0, 0},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			g := start(t, func(o *setup) {
				connector(func(l *Listener) { l.Signed = true })(o)
				o.LookupTXT = dns.lookup
			})
			_, err := g.send(row.mail, cecil)
			if got := code(err); err == nil && row.want[:3] != "250" || err != nil && got != row.want {
				t.Errorf("%v, want %s", err, row.want)
			}
			if a, b := len(g.sealed(vault.Staff(anna))), len(g.upstream.Mails()); a != row.sealed || b != row.passed {
				t.Errorf("%d sealed, %d passed on", a, b)
			}
			if n := vaultChunks(g); row.sealed == 0 && n != 0 {
				t.Errorf("%d chunks are left behind", n)
			}
		})
	}
	t.Run("the DNS does not answer", func(t *testing.T) {
		t.Parallel()
		g := start(t, func(o *setup) {
			connector(func(l *Listener) { l.Signed = true })(o)
			o.LookupTXT, o.Domains = dns.lookup, []string{"kommun.example", "slow.example"}
		})
		if _, err := g.send(s.sign("slow.example", plain), cecil); code(err) != "451 4.7.5" {
			t.Error(err)
		}
		g.empty()
	})
	t.Run("cut off, with signatures that are being verified", func(t *testing.T) {
		t.Parallel()
		g := start(t, func(o *setup) {
			connector(func(l *Listener) { l.Signed = true })(o)
			o.LookupTXT = dns.lookup
		})
		w := g.wire(Connector)
		w.envelope()
		w.talk("DATA", "354")
		half := s.sign("kommun.example", s.sign("kommun.example", large))
		fmt.Fprint(w, half[:len(half)/2])
		w.Close()
		g.stop() // and no goroutine is left, says TestMain
		g.empty()
	})
}

func subjectOf(mail string) string {
	_, rest, _ := strings.Cut("\r\n"+mail, "\r\nSubject: ")
	s, _, _ := strings.Cut(rest, "\r\n")
	return s
}

// vaultChunks counts what is stored of messages.
func vaultChunks(g *gateway) int {
	g.t.Helper()
	r, err := g.vault.Verify(context.Background(), nil)
	if err != nil || len(r.Faults) > 0 {
		g.t.Errorf("verify: %v, %v", err, r.Faults)
	}
	return r.Chunks
}

func TestAuthors(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	const own = "From: Anna <anna@kommun.example>\r\n"
	for _, row := range []struct{ why, header, want string }{
		{"her own address", own, ""},
		{"in other case, with a name that looks like another", "From: \"chef@kommun.example\" <ANNA@Kommun.example>\r\n", ""},
		{"her function address", "From: familj@kommun.example\r\n", ""},
		{"both", "From: familj@kommun.example, anna@kommun.example\r\nSender: anna@kommun.example\r\n", ""},
		{"none", "", ""},
		{"somebody else", "From: chef@kommun.example\r\n", "550 5.7.1"},
		{"somebody outside", "From: myndighet@stat.example\r\n", "550 5.7.1"},
		{"a function address she is not in", "From: bo@kommun.example\r\n", "550 5.7.1"},
		{"somebody else beside her", "From: anna@kommun.example, chef@kommun.example\r\n", "550 5.7.1"},
		{"somebody else in a second field", own + "From: chef@kommun.example\r\n", "550 5.7.1"},
		{"in a field with a blank before the colon", own + "From : chef@kommun.example\r\n", "550 5.7.1"},
		{"in a folded field", "From:\r\n chef@kommun.example\r\n", "550 5.7.1"},
		{"as Sender", own + "Sender: chef@kommun.example\r\n", "550 5.7.1"},
		{"behind a comment", "From: (anna@kommun.example) chef@kommun.example\r\n", "550 5.7.1"},
		{"in an encoded word", "From: =?utf-8?q?chef=40kommun.example?=\r\n", "550 5.7.1"},
		{"in a group", "From: ledningen: chef@kommun.example;\r\n", "550 5.7.1"},
		{"no address", "From: chefen\r\n", "550 5.7.1"},
		{"sent on as it came", "Resent-From: anna@kommun.example\r\nFrom: chef@kommun.example\r\n", "550 5.7.1"},
	} {
		for _, subject := range []string{"Hej", subjectOf(secureMail)} {
			c := g.client(Submissions)
			_, err := submit(c, anna.String(), row.header+"To: cecil@ut.example\r\nSubject: "+subject+"\r\n\r\nText.\r\n", cecil)
			if code(err) != row.want {
				t.Errorf("%s, %s: %v, want %q", row.why, subject, err, row.want)
			}
			c.Close()
		}
	}
}
