package demo

import (
	"context"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// eidClient is the gateway as the e-ID knows it.
type eidClient struct{ config EIDConfig }

func (c eidClient) GetID() string                       { return c.config.ClientID }
func (c eidClient) RedirectURIs() []string              { return c.config.RedirectURIs }
func (c eidClient) PostLogoutRedirectURIs() []string    { return c.config.LogoutURIs }
func (c eidClient) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (c eidClient) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodBasic }
func (c eidClient) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c eidClient) GrantTypes() []oidc.GrantType         { return []oidc.GrantType{oidc.GrantTypeCode} }
func (c eidClient) LoginURL(id string) string            { return "/login?id=" + id }
func (c eidClient) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeBearer }
func (c eidClient) IDTokenLifetime() time.Duration       { return tokenLife }
func (c eidClient) DevMode() bool                        { return false }
func (c eidClient) IsScopeAllowed(scope string) bool     { return scope == ScopeNumber }
func (c eidClient) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c eidClient) ClockSkew() time.Duration             { return 0 }

func (c eidClient) RestrictAdditionalIdTokenScopes() func([]string) []string     { return same }
func (c eidClient) RestrictAdditionalAccessTokenScopes() func([]string) []string { return same }

func same(scopes []string) []string { return scopes }

// What the provider's library wants of every storage and this e-ID does not offer.

var errNotOffered = errors.New("demo: not offered")

func (s *eidStore) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, errNotOffered
}

func (s *eidStore) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, op.ErrInvalidRefreshToken
}

func (s *eidStore) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

func (s *eidStore) TerminateSession(context.Context, string, string) error { return nil }

func (s *eidStore) RevokeToken(_ context.Context, token, _, _ string) *oidc.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, token)
	return nil
}

func (s *eidStore) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil // SetUserinfoFromRequest does it
}

func (s *eidStore) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errNotOffered
}

func (s *eidStore) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

func (s *eidStore) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errNotOffered
}

func (s *eidStore) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errNotOffered
}
