package login

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Source tells where the claims are that tell who somebody is.
type Source string

// The sources.
const (
	IDToken  Source = "id_token"
	UserInfo Source = "userinfo"
)

// OIDCConfig describes a provider of OpenID Connect.
type OIDCConfig struct {
	ID   string // see About
	Name string // see About
	// Issuer is compared to the letter with the discovery document and with iss. https only.
	Issuer   string
	ClientID string
	// Auth is PrivateKeyJWT if there is a Key, else SecretBasic if there is a ClientSecret, unless it says otherwise.
	Auth         ClientAuth
	ClientSecret string
	Key          crypto.Signer // RSA or ECDSA on P-256
	KeyID        string        // kid of Key at the provider; may be empty
	// Scopes beside openid.
	Scopes []string
	// Claims are paths to what tells who somebody is: a person's identity number, or the mail address of a staff member.
	// The first that is there counts. A path is a list, since the names of Swedish claims hold dots and slashes.
	Claims [][]string
	// FormerClaims are paths to numbers the person had before; all that are there count. Not for staff.
	FormerClaims [][]string
	// Require are claims that must have certain values.
	Require []Requirement
	// Source is where all these claims are; IDToken if empty.
	Source Source
	// AcceptedACR are demanded of the ID token. Empty but not nil is none, for brokers that tell the level by a claim of
	// their own, which Require must then name. Nil is DefaultAssurance for persons, and none for staff.
	AcceptedACR []string
	// AskedACR are sent as acr_values; AcceptedACR if nil. Brokers have them choose the e-ID.
	AskedACR []string
	// Algorithms that may sign an ID token; RS256, ES256 and PS256 if empty. Never "none", never a shared secret.
	Algorithms []string
	// Params are added to the authorization request. For persons prompt=login is there unless they say otherwise: the next
	// one at a library's computer must not be let in on the last one's login.
	Params map[string]string
	// Origins beside the issuer's that the login passes; see About.
	Origins []string
	// HTTP reaches the provider; a client with a time limit if nil.
	HTTP *http.Client
	// Now is time.Now if nil.
	Now func() time.Time
}

const (
	skew       = time.Minute      // between the provider's clock and ours
	patience   = 15 * time.Minute // from Start to Finish
	maxAnswer  = 1 << 20          // octets of any answer of the provider
	httpExpiry = 15 * time.Second
)

// OIDC lets persons log in by a provider of OpenID Connect that tells their identity number.
type OIDC struct{ *flow }

// flow is a login by OpenID Connect up to the claims, whoever they are about: code flow, PKCE with S256, state and nonce.
// It reads the discovery document at the first login, and again at the next one if that failed.
type flow struct {
	config OIDCConfig
	http   *http.Client
	// backdated is how long before a login its ID token may say it was issued. The nonce tells that it is this login's.
	backdated time.Duration

	mu         sync.Mutex
	discovered *discovered
}

type discovered struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	endpoint oauth2.Endpoint
	end      string // end_session_endpoint, "" if there is none
	// sendsIssuer tells that answers carry iss (RFC 9207).
	sendsIssuer bool
}

// NewOIDC checks the configuration; it does not use the network.
func NewOIDC(c OIDCConfig) (*OIDC, error) {
	if c.AcceptedACR == nil {
		c.AcceptedACR = DefaultAssurance()
	}
	if _, said := c.Params["prompt"]; !said {
		c.Params = maps.Clone(c.Params)
		if c.Params == nil {
			c.Params = map[string]string{}
		}
		c.Params["prompt"] = "login"
	}
	f, err := newFlow(c, "the identity number")
	if err != nil {
		return nil, err
	}
	if len(c.AcceptedACR) == 0 && len(c.Require) == 0 {
		return nil, fmt.Errorf("login: provider %s: neither an accepted acr nor a required claim: any login would do", c.ID)
	}
	return &OIDC{f}, nil
}

// newFlow checks what is the same whoever logs in; what is in Claims.
func newFlow(c OIDCConfig, what string) (*flow, error) {
	if err := CheckAbout(c.ID, c.Name); err != nil {
		return nil, err
	}
	wrong := func(err error) (*flow, error) { return nil, fmt.Errorf("login: provider %s: %w", c.ID, err) }
	switch {
	case !secureURL(c.Issuer):
		return wrong(errors.New("issuer must be an https address"))
	case c.ClientID == "":
		return wrong(errors.New("has no client id"))
	case len(c.Claims) == 0 || slices.ContainsFunc(slices.Concat(c.Claims, c.FormerClaims), func(p []string) bool { return len(p) == 0 }):
		return wrong(errors.New("has no claim with " + what))
	}
	for _, r := range c.Require {
		if len(r.Claim) == 0 || len(r.Allowed) == 0 {
			return wrong(errors.New("a required claim needs a path and allowed values"))
		}
	}
	if err := c.authOf(); err != nil {
		return wrong(err)
	}
	if c.AskedACR == nil {
		c.AskedACR = c.AcceptedACR
	}
	if c.Source == "" {
		c.Source = IDToken
	}
	if c.Source != IDToken && c.Source != UserInfo {
		return wrong(fmt.Errorf("source must be %s or %s", IDToken, UserInfo))
	}
	var err error
	if c.Algorithms, err = algorithms(c.Algorithms); err != nil {
		return wrong(err)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &flow{config: c, http: client(c.HTTP), backdated: skew}, nil
}

// About tells what the pages need; the origin of the login page is known after the first discovery.
func (o *flow) About() About {
	origins := append([]string{origin(o.config.Issuer)}, o.config.Origins...)
	o.mu.Lock()
	if o.discovered != nil {
		origins = append(origins, origin(o.discovered.endpoint.AuthURL))
	}
	o.mu.Unlock()
	slices.Sort(origins)
	return About{ID: o.config.ID, Name: o.config.Name, Origins: slices.Compact(origins)}
}

// Prepare reads the provider's discovery document, so that About is whole before the first login.
func (o *flow) Prepare(ctx context.Context) error {
	_, err := o.discover(ctx)
	return err
}

// discover reads the discovery document once.
func (o *flow) discover(ctx context.Context) (*discovered, error) {
	o.mu.Lock()
	d := o.discovered
	o.mu.Unlock()
	if d != nil {
		return d, nil
	}
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, o.http), o.config.Issuer)
	if err != nil {
		return nil, fault(ErrUnavailable, err)
	}
	var more struct {
		SendsIssuer bool   `json:"authorization_response_iss_parameter_supported"`
		Keys        string `json:"jwks_uri"`
		End         string `json:"end_session_endpoint"`
	}
	if err := p.Claims(&more); err != nil {
		return nil, fault(ErrUnavailable, err)
	}
	for _, u := range []string{p.Endpoint().AuthURL, p.Endpoint().TokenURL, more.Keys} {
		if !secureURL(u) {
			return nil, fault(ErrUnavailable, errors.New("an endpoint is not https"))
		}
	}
	if o.config.Source == UserInfo && !secureURL(p.UserInfoEndpoint()) {
		return nil, fault(ErrUnavailable, errors.New("there is no userinfo endpoint with https"))
	}
	d = &discovered{provider: p, endpoint: p.Endpoint(), sendsIssuer: more.SendsIssuer}
	if secureURL(more.End) {
		d.end = more.End
	}
	d.endpoint.AuthStyle = o.config.Auth.style()
	d.verifier = p.VerifierContext(oidc.ClientContext(context.WithoutCancel(ctx), o.http), &oidc.Config{
		ClientID:             o.config.ClientID,
		SupportedSigningAlgs: o.config.Algorithms,
		Now:                  func() time.Time { return o.config.Now().Add(-skew) },
	})
	o.mu.Lock()
	o.discovered = d
	o.mu.Unlock()
	return d, nil
}

func (o *flow) oauth(d *discovered, callback string) *oauth2.Config {
	return &oauth2.Config{
		ClientID:     o.config.ClientID,
		ClientSecret: o.config.ClientSecret,
		Endpoint:     d.endpoint,
		RedirectURL:  callback,
		Scopes:       append([]string{oidc.ScopeOpenID}, o.config.Scopes...),
	}
}

// longDigits is what an identity number or a part of it looks like in a library's error text.
var longDigits = regexp.MustCompile(`[0-9][0-9 -]{4,}[0-9]`)

// fault wraps a cause with its kind, less anything that can be a number.
func fault(kind, cause error) error {
	var answer *oauth2.RetrieveError
	if errors.As(cause, &answer) { // its text is the whole body
		cause = fmt.Errorf("token endpoint: %s", answer.ErrorCode)
	}
	return fmt.Errorf("%w: %s", kind, longDigits.ReplaceAllString(cause.Error(), "…"))
}

func secureURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != ""
}

func origin(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
