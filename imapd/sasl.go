package imapd

import (
	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-sasl"
)

var _ imapserver.SessionSASL = (*session)(nil)

// AuthenticateMechanisms are those of AUTHENTICATE.
func (s *session) AuthenticateMechanisms() []string { return []string{sasl.Plain} }

// Authenticate is AUTHENTICATE PLAIN (RFC 4616). To act for another is not served.
func (s *session) Authenticate(mechanism string) (sasl.Server, error) {
	if mechanism != sasl.Plain {
		return nil, no("", "Only AUTHENTICATE PLAIN")
	}
	return plain{sasl.NewPlainServer(func(identity, address, password string) error {
		if identity != "" && identity != address {
			return no(imap.ResponseCodeAuthorizationFailed, "One can only log in as oneself")
		}
		return s.Login(address, password)
	})}, nil
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
