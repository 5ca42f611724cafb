package smtpd

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/emersion/go-sasl"

	"sigill/vault"
	"sigill/vault/bearer"
)

// AuthMechanisms are those EHLO offers; go-smtp asks only within TLS.
func (s *session) AuthMechanisms() []string {
	switch {
	case s.listener.Kind == Connector:
		return nil
	case s.server.config.Tokens == nil:
		return []string{sasl.Plain, sasl.Login}
	}
	return []string{sasl.Plain, sasl.Login, bearer.OAuthBearer, bearer.XOAuth2}
}

// Auth begins a login.
func (s *session) Auth(mechanism string) (_ sasl.Server, err error) {
	defer s.answer("AUTH", &err)
	switch {
	case s.listener.Kind == Connector:
		return nil, errNoLogin
	case !slices.Contains(s.AuthMechanisms(), mechanism):
		return nil, errMechanism
	case mechanism == sasl.Plain:
		return &exchange{s, plain{sasl.NewPlainServer(s.plain)}}, nil
	case mechanism == sasl.Login:
		return &exchange{s, &login{check: s.login}}, nil
	}
	server, _ := bearer.New(mechanism, s.token)
	return &exchange{s, server}, nil
}

// exchange makes SMTP replies of what a mechanism ends with.
type exchange struct {
	session *session
	sasl.Server
}

func (x *exchange) Next(response []byte) (challenge []byte, done bool, err error) {
	defer x.session.answer("AUTH", &err)
	challenge, done, err = x.Server.Next(response)
	if errors.Is(err, errTries) {
		x.session.conn.hangUp()
	}
	return challenge, done, err
}

// plain is PLAIN that tells an answer of another form (RFC 4616 section 2) from a fault of ours: go-sasl's error has no name.
type plain struct{ sasl.Server }

func (p plain) Next(response []byte) (challenge []byte, done bool, err error) {
	if response != nil && bytes.Count(response, []byte{0}) != 2 {
		return nil, true, bearer.ErrMalformed
	}
	return p.Server.Next(response)
}

// login is the mechanism LOGIN, draft-murchison-sasl-login, which Outlook uses.
type login struct {
	check    func(username, password string) error
	asked    bool
	username *string
}

func (l *login) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil && !l.asked:
		l.asked = true
		return []byte("Username:"), false, nil
	case l.username == nil:
		name := string(response)
		l.username = &name
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(*l.username, string(response))
}

func (s *session) plain(identity, username, password string) error {
	if identity != "" && identity != username {
		return s.failed(vault.ErrBadCredentials) // RFC 4616 section 2: nobody logs in for somebody else
	}
	return s.login(username, password)
}

func (s *session) login(username, password string) error {
	l := s.attempt(username)
	l.Password = password
	return s.enter(s.server.accounts.Authenticate(s.ctx, l))
}

func (s *session) token(username, token string) error {
	return s.enter(s.server.accounts.AuthenticateToken(s.ctx, s.attempt(username), func(ctx context.Context) (string, error) {
		return s.server.config.Tokens.Verify(ctx, token)
	}))
}

func (s *session) attempt(username string) vault.Login {
	return vault.Login{Address: username, Door: vault.DoorSMTP, From: remote(s.smtp.Conn())}
}

func (s *session) enter(a vault.Account, err error) error {
	if err != nil {
		return s.failed(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.who = a.Principal()
	return nil
}

// failed answers a wrong login late. The last one that is allowed ends the connection.
func (s *session) failed(err error) error {
	if !errors.Is(err, vault.ErrBadCredentials) {
		return err
	}
	tries := s.conn.failed()
	s.log.Warn("login failed", "try", tries)
	select {
	case <-time.After(time.Duration(tries) * s.server.limits.AuthDelay):
	case <-s.ctx.Done():
	}
	if tries >= s.server.limits.AuthTries {
		return errTries
	}
	return err
}
