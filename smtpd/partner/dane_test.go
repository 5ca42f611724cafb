package partner

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/miekg/dns"

	"sigill/smtpd/internal/sink"
	"sigill/smtpd/relay"
)

// answered is what a resolver says of one name and type.
type answered struct {
	records []string // as in a zone file
	forged  bool     // not validated: no AD
	code    int
	other   bool // the answer is to another question
	long    bool // too long for UDP
}

// resolver serves answers by "name type" on loopback, by UDP and TCP. What it does not know is validated not to be there.
func resolver(t testing.TB, says map[string]answered) DNSSEC {
	t.Helper()
	return DNSSEC{Resolver: serveDNS(t, func(w dns.ResponseWriter, q *dns.Msg) {
		name := strings.TrimSuffix(q.Question[0].Name, ".") + " " + dns.TypeToString[q.Question[0].Qtype]
		a, known := says[name]
		r := new(dns.Msg).SetRcode(q, a.code)
		if !known {
			r.Rcode = dns.RcodeNameError
		}
		r.AuthenticatedData = !a.forged && q.AuthenticatedData
		if a.other {
			r.Question[0].Name = "other.example."
		}
		if _, over := w.RemoteAddr().(*net.UDPAddr); over && a.long {
			r.Truncated = true
			a.records = nil
		}
		for _, line := range a.records {
			rr, err := dns.NewRR(line)
			if err != nil {
				t.Errorf("%s: %v", line, err)
				return
			}
			r.Answer = append(r.Answer, rr)
		}
		_ = w.WriteMsg(r)
	})}
}

// serveDNS answers by UDP and TCP.
func serveDNS(t testing.TB, answer dns.HandlerFunc) (addr string) {
	t.Helper()
	tcp, udp := onePort(t)
	for _, s := range []*dns.Server{{PacketConn: udp}, {Listener: tcp}} {
		s.Handler = answer
		up := make(chan struct{})
		s.NotifyStartedFunc = func() { close(up) }
		go func() { _ = s.ActivateAndServe() }()
		<-up
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	return udp.LocalAddr().String()
}

// onePort is a port that is free for TCP and UDP.
func onePort(t testing.TB) (tcp net.Listener, udp net.PacketConn) {
	t.Helper()
	for range 100 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if udp, err := net.ListenPacket("udp", tcp.Addr().String()); err == nil {
			return tcp, udp
		}
		tcp.Close()
	}
	t.Fatal("no port is free for both")
	return nil, nil
}

// tlsa is a record of a certificate.
func tlsa(usage, selector, matching int, c tls.Certificate) string {
	var r dns.TLSA
	if err := r.Sign(usage, selector, matching, c.Leaf); err != nil {
		panic(err)
	}
	return fmt.Sprintf("%d %d %d %s", usage, selector, matching, r.Certificate)
}

func TestDANE(t *testing.T) {
	t.Parallel()
	ca, stranger := newAuthority(t), newAuthority(t)
	self := tls.Certificate{Leaf: ca.cert}
	chained := func(c tls.Certificate, a *authority) tls.Certificate {
		c.Certificate = append(c.Certificate, a.cert.Raw)
		return c
	}
	right := chained(ca.issue(time.Hour, "mx.region.example"), ca)
	late := chained(ca.issue(-time.Hour, "mx.region.example"), ca)
	foreign := chained(ca.issue(time.Hour, "mx.other.example"), ca)
	next := chained(ca.issue(time.Hour, "region.example"), ca)
	alone := ca.issue(time.Hour, "mx.region.example")
	for _, row := range []struct {
		reason string
		cert   *tls.Certificate // nil: no STARTTLS
		tlsa   []string         // of the host
		change func(says map[string]answered, owner string)
		hosts  bool // they are configured, and not found by MX
		proof  string
		fails  string
		later  bool // the server itself was asked, so the error is the relay's, and temporary
	}{
		{reason: "key, SHA-256", cert: &right, tlsa: []string{tlsa(3, 1, 1, right)}, proof: tlsa(3, 1, 1, right)},
		{reason: "key, SHA-512", cert: &right, tlsa: []string{tlsa(3, 1, 2, right)}, proof: tlsa(3, 1, 2, right)},
		{reason: "certificate, whole, too long for UDP", cert: &right, tlsa: []string{tlsa(3, 0, 0, right)}, proof: tlsa(3, 0, 0, right)[:100],
			change: func(says map[string]answered, owner string) { a := says[owner]; a.long = true; says[owner] = a }},
		{reason: "hosts of the configuration need no MX", cert: &right, tlsa: []string{tlsa(3, 1, 1, right)}, proof: "3 1 1", hosts: true,
			change: func(says map[string]answered, _ string) { delete(says, "region.example MX") }},
		{reason: "one of two, as when a key is changed", cert: &right, tlsa: []string{tlsa(3, 1, 1, alone), tlsa(3, 1, 1, right)}, proof: tlsa(3, 1, 1, right)},
		{reason: "DANE-EE: the time does not matter (RFC 7672 section 3.1.1)", cert: &late, tlsa: []string{tlsa(3, 1, 1, late)}, proof: "3 1 1"},
		{reason: "DANE-EE: nor do names", cert: &foreign, tlsa: []string{tlsa(3, 0, 1, foreign)}, proof: "3 0 1"},
		{reason: "a digest beside a stronger one does not count (RFC 7671 section 9)", cert: &right, tlsa: []string{tlsa(3, 1, 1, right), tlsa(3, 1, 2, alone)},
			fails: "fits none of its 1 TLSA records", later: true},
		{reason: "but beside one of another kind", cert: &right, tlsa: []string{tlsa(3, 1, 1, right), tlsa(3, 0, 2, alone)}, proof: "3 1 1"},
		{reason: "another key", cert: &right, tlsa: []string{tlsa(3, 1, 1, alone)}, fails: "fits none of its 1 TLSA records", later: true},
		{reason: "an authority's record as the server's", cert: &right, tlsa: []string{tlsa(3, 1, 1, self)}, fails: "fits none", later: true},

		{reason: "DANE-TA", cert: &right, tlsa: []string{tlsa(2, 0, 1, self)}, proof: tlsa(2, 0, 1, self)},
		{reason: "DANE-TA, key", cert: &right, tlsa: []string{tlsa(2, 1, 1, self)}, proof: "2 1 1"},
		{reason: "DANE-TA: the name of the domain is right too (section 3.2.2)", cert: &next, tlsa: []string{tlsa(2, 1, 1, self)}, proof: "2 1 1"},
		{reason: "DANE-TA: but not if the host was configured", cert: &next, tlsa: []string{tlsa(2, 1, 1, self)}, hosts: true, fails: "not mx.region.example", later: true},
		{reason: "DANE-TA: another name", cert: &foreign, tlsa: []string{tlsa(2, 1, 1, self)}, fails: "valid for mx.other.example", later: true},
		{reason: "DANE-TA: expired", cert: &late, tlsa: []string{tlsa(2, 1, 1, self)}, fails: "expired", later: true},
		{reason: "DANE-TA: the server does not send its authority", cert: &alone, tlsa: []string{tlsa(2, 1, 1, self)}, fails: "none is of it", later: true},
		{reason: "DANE-TA: an authority that is in the chain and did not sign", cert: ptr(chained(ca.issue(time.Hour, "mx.region.example"), stranger)),
			tlsa: []string{tlsa(2, 1, 1, tls.Certificate{Leaf: stranger.cert})}, fails: "unknown authority", later: true},
		{reason: "no STARTTLS, as when somebody cuts it out", tlsa: []string{tlsa(3, 1, 1, right)}, fails: "does not offer STARTTLS", later: true},

		{reason: "no record", cert: &right, fails: "no TLSA record"},
		{reason: "usages that are not for mail (section 3.1.3)", cert: &right, tlsa: []string{tlsa(1, 1, 1, right), tlsa(0, 0, 1, self)}, fails: "no TLSA record"},
		{reason: "a way of matching that nobody knows", cert: &right, tlsa: []string{"3 1 9 00"}, fails: "no TLSA record"},
		{reason: "records that nobody vouches for", cert: &right, tlsa: []string{tlsa(3, 1, 1, right)}, fails: "no TLSA record that DNSSEC vouches for",
			change: func(says map[string]answered, owner string) { a := says[owner]; a.forged = true; says[owner] = a }},
		{reason: "bogus records are not no records", cert: &right, fails: "TLSA by the resolver 127.0.0.1:PORT: SERVFAIL",
			change: func(says map[string]answered, owner string) { says[owner] = answered{code: dns.RcodeServerFailure} }},
		{reason: "the resolver refuses", cert: &right, fails: "REFUSED",
			change: func(says map[string]answered, owner string) { says[owner] = answered{code: dns.RcodeRefused} }},
		{reason: "an answer to another question", cert: &right, tlsa: []string{tlsa(3, 1, 1, right)}, fails: "to another question",
			change: func(says map[string]answered, owner string) { a := says[owner]; a.other = true; says[owner] = a }},
		{reason: "MX records that nobody vouches for", cert: &right, tlsa: []string{tlsa(3, 1, 1, right)}, fails: "are not signed by DNSSEC",
			change: func(says map[string]answered, _ string) {
				says["region.example MX"] = answered{records: []string{"region.example. MX 10 mx.region.example."}, forged: true}
			}},
		{reason: "bogus MX records", cert: &right, tlsa: []string{tlsa(3, 1, 1, right)}, fails: "MX by the resolver 127.0.0.1:PORT: SERVFAIL",
			change: func(says map[string]answered, _ string) {
				says["region.example MX"] = answered{code: dns.RcodeServerFailure}
			}},
		{reason: "a domain that takes no mail (RFC 7505)", cert: &right, tlsa: []string{tlsa(3, 1, 1, right)}, fails: "has no mail servers",
			change: func(says map[string]answered, _ string) {
				says["region.example MX"] = answered{records: []string{"region.example. MX 0 ."}}
			}},
		{reason: "a host without address", cert: &right, tlsa: []string{tlsa(3, 1, 1, right)}, fails: "has no address",
			change: func(says map[string]answered, _ string) { delete(says, "mx.region.example A") }},
		{reason: "bogus addresses", cert: &right, tlsa: []string{tlsa(3, 1, 1, right)}, fails: "AAAA by the resolver",
			change: func(says map[string]answered, _ string) {
				says["mx.region.example AAAA"] = answered{code: dns.RcodeServerFailure}
			}},
		{reason: "the second host, when the first has no records", cert: &right, tlsa: []string{tlsa(3, 1, 1, right)}, proof: "3 1 1",
			change: func(says map[string]answered, _ string) {
				says["region.example MX"] = answered{records: []string{"region.example. MX 10 mx.region.example.", "region.example. MX 5 bare.region.example."}}
				says["bare.region.example A"] = answered{records: []string{"bare.region.example. A 127.0.0.1"}}
			}},
		{reason: "an alias: the records are at the name it stands for (section 2.2.2)", cert: &foreign, tlsa: nil, proof: "_PORT._tcp.mx.other.example 3 1 1",
			change: func(says map[string]answered, owner string) {
				alias(says, false)
				says[strings.Replace(owner, "region", "other", 1)] = answered{records: []string{"x. TLSA " + tlsa(3, 1, 1, foreign)}}
			}},
		{reason: "an alias: or at its own", cert: &right, tlsa: []string{tlsa(3, 1, 1, right)}, proof: "_PORT._tcp.mx.region.example 3 1 1",
			change: func(says map[string]answered, _ string) { alias(says, false) }},
		{reason: "an alias: the name it stands for is a right one for DANE-TA", cert: &foreign, tlsa: []string{tlsa(2, 1, 1, self)}, proof: "2 1 1",
			change: func(says map[string]answered, _ string) { alias(says, false) }},
		{reason: "aliases in a ring", cert: &right, tlsa: []string{tlsa(3, 1, 1, right)}, fails: "has no address",
			change: func(says map[string]answered, _ string) {
				ring := answered{records: []string{"mx.region.example. CNAME mx.other.example.", "mx.other.example. CNAME mx.region.example."}}
				says["mx.region.example A"], says["mx.region.example AAAA"] = ring, ring
			}},
		{reason: "an alias that nobody vouches for: not at the name it leads to", cert: &foreign, fails: "_PORT._tcp.mx.region.example: there is no TLSA record",
			change: func(says map[string]answered, owner string) {
				alias(says, true)
				says[strings.Replace(owner, "region", "other", 1)] = answered{records: []string{"x. TLSA " + tlsa(3, 1, 1, foreign)}}
			}},
		{reason: "an alias that nobody vouches for: its own records hold", cert: &right, tlsa: []string{tlsa(3, 1, 1, right)}, proof: "_PORT._tcp.mx.region.example 3 1 1",
			change: func(says map[string]answered, _ string) { alias(says, true) }},
		{reason: "an alias that nobody vouches for: the name it leads to is no right one", cert: &foreign, tlsa: []string{tlsa(2, 1, 1, self)}, fails: "not mx.region.example",
			change: func(says map[string]answered, _ string) { alias(says, true) }, hosts: true, later: true},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			mx := sink.Start(t, func(s *smtp.Server) {
				if row.cert != nil {
					s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*row.cert}}
				}
			})
			_, port, _ := net.SplitHostPort(mx.Addr)
			owner := "_" + port + "._tcp.mx.region.example TLSA"
			says := map[string]answered{
				"region.example MX":      {records: []string{"region.example. MX 10 mx.region.example."}},
				"mx.region.example A":    {records: []string{"mx.region.example. A 127.0.0.1"}},
				"mx.region.example AAAA": {},
			}
			for _, r := range row.tlsa {
				says[owner] = answered{records: append(says[owner].records, "x. TLSA "+r)}
			}
			if row.change != nil {
				row.change(says, owner)
			}
			d := resolver(t, says)
			p := Partner{Domains: []string{"region.example"}, Verify: DANE}
			if row.hosts {
				p.Hosts = []string{"mx.region.example:" + port}
			}
			c := client(t, Config{DNSSEC: d, Partners: []Partner{p}})
			c.port = port
			evidence, err := c.Deliver(t.Context(), mailTo(asa), strings.NewReader(message))
			if row.fails != "" {
				_, at, _ := net.SplitHostPort(d.Resolver)
				want := strings.NewReplacer("127.0.0.1:PORT", "127.0.0.1:"+at, "_PORT", "_"+port).Replace(row.fails)
				var e *relay.Error
				if err == nil || !strings.Contains(err.Error(), want) || evidence != "" || errors.As(err, &e) != row.later || e != nil && !e.Temporary() {
					t.Errorf("%q, %v; want %q", evidence, err, want)
				}
				if len(mx.Mails()) > 0 {
					t.Error("something was sent to a server that proved nothing")
				}
				return
			}
			want := "DANE by " + "_" + port + "._tcp."
			if proof := strings.ReplaceAll(row.proof, "_PORT", "_"+port); err != nil || !strings.Contains(evidence, want) || !strings.Contains(evidence, proof) {
				t.Errorf("%q, %v; want %q", evidence, err, proof)
			}
			if len(mx.Mails()) != 1 {
				t.Errorf("%d mails", len(mx.Mails()))
			}
		})
	}
}

// alias makes the host one of mx.other.example.
func alias(says map[string]answered, forged bool) {
	const line = "mx.region.example. CNAME mx.other.example."
	says["mx.region.example A"] = answered{records: []string{line, "mx.other.example. A 127.0.0.1"}, forged: forged}
	says["mx.region.example AAAA"] = answered{records: []string{line}, forged: forged}
}

// TestResolver: the word of a resolver counts only if it is here, or was said to be safe elsewhere, and validates.
func TestResolver(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		reason string
		DNSSEC
		fails string
	}{
		{"none", DNSSEC{}, ""},
		{"this machine", DNSSEC{Resolver: "127.0.0.53:53"}, ""},
		{"this machine, IPv6", DNSSEC{Resolver: "[::1]:53"}, ""},
		{"another machine", DNSSEC{Resolver: "192.0.2.53:53"}, "not on this machine"},
		{"another machine that is trusted", DNSSEC{Resolver: "192.0.2.53:53", Elsewhere: true}, ""},
		{"a name, which somebody would have to resolve", DNSSEC{Resolver: "localhost:53"}, "not the address and port"},
		{"no port", DNSSEC{Resolver: "127.0.0.1"}, "not the address and port"},
	} {
		_, err := New(Config{DNSSEC: row.DNSSEC})
		if row.fails == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), row.fails) {
			t.Errorf("%s: %v, want %q", row.reason, err, row.fails)
		}
	}
	for _, row := range []struct {
		reason string
		root   answered
		fails  string
	}{
		{"it validates", answered{records: []string{". SOA a. b. 1 2 3 4 5"}}, ""},
		{"it does not, or does not say so", answered{forged: true}, "does not validate"},
		{"it gets no answer", answered{code: dns.RcodeServerFailure}, "SERVFAIL"},
	} {
		err := resolver(t, map[string]answered{" SOA": row.root}).Check(t.Context())
		if row.fails == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), row.fails) {
			t.Errorf("%s: %v, want %q", row.reason, err, row.fails)
		}
	}
}
