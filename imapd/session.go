package imapd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"sigill/vault"
)

// session is one client. The library calls one command at a time, except that Idle can still be on its way out when the
// next command or Close is called; mu keeps them apart.
type session struct {
	server  *Server
	library *imapserver.Conn
	conn    *conn
	log     *slog.Logger
	ctx     context.Context
	cancel  context.CancelFunc
	done    func()

	mu       sync.Mutex
	failures int
	reader   *vault.Reader // nil before login
	stubs    *stubs        // nil: the client is served messages,
	suspect  *stubs        // but for those that may be malware
	selected *selected     // nil if no mailbox is
	buffer   []byte        // for octets on their way from the vault to the client
}

var (
	_ imapserver.SessionNamespace   = (*session)(nil)
	_ imapserver.SessionMove        = (*session)(nil)
	_ imapserver.SessionAppendLimit = (*session)(nil)
)

// newSession is called by the library for each connection, which is one of ours.
func (p *port) newSession(c *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
	in, ok := c.NetConn().(*conn)
	if !ok {
		p.running.Done()
		return nil, nil, fmt.Errorf("imapd: a connection without TLS: %T", c.NetConn())
	}
	s := &session{server: p.Server, library: c, conn: in, log: p.log.With("remote", host(in.RemoteAddr())), done: p.running.Done}
	s.ctx, s.cancel = context.WithCancel(p.sessions)
	return s, nil, nil
}

// Close ends the session. Idle, if it is still on its way out, will find that it is to stop before it uses the vault.
func (s *session) Close() error {
	defer s.done()
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unselect()
	if s.reader != nil {
		s.reader.Close()
		s.reader = nil
	}
	return nil
}

// Login checks address and password, for LOGIN and for AUTHENTICATE PLAIN.
func (s *session) Login(address, password string) error {
	return s.enter(func(d *vault.Directory) (vault.Account, error) {
		l := s.attempt(address)
		l.Password = password
		return d.Authenticate(s.ctx, l)
	})
}

// token checks a token, which may be for an address that is not said.
func (s *session) token(address, token string) error {
	return s.enter(func(d *vault.Directory) (vault.Account, error) {
		return d.AuthenticateToken(s.ctx, s.attempt(address), func(ctx context.Context) (string, error) {
			return s.server.config.Tokens.Verify(ctx, token)
		})
	})
}

func (s *session) attempt(address string) vault.Login {
	return vault.Login{Address: address, Door: vault.DoorIMAP, From: remote(s.conn.RemoteAddr())}
}

func (s *session) enter(authenticate func(*vault.Directory) (vault.Account, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures >= s.server.limits.LoginFailures {
		return errLogin
	}
	account, err := authenticate(s.server.config.Vault.Directory())
	if err != nil {
		return s.failed(err)
	}
	s.reader, err = s.server.config.Vault.Reader(s.ctx, account.Principal(), vault.DoorIMAP)
	if err != nil {
		return s.failed(err)
	}
	s.stubs = s.server.config.Stubs.serve(remote(s.conn.RemoteAddr()), account.Address)
	s.suspect = s.server.config.Stubs.fenced(account.Address)
	s.conn.loggedIn()
	s.log.Debug("imap login")
	return nil
}

// failed makes each further guess take twice as long, and the last one end the connection.
func (s *session) failed(err error) error {
	if !errors.Is(err, vault.ErrBadCredentials) && !errors.Is(err, vault.ErrNotFound) {
		return s.status("LOGIN", err)
	}
	s.failures++
	s.log.Info("imap login failed", "failures", s.failures)
	s.server.sleep(s.ctx, s.server.limits.FailureDelay<<(s.failures-1))
	if s.failures >= s.server.limits.LoginFailures {
		s.conn.hangUp("Too many failed logins")
	}
	return errLogin
}

// Namespace is RFC 2342: one's own mailboxes have no prefix, function addresses' are shared.
func (s *session) Namespace() (*imap.NamespaceData, error) {
	return &imap.NamespaceData{
		Personal: []imap.NamespaceDescriptor{{Delim: delimiter}},
		Shared:   []imap.NamespaceDescriptor{{Prefix: sharedPrefix, Delim: delimiter}},
	}, nil
}

// AppendLimit is the same for all mailboxes (RFC 7889).
func (s *session) AppendLimit() uint32 {
	return uint32(min(s.server.limits.MessageSize, 1<<32-1))
}
