package login

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"sigill/policy"
)

// StaffOIDC lets staff log in by the organisation's own provider of OpenID Connect, such as Entra ID, AD FS or Keycloak,
// which tells their mail address. Whoever can change that claim at the provider can become anybody here.
type StaffOIDC struct {
	*flow
	domains []string
}

// StaffIdentity is the staff member a provider vouches for. Whether there is an account is for the vault to say.
type StaffIdentity struct {
	Address policy.Address
	End     string // see Identity.End
}

const (
	// entraBackdates is by how much: the iat of Entra ID's tokens lies five minutes before their issue.
	entraBackdates = 5 * time.Minute
	// longestHint is the octets of an ID token that still goes into an address. One with hundreds of groups does not.
	longestHint = 4 << 10
)

// NewStaffOIDC checks the configuration; it does not use the network. An address counts if its domain is one of domains,
// in lower case. A claim that Require names may be a list, such as groups or amr; one allowed value in it is enough.
func NewStaffOIDC(c OIDCConfig, domains []string) (*StaffOIDC, error) {
	switch {
	case len(c.FormerClaims) > 0:
		return nil, fmt.Errorf("login: provider %s: staff have no former numbers", c.ID)
	case len(domains) == 0:
		return nil, fmt.Errorf("login: provider %s: there are no domains of ours: any address would do", c.ID)
	}
	f, err := newFlow(c, "the mail address")
	if err != nil {
		return nil, err
	}
	f.backdated += entraBackdates
	return &StaffOIDC{f, domains}, nil
}

// Finish judges what the browser came back with, as Provider.Finish does. ErrNoAddress is a staff member the provider
// knows and does not vouch for here.
func (o *StaffOIDC) Finish(ctx context.Context, answer url.Values, kept string) (StaffIdentity, error) {
	t, err := o.claims(ctx, answer, kept)
	if err != nil {
		return StaffIdentity{}, err
	}
	for _, r := range o.config.Require {
		if !slices.ContainsFunc(values(t.all, r.Claim), func(v string) bool { return slices.Contains(r.Allowed, v) }) {
			return StaffIdentity{}, r.unmet()
		}
	}
	address, err := o.address(t.all)
	if err != nil {
		return StaffIdentity{}, err
	}
	// AD FS sends nobody back without the hint. It tells nothing but who works here.
	hint := t.raw
	if len(hint) > longestHint {
		hint = ""
	}
	return StaffIdentity{Address: address, End: o.end(t, hint)}, nil
}

// address is the one at the first path where there is one.
func (o *StaffOIDC) address(all map[string]any) (policy.Address, error) {
	for _, path := range o.config.Claims {
		text, ok := lookup(all, path)
		if !ok {
			continue
		}
		// OpenID Connect Core section 5.1. Entra ID and AD FS do not send it, and let nobody change the address.
		if verified, told := all["email_verified"]; path[len(path)-1] == "email" && told && verified != true && verified != "true" {
			return policy.Address{}, fault(ErrNoAddress, errors.New("the provider has not verified it"))
		}
		a, err := policy.ParseAddress(text)
		if err != nil {
			return a, fault(ErrNoAddress, errors.New("the claim holds none"))
		}
		if !slices.Contains(o.domains, a.Domain) {
			return policy.Address{}, fault(ErrNoAddress, errors.New("its domain is not ours"))
		}
		return a, nil
	}
	return policy.Address{}, fault(ErrNoAddress, errors.New("there is no such claim"))
}

// values follows a path to a text, or to a list of texts.
func values(in map[string]any, path []string) (out []string) {
	at := follow(in, path)
	list, ok := at.([]any)
	if !ok {
		list = []any{at}
	}
	for _, v := range list {
		if text, ok := textOf(v); ok {
			out = append(out, text)
		}
	}
	return out
}
