package web_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"sigill/web"
)

// TestClientOfAProxy: who asks through a proxy of ours has its own limits and its own address at the e-ID; to anybody else the
// field is of no use.
func TestClientOfAProxy(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why     string
		proxies []netip.Prefix
		seen    string // by the e-ID
		second  int    // status of another client's login
	}{
		{"believed", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "192.0.2.7", http.StatusSeeOther},
		{"not believed", nil, "127.0.0.1", http.StatusTooManyRequests},
	} {
		s := stageOf(t, func(c *web.Config) {
			c.Proxies.Networks, c.Limits = row.proxies, web.Limits{PerMinute: 1}
		})
		login := func(client string) answer {
			r := s.visitor().request("POST", "/login/eid", strings.NewReader(url.Values{}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Forwarded-For", client)
			return s.visitor().do(r)
		}
		login("198.51.100.1, 192.0.2.7").is(http.StatusSeeOther)
		if got := s.idp.seen.Address.String(); got != row.seen {
			t.Errorf("%s: the e-ID sees %s", row.why, got)
		}
		login("198.51.100.2, 192.0.2.7").is(http.StatusTooManyRequests) // the client has changed its own word
		login("192.0.2.8").is(row.second)
	}
}
