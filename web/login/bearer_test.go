package login_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sigill/vault"
	"sigill/web/login"
)

const mailGateway = "api://sigill"

func bearerOf(t *testing.T, o *op, change func(*login.BearerConfig)) *login.Bearer {
	t.Helper()
	c := login.BearerConfig{Issuer: o.issuer(), Audience: mailGateway, HTTP: o.server.Client(), Now: func() time.Time { return o.now }}
	if change != nil {
		change(&c)
	}
	b, err := login.NewBearer(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// accessToken is a sound one with some claims changed; nil takes one away.
func (o *op) accessToken(changed map[string]any) []byte {
	claims := map[string]any{
		"iss": o.issuer(), "aud": mailGateway, "sub": "opaque", "azp": "outlook", "email": "anna@kommun.example",
		"iat": o.now.Unix(), "exp": o.now.Add(time.Hour).Unix(),
	}
	maps.Copy(claims, changed)
	for name, value := range claims {
		if value == nil {
			delete(claims, name)
		}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		o.t.Fatal(err)
	}
	return payload
}

func TestBearer(t *testing.T) {
	t.Parallel()
	o := newOP(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	outlookOnly := func(c *login.BearerConfig) { c.Clients = []string{"outlook"} }
	upnFirst := func(c *login.BearerConfig) { c.Claims = []string{"upn", "email"} }
	sound := func(p []byte) string { return signed(t, o.key, jose.RS256, p) }
	b64 := base64.RawURLEncoding.EncodeToString
	public, err := json.Marshal(jose.JSONWebKey{Key: o.key.Public(), KeyID: "k"})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		why    string
		claims map[string]any
		sign   func([]byte) string
		config func(*login.BearerConfig)
		want   string // "": refused
	}{
		{"sound", nil, sound, nil, "anna@kommun.example"},
		{"for several, us among them", map[string]any{"aud": []string{"x", mailGateway}}, sound, nil, "anna@kommun.example"},
		{"for somebody else", map[string]any{"aud": "api://other"}, sound, nil, ""},
		{"for nobody", map[string]any{"aud": nil}, sound, nil, ""},
		{"for the program, as an ID token is", map[string]any{"aud": "outlook"}, sound, nil, ""},
		{"another issuer", map[string]any{"iss": "https://evil.example"}, sound, nil, ""},
		{"no issuer", map[string]any{"iss": nil}, sound, nil, ""},
		{"expired", map[string]any{"exp": o.now.Add(-2 * time.Minute).Unix()}, sound, nil, ""},
		{"never expires", map[string]any{"exp": nil}, sound, nil, ""},
		{"expired within the clocks' difference", map[string]any{"exp": o.now.Add(-30 * time.Second).Unix()}, sound, nil, "anna@kommun.example"},
		{"not yet good", map[string]any{"nbf": o.now.Add(time.Hour).Unix()}, sound, nil, ""},
		{"another key under the same name", nil, func(p []byte) string { return signed(t, other, jose.RS256, p) }, nil, ""},
		{"an algorithm that is not ours", nil, func(p []byte) string { return signed(t, o.key, jose.RS512, p) }, nil, ""},
		{"a curve's key where RSA's is published", nil, func(p []byte) string { return signed(t, curve, jose.ES256, p) }, nil, ""},
		{"the public key as a secret", nil, func(p []byte) string { return signed(t, public, jose.HS256, p) }, nil, ""},
		{"no signature", nil, func(p []byte) string { return b64([]byte(`{"alg":"none"}`)) + "." + b64(p) + "." }, nil, ""},
		{"a signature that is cut off", nil, func(p []byte) string { s := sound(p); return s[:len(s)-8] }, nil, ""},
		{"claims of another token", nil, func(p []byte) string {
			s := strings.Split(sound(p), ".")
			return s[0] + "." + b64(o.accessToken(map[string]any{"email": "bo@kommun.example"})) + "." + s[2]
		}, nil, ""},
		{"no token", nil, func([]byte) string { return "abc" }, nil, ""},
		{"nothing", nil, func([]byte) string { return "" }, nil, ""},
		{"the program that is allowed", nil, sound, outlookOnly, "anna@kommun.example"},
		{"another program", map[string]any{"azp": "phish"}, sound, outlookOnly, ""},
		{"the right program beside another", map[string]any{"appid": "phish"}, sound, outlookOnly, ""},
		{"no program", map[string]any{"azp": nil}, sound, outlookOnly, ""},
		{"a program that is no text", map[string]any{"azp": []string{"outlook"}}, sound, outlookOnly, ""},
		{"an address the issuer has not verified", map[string]any{"email_verified": false}, sound, nil, ""},
		{"one it has", map[string]any{"email_verified": true}, sound, nil, "anna@kommun.example"},
		{"the claim that is first in the list", map[string]any{"upn": "a@kommun.example"}, sound, upnFirst, "a@kommun.example"},
		{"the next if that is not there", nil, sound, upnFirst, "anna@kommun.example"},
		{"no address", map[string]any{"email": nil}, sound, nil, ""},
		{"an address that is no text", map[string]any{"email": []string{"anna@kommun.example"}}, sound, nil, ""},
	} {
		token := row.sign(o.accessToken(row.claims))
		got, err := bearerOf(t, o, row.config).Verify(t.Context(), token)
		if got != row.want || (row.want == "") != errors.Is(err, vault.ErrBadCredentials) {
			t.Errorf("%s: %q, %v", row.why, got, err)
		}
		if err != nil && len(token) > 20 && strings.Contains(err.Error(), token) {
			t.Errorf("%s: the token is in the error", row.why)
		}
	}
}

func TestBearerUnavailable(t *testing.T) {
	t.Parallel()
	o := newOP(t)
	token := signed(t, o.key, jose.RS256, o.accessToken(nil))
	o.discovery = map[string]any{"jwks_uri": o.issuer() + "/nowhere"}
	b := bearerOf(t, o, nil)
	if _, err := b.Verify(t.Context(), token); !errors.Is(err, login.ErrUnavailable) || errors.Is(err, vault.ErrBadCredentials) {
		t.Errorf("no keys: %v", err)
	}
	o.discovery = map[string]any{"jwks_uri": "http://127.0.0.1/keys"}
	late := bearerOf(t, o, nil)
	if _, err := late.Verify(t.Context(), token); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("keys without TLS: %v", err)
	}
	o.discovery = nil
	if got, err := late.Verify(t.Context(), token); got != "anna@kommun.example" {
		t.Errorf("once the issuer is well again: %q, %v", got, err)
	}
	o.server.Close()
	if _, err := bearerOf(t, o, nil).Verify(t.Context(), token); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("issuer down: %v", err)
	}
	if got, err := late.Verify(t.Context(), token); got == "" {
		t.Errorf("keys that are known need no issuer: %v", err)
	}
}

func TestBadBearerConfig(t *testing.T) {
	t.Parallel()
	for why, c := range map[string]login.BearerConfig{
		"no issuer":          {Audience: "a"},
		"an issuer in clear": {Issuer: "http://issuer.example", Audience: "a"},
		"no audience":        {Issuer: "https://issuer.example"},
		"alg none":           {Issuer: "https://issuer.example", Audience: "a", Algorithms: []string{"none"}},
		"a shared secret":    {Issuer: "https://issuer.example", Audience: "a", Algorithms: []string{"HS256"}},
	} {
		c.HTTP = http.DefaultClient
		if _, err := login.NewBearer(c); err == nil {
			t.Errorf("%s is taken", why)
		}
	}
}
