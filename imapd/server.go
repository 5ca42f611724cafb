package imapd

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"golang.org/x/sync/errgroup"

	"sigill/vault"
)

// Config is what a server needs. TLS and Vault must be set.
type Config struct {
	TLS   *tls.Config
	Vault *vault.Vault
	Log   *slog.Logger // slog.Default if nil
	// ImplicitTLS and StartTLS are the listeners of Run (ports 993 and 143); nil for none. Run closes them.
	ImplicitTLS net.Listener
	StartTLS    net.Listener
	Tokens      Tokens // nil: nobody logs in with one
	// Networks are those clients may come from; all if empty.
	Networks []netip.Prefix
	Stubs    Stubs
	Limits   Limits
}

// Tokens tells whose a token is: its mail address, or vault.ErrBadCredentials; *login.Bearer does.
type Tokens interface {
	Verify(ctx context.Context, token string) (address string, err error)
}

// Limits bound what clients can cost. A zero field means the one of DefaultLimits.
type Limits struct {
	Connections int   // at a time in all
	PerAddress  int   // at a time from one address; an office behind NAT is one address
	MessageSize int64 // octets of an APPEND, told as APPENDLIMIT (RFC 7889)
	// LoginFailures end a connection. The answer to the first takes FailureDelay, each further one twice as long.
	LoginFailures int
	FailureDelay  time.Duration
	SearchSize    int64         // octets of messages one SEARCH reads for BODY and TEXT
	SearchTime    time.Duration // for one SEARCH
	AccessCheck   time.Duration // how long a client in IDLE, which asks for nothing, may stay after its access has ended
	Grace         time.Duration // for commands that run when the server is to end
}

// DefaultLimits are for a municipality of some thousand accounts.
var DefaultLimits = Limits{
	Connections:   4000,
	PerAddress:    1000,
	MessageSize:   100 << 20,
	LoginFailures: 3,
	FailureDelay:  time.Second,
	SearchSize:    512 << 20,
	SearchTime:    30 * time.Second,
	AccessCheck:   time.Minute,
	Grace:         10 * time.Second,
}

// Mode is how a listener's connections become secure.
type Mode int

// The modes.
const (
	ImplicitTLS Mode = iota // TLS from the first octet, port 993 (RFC 8314)
	StartTLS                // STARTTLS, port 143
)

// Server serves IMAP.
type Server struct {
	config  Config
	limits  Limits
	log     *slog.Logger
	gate    gate
	recents recents
	words   vocabularies
	// sleep waits, unless the context ends first. Tests replace it.
	sleep func(context.Context, time.Duration)
	// panics counts those the library has caught. Tests want none.
	panics atomic.Int64
}

// New makes a server that does nothing yet.
func New(c Config) *Server {
	s := &Server{config: c, limits: c.Limits.orDefault(), log: c.Log, sleep: sleep}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.gate = gate{most: s.limits.Connections, each: s.limits.PerAddress}
	return s
}

// Run serves the listeners of the configuration until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for mode, l := range []net.Listener{ImplicitTLS: s.config.ImplicitTLS, StartTLS: s.config.StartTLS} {
		if l != nil {
			g.Go(func() error { return s.Serve(ctx, l, Mode(mode)) })
		}
	}
	return g.Wait()
}

// Serve serves a listener until ctx ends, and closes it. Then clients that wait are told BYE, commands that run may end
// within Limits.Grace, and what remains is cut off. When Serve returns, nothing of it uses the vault any more. The error is
// nil unless the listener broke.
func (s *Server) Serve(ctx context.Context, l net.Listener, mode Mode) error {
	sessions, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	p := &port{Server: s, mode: mode, sessions: sessions, queue: newQueue(l.Addr()), open: map[net.Conn]*conn{}}
	library := p.library()
	var wait sync.WaitGroup
	wait.Go(func() { library.Serve(p.queue) })
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()

	err := p.accept(ctx, l)
	l.Close()
	p.end(cut)
	p.queue.Close()
	wait.Wait()
	return err
}

// library is go-imap's server, made so that it takes passwords and offers no STARTTLS: all it sees is a conn, and that is
// TLS already.
func (p *port) library() *imapserver.Server {
	return imapserver.New(&imapserver.Options{
		NewSession:   p.newSession,
		Caps:         capabilities(),
		Logger:       &libraryLog{log: p.log, panics: &p.panics},
		InsecureAuth: true,
	})
}

// capabilities are those the sessions keep what they promise of. IMAP4rev2 and LITERAL+ are not among them.
func capabilities() imap.CapSet {
	return imap.CapSet{
		imap.CapIMAP4rev1: {}, imap.CapNamespace: {}, imap.CapUIDPlus: {}, imap.CapMove: {}, imap.CapESearch: {}, imap.CapSearchRes: {},
		imap.CapListExtended: {}, imap.CapListStatus: {}, imap.CapStatusSize: {}, imap.CapChildren: {},
		imap.CapSpecialUse: {}, imap.CapCreateSpecialUse: {}, imap.CapBinary: {},
	}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits
	l.Connections = or(l.Connections, d.Connections)
	l.PerAddress = or(l.PerAddress, d.PerAddress)
	l.MessageSize = or(l.MessageSize, d.MessageSize)
	l.LoginFailures = or(l.LoginFailures, d.LoginFailures)
	l.FailureDelay = or(l.FailureDelay, d.FailureDelay)
	l.SearchSize = or(l.SearchSize, d.SearchSize)
	l.SearchTime = or(l.SearchTime, d.SearchTime)
	l.AccessCheck = or(l.AccessCheck, d.AccessCheck)
	l.Grace = or(l.Grace, d.Grace)
	return l
}

func or[T comparable](v, other T) T {
	if v == *new(T) {
		return other
	}
	return v
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// temporary tells an accept error after which accepting can go on.
func temporary(err error) bool {
	var n interface{ Temporary() bool }
	return errors.As(err, &n) && n.Temporary()
}
