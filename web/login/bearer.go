package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"sigill/vault"
)

// BearerConfig describes the issuer of tokens with which staff's mail programs log in.
type BearerConfig struct {
	Issuer string
	// Audience is what tokens for us have in aud: our name at the issuer. A token for anybody else opens nothing here.
	Audience string
	// Clients are the programs tokens may be for, as the issuer names them in azp, appid or client_id; any if empty.
	Clients []string
	// Claims are those that hold the mail address; the first that is there counts. Email, upn and preferred_username if
	// empty. Whoever can change them at the issuer can become anybody.
	Claims []string
	// Algorithms of signatures; RS256, ES256 and PS256 if empty.
	Algorithms []string
	HTTP       *http.Client
	Now        func() time.Time // time.Now if nil
}

// Bearer verifies access tokens that are JWTs (RFC 9068) by the issuer's published keys. It reads the discovery document
// at the first token, and again at the next one if that failed; keys it does not know it asks for anew.
type Bearer struct {
	config BearerConfig
	http   *http.Client

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier
}

// NewBearer checks the configuration; it does not use the network.
func NewBearer(c BearerConfig) (*Bearer, error) {
	if !secureURL(c.Issuer) {
		return nil, errors.New("login: tokens: issuer must be an https address")
	}
	if c.Audience == "" {
		return nil, errors.New("login: tokens: there is no audience, so tokens for anybody would do")
	}
	var err error
	if c.Algorithms, err = algorithms(c.Algorithms); err != nil {
		return nil, fmt.Errorf("login: tokens: %w", err)
	}
	if len(c.Claims) == 0 {
		c.Claims = []string{"email", "upn", "preferred_username"}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Bearer{config: c, http: client(c.HTTP)}, nil
}

// algorithms are those configured, or the usual ones. One without a key pair would take the public key for the secret.
func algorithms(configured []string) ([]string, error) {
	if len(configured) == 0 {
		return []string{oidc.RS256, oidc.ES256, oidc.PS256}, nil
	}
	for _, alg := range configured {
		if alg == "none" || strings.HasPrefix(alg, "HS") {
			return nil, fmt.Errorf("algorithm %s is not allowed", alg)
		}
	}
	return configured, nil
}

// Verify gives the mail address a token is for. vault.ErrBadCredentials if it is not good here and now; ErrUnavailable if
// that cannot be told.
func (b *Bearer) Verify(ctx context.Context, token string) (address string, err error) {
	verifier, err := b.discover(ctx)
	if err != nil {
		return "", err
	}
	var keys keyFault
	verified, err := verifier.Verify(context.WithValue(ctx, keyFault{}, &keys), token)
	switch {
	case keys.err != nil:
		return "", fault(ErrUnavailable, keys.err)
	case err != nil:
		return "", fault(vault.ErrBadCredentials, err)
	}
	var claims map[string]any
	if err := verified.Claims(&claims); err != nil {
		return "", fault(vault.ErrBadCredentials, err)
	}
	if !b.fromClient(claims) {
		return "", fmt.Errorf("%w: the token is another program's", vault.ErrBadCredentials)
	}
	return b.address(claims)
}

func (b *Bearer) fromClient(claims map[string]any) bool {
	if len(b.config.Clients) == 0 {
		return true
	}
	known := 0
	for _, name := range []string{"azp", "appid", "client_id"} {
		value, there := claims[name]
		if text, _ := value.(string); there && !slices.Contains(b.config.Clients, text) {
			return false
		} else if there {
			known++
		}
	}
	return known > 0
}

func (b *Bearer) address(claims map[string]any) (string, error) {
	for _, name := range b.config.Claims {
		address, _ := claims[name].(string)
		if address == "" {
			continue
		}
		if verified, there := claims["email_verified"].(bool); name == "email" && there && !verified {
			return "", fmt.Errorf("%w: the issuer has not verified the address", vault.ErrBadCredentials)
		}
		return address, nil
	}
	return "", fmt.Errorf("%w: the token has no address", vault.ErrBadCredentials)
}

func (b *Bearer) discover(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	b.mu.Lock()
	known := b.verifier
	b.mu.Unlock()
	if known != nil {
		return known, nil
	}
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, b.http), b.config.Issuer)
	if err != nil {
		return nil, fault(ErrUnavailable, err)
	}
	var doc struct {
		Keys string `json:"jwks_uri"`
	}
	if err := p.Claims(&doc); err != nil || !secureURL(doc.Keys) {
		return nil, fault(ErrUnavailable, errors.Join(errors.New("the issuer's keys are not at an https address"), err))
	}
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(context.WithoutCancel(ctx), b.http), doc.Keys)
	v := oidc.NewVerifier(b.config.Issuer, tellingKeys{keys}, &oidc.Config{
		ClientID:             b.config.Audience,
		SupportedSigningAlgs: b.config.Algorithms,
		Now:                  func() time.Time { return b.config.Now().Add(-skew) },
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	b.verifier = v
	return v, nil
}

// keyFault is why keys could not be had. It travels in the context, because go-oidc makes text of its key set's errors.
type keyFault struct{ err error }

// tellingKeys tells keys that cannot be had from a signature that is wrong; go-oidc wraps an error in the first case only.
type tellingKeys struct{ *oidc.RemoteKeySet }

func (k tellingKeys) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.RemoteKeySet.VerifySignature(ctx, jwt)
	if cause := errors.Unwrap(err); cause != nil {
		ctx.Value(keyFault{}).(*keyFault).err = cause
	}
	return payload, err
}
