package web_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"testing"
	"time"

	"sigill/web"
	"sigill/web/login"
)

// slowProvider is asked and waits.
type slowProvider struct {
	fakeProvider
	asked, answer chan struct{}
}

func (p *slowProvider) Start(ctx context.Context, v login.Visit) (login.Begun, error) {
	close(p.asked)
	<-p.answer
	return p.fakeProvider.Start(ctx, v)
}

// TestRun: requests under way are finished when the server ends.
func TestRun(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	slow := &slowProvider{asked: make(chan struct{}), answer: make(chan struct{})}
	server, err := web.New(web.Config{
		Vault: s.vault, BaseURL: "https://sakert.exempel.se", Providers: []login.Provider{slow},
		TLS: &tls.Config{Certificates: s.server.TLS.Certificates, MinVersion: tls.VersionTLS12},
	})
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, l) }()

	v := s.visitor()
	status := make(chan int, 1)
	go func() { status <- v.post("https://"+l.Addr().String()+"/login/eid", nil).StatusCode }()
	<-slow.asked
	cancel()
	select {
	case err := <-ended:
		t.Fatalf("the server ended with a request under way: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(slow.answer)
	if got := <-status; got != http.StatusSeeOther {
		t.Errorf("the request under way got %d", got)
	}
	must(t, <-ended)
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("it still listens")
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	for _, c := range []web.Config{
		{BaseURL: "https://x.se"},
		{Vault: s.vault},
		{Vault: s.vault, BaseURL: "http://x.se"},
		{Vault: s.vault, BaseURL: "https://x.se/path"},
	} {
		if _, err := web.New(c); err == nil {
			t.Errorf("%q was accepted", c.BaseURL)
		}
	}
}
