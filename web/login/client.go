package login

import (
	"io"
	"net/http"
)

// client is the configured HTTP client with what a login must not do without: a time limit, a limit on answers, and no
// redirects, which would carry a code or a secret to where nobody configured.
func client(configured *http.Client) *http.Client {
	c := http.Client{}
	if configured != nil {
		c = *configured
	}
	if c.Timeout == 0 {
		c.Timeout = httpExpiry
	}
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	c.Transport = bounded{c.Transport}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	}
	return answer, err
}
