package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"sigill/policy"
	"sigill/smtpd/facts"
	"sigill/vault"
)

// Server takes mail in on all its listeners.
type Server struct {
	config  Config
	limits  Limits
	domains map[string]bool
	log     *slog.Logger
	now     func() time.Time

	lookupTXT func(context.Context, string) ([]string, error)
	// gatherer reads facts from a mail.
	gatherer *facts.Gatherer
	// memory is the octets that mails may take while they are looked through.
	memory *semaphore.Weighted

	// What a session may do with the vault.
	begin     func(vault.Deposit) draft
	accounts  accounts
	knowledge knowledge

	mu     sync.Mutex
	conns  map[*conn]bool
	groups map[netip.Prefix]int
	ending bool
	empty  func() // the last connection is gone
}

// draft is a message on its way into the vault: *vault.Draft, or one that fails in a test.
type draft interface {
	io.Writer
	Commit(ctx context.Context) (vault.Receipt, error)
	Abort()
}

// accounts tells who may send: *vault.Directory, or one that fails in a test.
type accounts interface {
	Authenticate(ctx context.Context, l vault.Login) (vault.Account, error)
	AuthenticateToken(ctx context.Context, l vault.Login, verify func(context.Context) (string, error)) (vault.Account, error)
	MaySendAs(ctx context.Context, who vault.Principal, from policy.Address) (bool, error)
}

// knowledge gathers the facts of a mail: *vault.Directory, or one that fails in a test.
type knowledge interface {
	Classify(ctx context.Context, to []policy.Address) ([]policy.Recipient, error)
	Answers(ctx context.Context, messageIDs []string) (bool, error)
}

// New checks the configuration. The error names every fault.
func New(c Config) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	gatherer, err := facts.New(c.Rules)
	if err != nil {
		return nil, err
	}
	s := &Server{
		config: c, gatherer: gatherer, limits: c.Limits.orDefault(), domains: map[string]bool{}, log: c.Log, now: c.Now,
		begin:    func(d vault.Deposit) draft { return c.Depositor.Begin(d) },
		accounts: c.Directory, knowledge: c.Directory,
		conns: map[*conn]bool{}, groups: map[netip.Prefix]int{},
	}
	s.memory = semaphore.NewWeighted(s.limits.InsideAll)
	for _, d := range c.Domains {
		s.domains[strings.ToLower(d)] = true
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.lookupTXT = c.LookupTXT; s.lookupTXT == nil {
		s.lookupTXT = net.DefaultResolver.LookupTXT
	}
	return s, nil
}

// Run serves until ctx ends or a listener fails. It then stops listening, tells idle clients to go, lets messages that are
// under way come to their end for Limits.ShutdownGrace, and returns when the last session is gone. It is called once.
func (s *Server) Run(ctx context.Context) error {
	work, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	g, ctx := errgroup.WithContext(ctx)
	for _, l := range s.config.Listeners {
		g.Go(func() error {
			if err := s.serve(work, l); err != nil && ctx.Err() == nil {
				return fmt.Errorf("smtpd: listen on %s: %w", l.Net.Addr(), err)
			}
			return nil
		})
	}
	<-ctx.Done()
	for _, l := range s.config.Listeners {
		l.Net.Close()
	}
	s.shutdown(abandon)
	return g.Wait()
}

// serve gives each connection a server of go-smtp's: it shows what it reads and writes to one writer a server.
func (s *Server) serve(work context.Context, l Listener) error {
	for {
		server, open := s.library(work, l)
		if err := server.Serve(open); err != errTaken {
			return err
		}
	}
}

func (s *Server) library(work context.Context, l Listener) (*smtp.Server, net.Listener) {
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return s.newSession(work, l, c), nil
	}))
	server.Domain = s.config.Hostname
	server.MaxLineLength = maxLine
	server.MaxRecipients = s.limits.Recipients
	// go-smtp refuses a message of exactly its limit; the session knows the true one.
	server.MaxMessageBytes = s.limits.MessageSize + 1
	server.ReadTimeout = s.limits.Command
	server.WriteTimeout = s.limits.Reply
	server.EnableSMTPUTF8 = true
	server.ErrorLog = libraryLog{s.log}
	server.TLSConfig = l.tls(s.config.TLS)
	open := &door{Listener: l.Net, server: s, library: server, networks: l.networks(), silent: l.Kind == Submissions}
	server.Debug = &overheard{door: open}
	if l.Kind == Submissions {
		// The wrapper must be below TLS: go-smtp asks for *tls.Conn.
		return server, tls.NewListener(open, s.config.TLS)
	}
	return server, open
}

// shutdown returns when no session is left.
func (s *Server) shutdown(abandon func()) {
	gone, empty := context.WithCancel(context.Background())
	defer empty()
	s.mu.Lock()
	s.ending, s.empty = true, empty
	var servers []*smtp.Server
	for c := range s.conns {
		servers = append(servers, c.library)
		c.end(errLeave, true)
	}
	if len(s.conns) == 0 {
		empty()
	}
	s.mu.Unlock()

	select {
	case <-gone.Done():
	case <-time.After(s.limits.ShutdownGrace):
		abandon()
		s.closeAll()
	}
	<-gone.Done()
	for _, server := range servers {
		_ = server.Shutdown(context.Background())
	}
}

func (s *Server) closeAll() {
	s.mu.Lock()
	var left []*conn
	for c := range s.conns {
		left = append(left, c)
	}
	s.mu.Unlock()
	s.log.Warn("sessions cut off at shutdown", "sessions", len(left))
	for _, c := range left {
		c.Conn.Close() // replies are not waited for
		c.Close()
	}
}

// libraryLog takes what go-smtp logs.
type libraryLog struct{ log *slog.Logger }

func (l libraryLog) Printf(format string, args ...any) {
	// How a connection ended, or a panic in go-smtp itself: it has one when a connection closes just as a BDAT begins, and
	// recovers from it. What a panic holds may be content, unless it is Go's own; []byte is the stack.
	for i, a := range args {
		switch a.(type) {
		case runtime.Error, []byte, net.Addr:
		default:
			if strings.HasPrefix(format, "panic") {
				args[i] = fmt.Sprintf("%T", a)
			}
		}
		if err, ok := a.(error); ok && (errors.Is(err, errLeave) || errors.Is(err, errCommands) || isTimeout(err)) {
			return
		}
	}
	l.log.Warn("smtp", "detail", fmt.Sprintf(format, args...))
}

func (l libraryLog) Println(args ...any) { l.log.Warn("smtp", "detail", fmt.Sprint(args...)) }
