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
)

// memory is what a session keeps of a login under way.
type memory struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	Callback string    `json:"callback"`
	Home     string    `json:"home"`
	At       time.Time `json:"at"`
}

// Start makes the authorization request of OpenID Connect Core section 3.1.2.1.
func (o *flow) Start(ctx context.Context, v Visit) (Begun, error) {
	d, err := o.discover(ctx)
	if err != nil {
		return Begun{}, err
	}
	m := memory{
		State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(),
		Callback: v.Callback, Home: v.Home, At: o.config.Now(),
	}
	kept, err := json.Marshal(m)
	if err != nil {
		return Begun{}, fault(ErrUnavailable, err)
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(m.Nonce), oauth2.S256ChallengeOption(m.Verifier)}
	if len(o.config.AskedACR) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(o.config.AskedACR, " ")))
	}
	if v.Lang != "" {
		options = append(options, oauth2.SetAuthURLParam("ui_locales", v.Lang))
	}
	for name, value := range o.config.Params {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	return Begun{URL: o.oauth(d, v.Callback).AuthCodeURL(m.State, options...), Memory: string(kept)}, nil
}

// claims checks the answer (RFC 6749 section 4.1.2, RFC 9207), exchanges the code and checks the ID token (OpenID Connect
// Core section 3.1.3.7), and the level of assurance.
func (o *flow) claims(ctx context.Context, answer url.Values, kept string) (told, error) {
	var m memory
	if json.Unmarshal([]byte(kept), &m) != nil || m.State == "" {
		return told{}, ErrState
	}
	if age := o.config.Now().Sub(m.At); age > patience || age < -skew {
		return told{}, ErrState
	}
	if subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(m.State)) != 1 {
		return told{}, ErrState
	}
	d, err := o.discover(ctx)
	if err != nil {
		return told{}, err
	}
	if iss := answer.Get("iss"); iss != o.config.Issuer && (iss != "" || d.sendsIssuer) {
		return told{}, fault(ErrToken, errors.New("the answer is another issuer's"))
	}
	if code := answer.Get("error"); code != "" {
		return told{}, refusal(code)
	}
	t, err := o.exchange(ctx, d, m, answer.Get("code"))
	if err != nil {
		return told{}, err
	}
	if accepted := o.config.AcceptedACR; len(accepted) > 0 && !slices.Contains(accepted, t.acr) {
		return told{}, ErrAssurance
	}
	t.logout, t.home = d.end, m.Home
	return t, nil
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

func (o *flow) exchange(ctx context.Context, d *discovered, m memory, code string) (told, error) {
	ctx = oidc.ClientContext(ctx, o.http)
	if code == "" {
		return told{}, fault(ErrToken, errors.New("no code"))
	}
	tokens, err := o.redeem(ctx, d, m, code)
	if err != nil {
		return told{}, err
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		return told{}, fault(ErrToken, errors.New("no ID token"))
	}
	token, err := d.verifier.Verify(ctx, raw)
	if err != nil {
		return told{}, fault(ErrToken, err)
	}
	t := told{raw: raw}
	if err := token.Claims(&t.all); err != nil {
		return told{}, fault(ErrToken, err)
	}
	t.acr, _ = t.all["acr"].(string)
	if err := o.check(token, t.all, m); err != nil {
		return told{}, err
	}
	if o.config.Source == UserInfo {
		t.all, err = o.userInfo(ctx, d, token, tokens)
	}
	return t, err
}

// redeem gives the code for tokens (RFC 6749 section 4.1.3).
func (o *flow) redeem(ctx context.Context, d *discovered, m memory, code string) (*oauth2.Token, error) {
	proof, err := o.clientProof(d.endpoint.TokenURL)
	if err != nil {
		return nil, fault(ErrUnavailable, err)
	}
	tokens, err := o.oauth(d, m.Callback).Exchange(ctx, code, append(proof, oauth2.VerifierOption(m.Verifier))...)
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode < 500:
		return nil, fault(ErrToken, err)
	case err != nil:
		return nil, fault(ErrUnavailable, err)
	}
	return tokens, nil
}

// check is what go-oidc leaves to its caller.
func (o *flow) check(token *oidc.IDToken, all map[string]any, m memory) error {
	azp, hasParty := all["azp"]
	switch {
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(m.Nonce)) != 1:
		return fault(ErrToken, errors.New("wrong nonce"))
	case hasParty && azp != o.config.ClientID, !hasParty && len(token.Audience) > 1:
		return fault(ErrToken, errors.New("issued to another party"))
	case token.IssuedAt.Before(m.At.Add(-o.backdated)), token.IssuedAt.After(o.config.Now().Add(skew)):
		return fault(ErrToken, errors.New("issued before the login, or in the future"))
	}
	return nil
}

// userInfo asks for the claims of the person (OpenID Connect Core section 5.3). A signed answer's signature is checked by
// go-oidc; who it is from and for is checked here, since an answer meant for another client proves nothing.
func (o *flow) userInfo(ctx context.Context, d *discovered, token *oidc.IDToken, tokens *oauth2.Token) (map[string]any, error) {
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
	if iss, has := all["iss"]; has && iss != o.config.Issuer {
		return nil, fault(ErrToken, errors.New("userinfo is another issuer's"))
	}
	if aud, has := all["aud"]; has && !names(aud, o.config.ClientID) {
		return nil, fault(ErrToken, errors.New("userinfo is for another party"))
	}
	return all, nil
}

// names tells whether an audience, one or several, has a client in it.
func names(audience any, client string) bool {
	if list, ok := audience.([]any); ok {
		return slices.Contains(list, any(client))
	}
	return audience == client
}
