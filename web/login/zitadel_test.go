package login_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	zitadel "github.com/zitadel/oidc/v3/pkg/op"

	"sigill/policy"
	"sigill/web/login"
)

// real is a provider we have not written, zitadel's, with the claims of the Swedish OIDC profile.
type real struct {
	*storage.Storage
	t        *testing.T
	server   *httptest.Server
	provider *zitadel.Provider
	auth     oidc.AuthMethod
	key      crypto.PublicKey // of the client
	claims   map[string]any
}

const (
	claimPersonnummer = "https://id.oidc.se/claim/personalIdentityNumber"
	claimSamordning   = "https://id.oidc.se/claim/coordinationNumber"
	claimFormer       = "https://id.oidc.se/claim/previousCoordinationNumber"
	scopeNumber       = "https://id.oidc.se/scope/naturalPersonNumber"
)

func newReal(t *testing.T) *real {
	t.Helper()
	r := &real{t: t, auth: oidc.AuthMethodBasic, claims: map[string]any{claimPersonnummer: number}}
	r.server = httptest.NewUnstartedServer(nil)
	issuer := "https://" + r.server.Listener.Addr().String()
	r.Storage = storage.NewStorage(storage.NewUserStore(issuer))
	var seal [32]byte
	rand.Read(seal[:])
	var err error
	r.provider, err = zitadel.NewProvider(&zitadel.Config{
		CryptoKey: seal, CodeMethodS256: true, AuthMethodPost: true, AuthMethodPrivateKeyJWT: true,
		SupportedScopes: []string{oidc.ScopeOpenID, scopeNumber},
	}, r, zitadel.StaticIssuer(issuer))
	if err != nil {
		t.Fatal(err)
	}
	r.server.Config.Handler = r.provider
	r.server.StartTLS()
	t.Cleanup(r.server.Close)
	return r
}

// realClient is how the provider knows us.
type realClient struct {
	*storage.Client
	auth oidc.AuthMethod
}

func (c realClient) AuthMethod() oidc.AuthMethod          { return c.auth }
func (c realClient) IsScopeAllowed(s string) bool         { return s == scopeNumber }
func (c realClient) PostLogoutRedirectURIs() []string     { return []string{home} }
func (c realClient) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c realClient) LoginURL(id string) string            { return "/login?id=" + id }

func (r *real) GetClientByClientID(_ context.Context, id string) (zitadel.Client, error) {
	if id != "sigill" {
		return nil, errors.New("no such client")
	}
	return realClient{storage.WebClient(id, "s3cret", callback), r.auth}, nil
}

func (r *real) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != "sigill" || secret != "s3cret" {
		return errors.New("wrong secret")
	}
	return nil
}

func (r *real) GetKeyByIDAndClientID(_ context.Context, kid, id string) (*jose.JSONWebKey, error) {
	return &jose.JSONWebKey{Key: r.key, KeyID: kid}, nil
}

func (r *real) CreateAuthRequest(ctx context.Context, a *oidc.AuthRequest, user string) (zitadel.AuthRequest, error) {
	made, err := r.Storage.CreateAuthRequest(ctx, a, user)
	if err != nil {
		return nil, err
	}
	return loa{made}, nil
}

// loa is a request whose ID token tells level 3, and two factors.
type loa struct{ zitadel.AuthRequest }

func (loa) GetACR() string   { return login.LOA3 }
func (loa) GetAMR() []string { return []string{twoFactors} }

func (r *real) AuthRequestByID(ctx context.Context, id string) (zitadel.AuthRequest, error) {
	made, err := r.Storage.AuthRequestByID(ctx, id)
	return loa{made}, err
}

func (r *real) AuthRequestByCode(ctx context.Context, code string) (zitadel.AuthRequest, error) {
	made, err := r.Storage.AuthRequestByCode(ctx, code)
	return loa{made}, err
}

// CreateAccessToken looks at what a request is, which must therefore be the storage's own.
func (r *real) CreateAccessToken(ctx context.Context, request zitadel.TokenRequest) (string, time.Time, error) {
	if l, ok := request.(loa); ok {
		request = l.AuthRequest
	}
	return r.Storage.CreateAccessToken(ctx, request)
}

func (r *real) SetUserinfoFromRequest(ctx context.Context, u *oidc.UserInfo, _ zitadel.IDTokenRequest, scopes []string) error {
	return r.SetUserinfoFromToken(ctx, u, "", "", "")
}

func (r *real) SetUserinfoFromToken(_ context.Context, u *oidc.UserInfo, _, _, _ string) error {
	u.Subject = "id1"
	for name, value := range r.claims {
		u.AppendClaims(name, value)
	}
	return nil
}

// login plays the browser and the person at the provider's page, which is ours to write: zitadel's ends at its address.
func (r *real) login(address string) url.Values {
	r.t.Helper()
	id := r.step(address).Query().Get("id")
	if err := r.CheckUsernamePassword("test-user@"+r.host(), "verysecure", id); err != nil {
		r.t.Fatal(err)
	}
	return r.step(r.server.URL + "/authorize/callback?id=" + id).Query()
}

func (r *real) host() string {
	u, err := url.Parse(r.server.URL)
	if err != nil {
		r.t.Fatal(err)
	}
	return u.Hostname()
}

// step is one request of the browser, and where it is sent.
func (r *real) step(address string) *url.URL {
	r.t.Helper()
	client := *r.server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Get(address)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	u, err := resp.Location()
	if err != nil {
		r.t.Fatalf("%s: %s leads nowhere", address, resp.Status)
	}
	return u
}

func TestRealProvider(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	swedishClaims := func(c *login.OIDCConfig) {
		c.Claims = [][]string{{claimPersonnummer}, {claimSamordning}}
		c.FormerClaims = [][]string{{claimFormer}}
		c.Scopes, c.Source = []string{scopeNumber}, login.UserInfo
	}
	for _, row := range []struct {
		name   string
		auth   oidc.AuthMethod
		change func(*login.OIDCConfig)
	}{
		{"client_secret_basic", oidc.AuthMethodBasic, func(*login.OIDCConfig) {}},
		{"client_secret_post", oidc.AuthMethodPost, func(c *login.OIDCConfig) { c.Auth = login.SecretPost }},
		{"private_key_jwt", oidc.AuthMethodPrivateKeyJWT, func(c *login.OIDCConfig) { c.ClientSecret, c.Key, c.KeyID = "", key, "k" }},
		{"number in the ID token", oidc.AuthMethodBasic, func(c *login.OIDCConfig) { c.Source = login.IDToken }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := newReal(t)
			r.auth, r.key = row.auth, key.Public()
			r.claims[claimFormer] = "189001019802"
			c := login.OIDCConfig{ID: "eid", Name: "x", Issuer: r.server.URL, ClientID: "sigill", ClientSecret: "s3cret", HTTP: r.server.Client()}
			swedishClaims(&c)
			row.change(&c)
			p, err := login.NewOIDC(c)
			if err != nil {
				t.Fatal(err)
			}
			begun, err := p.Start(t.Context(), visit)
			if err != nil {
				t.Fatal(err)
			}
			who, err := p.Finish(t.Context(), r.login(begun.URL), begun.Memory)
			if err != nil {
				t.Fatal(err)
			}
			if who.Person != policy.MustPersonID(number) || !slices.Equal(who.Former, []policy.PersonID{policy.MustPersonID("189001019802")}) {
				t.Errorf("got %v, before %v", who.Person, who.Former)
			}
			if strings.Contains(who.End, "id_token_hint") && c.Source == login.IDToken {
				t.Error("the number goes into an address")
			}
			if end := r.step(who.End); end.String() != home {
				t.Errorf("the log-out ends at %s", end)
			}
		})
	}
}
