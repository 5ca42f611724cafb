package login

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"sigill/policy"
	"sigill/vault"
)

// LDAPConfig describes the directory that knows staff's passwords.
type LDAPConfig struct {
	// URL is ldaps://host:port, or ldap://host:port, which becomes secure by StartTLS before anything else is said.
	URL   string
	Roots *x509.CertPool // whose certificates the directory's must lead to; the system's if nil
	// BindDN and Password are those of a reader that looks for accounts; empty if anybody may look.
	BindDN, Password string
	// Base is where accounts are, at any depth.
	Base string
	// Filter finds an account (RFC 4515); %s is the mail address, once or more. "(mail=%s)" if empty.
	Filter string
	// Timeout is for a whole check; ten seconds if zero.
	Timeout time.Duration
}

// LDAP checks passwords by binding with them. It is a vault's PasswordChecker.
type LDAP struct {
	config LDAPConfig
	tls    *tls.Config
	start  bool // StartTLS
}

// NewLDAP checks the configuration; it does not use the network.
func NewLDAP(c LDAPConfig) (*LDAP, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "ldap" && u.Scheme != "ldaps" {
		return nil, errors.New("login: ldap: the address must be ldaps://host or ldap://host")
	}
	if c.Filter == "" {
		c.Filter = "(mail=%s)"
	}
	if strings.Count(c.Filter, "%") == 0 || strings.Count(c.Filter, "%") != strings.Count(c.Filter, "%s") {
		return nil, errors.New("login: ldap: the filter must have %s where the mail address goes, and no other %")
	}
	if _, err := ldap.CompileFilter(strings.ReplaceAll(c.Filter, "%s", "x")); err != nil {
		return nil, fmt.Errorf("login: ldap: filter: %w", err)
	}
	if (c.BindDN == "") != (c.Password == "") {
		return nil, errors.New("login: ldap: the reader needs a name and a password, or neither")
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	return &LDAP{
		config: c, start: u.Scheme == "ldap",
		tls: &tls.Config{ServerName: u.Hostname(), RootCAs: c.Roots, MinVersion: tls.VersionTLS12},
	}, nil
}

// Check tells whether the password is that of the one account with this address. vault.ErrBadCredentials if it is not, or
// there are several; ErrUnavailable if the directory cannot tell.
func (l *LDAP) Check(ctx context.Context, address policy.Address, password string) error {
	if password == "" {
		// RFC 4513 section 5.1.2: a bind with a name and no password succeeds, as nobody.
		return vault.ErrBadCredentials
	}
	ctx, cancel := context.WithTimeout(ctx, l.config.Timeout)
	defer cancel()
	c, err := l.dial(ctx)
	if err != nil {
		return unavailable("connect", err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	dn, err := l.find(c, address)
	if err != nil {
		return err
	}
	err = c.Bind(dn, password)
	switch {
	case err == nil:
		return nil
	case ldap.IsErrorAnyOf(err, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInappropriateAuthentication,
		ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultConstraintViolation): // also of an account that is locked
		return fmt.Errorf("%w: the directory says no", vault.ErrBadCredentials)
	}
	return unavailable("bind", err)
}

// dial connects and is secure when it returns.
func (l *LDAP) dial(ctx context.Context) (*ldap.Conn, error) {
	end, _ := ctx.Deadline()
	c, err := ldap.DialURL(l.config.URL, ldap.DialWithDialer(&net.Dialer{Deadline: end}), ldap.DialWithTLSConfig(l.tls))
	if err != nil {
		return nil, err
	}
	c.SetTimeout(l.config.Timeout)
	if l.start {
		if err := c.StartTLS(l.tls); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// find gives the name of the one account with that address.
func (l *LDAP) find(c *ldap.Conn, address policy.Address) (dn string, err error) {
	if l.config.BindDN != "" {
		if err := c.Bind(l.config.BindDN, l.config.Password); err != nil {
			return "", unavailable("bind as the reader", err)
		}
	}
	filter := strings.ReplaceAll(l.config.Filter, "%s", ldap.EscapeFilter(address.String()))
	found, err := c.Search(&ldap.SearchRequest{
		BaseDN: l.config.Base, Scope: ldap.ScopeWholeSubtree, DerefAliases: ldap.NeverDerefAliases,
		SizeLimit: 2, TimeLimit: int(l.config.Timeout / time.Second), Filter: filter, Attributes: []string{"1.1"}, // RFC 4511 section 4.5.1.8: none
	})
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded):
		return "", fmt.Errorf("%w: several accounts have that address", vault.ErrBadCredentials)
	case err != nil:
		return "", unavailable("search", err)
	case len(found.Entries) != 1:
		return "", fmt.Errorf("%w: %d accounts have that address", vault.ErrBadCredentials, len(found.Entries))
	case found.Entries[0].DN == "":
		return "", unavailable("search", errors.New("an account without a name")) // a bind without a name succeeds, as nobody
	}
	return found.Entries[0].DN, nil
}

func unavailable(step string, err error) error {
	return fmt.Errorf("%w: ldap: %s: %w", ErrUnavailable, step, err)
}
