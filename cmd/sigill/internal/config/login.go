package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sigill/web/login"
)

// Login is a way for persons to log in: an e-ID behind OpenID Connect.
type Login struct {
	ID               string            `toml:"id"`
	Name             string            `toml:"name"`
	Issuer           string            `toml:"issuer"`
	ClientID         string            `toml:"client_id"`
	ClientSecretFile File              `toml:"client_secret_file"`
	SecretInBody     bool              `toml:"secret_in_body"`
	Scopes           []string          `toml:"scopes"`
	Claims           [][]string        `toml:"claims"`
	Source           string            `toml:"source"`
	AcceptedACR      []string          `toml:"accepted_acr"`
	Algorithms       []string          `toml:"algorithms"`
	Params           map[string]string `toml:"params"`
	Origins          []string          `toml:"origins"`
	CA               File              `toml:"ca"`
}

// setDefaults is what an entry need not say.
func (l *Login) setDefaults() {
	l.Source, l.Algorithms = string(login.IDToken), []string{"RS256", "ES256", "PS256"}
}

func (l Login) check(f faults, _ *Config) {
	if l.ClientSecretFile != "" {
		_, err := l.ClientSecretFile.ReadSecret()
		f.fits("client_secret_file", err)
	}
	_, err := l.http()
	f.fits("ca", err)
	f.need("accepted_acr", len(l.AcceptedACR) > 0, "must list the levels of assurance to accept, such as [\"http://id.elegnamnden.se/loa/1.0/loa3\"]")
	c := l.oidc()
	_, err = login.NewOIDC(c)
	f.fits("", err)
}

func (l Login) oidc() login.OIDCConfig {
	return login.OIDCConfig{
		ID: l.ID, Name: l.Name, Issuer: l.Issuer, ClientID: l.ClientID, SecretInBody: l.SecretInBody, Scopes: l.Scopes,
		Claims: l.Claims, Source: login.Source(l.Source), AcceptedACR: l.AcceptedACR, Algorithms: l.Algorithms,
		Params: l.Params, Origins: l.Origins,
	}
}

// http is a client that trusts the named authority only; nil if none is named.
func (l Login) http() (*http.Client, error) {
	if l.CA == "" {
		return nil, nil
	}
	text, err := l.CA.Read()
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("holds no certificate in PEM")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}, nil
}

// Provider makes the provider. It does not reach for the network.
func (l Login) Provider() (login.Provider, error) {
	c := l.oidc()
	var err error
	if l.ClientSecretFile != "" {
		secret, err := l.ClientSecretFile.ReadSecret()
		if err != nil {
			return nil, fmt.Errorf("login %s: client_secret_file: %w", l.ID, err)
		}
		c.ClientSecret = string(secret)
	}
	if c.HTTP, err = l.http(); err != nil {
		return nil, fmt.Errorf("login %s: ca: %w", l.ID, err)
	}
	return login.NewOIDC(c)
}
