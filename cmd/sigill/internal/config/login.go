package config

import (
	"fmt"
	"net/http"

	"sigill/web/login"
)

// OIDC is a provider of OpenID Connect, whoever logs in there.
type OIDC struct {
	ID               string            `toml:"id"`
	Name             string            `toml:"name"`
	Issuer           string            `toml:"issuer"`
	ClientID         string            `toml:"client_id"`
	ClientAuth       string            `toml:"client_auth"`
	ClientSecretFile File              `toml:"client_secret_file"`
	ClientKeyFile    File              `toml:"client_key_file"`
	ClientKeyID      string            `toml:"client_key_id"`
	Scopes           []string          `toml:"scopes"`
	Claims           [][]string        `toml:"claims"`
	Require          []Requirement     `toml:"require"`
	Source           string            `toml:"source"`
	AcceptedACR      []string          `toml:"accepted_acr"`
	AskedACR         []string          `toml:"asked_acr"`
	Algorithms       []string          `toml:"algorithms"`
	Params           map[string]string `toml:"params"`
	Origins          []string          `toml:"origins"`
	CA               File              `toml:"ca"`
}

// Login is a way for persons to log in: an e-ID behind OpenID Connect.
type Login struct {
	OIDC
	FormerClaims [][]string `toml:"former_claims"`
}

// Requirement is a claim that must have one of some values.
type Requirement struct {
	Claim   []string `toml:"claim"`
	Allowed []string `toml:"allowed"`
}

// setDefaults is what an entry need not say.
func (l *OIDC) setDefaults() {
	l.Source, l.Algorithms = string(login.IDToken), []string{"RS256", "ES256", "PS256"}
	l.Require, l.AcceptedACR, l.AskedACR = []Requirement{}, []string{}, []string{}
	l.Params, l.Origins = map[string]string{}, []string{}
}

func (l *Login) setDefaults() {
	l.OIDC.setDefaults()
	l.AcceptedACR, l.FormerClaims = login.DefaultAssurance(), [][]string{}
}

func (l Login) check(f faults, _ *Config) {
	l.checkAs(f, func(c login.OIDCConfig) error {
		c.FormerClaims = l.FormerClaims
		_, err := login.NewOIDC(c)
		return err
	})
}

// checkAs looks at the files, and has the provider that is made of the entry tell what is wrong with the rest.
func (l OIDC) checkAs(f faults, try func(login.OIDCConfig) error) {
	if l.ClientSecretFile != "" {
		_, err := l.ClientSecretFile.ReadSecret()
		f.fits("client_secret_file", err)
	}
	if l.ClientKeyFile != "" {
		_, err := l.ClientKeyFile.ReadKey()
		f.fits("client_key_file", err)
	}
	_, err := l.http()
	f.fits("ca", err)
	c, err := l.oidc()
	if err == nil { // else it is told above
		f.fits("", try(c))
	}
}

// oidc is what the provider takes, with its secrets read.
func (l OIDC) oidc() (login.OIDCConfig, error) {
	c := login.OIDCConfig{
		ID: l.ID, Name: l.Name, Issuer: l.Issuer, ClientID: l.ClientID, Auth: login.ClientAuth(l.ClientAuth), KeyID: l.ClientKeyID,
		Scopes: l.Scopes, Claims: l.Claims, Source: login.Source(l.Source),
		AcceptedACR: l.AcceptedACR, Algorithms: l.Algorithms, Params: l.Params, Origins: l.Origins,
	}
	if len(l.AskedACR) > 0 {
		c.AskedACR = l.AskedACR
	}
	for _, r := range l.Require {
		c.Require = append(c.Require, login.Requirement(r))
	}
	if l.ClientSecretFile != "" {
		secret, err := l.ClientSecretFile.ReadSecret()
		if err != nil {
			return c, fmt.Errorf("login %s: client_secret_file: %w", l.ID, err)
		}
		c.ClientSecret = string(secret)
	}
	if l.ClientKeyFile != "" {
		key, err := l.ClientKeyFile.ReadKey()
		if err != nil {
			return c, fmt.Errorf("login %s: client_key_file: %w", l.ID, err)
		}
		c.Key = key
	}
	var err error
	if c.HTTP, err = l.http(); err != nil {
		return c, fmt.Errorf("login %s: ca: %w", l.ID, err)
	}
	return c, nil
}

// http is a client that trusts the named authority only; nil if none is named.
func (l OIDC) http() (*http.Client, error) {
	if l.CA == "" {
		return nil, nil
	}
	pool, err := l.CA.ReadAuthorities()
	if err != nil {
		return nil, err
	}
	return trusting(pool), nil
}

// Provider makes the provider. It does not reach for the network.
func (l Login) Provider() (login.Provider, error) {
	c, err := l.oidc()
	if err != nil {
		return nil, err
	}
	c.FormerClaims = l.FormerClaims
	return login.NewOIDC(c)
}
