package login

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/coreos/go-oidc/v3/oidc"

	"sigill/policy"
)

// Requirement is a claim that must have one of some values, such as a country that must be SE.
type Requirement struct {
	// Claim is a path like those of OIDCConfig.Claims, in the same source.
	Claim   []string
	Allowed []string
}

// told is what a provider has said of a person.
type told struct {
	token *oidc.IDToken
	raw   string         // the ID token as it came
	acr   string         // always the ID token's
	all   map[string]any // of the ID token, or of userinfo if the number is there
}

// identity applies the mapping to what the provider told.
func (o *OIDC) identity(d *discovered, t told, home string) (Identity, error) {
	if accepted := o.config.AcceptedACR; len(accepted) > 0 && !slices.Contains(accepted, t.acr) {
		return Identity{}, ErrAssurance
	}
	for _, r := range o.config.Require {
		if value, _ := lookup(t.all, r.Claim); !slices.Contains(r.Allowed, value) {
			return Identity{}, fmt.Errorf("%w: claim %v has none of the values it must have", ErrAssurance, r.Claim)
		}
	}
	persons, err := numbers(t.all, o.config.Claims)
	if err != nil {
		return Identity{}, err
	}
	if len(persons) == 0 {
		return Identity{}, ErrNoNumber
	}
	former, err := numbers(t.all, o.config.FormerClaims)
	if err != nil {
		return Identity{}, err
	}
	who := Identity{Person: persons[0], Name: nameIn(t.all), Assurance: t.acr, End: o.end(d, t, home)}
	for _, f := range former {
		if f != who.Person {
			who.Former = append(who.Former, f)
		}
	}
	return who, nil
}

// nameIn is the name in the standard claims (OpenID Connect Core section 5.1).
func nameIn(all map[string]any) string {
	if name, ok := lookup(all, []string{"name"}); ok {
		return NameOf(name)
	}
	given, _ := lookup(all, []string{"given_name"})
	family, _ := lookup(all, []string{"family_name"})
	return NameOf(given, family)
}

// numbers are the identity numbers at the paths where there is one.
func numbers(in map[string]any, paths [][]string) (out []policy.PersonID, err error) {
	for _, path := range paths {
		text, ok := lookup(in, path)
		if !ok {
			continue
		}
		person, err := policy.ParsePersonID(text)
		if err != nil {
			return nil, errors.Join(ErrBadNumber, err)
		}
		out = append(out, person)
	}
	return out, nil
}

// lookup follows a path to a text, or to a boolean as text.
func lookup(in map[string]any, path []string) (string, bool) {
	var at any = in
	for _, name := range path {
		object, ok := at.(map[string]any)
		if !ok {
			return "", false
		}
		at = object[name]
	}
	switch v := at.(type) {
	case string:
		return v, v != ""
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// end is the address of OpenID Connect RP-Initiated Logout section 2. The ID token goes along as a hint only if the number
// is not among its claims: addresses lie in histories and logs.
func (o *OIDC) end(d *discovered, t told, home string) string {
	if d.end == "" || home == "" {
		return ""
	}
	u, err := url.Parse(d.end)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", o.config.ClientID)
	q.Set("post_logout_redirect_uri", home)
	if o.config.Source == UserInfo {
		q.Set("id_token_hint", t.raw)
	}
	u.RawQuery = q.Encode()
	return u.String()
}
