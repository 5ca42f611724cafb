package partner

import (
	"context"
	"crypto"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/miekg/dns"

	"sigill/smtpd/internal/sink"
)

const unboundConf = `server:
  interface: 127.0.0.1@%[1]s
  directory: "%[2]s"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-ip6: no
  do-not-query-localhost: no
  trust-anchor: "%[3]s"
stub-zone:
  name: "example."
  stub-addr: %[4]s
remote-control:
  control-enable: no
`

// TestUnbound delivers by what Debian's unbound says of zones that are signed, tampered with, or not signed at all.
func TestUnbound(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("/usr/sbin/unbound")
	if err != nil {
		t.Skip("needs the Debian package unbound")
	}
	ca := newAuthority(t)
	cert, other := ca.issue(time.Hour, "mx.region.example"), ca.issue(time.Hour, "mx.region.example")
	mx := sink.Start(t, func(s *smtp.Server) { s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}} })
	_, port, _ := net.SplitHostPort(mx.Addr)
	owner := "_" + port + "._tcp."
	z := newSigned(t, "region.example.")
	z.add("region.example. SOA ns.region.example. a.region.example. 1 3600 600 86400 60", "region.example. NS ns.region.example.",
		"region.example. MX 10 mx.region.example.", "mx.region.example. A 127.0.0.1", owner+"mx.region.example. TLSA "+tlsa(3, 1, 1, cert),
		"bare.region.example. MX 10 none.region.example.", "none.region.example. A 127.0.0.1",
		"forged.region.example. MX 10 changed.region.example.", "changed.region.example. A 127.0.0.1",
		"open.example. MX 10 mx.open.example.", "mx.open.example. A 127.0.0.1", owner+"mx.open.example. TLSA "+tlsa(3, 1, 1, cert))
	z.forge(owner+"changed.region.example. TLSA "+tlsa(3, 1, 1, cert), owner+"changed.region.example. TLSA "+tlsa(3, 1, 1, other))
	d := startUnbound(t, program, z)

	for _, row := range []struct{ reason, domain, fails string }{
		{"signed", "region.example", ""},
		{"signed that there is no record", "bare.region.example", "there is no TLSA record"},
		{"a record that somebody put in another's place", "forged.region.example", "SERVFAIL"},
		{"not signed", "open.example", "are not signed by DNSSEC"},
	} {
		c := client(t, Config{DNSSEC: d, Partners: []Partner{{Domains: []string{row.domain}, Verify: DANE}}})
		c.port = port
		to := asa
		to.Domain = row.domain
		evidence, err := c.Deliver(t.Context(), mailTo(to), strings.NewReader(message))
		if row.fails == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), row.fails) ||
			err == nil && !strings.Contains(evidence, "DANE by "+owner+"mx.region.example 3 1 1 ") {
			t.Errorf("%s: %q, %v; want %q", row.reason, evidence, err, row.fails)
		}
	}
	if n := len(mx.Mails()); n != 1 {
		t.Errorf("%d mails", n)
	}
}

// startUnbound runs it until the test ends, trusting the zone's key.
func startUnbound(t *testing.T, program string, z *signed) DNSSEC {
	t.Helper()
	dir, d := t.TempDir(), DNSSEC{Resolver: sink.FreeAddr(t)}
	_, port, _ := net.SplitHostPort(d.Resolver)
	host, at, _ := net.SplitHostPort(serveDNS(t, z.answer))
	conf := fmt.Sprintf(unboundConf, port, dir, strings.ReplaceAll(z.key.String(), "\t", " "), host+"@"+at)
	if err := os.WriteFile(dir+"/unbound.conf", []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	run := exec.Command(program, "-d", "-p", "-c", dir+"/unbound.conf")
	run.Stdout, run.Stderr = &log, &log
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = run.Process.Kill()
		_ = run.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		_, err := d.ask(ctx, "region.example", dns.TypeMX)
		if err == nil {
			return d
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// signed is a zone that is signed as it is asked for.
type signed struct {
	t       testing.TB
	apex    string
	key     *dns.DNSKEY
	private crypto.Signer
	records []dns.RR
	forged  map[string]dns.RR // what is said in place of a signed record
}

func newSigned(t testing.TB, apex string) *signed {
	t.Helper()
	key := &dns.DNSKEY{Hdr: header(apex, dns.TypeDNSKEY), Flags: 257, Protocol: 3, Algorithm: dns.ECDSAP256SHA256}
	private, err := key.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	return &signed{t: t, apex: apex, key: key, private: private.(crypto.Signer), records: []dns.RR{key}, forged: map[string]dns.RR{}}
}

func header(name string, kind uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: 60}
}

func (z *signed) add(lines ...string) {
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			z.t.Fatal(err)
		}
		z.records = append(z.records, rr)
	}
}

// forge has something said in place of what the zone has, with the signature of that.
func (z *signed) forge(is, said string) {
	z.add(is)
	rr, err := dns.NewRR(said)
	if err != nil {
		z.t.Fatal(err)
	}
	z.forged[rr.Header().Name] = rr
}

func (z *signed) answer(w dns.ResponseWriter, q *dns.Msg) {
	name, kind := strings.ToLower(q.Question[0].Name), q.Question[0].Qtype
	r := new(dns.Msg).SetReply(q)
	r.Authoritative = true
	r.SetEdns0(answerSize, true)
	there := &dns.NSEC{Hdr: header(name, dns.TypeNSEC), NextDomain: "\\000." + name, TypeBitMap: []uint16{dns.TypeRRSIG, dns.TypeNSEC}}
	for _, rr := range z.records {
		switch h := rr.Header(); {
		case h.Name != name:
		case h.Rrtype == kind:
			r.Answer = append(r.Answer, rr)
		default:
			there.TypeBitMap = append(there.TypeBitMap, h.Rrtype)
		}
	}
	if len(r.Answer) > 0 {
		r.Answer = z.sign(r.Answer)
		if forged := z.forged[name]; forged != nil && kind == forged.Header().Rrtype {
			r.Answer[0] = forged
		}
	} else {
		// Every name is there, and has no other types (RFC 4470).
		slices.Sort(there.TypeBitMap)
		there.TypeBitMap = slices.Compact(there.TypeBitMap)
		r.Ns = append(z.sign(z.records[1:2]), z.sign([]dns.RR{there})...)
	}
	_ = w.WriteMsg(r)
}

// sign gives records of one name and type with their signature, if they are the zone's.
func (z *signed) sign(set []dns.RR) []dns.RR {
	if !dns.IsSubDomain(z.apex, set[0].Header().Name) {
		return set
	}
	s := &dns.RRSIG{
		Algorithm: z.key.Algorithm, KeyTag: z.key.KeyTag(), SignerName: z.apex,
		Inception: uint32(time.Now().Add(-time.Hour).Unix()), Expiration: uint32(time.Now().Add(time.Hour).Unix()),
	}
	if err := s.Sign(z.private, set); err != nil {
		z.t.Error(err)
	}
	return append(append([]dns.RR(nil), set...), s)
}
