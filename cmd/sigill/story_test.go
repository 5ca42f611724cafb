package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"sigill/cmd/sigill/internal/client"
	"sigill/cmd/sigill/internal/demo"
	"sigill/policy"
)

func TestMain(m *testing.M) {
	testscript.Main(leakless{m}, map[string]func(){"sigill": main})
}

// leakless fails a run whose tests leave something running.
type leakless struct{ m *testing.M }

func (l leakless) Run() int {
	code := l.m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// TestStories plays testdata/script. README there tells the words of the scripts.
func TestStories(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			s := newScene(e.WorkDir + "/state")
			e.Values["scene"] = s
			e.Setenv("TMPDIR", e.WorkDir+"/.tmp")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // or each process takes a second to end under the race detector
			e.Setenv("MAIL", mustAbs("testdata/mail"))
			e.Defer(func() {
				if err := s.stop(); err != nil {
					e.T().Log(err)
					e.T().FailNow()
				}
			})
			return nil
		},
		Cmds: words,
	})
}

func mustAbs(name string) string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return dir + "/" + name
}

// scene is a stage that comes and goes, and the people on it with their browsers.
type scene struct {
	journey
	dir  string
	log  lockedBuffer // at debug level
	end  context.CancelFunc
	done chan error

	seen     map[string]int // the last mail that was looked at, by address
	link     string         // path of the last notice's link
	browsers map[string]*client.Browser
	pages    map[string]*client.Page // that a browser shows
	receipts map[string]*client.Page
}

func newScene(dir string) *scene {
	return &scene{dir: dir, seen: map[string]int{}, browsers: map[string]*client.Browser{}, pages: map[string]*client.Page{},
		receipts: map[string]*client.Page{}}
}

// start opens the stage; later moves the gateway's clock.
func (s *scene) start(later time.Duration) error {
	log := slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if err := s.signingKey(); err != nil {
		return err
	}
	stage, err := openStage(context.Background(), stageOptions{
		Dir: s.dir, Log: log, Now: func() time.Time { return time.Now().Add(later) }, PasswordMemory: 8,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.journey, s.end, s.done = journey{stage}, cancel, make(chan error, 1)
	go func() { s.done <- stage.Run(ctx) }()
	return nil
}

// signingKey gives a new stage the RSA key of all of them: to find one costs a second.
func (s *scene) signingKey() error {
	path := filepath.Join(s.dir, "keys", "dkim-rsa.key")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, err := rsaKey()
	if err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, key, 0o600))
}

var rsaKey = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "sigill-key-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	keys, err := demo.OpenSigningKeys(dir)
	return keys.RSA, err
})

func (s *scene) stop() error {
	for who, b := range s.browsers {
		b.Close()
		delete(s.browsers, who)
		delete(s.pages, who)
	}
	if s.end == nil {
		return nil
	}
	s.end()
	s.end = nil
	return <-s.done
}

// browserOf is a person's browser, the same one until the stage goes.
func (s *scene) browserOf(who string) *client.Browser {
	if s.browsers[who] == nil {
		s.browsers[who] = s.browser()
	}
	return s.browsers[who]
}

// next waits for the next outgoing mail to an address and takes its link.
func (s *scene) next(to string) (demo.Mail, error) {
	address, err := policy.ParseAddress(to)
	if err != nil {
		return demo.Mail{}, err
	}
	m, err := s.awaitMail(context.Background(), s.seen[to], address)
	if err != nil {
		return m, err
	}
	s.seen[to] = m.Number
	for _, l := range client.LinksIn(m.Data) {
		for _, place := range []string{"/m/", "/holds/", "/messages/"} {
			if at := strings.Index(l, place); at >= 0 {
				s.link = l[at:]
				return m, nil
			}
		}
	}
	return m, nil
}

func staffCalled(name string) (demo.Staff, bool) {
	for _, s := range demo.TheStaff() {
		if first, _, _ := strings.Cut(s.Address.Local, "."); first == name {
			return s, true
		}
	}
	return demo.Staff{}, false
}

// numberOfPerson is that of a person of the demo by first name, or what is written.
func numberOfPerson(who string) (policy.PersonID, error) {
	for _, p := range demo.ThePersons() {
		if first, _, _ := strings.Cut(p.Address.Local, "."); first == who {
			return p.Number, nil
		}
	}
	return policy.ParsePersonID(who)
}

// submit sends a file and gives the gateway's code.
func (s *scene) submit(who, file, from string, to []string) (code int, text string, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0, "", err
	}
	mail := client.Mail{Raw: client.Canonical(raw)}
	header, err := client.ReadHeader(mail.Raw)
	if err != nil {
		return 0, "", err
	}
	way := client.Submission{Address: s.stage.places.SMTP} // the connector
	mail.From, mail.To = header.From, header.To
	if staff, ok := staffCalled(who); ok {
		way, mail.From = s.submission(staff), staff.Address
	}
	if from != "" {
		mail.From = policy.MustAddress(from)
	}
	if len(to) > 0 {
		mail.To = nil
	}
	for _, a := range to {
		mail.To = append(mail.To, policy.MustAddress(a))
	}
	err = way.Send(context.Background(), mail)
	var refused *client.Refused
	if errors.As(err, &refused) {
		return refused.Code, refused.Text, nil
	}
	return 250, "", err
}

// lockedBuffer takes what several write at once.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) Bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}

// see remembers what a browser shows.
func (s *scene) see(who string, page *client.Page) (status string) {
	s.pages[who] = page
	return strconv.Itoa(page.Status) + " " + page.URL.Path + "\n" + page.Text() + "\n"
}

func (s *scene) pageOf(who string) (*client.Page, error) {
	if p := s.pages[who]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%s has no page open", who)
}

// isOK tells whether a page is one that was wanted.
func isOK(p *client.Page) bool { return p.Status == http.StatusOK }
