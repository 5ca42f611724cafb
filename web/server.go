package web

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-webauthn/webauthn/webauthn"

	"sigill/policy"
	"sigill/vault"
	"sigill/web/autoconfig"
	"sigill/web/brand"
	"sigill/web/login"
)

// Organisation is who the pages speak for.
type Organisation struct {
	Name  string // "Exempels kommun"
	Phone string // as people write it: "08-123 45 67"
	URL   string // the organisation's own site
	Email string // the contact centre's address, for ordinary mail; "" if it has none
	// DataProtection is how the data protection officer is reached; "" if the pages need not say.
	DataProtection string
}

// Brand is the organisation's sign and colours.
type Brand struct {
	Logo    brand.Logo
	Colours brand.Colours
}

// Config is what a server needs.
type Config struct {
	Vault *vault.Vault
	// BaseURL is where browsers find the server, "https://sakert.example.se".
	BaseURL      string
	Organisation Organisation
	// Brand is what the pages look like; the zero value is the product's own look.
	Brand Brand
	// Info are the pages of information in the organisation's own words; the defaults are shown for those it lacks.
	Info Info
	// Providers let persons log in, in the order of the buttons.
	Providers []login.Provider
	// Rules decide what staff may send from the pages. Facts adds what a header tells to those a decision rests on; nil adds
	// the subject and nothing else, which is enough where no rule asks for more.
	Rules policy.Rules
	Facts func(f *policy.Facts, header []byte)
	// Staff is how staff log in.
	Staff StaffLogin
	// Purpose is what staff are asked of the personal data in their mails; nothing by default.
	Purpose PurposeFields
	// Admin is for the administration's pages.
	Admin Administering
	// MailClients are the settings that mail programs look up; nil offers none.
	MailClients *autoconfig.Settings
	// Proxies in front of the server tell who its clients are; none unless configured.
	Proxies Proxies
	// TLS is what Run serves with. If nil Run serves without TLS, for a listener that has done it already; browsers send
	// the session cookie over TLS only.
	TLS *tls.Config
	Log *slog.Logger     // discards if nil
	Now func() time.Time // time.Now if nil
	// Limits; zero values mean DefaultLimits.
	Limits Limits
}

// Limits bound what a visitor may cost.
type Limits struct {
	Idle      time.Duration // a session without requests
	Session   time.Duration // a session at all
	ReplyText int           // octets of the text of a reply
	ReplySize int64         // octets of its attachments in all
	Files     int           // attachments of a reply
	Page      int           // messages on a page of a list
	PerMinute int           // logins and links a minute and address of the network
	PerLink   int           // uses a minute of one link, from wherever they come
	Shown     int64         // octets of a text that are shown in a page

	Connections int // at a time
	PerNetwork  int // at a time, from one IPv4 address or one IPv6 /64 network
	AtOnce      int // requests for messages that one person or staff member has under way; others wait their turn

	// A search in texts ends at the first of these.
	SearchTexts int           // messages
	SearchSize  int64         // octets of messages read, in all
	SearchTime  time.Duration // checked between messages
}

// DefaultLimits are for people; the rates leave room for an office behind one address.
var DefaultLimits = Limits{
	Idle:      30 * time.Minute,
	Session:   8 * time.Hour,
	ReplyText: 200_000,
	ReplySize: 25_000_000,
	Files:     20,
	Page:      50,
	PerMinute: 60,
	PerLink:   20,
	Shown:     1 << 20,

	Connections: 10_000,
	PerNetwork:  2_000,
	AtOnce:      8,

	SearchTexts: searchDepth,
	SearchSize:  64 << 20,
	SearchTime:  10 * time.Second,
}

// Server is the web server. It is an [http.Handler] for whoever serves it otherwise than by Run.
type Server struct {
	config      Config
	base        *url.URL
	log         *slog.Logger
	now         func() time.Time
	began       time.Time
	pages       pages
	assets      assets
	sessions    *scs.SessionManager
	store       *sessionStore
	replies     *replies
	answers     *answers
	unsent      *unsent
	interrupted *interrupted
	visitors    *limiter           // by network address: logins and links
	links       *limiter           // by link, whether there is such a one or not
	turns       *turns             // of principals
	searches    *turns             // of theirs in texts
	passkeys    *webauthn.WebAuthn // nil where there can be none
	mux         *http.ServeMux
	handler     http.Handler
}

// New makes a server.
func New(c Config) (*Server, error) {
	base, err := url.Parse(c.BaseURL)
	if err != nil || base.Scheme != "https" || base.Host == "" || base.Path != "" && base.Path != "/" {
		return nil, fmt.Errorf("web: base URL %q: must be https://host", c.BaseURL)
	}
	if c.Vault == nil {
		return nil, errors.New("web: no vault")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Limits = c.Limits.orDefault()
	s := &Server{
		config:      c,
		base:        base,
		log:         c.Log,
		now:         c.Now,
		began:       c.Now(),
		store:       newSessionStore(c.Now, c.Limits),
		replies:     newReplies(c.Now, c.Limits.Session),
		answers:     newAnswers(c.Now),
		unsent:      &unsent{now: c.Now, drafts: map[string]*unsentDraft{}},
		interrupted: &interrupted{now: c.Now, mails: map[string]interruptedMail{}},
		visitors:    newLimiter(c.Now, c.Limits.PerMinute, c.Limits.PerMinute),
		links:       newLimiter(c.Now, c.Limits.PerLink, c.Limits.PerLink),
		turns:       &turns{most: c.Limits.AtOnce, lines: map[vault.Principal]*line{}},
		searches:    &turns{most: 1, lines: map[vault.Principal]*line{}},
	}
	s.sessions = newSessions(c.Limits, s.store)
	if s.passkeys, err = newPasskeys(c, base.Host, base.Hostname()); err != nil {
		return nil, fmt.Errorf("web: passkeys for %s: %w", base.Host, err)
	}
	if err := s.load(); err != nil {
		return nil, err
	}
	s.mux = http.NewServeMux()
	s.routes()
	s.handler = s.chain()
	return s, nil
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits
	set(&l.Idle, d.Idle)
	set(&l.Session, d.Session)
	set(&l.ReplyText, d.ReplyText)
	set(&l.ReplySize, d.ReplySize)
	set(&l.Files, d.Files)
	set(&l.Page, d.Page)
	set(&l.PerMinute, d.PerMinute)
	set(&l.PerLink, d.PerLink)
	set(&l.Shown, d.Shown)
	set(&l.Connections, d.Connections)
	set(&l.PerNetwork, d.PerNetwork)
	set(&l.AtOnce, d.AtOnce)
	set(&l.SearchTexts, d.SearchTexts)
	set(&l.SearchSize, d.SearchSize)
	set(&l.SearchTime, d.SearchTime)
	return l
}

func set[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Time limits of the HTTP server. Uploads and downloads push theirs on as long as octets move (see pace).
const (
	headerTime  = 10 * time.Second
	quietTime   = 60 * time.Second
	verdictTime = 10 * time.Minute // for the answer to an upload, each file of which a malware scanner may take its time for
	keepTime    = 2 * time.Minute
	endTime     = 20 * time.Second
	maxHeader   = 64 << 10
)

// Run serves on l until ctx ends, then lets requests under way finish for a while. It closes l.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s,
		TLSConfig:         s.config.TLS.Clone(), // net/http writes to it
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       quietTime,
		WriteTimeout:      quietTime,
		IdleTimeout:       keepTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	ctx, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	beside.Go(func() { s.prepare(ctx) })
	defer beside.Wait()
	defer stop()
	served := make(chan error, 1)
	l = newGate(l, s.config.Limits)
	go func() {
		if s.config.TLS != nil {
			served <- server.ServeTLS(l, "", "")
			return
		}
		served <- server.Serve(l)
	}()
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case err := <-served:
			return fmt.Errorf("web: serve %s: %w", l.Addr(), err)
		case <-tick.C:
			s.sweep()
		case <-ctx.Done():
			return s.end(server, served)
		}
	}
}

func (s *Server) end(server *http.Server, served <-chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	err := server.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("web: requests were cut off: %w", errors.Join(err, server.Close()))
	}
	<-served
	return err
}

// sweep forgets what is over.
func (s *Server) sweep() {
	s.store.sweep()
	s.replies.sweep()
	s.answers.sweep()
	s.unsent.sweep()
	s.interrupted.sweep()
	s.visitors.sweep()
	s.links.sweep()
}

// incident is a name for a fault that a visitor can tell and a log can be searched for.
func incident() string { return rand.Text()[:10] }
