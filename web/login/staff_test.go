package login_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"sigill/policy"
	"sigill/web/login"
)

const (
	staffAddress = "anna.ek@kommun.example"
	caseworkers  = "8f1c2f4e-0000-4000-8000-5b1d0a6f9d11" // a group
	twoFactors   = "http://schemas.microsoft.com/claims/multipleauthn"
	tenant       = "b9419818-09af-49c2-b0c3-653adc1f376e"
)

var ourDomains = []string{"kommun.example", "region.example"}

// shape is what a kind of provider tells of staff, and the mapping that reads it.
type shape struct {
	name    string
	told    map[string]any
	claims  [][]string
	require []login.Requirement
}

func entra() shape {
	return shape{"Entra ID", map[string]any{
		"ver": "2.0", "tid": tenant, "oid": "00000000-0000-0000-66f3-3332eca7ea81", "name": "Anna Ek",
		"preferred_username": "Anna.Ek@Kommun.Example", "groups": []any{"6a1b", caseworkers}, "acct": "0",
	}, [][]string{{"preferred_username"}}, []login.Requirement{
		{Claim: []string{"tid"}, Allowed: []string{tenant}}, {Claim: []string{"groups"}, Allowed: []string{caseworkers}},
	}}
}

func adfs() shape {
	return shape{"AD FS", map[string]any{
		"upn": staffAddress, "unique_name": `KOMMUN\annek`, "pwd_exp": "1209600", "amr": []any{twoFactors},
	}, [][]string{{"upn"}}, []login.Requirement{{Claim: []string{"amr"}, Allowed: []string{twoFactors}}}}
}

func keycloak() shape {
	return shape{"Keycloak", map[string]any{
		"preferred_username": "annek", "email": staffAddress, "email_verified": true, "name": "Anna Ek",
		"realm_access": map[string]any{"roles": []any{"offline_access", "sigill"}},
	}, [][]string{{"email"}}, []login.Requirement{{Claim: []string{"realm_access", "roles"}, Allowed: []string{"sigill"}}}}
}

func staffProvider(t *testing.T, c login.OIDCConfig, change func(*login.OIDCConfig)) *login.StaffOIDC {
	t.Helper()
	c.ID, c.Name, c.ClientID, c.ClientSecret = "entra", "arbetskonto", "sigill", "s3cret"
	if change != nil {
		change(&c)
	}
	p, err := login.NewStaffOIDC(c, ourDomains)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestStaffOfRealProvider: the three shapes, told by zitadel's provider, in the ID token and in userinfo.
func TestStaffOfRealProvider(t *testing.T) {
	t.Parallel()
	for _, s := range []shape{entra(), adfs(), keycloak()} {
		for _, source := range []login.Source{login.IDToken, login.UserInfo} {
			t.Run(s.name+" "+string(source), func(t *testing.T) {
				t.Parallel()
				r := newReal(t)
				r.auth, r.claims = oidc.AuthMethodBasic, s.told
				p := staffProvider(t, login.OIDCConfig{
					Issuer: r.server.URL, Claims: s.claims, Require: s.require, Source: source, Scopes: []string{scopeNumber}, HTTP: r.server.Client(),
				}, nil)
				begun, err := p.Start(t.Context(), visit)
				if err != nil {
					t.Fatal(err)
				}
				if q := queryOf(t, begun.URL); q.Has("prompt") || q.Has("acr_values") || q.Get("code_challenge_method") != "S256" {
					t.Errorf("the request is %v", q)
				}
				who, err := p.Finish(t.Context(), r.login(begun.URL), begun.Memory)
				if err != nil {
					t.Fatal(err)
				}
				if who.Address.Key() != policy.MustAddress(staffAddress).Key() {
					t.Errorf("got %v", who.Address)
				}
				if end := r.step(who.End); end.String() != home {
					t.Errorf("the log-out ends at %s", end)
				}
			})
		}
	}
}

func queryOf(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestStaffClaims(t *testing.T) {
	t.Parallel()
	now := time.Now()
	mfa := func(c *login.OIDCConfig) {
		c.AcceptedACR = []string{"https://refeds.org/profile/mfa"}
	}
	either := func(c *login.OIDCConfig) { c.Claims = [][]string{{"email"}, {"upn"}} }
	for _, row := range []struct {
		shape  shape
		why    string
		told   map[string]any // beside the shape's; nil takes one away
		config func(*login.OIDCConfig)
		want   error
	}{
		{entra(), "as it comes: five minutes back", map[string]any{"iat": now.Add(-5 * time.Minute).Unix(), "nbf": now.Add(-5 * time.Minute).Unix()}, nil, nil},
		{entra(), "older than that is another login's", map[string]any{"iat": now.Add(-7 * time.Minute).Unix()}, nil, login.ErrToken},
		{entra(), "a nonce of another login", map[string]any{"nonce": "x"}, nil, login.ErrToken},
		{entra(), "a token for another application", map[string]any{"aud": "x"}, nil, login.ErrToken},
		{entra(), "another tenant", map[string]any{"tid": "9188040d-6c67-4c5b-b112-36a304b66dad"}, nil, login.ErrAssurance},
		{entra(), "not in the group", map[string]any{"groups": []any{"6a1b"}}, nil, login.ErrAssurance},
		{entra(), "too many groups: Entra ID refers to a list elsewhere", map[string]any{"groups": nil, "_claim_names": map[string]any{"groups": "src1"}, "_claim_sources": map[string]any{"src1": map[string]any{"endpoint": "https://graph.example"}}}, nil, login.ErrAssurance},
		{entra(), "a group in another form", map[string]any{"groups": []any{[]any{caseworkers}}}, nil, login.ErrAssurance},
		{entra(), "a guest", map[string]any{"preferred_username": "anna.ek@elsewhere.example"}, nil, login.ErrNoAddress},
		{entra(), "a guest as Entra ID names them", map[string]any{"preferred_username": "anna.ek_kommun.example#EXT#@kommun.onmicrosoft.com"}, nil, login.ErrNoAddress},
		{entra(), "a domain below ours is not ours", map[string]any{"preferred_username": "anna.ek@x.kommun.example"}, nil, login.ErrNoAddress},
		{entra(), "no address", map[string]any{"preferred_username": nil}, nil, login.ErrNoAddress},
		{entra(), "several addresses", map[string]any{"preferred_username": []any{staffAddress}}, nil, login.ErrNoAddress},
		{entra(), "the other domain of ours", map[string]any{"preferred_username": "anna.ek@region.example"}, nil, nil},
		{adfs(), "as it comes", nil, nil, nil},
		{adfs(), "a name of the old kind", map[string]any{"upn": `KOMMUN\annek`}, nil, login.ErrNoAddress},
		{adfs(), "by password alone", map[string]any{"amr": []any{"urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"}}, nil, login.ErrAssurance},
		{adfs(), "one value in place of a list", map[string]any{"amr": twoFactors}, nil, nil},
		{adfs(), "not told is not enough", map[string]any{"amr": nil}, nil, login.ErrAssurance},
		{keycloak(), "as it comes", nil, nil, nil},
		{keycloak(), "an address the member has typed and nobody verified", map[string]any{"email_verified": false}, nil, login.ErrNoAddress},
		{keycloak(), "the same, told as text", map[string]any{"email_verified": "false"}, nil, login.ErrNoAddress},
		{keycloak(), "verified, told as text", map[string]any{"email_verified": "true"}, nil, nil},
		{keycloak(), "the next claim does not mend the first", map[string]any{"email_verified": false, "upn": staffAddress}, either, login.ErrNoAddress},
		{keycloak(), "the next claim counts if the first is not there", map[string]any{"email": nil, "upn": staffAddress}, either, nil},
		{keycloak(), "not in the role", map[string]any{"realm_access": map[string]any{"roles": []any{"offline_access"}}}, nil, login.ErrAssurance},
		{keycloak(), "a level that is asked for", map[string]any{"acr": "https://refeds.org/profile/mfa"}, mfa, nil},
		{keycloak(), "a lower level", map[string]any{"acr": "1"}, mfa, login.ErrAssurance},
		{keycloak(), "a level is not asked for, so none need be told", map[string]any{"acr": nil}, nil, nil},
	} {
		t.Run(row.shape.name+": "+row.why, func(t *testing.T) {
			t.Parallel()
			o := newOP(t)
			o.claims = map[string]any{"pnr": nil, "acr": nil}
			for _, said := range []map[string]any{row.shape.told, row.told} {
				for name, value := range said {
					o.claims[name] = value
				}
			}
			p := staffProvider(t, login.OIDCConfig{Issuer: o.issuer(), Claims: row.shape.claims, Require: row.shape.require, HTTP: o.server.Client()}, row.config)
			begun, err := p.Start(t.Context(), visit)
			if err != nil {
				t.Fatal(err)
			}
			who, err := p.Finish(t.Context(), o.authorize(begun.URL), begun.Memory)
			if !errors.Is(err, row.want) || (err == nil) != (row.want == nil) || (err == nil) == who.Address.IsZero() {
				t.Errorf("%v, %v, want %v", who.Address, err, row.want)
			}
			if err != nil && strings.Contains(err.Error(), "anna") {
				t.Errorf("the error tells who it is: %v", err)
			}
		})
	}
}

// TestStaffLogoutHint: AD FS needs the ID token, and an address cannot be as long as one with all groups.
func TestStaffLogoutHint(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		groups int
		hint   bool
	}{{2, true}, {200, false}} {
		o := newOP(t)
		o.discovery = map[string]any{"end_session_endpoint": o.issuer() + "/end?x=1"}
		o.claims = map[string]any{"upn": staffAddress, "groups": slices.Repeat([]string{caseworkers}, row.groups)}
		p := staffProvider(t, login.OIDCConfig{Issuer: o.issuer(), Claims: adfs().claims, HTTP: o.server.Client()}, nil)
		begun, err := p.Start(t.Context(), visit)
		if err != nil {
			t.Fatal(err)
		}
		who, err := p.Finish(t.Context(), o.authorize(begun.URL), begun.Memory)
		if err != nil {
			t.Fatal(err)
		}
		q := queryOf(t, who.End)
		if q.Has("id_token_hint") != row.hint || q.Get("client_id") != "sigill" || q.Get("post_logout_redirect_uri") != home || q.Get("x") != "1" {
			text, _ := json.Marshal(q)
			t.Errorf("%d groups: %d octets of address", row.groups, len(text))
		}
	}
}

func TestBadStaffConfig(t *testing.T) {
	t.Parallel()
	good := login.OIDCConfig{ID: "entra", Name: "x", Issuer: "https://i.example", ClientID: "c", Claims: [][]string{{"upn"}}}
	if _, err := login.NewStaffOIDC(good, ourDomains); err != nil {
		t.Fatal(err)
	}
	if _, err := login.NewStaffOIDC(good, nil); err == nil {
		t.Error("no domains of ours: accepted")
	}
	for name, change := range map[string]func(*login.OIDCConfig){
		"no claim":      func(c *login.OIDCConfig) { c.Claims = nil },
		"former claims": func(c *login.OIDCConfig) { c.FormerClaims = [][]string{{"x"}} },
		"http issuer":   func(c *login.OIDCConfig) { c.Issuer = "http://i.example" },
		"empty require": func(c *login.OIDCConfig) { c.Require = []login.Requirement{{Claim: []string{"x"}}} },
		"alg none":      func(c *login.OIDCConfig) { c.Algorithms = []string{"none"} },
	} {
		c := good
		change(&c)
		if _, err := login.NewStaffOIDC(c, ourDomains); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
