package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/emersion/go-smtp"

	"sigill/policy"
	"sigill/vault"
)

// session is the state between EHLO and the end of a connection or STARTTLS. With BDAT go-smtp calls Data in a goroutine
// of its own, and Reset and Logout meanwhile, so what they share is locked and Data works on a copy.
type session struct {
	server   *Server
	listener Listener
	smtp     *smtp.Conn
	conn     *conn
	log      *slog.Logger
	ctx      context.Context // ends with the session
	cancel   context.CancelFunc

	mu       sync.Mutex
	who      vault.Principal // who logged in
	tx       *transaction    // nil before MAIL
	messages int             // Data calls under way
}

// transaction is what MAIL and RCPT said.
type transaction struct {
	policy.Envelope
	id       string // in the log and in Received
	who      vault.Principal
	size     int64 // declared; 0 if not
	eightBit bool
	utf8     bool
	signed   bool            // it must have a signature of ours
	seen     map[string]bool // recipients by key
	foreign  bool            // the sender is of another domain: only notices are answered
	returns  string          // the token of the notice that comes back
}

func (s *Server) newSession(work context.Context, l Listener, c *smtp.Conn) *session {
	n := &session{server: s, listener: l, smtp: c}
	switch under := c.Conn().(type) {
	case *tls.Conn:
		n.conn = under.NetConn().(*conn)
	default:
		n.conn = under.(*conn)
	}
	n.conn.plain = n.conn == c.Conn()
	n.log = s.log.With("client", remote(c.Conn()), "listener", l.Kind)
	n.ctx, n.cancel = context.WithCancel(work)
	return n
}

// Mail begins a transaction.
func (s *session) Mail(from string, o *smtp.MailOptions) (err error) {
	defer s.answer("MAIL", &err)
	return s.mail(from, o)
}

// Rcpt adds a recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) (err error) {
	defer s.answer("RCPT", &err)
	return s.rcpt(to)
}

// Data takes the message of DATA or BDAT.
func (s *session) Data(r io.Reader) (err error) {
	defer s.answer("DATA", &err)
	return s.data(r)
}

// Reset forgets the transaction. If its message is under way, in BDAT, the connection ends: go-smtp hands the result of
// an aborted message to the next one on the connection, whose client would then send again what was taken. Data may have
// seen the abort first; then it ends the connection.
func (s *session) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tx = nil
	if s.messages > 0 {
		s.conn.end(errLeave, false)
	}
}

// Logout ends the session; a message that is under way is abandoned.
func (s *session) Logout() error {
	s.Reset()
	s.cancel()
	return nil
}

func (s *session) mail(from string, o *smtp.MailOptions) error {
	s.mu.Lock()
	who, nested := s.who, s.tx != nil
	s.mu.Unlock()
	if nested {
		// RFC 5321 section 4.1.4; go-smtp would keep the recipients of the first.
		return errNestedMail
	}
	signed := false
	if s.listener.Kind == Connector {
		var err error
		if signed, err = s.welcome(); err != nil {
			return err
		}
	} else if who.Address().IsZero() {
		return errLogin
	}
	if o.Size > s.server.limits.MessageSize {
		return errTooLarge
	}
	sender, err := address(from, o.UTF8)
	if err != nil {
		return errorIn{errSenderSyntax, err}
	}
	err = s.maySend(who, sender)
	// Anybody may send to the addresses of notices, which RCPT knows.
	foreign := err == errForeignSender && !s.server.config.Notices.From.IsZero()
	if err != nil && !foreign {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tx = &transaction{
		Envelope: policy.Envelope{From: sender}, id: incident(), who: who, seen: map[string]bool{},
		size: o.Size, eightBit: o.Body == smtp.Body8BitMIME, utf8: o.UTF8, signed: signed, foreign: foreign,
	}
	return nil
}

// maySend is the rule of this door about senders.
func (s *session) maySend(who vault.Principal, sender policy.Address) error {
	switch {
	case s.listener.Kind == Connector && s.ofOurs(sender):
		return nil
	case s.listener.Kind == Connector:
		return errForeignSender
	case sender.IsZero():
		return errNullSender
	}
	may, err := s.server.accounts.MaySendAs(s.ctx, who, sender)
	switch {
	case errors.Is(err, vault.ErrEnded):
		s.log.Warn("a login has ended")
		s.conn.hangUp()
	case err == nil && !may:
		return errOtherSender
	}
	return err
}

// entitled is a message that ends only if its sender may still send: otherwise its reader gets an error where the end
// would be, so that nothing is taken of it.
type entitled struct {
	io.Reader
	session *session
	tx      *transaction
}

func (e entitled) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	if err == io.EOF {
		if no := e.session.maySend(e.tx.who, e.tx.From); no != nil {
			return 0, no
		}
	}
	return n, err
}

func (s *session) rcpt(to string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tx == nil {
		return errNoMail
	}
	a, err := address(to, s.tx.utf8)
	if err != nil || a.IsZero() {
		return errorIn{errRecipientSyntax, err}
	}
	if a, err = s.comesBack(a); err != nil {
		return err
	}
	if s.tx.seen[a.Key()] {
		return nil
	}
	s.tx.seen[a.Key()] = true
	s.tx.To = append(s.tx.To, a)
	return nil
}

// address reads the path of MAIL or RCPT; "" is the null one.
func address(path string, utf8Declared bool) (policy.Address, error) {
	if path == "" {
		return policy.Address{}, nil
	}
	a, err := policy.ParseAddress(path)
	if err == nil && !utf8Declared && strings.ContainsFunc(path, func(r rune) bool { return r >= utf8.RuneSelf }) {
		// RFC 6531 section 3.4
		return a, errUTF8
	}
	return a, err
}

func (s *session) data(r io.Reader) (err error) {
	tx, done := s.begin()
	defer func() { done(taken(err)) }()
	if tx == nil || len(tx.To) == 0 {
		return errNoMail
	}
	in := s.intake(r)
	defer func() {
		if in.end(); in.fault == smtp.ErrDataReset {
			s.conn.end(errLeave, false)
		}
	}()
	if tx.returns != "" {
		return s.returned(s.ctx, *tx, in)
	}
	if s.listener.Kind == Connector {
		return s.conduct(s.ctx, *tx, in)
	}
	return s.conduct(s.ctx, *tx, entitled{in, s, tx})
}

// begin marks a message as under way until done is called.
func (s *session) begin() (tx *transaction, done func(taken bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages++
	s.conn.beginMessage()
	return s.tx, func(taken bool) {
		s.mu.Lock()
		s.messages--
		s.mu.Unlock()
		s.conn.endMessage(taken)
	}
}
