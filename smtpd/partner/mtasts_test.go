package partner

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"sigill/smtpd/internal/sink"
)

const enforced = "version: STSv1\r\nmode: enforce\r\nmx: localhost\r\nmx: *.mail.region.example\r\nmax_age: 604800\r\n"

func TestPolicyDecides(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	cert := ca.issue(time.Hour, "localhost")
	for _, row := range []struct {
		reason string
		policy string
		kind   string
		status int
		fails  string
	}{
		{"in force and naming the host", enforced, "text/plain", 200, ""},
		{"in force for other hosts", strings.Replace(enforced, "localhost", "mx.region.example", 1), "text/plain", 200, "names none of its servers"},
		{"testing only", strings.Replace(enforced, "enforce", "testing", 1), "text/plain", 200, `mode is "testing"`},
		{"withdrawn", "version: STSv1\nmode: none\nmax_age: 86400\n", "text/plain", 200, `mode is "none"`},
		{"none published", "", "text/plain", 404, "status 404"},
		{"moved: redirects are not followed (section 3.3)", enforced, "text/plain", 301, "status 301"},
		{"a page in its place", enforced, "text/html", 200, "not text/plain"},
		{"no policy at all", "hello", "text/plain", 200, "no policy of version STSv1"},
		{"too long", enforced + strings.Repeat("x", policySize), "text/plain", 200, "too long"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			mx := sink.Start(t, func(s *smtp.Server) { s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}} })
			from := publisher(t, ca, func(w http.ResponseWriter, r *http.Request) {
				if r.Host != "mta-sts.region.example" || r.URL.Path != "/.well-known/mta-sts.txt" {
					t.Errorf("asked for %s%s", r.Host, r.URL.Path)
				}
				w.Header().Set("Content-Type", row.kind)
				w.Header().Set("Location", "https://mta-sts.region.example/other")
				w.WriteHeader(row.status)
				fmt.Fprint(w, row.policy)
			})
			_, port, _ := net.SplitHostPort(mx.Addr)
			c := client(t, Config{
				HTTP: from, Resolver: &zone{txt: map[string][]string{"_mta-sts.region.example": {"v=spf1 -all", "v=STSv1; id=20261125T1;"}}},
				Partners: []Partner{{Domains: []string{"region.example"}, Hosts: []string{"localhost:" + port}, Verify: MTASTS, Roots: ca.roots}},
			})
			evidence, err := c.Deliver(t.Context(), mailTo(asa), strings.NewReader(message))
			if row.fails == "" {
				if err != nil || !strings.Contains(evidence, "MTA-STS policy 20261125T1") || len(mx.Mails()) != 1 {
					t.Error(evidence, err)
				}
			} else if err == nil || !strings.Contains(err.Error(), row.fails) || len(mx.Mails()) != 0 {
				t.Errorf("%v, want %s", err, row.fails)
			}
		})
	}
}

// Without configured hosts those of the MX records serve that the policy names, the preferred first.
func TestExchangersOfThePolicy(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	from := publisher(t, ca, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, enforced)
	})
	z := &zone{mx: map[string][]*net.MX{"region.example": {
		{Host: "b.mail.region.example.", Pref: 20}, {Host: "forged.example.", Pref: 1}, {Host: "A.mail.region.example.", Pref: 10}, {Host: ".", Pref: 0},
		{Host: "x.y.mail.region.example.", Pref: 5},
	}}}
	c := client(t, Config{HTTP: from, Resolver: z, Partners: []Partner{{Domains: []string{"region.example"}, Verify: MTASTS}}})
	got, err := c.servers(t.Context(), c.partners["region.example"], "region.example")
	if err != nil || len(got) != 2 || got[0].addr != "a.mail.region.example:25" || got[1].addr != "b.mail.region.example:25" {
		t.Fatalf("%+v, %v", got, err)
	}
	if proof, err := got[0].prove(tls.ConnectionState{}); err != nil || proof != "MTA-STS policy without id" {
		t.Errorf("%q, %v", proof, err)
	}
}

func TestPolicyIsKept(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	var mu sync.Mutex
	requests, down, now := 0, false, time.Now()
	from := publisher(t, ca, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if requests++; down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, strings.Replace(enforced, "604800", "3600", 1))
	})
	z := &zone{txt: map[string][]string{"_mta-sts.region.example": {"v=STSv1; id=1;"}}}
	p := newPolicies(Config{HTTP: from, Resolver: z, Now: func() time.Time { return now }})
	for _, row := range []struct {
		reason   string
		do       func()
		requests int
		fails    bool
	}{
		{"first", func() {}, 1, false},
		{"again", func() {}, 1, false},
		{"another id", func() { z.txt["_mta-sts.region.example"] = []string{"v=STSv1; id=2"} }, 2, false},
		{"the DNS does not answer", func() { z.txt = nil }, 2, false},
		{"its time is over", func() { now = now.Add(time.Hour) }, 3, false},
		{"over, and the server is down", func() { now, down = now.Add(time.Hour), true }, 4, true},
	} {
		mu.Lock()
		row.do()
		mu.Unlock()
		_, err := p.get(t.Context(), "region.example")
		if (err != nil) != row.fails || requests != row.requests {
			t.Errorf("%s: %v after %d requests, want %d", row.reason, err, requests, row.requests)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	p := stsPolicy{mx: []string{"mx.region.example", "*.mail.region.example", "*.", "*"}}
	for host, want := range map[string]bool{
		"mx.region.example": true, "MX.Region.Example.": true, "a.mail.region.example": true,
		"mail.region.example": false, "a.b.mail.region.example": false, "xmx.region.example": false, "": false, "localhost": false,
	} {
		if p.names(host) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add(enforced, "a.mail.region.example")
	f.Add("version: STSv1\nmode: none\nmax_age: -1", "x")
	f.Add("mx:\nmx: *.\nversion:STSv1\nmode:testing\nmax_age:0", "")
	f.Fuzz(func(t *testing.T, text, host string) {
		p, err := parsePolicy(text)
		if err == nil && (p.mode == "" || p.age < 0) {
			t.Errorf("%+v", p)
		}
		if p.names(host) && (host == "" || len(p.mx) == 0) {
			t.Errorf("%q is named by %q", host, p.mx)
		}
	})
}
