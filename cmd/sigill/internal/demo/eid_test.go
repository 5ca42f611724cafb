package demo

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const callback = "https://127.0.0.1:9/back"

// party is a client of a running e-ID, with a browser that does not follow it back to the client.
type party struct {
	t       *testing.T
	ctx     context.Context
	oauth   oauth2.Config
	verify  *oidc.IDTokenVerifier
	browser *http.Client
}

func startEID(t *testing.T) *party {
	t.Helper()
	certificates, err := OpenCertificates(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := EIDConfig{
		Issuer: "https://" + l.Addr().String(), ClientID: "porten", ClientSecret: "hemlig", RedirectURIs: []string{callback},
		LogoutURIs: []string{callback + "/out"}, Persons: ThePersons(),
	}
	e, err := NewEID(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Serve(ctx, l, certificates.Server) }()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: certificates.Authority}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	jar, _ := cookiejar.New(nil)
	p := &party{t: t, browser: &http.Client{Transport: transport, Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), callback) {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
	p.ctx = oidc.ClientContext(t.Context(), &http.Client{Transport: transport})
	provider, err := oidc.NewProvider(p.ctx, config.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	p.oauth = oauth2.Config{
		ClientID: config.ClientID, ClientSecret: config.ClientSecret, Endpoint: provider.Endpoint(), RedirectURL: callback,
		Scopes: []string{oidc.ScopeOpenID, ScopeNumber},
	}
	p.verify = provider.Verifier(&oidc.Config{ClientID: config.ClientID})
	return p
}

var loginID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// login walks to the form and posts a number; back is where the browser was sent, nil if it stayed.
func (p *party) login(number, verifier string) (back *url.URL, page string) {
	p.t.Helper()
	answer, err := p.browser.Get(p.oauth.AuthCodeURL("st", oidc.Nonce("no"), oauth2.S256ChallengeOption(verifier)))
	if err != nil {
		p.t.Fatal(err)
	}
	form := p.body(answer)
	id := loginID.FindStringSubmatch(form)
	if id == nil {
		p.t.Fatalf("no form: %s", form)
	}
	answer, err = p.browser.PostForm(p.oauth.Endpoint.AuthURL[:strings.LastIndex(p.oauth.Endpoint.AuthURL, "/")]+"/login", url.Values{"id": {id[1]}, "personal_number": {number}})
	if err != nil {
		p.t.Fatal(err)
	}
	page = p.body(answer)
	back, _ = answer.Location()
	return back, page
}

func (p *party) body(r *http.Response) string {
	p.t.Helper()
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(b)
}

func TestEIDTellsTheNumber(t *testing.T) {
	t.Parallel()
	p := startEID(t)
	for _, row := range []struct{ number, claim, other string }{
		{"19850614-2382", ClaimPersonnummer, ClaimSamordningsnummer},
		{"198000602394", ClaimSamordningsnummer, ClaimPersonnummer},
	} {
		verifier := oauth2.GenerateVerifier()
		back, page := p.login(row.number, verifier)
		if back == nil || back.Query().Get("state") != "st" {
			t.Fatalf("not sent back: %v %s", back, page)
		}
		if _, err := p.oauth.Exchange(p.ctx, back.Query().Get("code"), oauth2.VerifierOption(oauth2.GenerateVerifier())); err == nil {
			t.Error("a code was exchanged with another verifier")
		}
		back, _ = p.login(row.number, verifier)
		token, err := p.oauth.Exchange(p.ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := token.Extra("id_token").(string)
		id, err := p.verify.Verify(p.ctx, raw)
		if err != nil {
			t.Fatal(err)
		}
		var claims map[string]any
		if err := id.Claims(&claims); err != nil {
			t.Fatal(err)
		}
		number := strings.ReplaceAll(row.number, "-", "")
		if claims[row.claim] != number || claims[row.other] != nil || claims["acr"] != LevelOfAssurance || id.Nonce != "no" {
			t.Errorf("claims: %v", claims)
		}
		if strings.Contains(id.Subject, number) || id.Subject == "" {
			t.Errorf("subject %q", id.Subject)
		}
	}
}

func TestEIDRefuses(t *testing.T) {
	t.Parallel()
	p := startEID(t)
	for number, want := range map[string]string{
		"8506142382":   "alla 12 siffror",
		"198513142381": "inget datum",
		"198506142383": "Kontrollsiffran",
		"165560123456": "organisationsnummer",
		"850614-X382":  "interims",
		"191212121212": "inget av Skatteverkets testnummer",
		"<b>":          `value="&lt;b&gt;"`,
	} {
		back, page := p.login(number, oauth2.GenerateVerifier())
		if back != nil || !strings.Contains(page, want) || !strings.Contains(page, "personal_number") {
			t.Errorf("%s: sent to %v, page %s", number, back, page)
		}
	}
	for _, bad := range []oauth2.AuthCodeOption{
		oauth2.SetAuthURLParam("code_challenge_method", "plain"), oauth2.SetAuthURLParam("acr_values", "http://id.elegnamnden.se/loa/1.0/loa4"),
	} {
		answer, err := p.browser.Get(p.oauth.AuthCodeURL("st", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()), bad))
		if err != nil {
			t.Fatal(err)
		}
		if body := p.body(answer); strings.Contains(body, "personal_number") {
			t.Error("a request it should refuse got the form")
		}
	}
}

// TestEIDLogout: the gateway sends a browser here without an ID token, and it comes back where it may and nowhere else.
func TestEIDLogout(t *testing.T) {
	t.Parallel()
	p := startEID(t)
	end := strings.TrimSuffix(p.oauth.Endpoint.AuthURL, "/authorize") + "/end_session?client_id=porten&post_logout_redirect_uri="
	for to, back := range map[string]bool{callback + "/out": true, "https://elsewhere.example/": false} {
		resp, err := p.browser.Get(end + url.QueryEscape(to))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if (resp.Header.Get("Location") == to) != back {
			t.Errorf("to %s: %s, %s", to, resp.Status, resp.Header.Get("Location"))
		}
	}
}
