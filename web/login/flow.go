package login

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"sigill/policy"
)

// memory is what a session keeps of a login under way.
type memory struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	Callback string    `json:"callback"`
	At       time.Time `json:"at"`
}

// Start makes the authorization request of OpenID Connect Core section 3.1.2.1.
func (o *OIDC) Start(ctx context.Context, callback string) (Begun, error) {
	d, err := o.discover(ctx)
	if err != nil {
		return Begun{}, err
	}
	m := memory{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Callback: callback, At: o.config.Now()}
	kept, err := json.Marshal(m)
	if err != nil {
		return Begun{}, fault(ErrUnavailable, err)
	}
	options := []oauth2.AuthCodeOption{
		oidc.Nonce(m.Nonce), oauth2.S256ChallengeOption(m.Verifier), oauth2.SetAuthURLParam("prompt", "login"),
	}
	if len(o.config.AcceptedACR) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(o.config.AcceptedACR, " ")))
	}
	for name, value := range o.config.Params {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	return Begun{URL: o.oauth(d, callback).AuthCodeURL(m.State, options...), Memory: string(kept)}, nil
}

// Finish checks the answer (RFC 6749 section 4.1.2, RFC 9207), exchanges the code and checks the ID token (OpenID Connect
// Core section 3.1.3.7).
func (o *OIDC) Finish(ctx context.Context, answer url.Values, kept string) (Identity, error) {
	var m memory
	if json.Unmarshal([]byte(kept), &m) != nil || m.State == "" {
		return Identity{}, ErrState
	}
	if age := o.config.Now().Sub(m.At); age > patience || age < -skew {
		return Identity{}, ErrState
	}
	if subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(m.State)) != 1 {
		return Identity{}, ErrState
	}
	d, err := o.discover(ctx)
	if err != nil {
		return Identity{}, err
	}
	if iss := answer.Get("iss"); iss != o.config.Issuer && (iss != "" || d.sendsIssuer) {
		return Identity{}, fault(ErrToken, errors.New("the answer is another issuer's"))
	}
	if code := answer.Get("error"); code != "" {
		return Identity{}, refusal(code)
	}
	claims, err := o.exchange(ctx, d, m, answer.Get("code"))
	if err != nil {
		return Identity{}, err
	}
	return o.identity(claims)
}

// refusal maps the error codes of RFC 6749 section 4.1.2.1 and OpenID Connect Core section 3.1.2.6.
func refusal(code string) error {
	switch code {
	case "access_denied", "login_required", "interaction_required", "consent_required", "account_selection_required":
		return ErrCancelled
	case "unmet_authentication_requirements":
		return ErrAssurance
	case "server_error", "temporarily_unavailable":
		return ErrUnavailable
	}
	return fault(ErrToken, errors.New("the provider answered with an error of its own"))
}

// claims are those of the ID token, and of userinfo if the number is there.
type claims struct {
	acr    string
	number map[string]any
}

func (o *OIDC) exchange(ctx context.Context, d *discovered, m memory, code string) (claims, error) {
	ctx = oidc.ClientContext(ctx, o.http)
	if code == "" {
		return claims{}, fault(ErrToken, errors.New("no code"))
	}
	tokens, err := o.oauth(d, m.Callback).Exchange(ctx, code, oauth2.VerifierOption(m.Verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode < 500:
		return claims{}, fault(ErrToken, err)
	case err != nil:
		return claims{}, fault(ErrUnavailable, err)
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		return claims{}, fault(ErrToken, errors.New("no ID token"))
	}
	token, err := d.verifier.Verify(ctx, raw)
	if err != nil {
		return claims{}, fault(ErrToken, err)
	}
	var out claims
	if err := token.Claims(&out.number); err != nil {
		return claims{}, fault(ErrToken, err)
	}
	out.acr, _ = out.number["acr"].(string)
	if err := o.check(token, out.number, m); err != nil {
		return claims{}, err
	}
	if o.config.Source == UserInfo {
		out.number, err = userInfo(ctx, d, token, tokens)
	}
	return out, err
}

// check is what go-oidc leaves to its caller.
func (o *OIDC) check(token *oidc.IDToken, all map[string]any, m memory) error {
	azp, hasParty := all["azp"]
	switch {
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(m.Nonce)) != 1:
		return fault(ErrToken, errors.New("wrong nonce"))
	case hasParty && azp != o.config.ClientID, !hasParty && len(token.Audience) > 1:
		return fault(ErrToken, errors.New("issued to another party"))
	case token.IssuedAt.Before(m.At.Add(-skew)), token.IssuedAt.After(o.config.Now().Add(skew)):
		return fault(ErrToken, errors.New("issued before the login, or in the future"))
	}
	return nil
}

func userInfo(ctx context.Context, d *discovered, token *oidc.IDToken, tokens *oauth2.Token) (map[string]any, error) {
	if token.AccessTokenHash != "" {
		if err := token.VerifyAccessToken(tokens.AccessToken); err != nil {
			return nil, fault(ErrToken, err)
		}
	}
	info, err := d.provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return nil, fault(ErrUnavailable, err)
	}
	if info.Subject != token.Subject { // OpenID Connect Core section 5.3.2
		return nil, fault(ErrToken, errors.New("userinfo is of another subject"))
	}
	var all map[string]any
	if err := info.Claims(&all); err != nil {
		return nil, fault(ErrToken, err)
	}
	return all, nil
}

func (o *OIDC) identity(c claims) (Identity, error) {
	if len(o.config.AcceptedACR) > 0 && !slices.Contains(o.config.AcceptedACR, c.acr) {
		return Identity{}, ErrAssurance
	}
	for _, path := range o.config.Claims {
		number, ok := lookup(c.number, path)
		if !ok {
			continue
		}
		person, err := policy.ParsePersonID(number)
		if err != nil {
			return Identity{}, errors.Join(ErrBadNumber, err)
		}
		return Identity{Person: person, Assurance: c.acr}, nil
	}
	return Identity{}, ErrNoNumber
}

func lookup(in map[string]any, path []string) (string, bool) {
	var at any = in
	for _, name := range path {
		object, ok := at.(map[string]any)
		if !ok {
			return "", false
		}
		at = object[name]
	}
	s, ok := at.(string)
	return s, ok && s != ""
}
