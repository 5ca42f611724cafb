package login_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"sigill/policy"
	"sigill/web/login"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	number   = "199001019802"
	callback = "https://sakert.example.se/login/eid/callback"
	home     = "https://sakert.example.se/logged-out"
)

var visit = login.Visit{Callback: callback, Home: home, Lang: "sv"}

func provider(t *testing.T, o *op, change func(*login.OIDCConfig)) *login.OIDC {
	t.Helper()
	c := login.OIDCConfig{
		ID: "eid", Name: "e-legitimation", Issuer: o.issuer(), ClientID: "sigill", ClientSecret: "s3cret",
		Claims: [][]string{{"pnr"}}, HTTP: o.server.Client(),
	}
	if change != nil {
		change(&c)
	}
	p, err := login.NewOIDC(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.server.Client().CloseIdleConnections)
	return p
}

func TestLogin(t *testing.T) {
	t.Parallel()
	o := newOP(t)
	p := provider(t, o, nil)
	begun, err := p.Start(t.Context(), visit)
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(begun.URL)
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "sigill", "redirect_uri": callback, "scope": "openid",
		"prompt": "login", "code_challenge_method": "S256", "acr_values": login.LOA3 + " " + login.LOA4, "ui_locales": "sv",
	} {
		if got := u.Query().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if len(u.Query().Get("state")) < 26 || len(u.Query().Get("nonce")) < 26 {
		t.Error("state and nonce must have 128 bits")
	}
	answer := o.authorize(begun.URL)
	who, err := p.Finish(t.Context(), answer, begun.Memory)
	if err != nil {
		t.Fatal(err)
	}
	if who.Person != policy.MustPersonID(number) || who.Assurance != login.LOA3 {
		t.Errorf("got %v", who)
	}
	// The provider takes a code once; that a session hands its memory over once is for the pages' tests.
	if _, err := p.Finish(t.Context(), answer, begun.Memory); !errors.Is(err, login.ErrToken) {
		t.Errorf("the same code again: %v", err)
	}
}

func TestHostileProvider(t *testing.T) {
	t.Parallel()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	rows := []struct {
		name   string
		why    string
		set    func(o *op)
		config func(c *login.OIDCConfig)
		answer func(v url.Values)
		memory func(m string) string
		want   error
	}{
		{name: "nonce", why: "a token of another login", set: claim("nonce", "other"), want: login.ErrToken},
		{name: "no nonce", why: "OpenID Connect Core 3.1.3.7, 11", set: claim("nonce", nil), want: login.ErrToken},
		{name: "audience", why: "a token for another client", set: claim("aud", "other"), want: login.ErrToken},
		{name: "audiences", why: "3.1.3.7, 4: azp must say which", set: claim("aud", []string{"sigill", "other"}), want: login.ErrToken},
		{name: "party", why: "3.1.3.7, 5", set: claim("azp", "other"), want: login.ErrToken},
		{name: "issuer", why: "exact comparison", set: func(o *op) { o.claims = map[string]any{"iss": o.issuer() + "/"} }, want: login.ErrToken},
		{name: "expired", why: "beyond the skew", set: claim("exp", now.Add(-2*time.Minute).Unix()), want: login.ErrToken},
		{name: "old", why: "issued before the login began", set: claim("iat", now.Add(-5*time.Minute).Unix()), want: login.ErrToken},
		{name: "future", why: "issued later than now", set: claim("iat", now.Add(5*time.Minute).Unix()), want: login.ErrToken},
		{name: "unsigned", why: "alg none", set: func(o *op) {
			o.sign = func(p []byte) string {
				return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(p) + "."
			}
		}, want: login.ErrToken},
		{name: "shared secret", why: "HS256 with what the attacker may know", set: func(o *op) {
			o.sign = func(p []byte) string {
				return signed(o.t, []byte("s3crets3crets3crets3crets3crets3"), jose.HS256, p)
			}
		}, want: login.ErrToken},
		{name: "key", why: "signed by somebody else", set: func(o *op) {
			o.sign = func(p []byte) string { return signed(o.t, other, jose.RS256, p) }
		}, want: login.ErrToken},
		{name: "garbage", why: "no JWT", set: func(o *op) { o.sign = func([]byte) string { return "x" } }, want: login.ErrToken},
		{name: "number in sub", why: "error texts must not hold it", set: claim("sub", 199001019802), want: login.ErrToken},

		{name: "no claim", why: "no number", set: claim("pnr", nil), want: login.ErrNoNumber},
		{name: "empty claim", why: "no number", set: claim("pnr", ""), want: login.ErrNoNumber},
		{name: "number as number", why: "a string is agreed", set: claim("pnr", 199001019802), want: login.ErrNoNumber},
		{name: "check digit", why: "not a number", set: claim("pnr", "199001019803"), want: login.ErrBadNumber},
		{name: "ten digits", why: "the century is not guessed", set: claim("pnr", "9001019802"), want: login.ErrBadNumber},

		{name: "acr", why: "weaker than asked for", set: claim("acr", "http://id.elegnamnden.se/loa/1.0/loa2"), want: login.ErrAssurance},
		{name: "uncertified", why: "accepted only if the configuration says so", set: claim("acr", login.UncertifiedLOA3), want: login.ErrAssurance},
		{name: "no acr", why: "not told is not enough", set: claim("acr", nil), want: login.ErrAssurance},
		{name: "acr as list", why: "one value is agreed", set: claim("acr", []string{login.LOA3}), want: login.ErrAssurance},
		{name: "country", why: "Freja has Norwegian and Danish numbers too", set: claim("country", "NO"), config: swedish, want: login.ErrAssurance},
		{name: "no country", why: "not told is not enough", config: swedish, want: login.ErrAssurance},
		{name: "former", why: "a former number that is none", set: claim("former", "190001019803"), config: former, want: login.ErrBadNumber},

		{name: "state", why: "another login's answer", answer: func(v url.Values) { v.Set("state", "other") }, want: login.ErrState},
		{name: "no state", why: "an answer nobody asked for", answer: func(v url.Values) { v.Del("state") }, want: login.ErrState},
		{name: "no memory", why: "the session began nothing", memory: func(string) string { return "" }, want: login.ErrState},
		{name: "empty memory", why: "an empty state is none", memory: func(string) string { return "{}" }, answer: func(v url.Values) { v.Del("state") }, want: login.ErrState},
		{name: "mix-up", why: "RFC 9207", answer: func(v url.Values) { v.Set("iss", "https://other.example") }, want: login.ErrToken},
		{name: "iss promised", why: "RFC 9207 section 2.4", set: func(o *op) {
			o.discovery = map[string]any{"authorization_response_iss_parameter_supported": true}
		}, want: login.ErrToken},
		{name: "no code", why: "RFC 6749 section 4.1.2", answer: func(v url.Values) { v.Del("code") }, want: login.ErrToken},
		{name: "wrong code", why: "the provider refuses", answer: func(v url.Values) { v.Set("code", "x") }, want: login.ErrToken},
		{name: "broken off", why: "the person said no", answer: func(v url.Values) { v.Set("error", "access_denied") }, want: login.ErrCancelled},
		{name: "not met", why: "the provider cannot", answer: func(v url.Values) { v.Set("error", "unmet_authentication_requirements") }, want: login.ErrAssurance},
		{name: "out of order", why: "the provider says so", answer: func(v url.Values) { v.Set("error", "temporarily_unavailable") }, want: login.ErrUnavailable},
		{name: "other subject", why: "OpenID Connect Core 5.3.2", config: userInfo, set: func(o *op) {
			o.userinfo = map[string]any{"sub": "other", "pnr": number}
		}, want: login.ErrToken},
		{name: "userinfo key", why: "signed by somebody else", config: userInfo, set: func(o *op) {
			o.userinfo, o.signUserinfo = rightInfo(o), func(p []byte) string { return signed(o.t, other, jose.RS256, p) }
		}, want: login.ErrUnavailable},
		{name: "userinfo audience", why: "made for another client", config: userInfo, set: func(o *op) {
			o.userinfo, o.signUserinfo = rightInfo(o), o.sound
			o.userinfo["aud"] = []string{"other"}
		}, want: login.ErrToken},
		{name: "userinfo issuer", why: "another issuer's", config: userInfo, set: func(o *op) {
			o.userinfo, o.signUserinfo = rightInfo(o), o.sound
			o.userinfo["iss"] = "https://other.example"
		}, want: login.ErrToken},
		{name: "at_hash", why: "an access token of somebody else", config: userInfo, set: func(o *op) {
			o.claims = map[string]any{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}
			o.userinfo = map[string]any{"sub": "opaque", "pnr": number}
		}, want: login.ErrToken},
		{name: "huge answer", why: "1 MiB is enough", config: userInfo, set: func(o *op) {
			o.userinfo = map[string]any{"sub": "opaque", "x": strings.Repeat("x", 2<<20), "pnr": number}
		}, want: login.ErrUnavailable},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			o := newOP(t)
			if row.set != nil {
				row.set(o)
			}
			p := provider(t, o, row.config)
			begun, err := p.Start(t.Context(), visit)
			if err != nil {
				t.Fatal(err)
			}
			answer, memory := o.authorize(begun.URL), begun.Memory
			if row.answer != nil {
				row.answer(answer)
			}
			if row.memory != nil {
				memory = row.memory(memory)
			}
			who, err := p.Finish(t.Context(), answer, memory)
			if !errors.Is(err, row.want) {
				t.Fatalf("%s: got %v, want %v", row.why, err, row.want)
			}
			if !who.Person.IsZero() {
				t.Error("an identity came with an error")
			}
			if strings.Contains(err.Error(), "19900101") || strings.Contains(err.Error(), "1.99001") {
				t.Errorf("the error holds a number: %v", err)
			}
		})
	}
}

func claim(name string, value any) func(*op) {
	return func(o *op) { o.claims = map[string]any{name: value} }
}

func userInfo(c *login.OIDCConfig) { c.Source = login.UserInfo }
func former(c *login.OIDCConfig)   { c.FormerClaims = [][]string{{"former"}} }
func swedish(c *login.OIDCConfig) {
	c.Require = []login.Requirement{{Claim: []string{"country"}, Allowed: []string{"SE"}}}
}

// rightInfo is what a signed userinfo holds (OpenID Connect Core section 5.3.2).
func rightInfo(o *op) map[string]any {
	return map[string]any{"sub": "opaque", "iss": o.issuer(), "aud": "sigill", "pnr": number}
}

func TestGoodProviders(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name   string
		set    func(o *op)
		config func(c *login.OIDCConfig)
		want   string
	}{
		{"userinfo", func(o *op) {
			o.claims = map[string]any{"pnr": nil}
			o.userinfo = map[string]any{"sub": "opaque", "pnr": number}
		}, userInfo, number},
		{"a name with dots and slashes", claim("https://id.oidc.se/claim/personalIdentityNumber", number), func(c *login.OIDCConfig) {
			c.Claims = [][]string{{"https://id.oidc.se/claim/coordinationNumber"}, {"https://id.oidc.se/claim/personalIdentityNumber"}}
		}, number},
		{"a nested claim", claim("details", map[string]any{"ssn": map[string]any{"ssn": "19900101-9802"}}), func(c *login.OIDCConfig) {
			c.Claims = [][]string{{"details", "ssn", "ssn"}}
		}, number},
		{"the other accepted level", claim("acr", login.LOA4), nil, number},
		{"an uncertified level, accepted by the configuration", claim("acr", login.UncertifiedLOA3), func(c *login.OIDCConfig) {
			c.AcceptedACR = []string{login.UncertifiedLOA3}
		}, number},
		{"a broker without acr and with a claim for it", func(o *op) {
			o.claims = map[string]any{"acr": nil, "country": "SE", "identityscheme": "sebankid"}
		}, func(c *login.OIDCConfig) {
			swedish(c)
			c.AcceptedACR, c.AskedACR = []string{}, []string{"urn:grn:authn:se:bankid"}
		}, number},
		{"a signed userinfo", func(o *op) {
			o.claims = map[string]any{"pnr": nil}
			o.userinfo, o.signUserinfo = rightInfo(o), o.sound
		}, userInfo, number},
		{"a clock half a minute behind", claim("exp", time.Now().Add(-30*time.Second).Unix()), nil, number},
		{"several audiences", func(o *op) { o.claims = map[string]any{"aud": []string{"sigill", "x"}, "azp": "sigill"} }, nil, number},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			o := newOP(t)
			if row.set != nil {
				row.set(o)
			}
			p := provider(t, o, row.config)
			begun, err := p.Start(t.Context(), visit)
			if err != nil {
				t.Fatal(err)
			}
			who, err := p.Finish(t.Context(), o.authorize(begun.URL), begun.Memory)
			if err != nil || who.Person.Digits() != row.want {
				t.Errorf("got %v, %v", who, err)
			}
		})
	}
}

func TestTooLate(t *testing.T) {
	t.Parallel()
	o := newOP(t)
	now := time.Now()
	p := provider(t, o, func(c *login.OIDCConfig) { c.Now = func() time.Time { return now } })
	begun, err := p.Start(t.Context(), visit)
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(16 * time.Minute)
	if _, err := p.Finish(t.Context(), o.authorize(begun.URL), begun.Memory); !errors.Is(err, login.ErrState) {
		t.Errorf("got %v", err)
	}
}

func TestProviderDown(t *testing.T) {
	t.Parallel()
	o := newOP(t)
	p := provider(t, o, nil)
	o.server.Config.Handler = http.NotFoundHandler()
	if _, err := p.Start(t.Context(), visit); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if a := p.About(); a.ID != "eid" || len(a.Origins) != 1 || a.Origins[0] != o.issuer() {
		t.Errorf("about: %v", a)
	}
}

// TestPrepare: before anybody logs in the pages know of a login page at another host than the issuer's.
func TestPrepare(t *testing.T) {
	t.Parallel()
	o := newOP(t)
	o.discovery = map[string]any{"authorization_endpoint": "https://login.example/authorize"}
	p := provider(t, o, nil)
	if err := p.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := p.About(); !slices.Contains(a.Origins, "https://login.example") {
		t.Errorf("about: %v", a)
	}
}

func TestEndpointsWithoutTLS(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri"} {
		o := newOP(t)
		o.discovery = map[string]any{name: "http://other.example/x"}
		if _, err := provider(t, o, nil).Start(t.Context(), visit); !errors.Is(err, login.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	good := login.OIDCConfig{ID: "eid", Name: "x", Issuer: "https://i.example", ClientID: "c", Claims: [][]string{{"pnr"}}}
	rows := map[string]func(*login.OIDCConfig){
		"id with a slash": func(c *login.OIDCConfig) { c.ID = "a/b" },
		"no name":         func(c *login.OIDCConfig) { c.Name = "" },
		"http issuer":     func(c *login.OIDCConfig) { c.Issuer = "http://i.example" },
		"no client":       func(c *login.OIDCConfig) { c.ClientID = "" },
		"no claim":        func(c *login.OIDCConfig) { c.Claims = nil },
		"empty path":      func(c *login.OIDCConfig) { c.Claims = [][]string{{}} },
		"unknown source":  func(c *login.OIDCConfig) { c.Source = "x" },
		"empty former":    func(c *login.OIDCConfig) { c.FormerClaims = [][]string{{}} },
		"empty require":   func(c *login.OIDCConfig) { c.Require = []login.Requirement{{Claim: []string{"x"}}} },
		"any assurance":   func(c *login.OIDCConfig) { c.AcceptedACR = []string{} },
		"secret missing":  func(c *login.OIDCConfig) { c.Auth = login.SecretPost },
		"key missing":     func(c *login.OIDCConfig) { c.Auth = login.PrivateKeyJWT },
		"secret too many": func(c *login.OIDCConfig) { c.Auth, c.ClientSecret = login.NoClientAuth, "x" },
		"unknown auth":    func(c *login.OIDCConfig) { c.Auth = "x" },
		"key of Ed25519":  func(c *login.OIDCConfig) { c.Key = ed25519.NewKeyFromSeed(make([]byte, 32)) },
		"alg none":        func(c *login.OIDCConfig) { c.Algorithms = []string{"none"} },
		"alg HS256":       func(c *login.OIDCConfig) { c.Algorithms = []string{"RS256", "HS256"} },
	}
	if _, err := login.NewOIDC(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range rows {
		c := good
		change(&c)
		if _, err := login.NewOIDC(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
