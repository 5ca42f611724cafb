package login

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
)

// ClientAuth is how we prove to a provider's token endpoint who we are, in the words of OpenID Connect Core section 9.
type ClientAuth string

// The ways. A public client has none of them and PKCE alone.
const (
	SecretBasic   ClientAuth = "client_secret_basic"
	SecretPost    ClientAuth = "client_secret_post"
	PrivateKeyJWT ClientAuth = "private_key_jwt"
	NoClientAuth  ClientAuth = "none"
)

// authOf fills in the way that follows from what is given, and checks that the two go together.
func (c *OIDCConfig) authOf() error {
	if c.Auth == "" {
		switch {
		case c.Key != nil:
			c.Auth = PrivateKeyJWT
		case c.ClientSecret != "":
			c.Auth = SecretBasic
		default:
			c.Auth = NoClientAuth
		}
	}
	switch c.Auth {
	case SecretBasic, SecretPost:
		if c.ClientSecret == "" || c.Key != nil {
			return fmt.Errorf("%s needs a client secret and no key", c.Auth)
		}
	case PrivateKeyJWT:
		if c.Key == nil || c.ClientSecret != "" {
			return fmt.Errorf("%s needs a key and no client secret", c.Auth)
		}
		_, err := algorithmOf(c.Key)
		return err
	case NoClientAuth:
		if c.ClientSecret != "" || c.Key != nil {
			return fmt.Errorf("%s goes with neither client secret nor key", c.Auth)
		}
	default:
		return fmt.Errorf("client authentication %q is not known", c.Auth)
	}
	return nil
}

// algorithmOf is one of the two that the Swedish OIDC profile has every provider know.
func algorithmOf(key crypto.Signer) (jose.SignatureAlgorithm, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() >= 2048 {
			return jose.RS256, nil
		}
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P256() {
			return jose.ES256, nil
		}
	}
	return "", errors.New("the client's key must be RSA of 2048 bits or more, or ECDSA on P-256")
}

// style is how x/oauth2 sends the client's name and secret.
func (a ClientAuth) style() oauth2.AuthStyle {
	if a == SecretBasic {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}

const (
	assertionKind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" // RFC 7523 section 2.2
	assertionLife = time.Minute
)

// clientProof is what the token request carries beside the code.
func (o *flow) clientProof(tokenURL string) ([]oauth2.AuthCodeOption, error) {
	if o.config.Auth != PrivateKeyJWT {
		return nil, nil
	}
	assertion, err := o.assertion(tokenURL)
	if err != nil {
		return nil, err
	}
	return []oauth2.AuthCodeOption{
		oauth2.SetAuthURLParam("client_assertion_type", assertionKind), oauth2.SetAuthURLParam("client_assertion", assertion),
	}, nil
}

// assertion is a JWT of RFC 7523 section 3. Providers differ in whether they look for themselves or for the token
// endpoint among its audiences; the key is used with this provider only, so naming both gives nothing away.
func (o *flow) assertion(tokenURL string) (string, error) {
	alg, err := algorithmOf(o.config.Key)
	if err != nil {
		return "", err
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	if o.config.KeyID != "" {
		options = options.WithHeader("kid", o.config.KeyID)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: o.config.Key}, options)
	if err != nil {
		return "", err
	}
	now := o.config.Now()
	return jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: o.config.ClientID, Subject: o.config.ClientID, Audience: jwt.Audience{o.config.Issuer, tokenURL},
		ID: rand.Text(), IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(assertionLife)),
	}).Serialize()
}
