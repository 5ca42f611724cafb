package config

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"time"

	"sigill/vault"
	"sigill/web/login"
)

// Staff is how staff members log in: with the passwords of their accounts here, or those of a directory, or at their
// organisation's provider; in mail programs with device passwords, and with tokens.
type Staff struct {
	WebPasswords  bool         `toml:"web_passwords"`
	SecondFactor  bool         `toml:"second_factor"`
	MailPasswords bool         `toml:"mail_passwords"`
	Login         []StaffLogin `toml:"login"`
	LDAP          LDAP         `toml:"ldap"`
	Tokens        Tokens       `toml:"tokens"`
}

// LDAP is a directory that checks passwords; none if URL is empty.
type LDAP struct {
	URL          string `toml:"url"`
	BindDN       string `toml:"bind_dn"`
	PasswordFile File   `toml:"password_file"`
	Base         string `toml:"base"`
	Filter       string `toml:"filter"`
	CA           File   `toml:"ca"`
}

// Tokens are those of an issuer, with which mail programs log in by OAUTHBEARER and XOAUTH2; none if Issuer is empty.
type Tokens struct {
	Issuer     string   `toml:"issuer"`
	Audience   string   `toml:"audience"`
	Clients    []string `toml:"clients"`
	Claims     []string `toml:"claims"`
	Algorithms []string `toml:"algorithms"`
	CA         File     `toml:"ca"`
}

func defaultStaff() Staff {
	return Staff{
		WebPasswords: true,
		LDAP:         LDAP{Filter: "(mail=%s)"},
		Tokens: Tokens{
			Clients: []string{}, Claims: []string{"email", "upn", "preferred_username"}, Algorithms: []string{"RS256", "ES256", "PS256"},
		},
	}
}

func (s Staff) check(f faults, whole *Config) {
	s.checkLogins(f, whole.Domains)
	_, err := s.Passwords()
	f.fits("ldap", err)
	f.need("ldap.base", s.LDAP.URL == "" || s.LDAP.Base != "", "must be where the accounts are, such as \"ou=people,dc=example,dc=se\"")
	_, err = s.Bearer()
	f.fits("tokens", err)
}

// Passwords checks the passwords of accounts; nil if they are kept here.
func (s Staff) Passwords() (vault.PasswordChecker, error) {
	l := s.LDAP
	if l.URL == "" {
		return nil, nil
	}
	c := login.LDAPConfig{URL: l.URL, BindDN: l.BindDN, Base: l.Base, Filter: l.Filter}
	var err error
	if c.Roots, err = l.CA.ReadAuthorities(); err != nil {
		return nil, err
	}
	if l.PasswordFile != "" {
		password, err := l.PasswordFile.ReadSecret()
		if err != nil {
			return nil, err
		}
		c.Password = string(password)
	}
	checker, err := login.NewLDAP(c)
	if err != nil {
		return nil, err
	}
	return checker, nil
}

// Bearer verifies tokens; nil if there are none.
func (s Staff) Bearer() (*login.Bearer, error) {
	t := s.Tokens
	if t.Issuer == "" {
		return nil, nil
	}
	pool, err := t.CA.ReadAuthorities()
	if err != nil {
		return nil, err
	}
	return login.NewBearer(login.BearerConfig{
		Issuer: t.Issuer, Audience: t.Audience, Clients: t.Clients, Claims: t.Claims, Algorithms: t.Algorithms, HTTP: trusting(pool),
	})
}

// trusting is a client that trusts these authorities only; nil, which means the usual one, if there are none.
func trusting(pool *x509.CertPool) *http.Client {
	if pool == nil {
		return nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}
