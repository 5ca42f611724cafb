package web

import (
	"mime"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are those in front of the server that tell in a header field who asks: limits, the audit and BankID go by the
// client's address. What a field says is believed of these networks only.
type Proxies struct {
	Networks []netip.Prefix
	// Forwarded tells that they write Forwarded (RFC 7239) and not X-Forwarded-For. The other field is never read: they let
	// through what a client wrote there.
	Forwarded bool
}

func (p Proxies) trusts(a netip.Addr) bool {
	for _, n := range p.Networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// withClient makes a request come from the client, and not from the proxy that passed it on.
func (s *Server) withClient(next http.Handler) http.Handler {
	if len(s.config.Proxies.Networks) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(r.Context()) // a copy
		r.RemoteAddr = netip.AddrPortFrom(s.config.Proxies.client(r), 0).String()
		next.ServeHTTP(w, r)
	})
}

// client is the last in the chain that is no proxy of ours. Each proxy adds whom it was asked by at the end, so whatever
// stands before what ours wrote is the client's own word. Where one of ours tells nothing that can be read, the request
// counts as that proxy's.
func (p Proxies) client(r *http.Request) netip.Addr {
	at := address(r)
	told := p.told(r.Header)
	for i := len(told) - 1; i >= 0 && p.trusts(at) && told[i].IsValid(); i-- {
		at = told[i]
	}
	return at
}

// told are the addresses of the field, in its order; invalid where something else stands.
func (p Proxies) told(h http.Header) (out []netip.Addr) {
	if !p.Forwarded {
		for _, line := range h.Values("X-Forwarded-For") {
			for one := range strings.SplitSeq(line, ",") {
				out = append(out, node(one))
			}
		}
		return out
	}
	for _, line := range h.Values("Forwarded") {
		for _, one := range elements(line) {
			_, pairs, err := mime.ParseMediaType("forwarded/element;" + one) // the same grammar
			if err != nil {
				pairs = nil
			}
			out = append(out, node(pairs["for"]))
		}
	}
	return out
}

// elements parts a line at the commas outside quotes. One whose quotes do not pair is a single element, which then says
// nothing: a client's open quote must not change where a proxy's own word begins.
func elements(line string) (out []string) {
	from, quoted := 0, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			out, from = append(out, line[from:i]), i+1
		}
	}
	if quoted {
		return []string{`"`}
	}
	return append(out, line[from:])
}

// node reads an address as proxies write it, with or without port and brackets.
func node(s string) netip.Addr {
	s = strings.TrimSpace(s)
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	a, _ := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	return a.Unmap().WithZone("")
}
