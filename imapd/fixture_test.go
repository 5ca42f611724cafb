package imapd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sigill/policy"
	"sigill/vault"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" { // started by BenchmarkDovecot
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

var (
	anna     = policy.MustAddress("anna@kommun.example")
	bo       = policy.MustAddress("bo@kommun.example")
	omsorg   = policy.MustAddress("omsorg@kommun.example")
	password = "correct horse"
)

// fixture is a server on a real vault. Anna and Bo have accounts; both belong to omsorg.
type fixture struct {
	testing.TB
	dir      string
	vault    *vault.Vault
	server   *Server
	implicit string // addresses
	starttls string
	pool     *x509.CertPool
	caFile   string
	log      *syncBuffer
	stop     func()
}

// newFixture starts one; change may alter its configuration.
func newFixture(t testing.TB, change ...func(*Config)) *fixture {
	t.Helper()
	f := &fixture{TB: t, dir: t.TempDir(), log: &syncBuffer{}}
	f.openVault(true)
	f.serve(change...)
	return f
}

func (f *fixture) openVault(create bool) {
	f.Helper()
	key := filepath.Join(f.dir, "key")
	if create {
		f.must(vault.CreateKeyFile(key))
	}
	keys, err := vault.OpenKeyFile(key)
	f.must(err)
	data := filepath.Join(f.dir, "vault")
	f.must(os.MkdirAll(data, 0o700))
	f.vault, err = vault.Open(f.Context(), data, keys, vault.Options{Log: slog.New(slog.DiscardHandler), MailPasswords: true, PasswordMemory: 8, Scanner: scanner{}})
	f.must(err)
	if !create {
		return
	}
	d := f.vault.Directory()
	f.must(d.PutAccount(f.Context(), vault.Account{Address: anna, Name: "Anna"}, password))
	f.must(d.PutAccount(f.Context(), vault.Account{Address: bo, Name: "Bo"}, password))
	f.members(anna, bo)
}

func (f *fixture) members(m ...policy.Address) {
	f.Helper()
	f.must(f.vault.Directory().PutFunctionAddress(f.Context(), vault.FunctionAddress{Address: omsorg, Name: "Omsorg", Members: m}))
}

func (f *fixture) serve(change ...func(*Config)) {
	f.Helper()
	config := Config{
		TLS: f.certificate(), Vault: f.vault, Log: slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		ImplicitTLS: f.listen(), StartTLS: f.listen(),
		Limits: Limits{FailureDelay: time.Millisecond, Grace: 5 * time.Second},
	}
	f.implicit, f.starttls = config.ImplicitTLS.Addr().String(), config.StartTLS.Addr().String()
	for _, c := range change {
		c(&config)
	}
	f.server = New(config)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.server.Run(ctx) }()
	f.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			f.Errorf("run: %v", err)
		}
		if n := f.server.panics.Load(); n > 0 {
			f.Errorf("%d panics:\n%s", n, f.log.String())
		}
		f.must(f.vault.Close())
	})
	f.Cleanup(f.stop)
}

func (f *fixture) listen() net.Listener {
	f.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	f.must(err)
	return l
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// certificate is one for 127.0.0.1 that is its own authority.
func (f *fixture) certificate() *tls.Config {
	f.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "imap test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	f.must(err)
	leaf, err := x509.ParseCertificate(der)
	f.must(err)
	f.pool = x509.NewCertPool()
	f.pool.AddCert(leaf)
	f.caFile = filepath.Join(f.dir, "ca.pem")
	f.must(os.WriteFile(f.caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func (f *fixture) clientTLS() *tls.Config {
	return &tls.Config{RootCAs: f.pool, ServerName: "localhost"}
}

// deposit seals a message from Bo, as smtpd does.
func (f *fixture) deposit(raw string, to ...policy.Address) vault.Receipt {
	f.Helper()
	if len(to) == 0 {
		to = []policy.Address{anna}
	}
	m := vault.Deposit{From: bo, Account: bo, Rule: policy.RuleTag}
	for _, a := range to {
		m.Recipients = append(m.Recipients, policy.Recipient{Address: a, Kind: policy.Colleague})
	}
	d := f.vault.Depositor().Begin(m)
	defer d.Abort()
	_, err := io.WriteString(d, raw)
	f.must(err)
	r, err := d.Commit(context.Background())
	f.must(err)
	return r
}

// mail is a small mail.
func mail(subject string) string {
	return strings.ReplaceAll(fmt.Sprintf(`From: Bo Ek <bo@kommun.example>
To: anna@kommun.example
Subject: %s
Date: Tue, 24 Nov 2026 10:00:00 +0100
Message-ID: <%s@kommun.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Hej!
Ärendet är klart.
`, subject, strings.ReplaceAll(subject, " ", ".")), "\n", "\r\n")
}

// wire is a client that speaks octets.
type wire struct {
	*fixture
	net.Conn
	in  *bufio.Reader
	tag int
}

// dial connects with TLS and reads the greeting.
func (f *fixture) dial() *wire {
	f.Helper()
	c, err := tls.Dial("tcp", f.implicit, f.clientTLS())
	f.must(err)
	w := f.wire(c)
	if g := w.response(); !strings.HasPrefix(g, "* OK [CAPABILITY IMAP4rev1 ") {
		f.Fatalf("greeting %q", g)
	}
	return w
}

func (f *fixture) wire(c net.Conn) *wire {
	w := &wire{fixture: f, Conn: c, in: bufio.NewReader(c)}
	c.SetDeadline(time.Now().Add(30 * time.Second))
	f.Cleanup(func() { c.Close() })
	return w
}

// login connects and logs in.
func (f *fixture) login(who policy.Address) *wire {
	f.Helper()
	w := f.dial()
	w.ok(`LOGIN %s "%s"`, who, password)
	return w
}

// open lets a client open a mailbox and leave, so that what lies there is \Recent for no other.
func (f *fixture) open(who policy.Address, box string) {
	f.Helper()
	w := f.login(who)
	w.ok("SELECT %s", box)
	w.ok("LOGOUT")
}

func (w *wire) send(format string, args ...any) {
	w.Helper()
	_, err := fmt.Fprintf(w, format, args...)
	w.must(err)
}

var literalEnd = regexp.MustCompile(`\{(\d+)\}\r\n$`)

// response reads one response with its literals; "" at the end of the connection.
func (w *wire) response() string {
	w.Helper()
	var out strings.Builder
	for {
		line, err := w.in.ReadString('\n')
		out.WriteString(line)
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
			return out.String()
		}
		w.must(err)
		m := literalEnd.FindStringSubmatch(line)
		if m == nil {
			return out.String()
		}
		n, _ := strconv.ParseInt(m[1], 10, 64)
		if _, err := io.CopyN(&out, w.in, n); err != nil {
			return out.String()
		}
	}
}

// do sends a command and gives the untagged responses and the tagged one, without its tag.
func (w *wire) do(format string, args ...any) (untagged []string, status string) {
	w.Helper()
	w.tag++
	tag := fmt.Sprintf("t%d ", w.tag)
	w.send(tag+format+"\r\n", args...)
	for {
		r := w.response()
		if s, ok := strings.CutPrefix(r, tag); ok {
			return untagged, strings.TrimRight(s, "\r\n")
		}
		if r == "" {
			return untagged, ""
		}
		untagged = append(untagged, strings.TrimSuffix(r, "\r\n"))
	}
}

// ok is do for commands that must succeed; the untagged responses come back on lines of their own.
func (w *wire) ok(format string, args ...any) string {
	w.Helper()
	untagged, status := w.do(format, args...)
	if !strings.HasPrefix(status, "OK ") {
		w.Fatalf("%s: %s", fmt.Sprintf(format, args...), status)
	}
	return strings.Join(untagged, "\n")
}

// fails is do for commands that must not succeed.
func (w *wire) fails(status, format string, args ...any) string {
	w.Helper()
	untagged, got := w.do(format, args...)
	if !strings.HasPrefix(got, status) {
		w.Errorf("%s: %q, want %q", fmt.Sprintf(format, args...), got, status)
	}
	return strings.Join(untagged, "\n")
}

// literal gives the content of the first literal of a response.
func literalOf(response string) string {
	_, rest, ok := strings.Cut(response, "{")
	if !ok {
		return ""
	}
	size, rest, _ := strings.Cut(rest, "}\r\n")
	n, _ := strconv.Atoi(size)
	return rest[:n]
}

// syncBuffer is a log that can be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
