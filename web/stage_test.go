package web_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sigill/policy"
	"sigill/vault"
	"sigill/web"
	"sigill/web/autoconfig"
	"sigill/web/login"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The people of the tests. The numbers are of the Swedish Tax Agency's kind for tests.
var (
	anna     = policy.MustAddress("anna.ek@exempel.se")
	care     = policy.MustAddress("hemtjanst@exempel.se")
	astrid   = policy.MustAddress("astrid@example.com")
	stranger = policy.MustAddress("okand@example.com")

	astridID = policy.MustPersonID("199001019802")
	otherID  = policy.MustPersonID("199908072391")
)

const password = "korrekt häst batteri"

// stage is a server with a vault behind it.
type stage struct {
	t      testing.TB
	vault  *vault.Vault
	web    *web.Server
	server *httptest.Server
	clock  *clock
	log    *safeBuffer
	idp    *fakeProvider

	scanner scanner
}

type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// fakeProvider logs in whoever the test says, without leaving the server.
type fakeProvider struct {
	mu     sync.Mutex
	person policy.PersonID
	former []policy.PersonID
	name   string
	end    string
	err    error // of Finish
	seen   login.Visit
}

func (p *fakeProvider) About() login.About {
	return login.About{ID: "eid", Name: "e-legitimation", Origins: []string{"https://idp.example"}}
}

func (p *fakeProvider) Start(_ context.Context, v login.Visit) (login.Begun, error) {
	state := rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = v
	return login.Begun{URL: v.Callback + "?state=" + state, Memory: state}, nil
}

func (p *fakeProvider) Finish(_ context.Context, answer url.Values, memory string) (login.Identity, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if answer.Get("state") != memory {
		return login.Identity{}, login.ErrState
	}
	return login.Identity{Person: p.person, Former: p.former, Name: p.name, End: p.end}, p.err
}

func (p *fakeProvider) is(id policy.PersonID, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person, p.err = id, err
}

// newStage has the fake provider, and others beside it.
func newStage(t testing.TB, limits web.Limits, others ...login.Provider) *stage {
	t.Helper()
	return stageOf(t, func(c *web.Config) { c.Limits, c.Providers = limits, append(others, c.Providers...) })
}

// stageOf is a stage whose server is configured otherwise.
func stageOf(t testing.TB, change func(*web.Config)) *stage {
	t.Helper()
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	must(t, vault.CreateKeyFile(key))
	keys, err := vault.OpenKeyFile(key)
	must(t, err)
	s := &stage{t: t, clock: &clock{}, log: &safeBuffer{}, idp: &fakeProvider{}}
	s.vault, err = vault.Open(t.Context(), filepath.Join(dir, "vault"), keys, vault.Options{
		Retention: vault.Retention{Default: vault.Rule{Name: "Plan 1", AfterDeposit: 90}, Classes: []vault.Rule{{Name: "Plan 2", AfterDeposit: 365, Warn: 30}}}, PasswordMemory: 8, Scanner: &s.scanner, FenceUnscanned: true,
	})
	must(t, err)
	t.Cleanup(func() { must(t, s.vault.Close()) })

	s.server = httptest.NewUnstartedServer(nil)
	c := web.Config{
		Vault: s.vault, BaseURL: "https://" + s.server.Listener.Addr().String(),
		Organisation: web.Organisation{Name: "Exempels kommun", Phone: "08-123 45 67", URL: "https://www.exempel.se"},
		Providers:    []login.Provider{s.idp},
		Rules:        policy.Rules{TestNumbers: true},
		Admin:        web.Administering{Domains: []string{"exempel.se"}, Notices: fakeNotices{}, Relays: fakeRelays, Version: "1.2.3"},
		MailClients:  &autoconfig.Settings{Organisation: "Exempels kommun", Domains: []string{"exempel.se"}, Host: "post.exempel.se", IMAPS: 993, Submissions: 465},
		Log:          slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:          s.clock.now,
	}
	change(&c)
	s.web, err = web.New(c)
	must(t, err)
	s.server.Config.Handler = s.web
	s.server.StartTLS()
	t.Cleanup(s.server.Close)

	d := s.vault.Directory()
	must(t, d.PutAccount(t.Context(), vault.Account{Address: anna, Name: "Anna Ek"}, password))
	must(t, d.PutFunctionAddress(t.Context(), vault.FunctionAddress{Address: care, Name: "Hemtjänsten", Members: []policy.Address{anna}}))
	s.bind(astrid, astridID)
	return s
}

// bind makes an address that of a person, as a login by the link does.
func (s *stage) bind(a policy.Address, id policy.PersonID) {
	s.t.Helper()
	must(s.t, s.vault.Directory().PutBinding(s.t.Context(), vault.Binding{Address: a, Person: id, Verified: s.clock.now()}))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// send seals a mail from the function address; lines may end in LF.
func (s *stage) send(raw string, to ...policy.Address) vault.Receipt {
	s.t.Helper()
	recipients, err := s.vault.Directory().Classify(s.t.Context(), to)
	must(s.t, err)
	hold := false
	for _, r := range recipients {
		hold = hold || r.Kind == policy.Unknown
	}
	draft := s.vault.Depositor().Begin(vault.Deposit{From: care, Recipients: recipients, Hold: hold, Rule: policy.RuleTag, Account: anna})
	defer draft.Abort()
	_, err = io.WriteString(draft, strings.ReplaceAll(raw, "\n", "\r\n"))
	must(s.t, err)
	receipt, err := draft.Commit(s.t.Context())
	must(s.t, err)
	return receipt
}

const letterText = `From: =?utf-8?q?Anna_Ek?= <anna.ek@exempel.se>
To: astrid@example.com
Subject: =?utf-8?q?Beslut_om_hemtj=C3=A4nst?=
Date: Tue, 24 Nov 2026 14:05:09 +0100
Message-ID: <letter@exempel.se>
References: <first@exempel.se>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Hej Astrid! Läs https://www.exempel.se/hemtjanst.
`

// link is the token of the newest notice to an address.
func (s *stage) link(to policy.Address) string {
	s.t.Helper()
	jobs, _, err := s.vault.Outbox().Due(s.t.Context(), time.Now().Add(time.Hour), 1000)
	must(s.t, err)
	token := ""
	for _, j := range jobs {
		if (j.Kind == vault.NoticeMessage || j.Kind == vault.NoticeIdentify) && j.To.Key() == to.Key() {
			token = j.Link
		}
	}
	if token == "" {
		s.t.Fatal("no notice to " + to.String())
	}
	return token
}

// events counts audit events of an action and result.
func (s *stage) events(action, result string) (n int) {
	s.t.Helper()
	must(s.t, s.vault.Audit().Events(s.t.Context(), 0, func(e vault.Event) bool {
		if e.Action == action && e.Result == result {
			n++
		}
		return true
	}))
	return n
}

// visitor is a browser with its own cookies.
type visitor struct {
	*stage
	client *http.Client
	lang   string
	agent  string
}

func (s *stage) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	must(s.t, err)
	v := &visitor{stage: s, client: &http.Client{Transport: s.server.Client().Transport, Jar: jar}}
	v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return v
}

// person is a visitor who is logged in as somebody.
func (s *stage) person(id policy.PersonID) *visitor {
	s.t.Helper()
	v := s.visitor()
	s.idp.is(id, nil)
	v.follow(v.post("/login/eid", nil)).is(http.StatusOK)
	return v
}

// staff is a visitor who is logged in as Anna.
func (s *stage) staff() *visitor {
	s.t.Helper()
	v := s.visitor()
	v.post("/staff/login", url.Values{"username": {anna.String()}, "password": {password}}).to("/messages")
	return v
}

// answer is what came back.
type answer struct {
	*http.Response
	t    testing.TB
	path string
	body string
}

func (v *visitor) do(r *http.Request) answer {
	v.t.Helper()
	if v.lang != "" {
		r.Header.Set("Accept-Language", v.lang)
	}
	if v.agent != "" {
		r.Header.Set("User-Agent", v.agent)
	}
	if r.Header.Get("Sec-Fetch-Site") == "" {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	resp, err := v.client.Do(r)
	must(v.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(v.t, err)
	return answer{resp, v.t, r.URL.Path, string(b)}
}

func (v *visitor) request(method, path string, body io.Reader) *http.Request {
	v.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = v.server.URL + path
	}
	r, err := http.NewRequestWithContext(v.t.Context(), method, path, body)
	must(v.t, err)
	return r
}

func (v *visitor) get(path string) answer {
	v.t.Helper()
	return v.do(v.request("GET", path, nil))
}

func (v *visitor) post(path string, form url.Values) answer {
	v.t.Helper()
	r := v.request("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(r)
}

// follow follows redirects to the end.
func (v *visitor) follow(a answer) answer {
	v.t.Helper()
	for range 10 {
		to := a.Header.Get("Location")
		if to == "" {
			return a
		}
		a = v.get(to)
	}
	v.t.Fatal("redirects without end")
	return a
}

func (a answer) is(status int) answer {
	a.t.Helper()
	if a.StatusCode != status {
		a.t.Fatalf("%s: status %d, want %d\n%s", a.path, a.StatusCode, status, a.body)
	}
	return a
}

func (a answer) to(path string) answer {
	a.t.Helper()
	if a.is(http.StatusSeeOther).Header.Get("Location") != path {
		a.t.Fatalf("%s leads to %s, want %s", a.path, a.Header.Get("Location"), path)
	}
	return a
}

func (a answer) has(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			a.t.Errorf("%s: %q is not in\n%s", a.path, text, a.body)
		}
	}
	return a
}

func (a answer) lacks(texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(strings.ToLower(a.body), strings.ToLower(text)) {
			a.t.Errorf("%s: %q is in\n%s", a.path, text, a.body)
		}
	}
	return a
}

var formToken = regexp.MustCompile(`name="form" value="([^"]+)"`)

// upload is a file of a form.
type upload struct{ name, kind, content string }

// replyTo posts a reply the way a browser does.
func (v *visitor) replyTo(id vault.MessageID, token, text string, files ...upload) answer {
	v.t.Helper()
	r := v.request("POST", "/messages/"+id.String()+"/reply", strings.NewReader(multipartForm(token, text, files...)))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=XXX")
	return v.do(r)
}

func multipartForm(token, text string, files ...upload) string {
	var b strings.Builder
	field := func(name, value string) {
		fmt.Fprintf(&b, "--XXX\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", name, value)
	}
	field("form", token)
	field("text", text)
	if len(files) == 0 { // what browsers send for an empty file input
		b.WriteString("--XXX\r\nContent-Disposition: form-data; name=\"files\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n")
	}
	for _, f := range files {
		fmt.Fprintf(&b, "--XXX\r\nContent-Disposition: form-data; name=\"files\"; filename=\"%s\"\r\nContent-Type: %s\r\n\r\n%s\r\n", f.name, f.kind, f.content)
	}
	b.WriteString("--XXX--\r\n")
	return b.String()
}

// form gets a fresh token of the reply form.
func (v *visitor) form(id vault.MessageID) string {
	v.t.Helper()
	m := formToken.FindStringSubmatch(v.get("/messages/" + id.String() + "/reply").is(http.StatusOK).body)
	if m == nil {
		v.t.Fatal("the reply form has no token")
	}
	return m[1]
}

var errUnforeseen = errors.New("unforeseen")
