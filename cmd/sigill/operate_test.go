package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sigill/cmd/sigill/internal/client"
	"sigill/cmd/sigill/internal/demo"
	"sigill/policy"
)

// TestOperation plays testdata/operate: how an administrator sets the product up and keeps it. The commands are processes
// of their own; the server they talk to runs in this one.
func TestOperation(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/operate",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			s := &site{dir: e.WorkDir}
			e.Values["site"] = s
			e.Setenv("TMPDIR", e.WorkDir+"/.tmp")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // or each process takes a second to end under the race detector
			e.Defer(func() {
				if err := s.stop(); err != nil {
					e.T().Log(err)
					e.T().FailNow()
				}
			})
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"certificate": certificateWord, "serve": serveWord, "halt": haltWord, "send": sendWord, "uids": uidsWord,
			"same": sameWord, "get": getWord, "systemd": systemdWord, "edit": editWord, "exit": exitWord, "flip": flipWord, "usage": usageWord,
			"login": loginWord, "look": lookWord, "mailserver": mailserverWord, "arrives": arrivesWord, "nothing": nothingWord, "until": untilWord,
		},
	})
}

// site is an installation with its server.
type site struct {
	dir   string
	trust *x509.CertPool
	at    map[string]string // the server's addresses
	end   context.CancelFunc
	done  chan error
	// browser is where a staff member logs in, and page what it shows.
	browser *client.Browser
	page    *client.Page
	// mailservers are those of the world around, by name.
	mailservers map[string]*mailserver
}

func (s *site) stop() error {
	if s.end == nil {
		return nil
	}
	s.end()
	s.end = nil
	return <-s.done
}

func siteOf(ts *testscript.TestScript) *site { return ts.Value("site").(*site) }

// certificate DIR NAME: a certificate and key for NAME, which the script's clients trust.
func certificateWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) == 2, "certificate DIR NAME")
	s := siteOf(ts)
	s.trust = x509.NewCertPool()
	s.trust.AppendCertsFromPEM(writeCertificate(ts, ts.MkAbs(args[0]), args[1]))
}

// writeCertificate makes DIR/chain.pem, which it gives, and DIR/private.key.
func writeCertificate(ts *testscript.TestScript, dir, name string) (chain []byte) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	leaf := x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &leaf, &leaf, key.Public(), key)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	ts.Check(os.MkdirAll(dir, 0o700))
	chain = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	ts.Check(os.WriteFile(filepath.Join(dir, "chain.pem"), chain, 0o644))
	ts.Check(os.WriteFile(filepath.Join(dir, "private.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	return chain
}

// serve CONFIG [LATER]: sigill serve, until halt or the script's end; its clock is that much later.
func serveWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) == 1 || len(args) == 2, "serve CONFIG [LATER]")
	s := siteOf(ts)
	var later time.Duration
	if len(args) == 2 {
		var err error
		later, err = time.ParseDuration(args[1])
		ts.Check(err)
	}
	ts.Check(s.stop())
	r, w := io.Pipe()
	var said lockedBuffer
	p := &program{stdout: w, stderr: &said, log: slog.New(slog.NewTextHandler(&said, nil)),
		now: func() time.Time { return time.Now().Add(later) }}
	ctx, cancel := context.WithCancel(context.Background())
	s.end, s.done = cancel, make(chan error, 1)
	go func() {
		code := p.run(ctx, []string{"serve", "--config", ts.MkAbs(args[0]), "--json"})
		w.Close()
		if code != exitOK {
			s.done <- fmt.Errorf("serve ended with %d: %s", code, said.Bytes())
			return
		}
		s.done <- nil
	}()
	line, err := bufio.NewReader(r).ReadBytes('\n')
	if err != nil {
		ts.Fatalf("serve: %v", s.stop())
	}
	s.at = map[string]string{}
	ts.Check(json.Unmarshal(line, &s.at))
}

// halt: the server ends as on SIGTERM.
func haltWord(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(siteOf(ts).stop()) }

func (s *site) tls() *tls.Config {
	return &tls.Config{RootCAs: s.trust, ServerName: "sakert.exempelkommun.example"}
}

// send WHO PASSWORD FILE TO…: a mail by submission with TLS.
func sendWord(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, len(args) >= 4, "send WHO PASSWORD FILE TO…")
	s := siteOf(ts)
	mail := client.Mail{From: policy.MustAddress(args[0]), Raw: client.Canonical([]byte(ts.ReadFile(args[2])))}
	for _, to := range args[3:] {
		mail.To = append(mail.To, policy.MustAddress(to))
	}
	way := client.Submission{Address: s.at["submissions"], TLS: s.tls(), Implicit: true, Username: args[0], Password: args[1]}
	err := way.Send(context.Background(), mail)
	want(ts, neg, err == nil, "send: %v", err)
}

// uids WHO PASSWORD MAILBOX: UID and Message-ID of each message by IMAP, and its octets.
func uidsWord(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, len(args) == 3, "uids WHO PASSWORD MAILBOX")
	s := siteOf(ts)
	account := client.Account{Address: s.at["imap"], TLS: s.tls(), Username: args[0], Password: args[1]}
	all, err := account.Fetch(context.Background(), args[2])
	want(ts, neg, err == nil, "%v", err)
	for _, m := range all {
		fmt.Fprintln(ts.Stdout(), m.UID, m.MessageID, len(m.Raw))
		if strings.Contains(string(m.Raw), "[s") {
			ts.Fatalf("the tag is still there: %s", m.Raw)
		}
	}
}

// login WHO PASSWORD: opens the mailboxes in the script's one browser, and logs in there if it is asked to: with - for a
// password it gives none. The page's text is on stdout.
func loginWord(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, len(args) == 2, "login WHO PASSWORD")
	s := siteOf(ts)
	if s.browser == nil {
		s.browser = client.NewBrowser(s.tls())
		ts.Defer(s.browser.Close)
	}
	page, err := s.browser.Open(context.Background(), "https://"+s.at["web"]+"/messages")
	ts.Check(err)
	if args[1] != "-" {
		page, err = journey{}.staffAt(context.Background(), s.browser, demo.Staff{Address: policy.MustAddress(args[0]), Password: args[1]}, page.URL.String())
		ts.Check(err)
	}
	s.page = page
	fmt.Fprintln(ts.Stdout(), page.URL.Path, page.Text())
}

// look TEXT: follows the first link of the browser's page that says this. The page's text is on stdout.
func lookWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) == 1, "look TEXT")
	s := siteOf(ts)
	href, err := s.page.LinkCalled(args[0])
	ts.Check(err)
	s.page, err = s.browser.Follow(context.Background(), s.page, href)
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), s.page.URL.Path, s.page.Text())
}

// get PATH: what a browser gets.
func getWord(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, len(args) == 1, "get PATH")
	s := siteOf(ts)
	transport := &http.Transport{TLSClientConfig: s.tls()}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Get("https://" + s.at["web"] + args[0])
	ts.Check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	want(ts, neg, answer.StatusCode == http.StatusOK, "%s: %s", answer.Status, text)
	fmt.Fprintf(ts.Stdout(), "%s\n", text)
}

// same FILE: stdout is what FILE holds; a FILE that is not there is made.
func sameWord(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, len(args) == 1, "same FILE")
	path, now := ts.MkAbs(args[0]), ts.ReadFile("stdout")
	before, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		ts.Check(os.WriteFile(path, []byte(now), 0o600))
		return
	}
	ts.Check(err)
	want(ts, neg, string(before) == now, "was:\n%sis:\n%s", before, now)
}

// edit FILE OLD NEW: changes a text.
func editWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) == 3, "edit FILE OLD NEW")
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], strings.ReplaceAll(args[2], `\n`, "\n"))), 0o600))
}

// exit CODE COMMAND…: a command that ends with that code, whatever it says.
func exitWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) >= 2, "exit CODE COMMAND…")
	code := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		code = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if code != args[0] {
		ts.Fatalf("ended with %s, not %s", code, args[0])
	}
}

// flip FILE: changes one octet in the middle.
func flipWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) == 1, "flip FILE")
	text := []byte(ts.ReadFile(args[0]))
	text[len(text)/2] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
}
