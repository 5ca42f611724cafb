package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// headed is a header of fields, each "Name: value".
func headed(all ...string) http.Header {
	h := http.Header{}
	for _, line := range all {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}

func TestClientBehindProxies(t *testing.T) {
	t.Parallel()
	ours := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}
	const proxy, client = "10.0.0.1:4711", "192.0.2.7"
	for _, row := range []struct {
		why       string
		networks  []netip.Prefix
		forwarded bool
		peer      string
		header    http.Header
		want      string
	}{
		{"no proxy", ours, false, "192.0.2.7:1", nil, client},
		{"a proxy tells", ours, false, proxy, headed("X-Forwarded-For: 192.0.2.7"), client},
		{"nobody is believed unless configured", nil, false, proxy, headed("X-Forwarded-For: 198.51.100.1"), "10.0.0.1"},
		{"a stranger's word is nothing", ours, false, "192.0.2.7:1", headed("X-Forwarded-For: 198.51.100.1"), client},
		{"what the client wrote itself stands before the proxy's", ours, false, proxy, headed("X-Forwarded-For: 198.51.100.1, 192.0.2.7"), client},
		{"the client claims one of our proxies", ours, false, proxy, headed("X-Forwarded-For: 198.51.100.1, 10.0.0.2, 192.0.2.7"), client},
		{"two proxies", ours, false, proxy, headed("X-Forwarded-For: 198.51.100.1, 192.0.2.7, 10.9.9.9"), client},
		{"each in a line", ours, false, proxy, headed("X-Forwarded-For: 198.51.100.1, 192.0.2.7", "X-Forwarded-For: 10.9.9.9"), client},
		{"with ports, as Azure writes", ours, false, proxy, headed("X-Forwarded-For: 192.0.2.7:50123"), client},
		{"IPv6", ours, false, "[2001:db8:1::1]:1", headed("X-Forwarded-For: 2001:db8:2::7"), "2001:db8:2::7"},
		{"IPv6 with a port", ours, false, proxy, headed("X-Forwarded-For: [2001:db8:2::7]:50123"), "2001:db8:2::7"},
		{"as IPv6 shows it, with a zone", ours, false, "[::ffff:10.0.0.1]:1", headed("X-Forwarded-For: ::ffff:192.0.2.7%eth0"), client},
		{"somebody within", ours, false, proxy, headed("X-Forwarded-For: 10.1.1.1"), "10.1.1.1"},
		{"the proxy says nothing", ours, false, proxy, nil, "10.0.0.1"},
		{"or nothing that can be read", ours, false, proxy, headed("X-Forwarded-For: 198.51.100.1, unknown"), "10.0.0.1"},
		{"or an empty one", ours, false, proxy, headed("X-Forwarded-For: 198.51.100.1,"), "10.0.0.1"},
		{"the field that ours do not write is the client's", ours, false, proxy, headed("Forwarded: for=198.51.100.1"), "10.0.0.1"},

		{"Forwarded", ours, true, proxy, headed(`Forwarded: for=192.0.2.7;proto=https`), client},
		{"Forwarded with IPv6", ours, true, proxy, headed(`Forwarded: proto=https; For="[2001:db8:2::7]:4711"`), "2001:db8:2::7"},
		{"Forwarded by two, after the client's own", ours, true, proxy, headed(`Forwarded: for=198.51.100.1, for=192.0.2.7;by="a,b"`, `Forwarded: for=10.9.9.9`), client},
		{"Forwarded with a name in place", ours, true, proxy, headed(`Forwarded: for=198.51.100.1, for=_hidden`), "10.0.0.1"},
		{"Forwarded without for", ours, true, proxy, headed(`Forwarded: for=198.51.100.1, proto=https`), "10.0.0.1"},
		{"the client opens a quote", ours, true, proxy, headed(`Forwarded: for="198.51.100.1, for=192.0.2.7`), "10.0.0.1"},
		{"the client opens a quote that the proxy closes", ours, true, proxy, headed(`Forwarded: for=198.51.100.1;x=", for="[2001:db8:2::7]"`), "10.0.0.1"},
		{"the client ends in a backslash", ours, true, proxy, headed(`Forwarded: for=198.51.100.1;x="a\`, `Forwarded: for=192.0.2.7`), client},
		{"the other field", ours, true, proxy, headed("X-Forwarded-For: 198.51.100.1"), "10.0.0.1"},
	} {
		var seen string
		s := &Server{config: Config{Proxies: Proxies{Networks: row.networks, Forwarded: row.forwarded}}}
		h := s.withClient(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = address(r).String() }))
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr, r.Header = row.peer, row.header
		if h.ServeHTTP(httptest.NewRecorder(), r); seen != row.want || r.RemoteAddr != row.peer {
			t.Errorf("%s: %s, want %s", row.why, seen, row.want)
		}
	}
}

// FuzzForwarded holds that whatever a client writes before it, what our proxy adds decides, or the proxy itself.
func FuzzForwarded(f *testing.F) {
	for _, s := range []string{"for=1.2.3.4", `for="`, `for="\`, "a,b;c=\"d,e\"", "", ",", `for="[::1]";by=x`} {
		f.Add(s)
	}
	p := Proxies{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Forwarded: true}
	f.Fuzz(func(t *testing.T, said string) {
		r := &http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{"Forwarded": {said + `, for="[2001:db8::7]:4711";by="10.0.0.1"`}}}
		if got := p.client(r).String(); got != "2001:db8::7" && got != "10.0.0.1" {
			t.Errorf("%q makes it %s", said, got)
		}
	})
}
