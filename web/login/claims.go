package login

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"sigill/policy"
)

// Requirement is a claim that must have one of some values, such as a country that must be SE.
type Requirement struct {
	// Claim is a path like those of OIDCConfig.Claims, in the same source.
	Claim   []string
	Allowed []string
}

// told is what a provider has said of somebody.
type told struct {
	raw    string         // the ID token as it came
	acr    string         // always the ID token's
	all    map[string]any // of the ID token, or of userinfo if that is the source
	logout string         // end_session_endpoint, "" if there is none
	home   string         // where the browser may come back from there
}

// Finish gives the person, by the mapping of the configuration.
func (o *OIDC) Finish(ctx context.Context, answer url.Values, kept string) (Identity, error) {
	t, err := o.claims(ctx, answer, kept)
	if err != nil {
		return Identity{}, err
	}
	for _, r := range o.config.Require {
		if value, _ := lookup(t.all, r.Claim); !slices.Contains(r.Allowed, value) {
			return Identity{}, r.unmet()
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
	// The ID token goes along only if the number is not among its claims: addresses lie in histories and logs.
	hint := ""
	if o.config.Source == UserInfo {
		hint = t.raw
	}
	who := Identity{Person: persons[0], Name: nameIn(t.all), Assurance: t.acr, End: o.end(t, hint)}
	for _, f := range former {
		if f != who.Person {
			who.Former = append(who.Former, f)
		}
	}
	return who, nil
}

func (r Requirement) unmet() error {
	return fmt.Errorf("%w: claim %v has none of the values it must have", ErrAssurance, r.Claim)
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
func lookup(in map[string]any, path []string) (string, bool) { return textOf(follow(in, path)) }

// follow gives what a path leads to, nil if nothing is there.
func follow(in map[string]any, path []string) any {
	var at any = in
	for _, name := range path {
		object, _ := at.(map[string]any) // indexing nil gives nil
		at = object[name]
	}
	return at
}

func textOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, v != ""
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// end is the address of OpenID Connect RP-Initiated Logout section 2; hint is the ID token, or "".
func (o *flow) end(t told, hint string) string {
	u, err := url.Parse(t.logout)
	if err != nil || t.logout == "" || t.home == "" {
		return ""
	}
	q := u.Query()
	q.Set("client_id", o.config.ClientID)
	q.Set("post_logout_redirect_uri", t.home)
	if hint != "" {
		q.Set("id_token_hint", hint)
	}
	u.RawQuery = q.Encode()
	return u.String()
}
