package smtpd

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"sigill/policy"
	"sigill/smtpd/internal/sink"
	"sigill/smtpd/relay"
	"sigill/vault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The people of these tests.
var (
	anna   = policy.MustAddress("anna@kommun.example")
	bo     = policy.MustAddress("bo@kommun.example")     // function address without members
	family = policy.MustAddress("familj@kommun.example") // function address; anna is a member
	cecil  = policy.MustAddress("cecil@ut.example")      // outside, identity known
	dag    = policy.MustAddress("dag@ut.example")        // outside, unknown
	person = policy.MustPersonID("199001012385")
)

const password = "correct horse battery"

// gateway is a server on a real vault, with a sink as upstream.
type gateway struct {
	t        testing.TB
	server   *Server
	vault    *vault.Vault
	upstream *sink.Sink
	roots    *x509.CertPool
	cert     tls.Certificate
	addr     map[Kind]string
	pipes    map[Kind]*pipes // in place of addresses, in a bubble
	log      *syncBuffer
	stop     func() // ends the server and waits for it
}

type setup struct {
	Config
	vault        vault.Options
	server       func(*Server)
	upstreamAddr string
	panics       bool // the test makes sessions panic
}

func start(t testing.TB, change func(*setup)) *gateway {
	t.Helper()
	return run(t, &gateway{upstream: sink.Start(t, nil)}, func(Kind) net.Listener { return listen(t) }, change)
}

// startStill is start in a bubble of synctest, where time passes only while all wait: clients come by pipes, and there is no
// upstream.
func startStill(t testing.TB, change func(*setup)) *gateway {
	t.Helper()
	g := &gateway{pipes: map[Kind]*pipes{}}
	return run(t, g, func(k Kind) net.Listener {
		g.pipes[k] = &pipes{calls: make(chan net.Conn), closed: make(chan struct{})}
		return g.pipes[k]
	}, func(o *setup) {
		o.Relay = nowhere{t}
		change(o)
	})
}

func run(t testing.TB, g *gateway, listen func(Kind) net.Listener, change func(*setup)) *gateway {
	t.Helper()
	g.t, g.addr, g.log = t, map[Kind]string{}, &syncBuffer{}
	cert, roots := sink.Certificate(t)
	g.roots, g.cert = roots, cert
	o := setup{vault: vault.Options{MailPasswords: true, PasswordMemory: 8}, Config: Config{
		Hostname: "gateway.example", TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, Domains: []string{"kommun.example"},
		Limits: Limits{AuthDelay: time.Millisecond, Idle: 20 * time.Second, Command: 20 * time.Second, ShutdownGrace: 5 * time.Second},
		Log:    slog.New(slog.NewTextHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}}
	if g.upstream != nil {
		o.upstreamAddr = g.upstream.Addr
	}
	for _, k := range []Kind{Submission, Submissions, Connector} {
		l := Listener{Kind: k, Net: listen(k)}
		if k == Connector {
			l.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		}
		g.addr[k] = l.Net.Addr().String()
		o.Listeners = append(o.Listeners, l)
	}
	if change != nil {
		change(&o)
	}
	g.open(&o)
	var err error
	if o.Relay == nil {
		if o.Relay, err = relay.New(relay.Config{Upstreams: []relay.Upstream{{Addr: o.upstreamAddr, Security: relay.Cleartext}}, Hello: "gateway.example"}); err != nil {
			t.Fatal(err)
		}
	}
	if g.server, err = New(o.Config); err != nil {
		t.Fatal(err)
	}
	if o.server != nil {
		o.server(g.server)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.server.Run(ctx) }()
	g.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() {
		g.stop()
		g.vault.Close()
		if _, trace, found := strings.Cut(g.log.String(), "panic in a session"); found && !o.panics {
			t.Errorf("a session panicked: %.3000s", trace)
		}
	})
	return g
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (g *gateway) open(o *setup) {
	g.t.Helper()
	dir := g.t.TempDir()
	key := filepath.Join(dir, "key")
	if err := vault.CreateKeyFile(key); err != nil {
		g.t.Fatal(err)
	}
	keys, err := vault.OpenKeyFile(key)
	if err != nil {
		g.t.Fatal(err)
	}
	if g.vault, err = vault.Open(g.t.Context(), filepath.Join(dir, "vault"), keys, o.vault); err != nil {
		g.t.Fatal(err)
	}
	o.Depositor, o.Directory = g.vault.Depositor(), g.vault.Directory()
	ctx, d := g.t.Context(), g.vault.Directory()
	if err := errors.Join(
		d.PutAccount(ctx, vault.Account{Address: anna, Name: "Anna"}, password),
		d.PutFunctionAddress(ctx, vault.FunctionAddress{Address: bo}), // an account would take time to hash its password
		d.PutFunctionAddress(ctx, vault.FunctionAddress{Address: family, Members: []policy.Address{anna}}),
		d.PutBinding(ctx, vault.Binding{Address: cecil, Person: person, Verified: time.Now()}),
	); err != nil {
		g.t.Fatal(err)
	}
}

// client is a go-smtp client on a connector, or logged in as anna elsewhere.
func (g *gateway) client(kind Kind) *smtp.Client {
	g.t.Helper()
	c := g.connect(kind)
	if kind != Connector {
		if err := c.Auth(sasl.NewPlainClient("", anna.String(), password)); err != nil {
			g.t.Fatal(err)
		}
	}
	return c
}

func (g *gateway) connect(kind Kind) (c *smtp.Client) {
	g.t.Helper()
	var err error
	switch conf := g.tls(); kind {
	case Submission:
		c, err = smtp.DialStartTLS(g.addr[kind], conf)
	case Submissions:
		c, err = smtp.DialTLS(g.addr[kind], conf)
	default:
		c, err = smtp.Dial(g.addr[kind])
	}
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	return c
}

func (g *gateway) tls() *tls.Config { return &tls.Config{RootCAs: g.roots, ServerName: "localhost"} }

// send is one transaction on a connector.
func (g *gateway) send(message string, to ...policy.Address) (*smtp.DataResponse, error) {
	g.t.Helper()
	c := g.client(Connector)
	return submit(c, anna.String(), message, to...)
}

func submit(c *smtp.Client, from, message string, to ...policy.Address) (*smtp.DataResponse, error) {
	if err := c.Mail(from, nil); err != nil {
		return nil, err
	}
	for _, a := range to {
		if err := c.Rcpt(a.String(), nil); err != nil {
			return nil, err
		}
	}
	w, err := c.Data()
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(w, message); err != nil {
		return nil, err
	}
	return w.CloseWithResponse()
}

// code is that of an SMTP error with its enhanced one, "550 5.7.1"; "" for nil.
func code(err error) string {
	var e *smtp.SMTPError
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &e):
		return err.Error()
	}
	c := e.EnhancedCode
	return strings.TrimSpace(strings.Join([]string{itoa(e.Code), itoa(c[0]) + "." + itoa(c[1]) + "." + itoa(c[2])}, " "))
}

func itoa(n int) string { return string(appendInt(nil, n)) }

func appendInt(b []byte, n int) []byte {
	if n >= 10 {
		b = appendInt(b, n/10)
	}
	return append(b, byte('0'+n%10))
}

// sealed are the raw messages in the principal's mailboxes.
func (g *gateway) sealed(principal vault.Principal) (raw []string) {
	g.t.Helper()
	ctx := context.Background()
	r, err := g.vault.Reader(ctx, principal, vault.DoorWeb)
	if err != nil {
		g.t.Fatal(err)
	}
	defer r.Close()
	boxes, err := r.Mailboxes(ctx)
	if err != nil {
		g.t.Fatal(err)
	}
	for _, box := range boxes {
		entries, err := r.Entries(ctx, box.ID, 1, 0)
		if err != nil {
			g.t.Fatal(err)
		}
		for _, e := range entries {
			contents, err := r.Open(ctx, e.Message)
			if err != nil {
				g.t.Fatal(err)
			}
			all, err := io.ReadAll(io.NewSectionReader(contents[0], 0, contents[0].Size()))
			if err != nil {
				g.t.Fatal(err)
			}
			raw = append(raw, string(all))
		}
	}
	return raw
}

// jobs are the notices that wait.
func (g *gateway) jobs() (kinds []vault.JobKind) {
	g.t.Helper()
	due, _, err := g.vault.Outbox().Due(context.Background(), time.Now().Add(time.Hour), 100)
	if err != nil {
		g.t.Fatal(err)
	}
	for _, j := range due {
		kinds = append(kinds, j.Kind)
	}
	return kinds
}

// empty fails unless nothing was stored and nothing was passed on.
func (g *gateway) empty() {
	g.t.Helper()
	if n := len(g.sealed(vault.Staff(anna))); n != 0 {
		g.t.Errorf("%d messages were sealed", n)
	}
	if g.upstream == nil {
		return // nowhere tells
	}
	if n := len(g.upstream.Mails()); n != 0 {
		g.t.Errorf("%d mails were passed on", n)
	}
}

// pipes is a listener in memory.
type pipes struct {
	calls  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// dial is a client's side. Nothing is held on the way: a write waits for its reader.
func (p *pipes) dial() net.Conn {
	near, far := net.Pipe()
	p.calls <- loopback{far}
	return near
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.calls:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.closed) }); return nil }

func (p *pipes) Addr() net.Addr { return loopback{}.RemoteAddr() }

// loopback is a pipe whose client has an address.
type loopback struct{ net.Conn }

func (loopback) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711} }

// nowhere is an upstream that must not be asked.
type nowhere struct{ t testing.TB }

// Send takes what is passed on as it comes, which may be cut off but not come to its end.
func (n nowhere) Send(_ context.Context, _ relay.Mail, r io.Reader) (relay.Reply, error) {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return relay.Reply{}, err
	}
	n.t.Error("a mail was passed on")
	return relay.Reply{Code: 250}, nil
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func plainAuth(username, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + username + "\x00" + password))
}
