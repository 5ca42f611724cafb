package demo

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"sigill/policy"
)

const (
	loginPatience = 15 * time.Minute // how long a login may stay under way
	tokenLife     = 5 * time.Minute  // the most the Swedish OIDC profile allows
	maxLogins     = 1000             // logins kept in memory, the oldest goes first
)

var errNoLogin = errors.New("demo: no such login")

// eidStore is the provider's memory: logins under way, codes and tokens.
type eidStore struct {
	config EIDConfig
	key    signingKey
	pepper [32]byte

	mu     sync.Mutex
	logins []*login // oldest first
	codes  map[string]string
	tokens map[string]*login
}

func newEIDStore(c EIDConfig) (*eidStore, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("demo: e-ID: %w", err)
	}
	s := &eidStore{config: c, key: signingKey{rand.Text(), private}, codes: map[string]string{}, tokens: map[string]*login{}}
	rand.Read(s.pepper[:])
	return s, nil
}

// login is an authorization request and, once the number is written, whose it is.
type login struct {
	id      string
	request oidc.AuthRequest
	at      time.Time
	person  policy.PersonID
	name    string
	subject string
}

func (l *login) GetID() string          { return l.id }
func (l *login) GetACR() string         { return LevelOfAssurance }
func (l *login) GetAMR() []string       { return nil }
func (l *login) GetAudience() []string  { return []string{l.request.ClientID} }
func (l *login) GetAuthTime() time.Time { return l.at }
func (l *login) GetClientID() string    { return l.request.ClientID }
func (l *login) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: l.request.CodeChallenge, Method: l.request.CodeChallengeMethod}
}
func (l *login) GetNonce() string                   { return l.request.Nonce }
func (l *login) GetRedirectURI() string             { return l.request.RedirectURI }
func (l *login) GetResponseType() oidc.ResponseType { return l.request.ResponseType }
func (l *login) GetResponseMode() oidc.ResponseMode { return l.request.ResponseMode }
func (l *login) GetScopes() []string                { return l.request.Scopes }
func (l *login) GetState() string                   { return l.request.State }
func (l *login) GetSubject() string                 { return l.subject }
func (l *login) Done() bool                         { return !l.person.IsZero() }

// claims are the number's, in the claim of its kind.
func (l *login) claims(info *oidc.UserInfo) {
	info.Subject = l.subject
	name := ClaimPersonnummer
	if l.person.Coordination() {
		name = ClaimSamordningsnummer
	}
	info.AppendClaims(name, l.person.Digits())
	info.Name = l.name
}

// nameOf is a person's name; a test number that is nobody's has a name too, as every e-ID has.
func (s *eidStore) nameOf(p policy.PersonID) string {
	for _, known := range s.config.Persons {
		if known.Number == p {
			return known.Name
		}
	}
	return "Test Testsson"
}

// finish ends a login under way with a person. The subject tells the same person again and is no number.
func (s *eidStore) finish(id string, p policy.PersonID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.logins, func(l *login) bool { return l.id == id })
	if i < 0 {
		return errNoLogin
	}
	mac := hmac.New(sha256.New, s.pepper[:])
	mac.Write([]byte(p.Digits()))
	done := *s.logins[i] // others may hold the old one
	done.person, done.name, done.at = p, s.nameOf(p), time.Now()
	done.subject = base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
	s.logins[i] = &done
	return nil
}

func (s *eidStore) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if r.ResponseType != oidc.ResponseTypeCode {
		return nil, oidc.ErrUnauthorizedClient().WithDescription("only the code flow is offered")
	}
	if r.CodeChallenge == "" || r.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest().WithDescription("PKCE with S256 is needed")
	}
	if len(r.ACRValues) > 0 && !slices.Contains(r.ACRValues, LevelOfAssurance) {
		return nil, &oidc.Error{ErrorType: "unmet_authentication_requirements", Description: "only loa3 is offered", State: r.State}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(func(l *login) bool { return time.Since(l.at) > loginPatience })
	if len(s.logins) >= maxLogins {
		oldest := s.logins[0]
		s.forget(func(l *login) bool { return l == oldest })
	}
	l := &login{id: rand.Text(), request: *r, at: time.Now()}
	s.logins = append(s.logins, l)
	return l, nil
}

// forget drops logins with their codes; the lock is held.
func (s *eidStore) forget(which func(*login) bool) {
	s.logins = slices.DeleteFunc(s.logins, func(l *login) bool {
		if !which(l) {
			return false
		}
		for code, id := range s.codes {
			if id == l.id {
				delete(s.codes, code)
			}
		}
		return true
	})
}

func (s *eidStore) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID(id)
}

func (s *eidStore) byID(id string) (op.AuthRequest, error) {
	for _, l := range s.logins {
		if id != "" && l.id == id && time.Since(l.at) <= loginPatience {
			return l, nil
		}
	}
	return nil, errNoLogin
}

func (s *eidStore) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID(s.codes[code])
}

func (s *eidStore) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

func (s *eidStore) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(func(l *login) bool { return l.id == id })
	return nil
}

func (s *eidStore) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	l, ok := r.(*login)
	if !ok {
		return "", time.Time{}, errNoLogin
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, old := range s.tokens {
		if time.Since(old.at) > loginPatience {
			delete(s.tokens, id)
		}
	}
	id := rand.Text()
	s.tokens[id] = l
	return id, time.Now().Add(tokenLife), nil
}

func (s *eidStore) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, _ []string) error {
	l, ok := r.(*login)
	if !ok {
		return errNoLogin
	}
	l.claims(info)
	return nil
}

func (s *eidStore) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, token, _, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.tokens[token]
	if !ok {
		return errNoLogin
	}
	l.claims(info)
	return nil
}

func (s *eidStore) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != s.config.ClientID {
		return nil, errors.New("demo: unknown client")
	}
	return eidClient{s.config}, nil
}

func (s *eidStore) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != s.config.ClientID || subtle.ConstantTimeCompare([]byte(secret), []byte(s.config.ClientSecret)) != 1 {
		return errors.New("demo: wrong client secret")
	}
	return nil
}

func (s *eidStore) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }

func (s *eidStore) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

func (s *eidStore) KeySet(context.Context) ([]op.Key, error) { return []op.Key{publicKey{s.key}}, nil }

func (s *eidStore) Health(context.Context) error { return nil }

// signingKey is the provider's, publicKey what everybody may see of it.
type signingKey struct {
	id      string
	private *ecdsa.PrivateKey
}

func (k signingKey) ID() string                                  { return k.id }
func (k signingKey) Key() any                                    { return k.private }
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }

type publicKey struct{ of signingKey }

func (k publicKey) ID() string                         { return k.of.id }
func (k publicKey) Key() any                           { return k.of.private.Public() }
func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k publicKey) Use() string                        { return "sig" }
