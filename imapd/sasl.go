package imapd

import (
	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-sasl"

	"sigill/vault/bearer"
)

var _ imapserver.SessionSASL = (*session)(nil)

// AuthenticateMechanisms are those of AUTHENTICATE.
func (s *session) AuthenticateMechanisms() []string {
	if s.server.config.Tokens == nil {
		return []string{sasl.Plain}
	}
	return []string{sasl.Plain, bearer.OAuthBearer, bearer.XOAuth2}
}

// Authenticate is AUTHENTICATE PLAIN (RFC 4616), or with a token. To act for another is not served.
func (s *session) Authenticate(mechanism string) (sasl.Server, error) {
	if mechanism == sasl.Plain {
		return plain{sasl.NewPlainServer(func(identity, address, password string) error {
			if identity != "" && identity != address {
				return no(imap.ResponseCodeAuthorizationFailed, "One can only log in as oneself")
			}
			return s.Login(address, password)
		})}, nil
	}
	if server, ok := bearer.New(mechanism, s.token); ok && s.server.config.Tokens != nil {
		return told{s, server}, nil
	}
	return nil, errMechanism
}

// told makes status responses of what a mechanism ends with.
type told struct {
	session *session
	sasl.Server
}

// Next is sasl.Server's.
func (t told) Next(response []byte) (challenge []byte, done bool, err error) {
	challenge, done, err = t.Server.Next(response)
	return challenge, done, t.session.status("AUTHENTICATE", err)
}

// plain is go-sasl's PLAIN with no challenge instead of an empty one, which the library would write as "+ =".
type plain struct{ sasl.Server }

// Next is sasl.Server's.
func (p plain) Next(response []byte) (challenge []byte, done bool, err error) {
	challenge, done, err = p.Server.Next(response)
	if len(challenge) == 0 {
		challenge = nil
	}
	return challenge, done, err
}
