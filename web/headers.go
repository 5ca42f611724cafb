package web

import (
	"net/http"
	"strings"
)

// Headers of every answer. The strings are asserted in tests.
const (
	hsts = "max-age=31536000; includeSubDomains"
	// corp and coop keep other sites from embedding us and from holding on to our windows.
	corp = "same-origin"
	coop = "same-origin"
	// policyBase forbids all but our own style sheet, images and frames. form-action is added by pagePolicy.
	policyBase = "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
	// policyFile is for what came with a mail: were a browser to show it, it may do nothing.
	policyFile = "default-src 'none'; frame-ancestors 'none'; sandbox"
)

// policyScript is added for pages with a script of ours, and lets it ask this server.
const policyScript = "; script-src 'self'; connect-src 'self'"

// pagePolicy is the Content-Security-Policy of a page. Browsers hold the redirects after a form against form-action, so a page
// with a login button names where that button leads.
func pagePolicy(formOrigins []string, script bool) string {
	policy := strings.Join(append([]string{policyBase}, formOrigins...), " ")
	if script {
		policy += policyScript
	}
	return policy
}

func (s *Server) withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policyBase)
		h.Set("Strict-Transport-Security", hsts)
		h.Set("Cross-Origin-Opener-Policy", coop)
		h.Set("Cross-Origin-Resource-Policy", corp)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
