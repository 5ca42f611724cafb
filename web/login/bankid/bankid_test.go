package bankid_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sigill/policy"
	"sigill/web/login"
	"sigill/web/login/bankid"
	"sigill/web/login/bankid/bankidtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	number  = "199001019802"
	address = "192.0.2.7"
	iphone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1"
	desktop = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/146.0"
)

// scene is a provider with the fake behind it, and a clock.
type scene struct {
	*bankid.Provider
	t    *testing.T
	fake *bankidtest.Server
	mu   sync.Mutex
	time time.Time
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, fake: bankidtest.New(t), time: time.Unix(1_800_000_000, 0)}
	s.open(nil)
	return s
}

func (s *scene) open(change func(*bankid.Config)) {
	s.t.Helper()
	c := bankid.Config{
		ID: "bankid", Name: "BankID", Environment: bankid.Environment{URL: s.fake.URL}, CA: s.fake.CA, Certificate: s.fake.Client,
		Purpose: map[string]string{"sv": "Logga in hos Exempels kommun för att läsa ett säkert meddelande."}, Now: s.now,
	}
	if change != nil {
		change(&c)
	}
	var err error
	s.Provider, err = bankid.New(c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(s.Close)
}

func (s *scene) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.time
}

func (s *scene) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.time = s.time.Add(d)
}

func visit(same bool, agent string) login.Visit {
	return login.Visit{
		Callback: "https://sakert.example.se/login/bankid/wait", Lang: "sv", Address: netip.MustParseAddr(address),
		UserAgent: agent, Device: "a browser", SameDevice: same,
	}
}

func (s *scene) start(v login.Visit) string {
	s.t.Helper()
	begun, err := s.Start(s.t.Context(), v)
	if err != nil {
		s.t.Fatal(err)
	}
	if begun.URL != "" {
		s.t.Fatal("the browser is sent away")
	}
	return begun.Memory
}

// look lets two seconds pass, so that BankID is asked.
func (s *scene) look(memory string, query url.Values) login.Progress {
	s.t.Helper()
	s.pass(2 * time.Second)
	p, err := s.Look(s.t.Context(), query, memory)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func script(steps ...bankidtest.Step) []bankidtest.Step { return steps }

func TestOnAnotherDevice(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.fake.Script(script(
		bankidtest.Pending("outstandingTransaction"), bankidtest.Refused(http.StatusServiceUnavailable, "Maintenance"),
		bankidtest.Pending("userSign"), bankidtest.Complete(number, "198.51.100.9"),
	))
	memory := s.start(visit(false, desktop))
	codes := map[string]bool{}
	for range 2 { // a code a second, one question every other
		p, err := s.Look(t.Context(), nil, memory)
		if err != nil || p.Stage != login.Pending || p.Say != "scan" || p.Open != "" {
			t.Fatalf("%+v, %v", p, err)
		}
		codes[p.QR] = true
		s.pass(time.Second)
	}
	order := s.fake.Orders()[0]
	if len(codes) != 2 || order.Collects != 0 {
		t.Errorf("%d codes and %d questions in a second", len(codes), order.Collects)
	}
	for code := range codes {
		if !strings.HasPrefix(code, "bankid."+order.QRToken+".") || strings.Contains(code, order.QRSecret) {
			t.Errorf("the code is %s", code)
		}
	}
	s.look(memory, nil)
	if p := s.look(memory, nil); p.Stage != login.Pending || p.QR == "" {
		t.Errorf("while BankID is out of order: %+v", p)
	}
	if p := s.look(memory, nil); p.Say != "rfa9" || p.QR != "" {
		t.Errorf("scanned: %+v", p)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel() // the browser goes away while BankID answers
	s.pass(2 * time.Second)
	if _, err := s.Look(gone, nil, memory); err != nil {
		t.Fatal(err)
	}
	if p := s.look(memory, nil); p.Stage != login.Done {
		t.Errorf("the result is lost: %+v", p)
	}
	who, err := s.Finish(t.Context(), nil, memory)
	if err != nil || who.Person != policy.MustPersonID(number) || who.Assurance != login.LOA3 {
		t.Errorf("%v, %v", who, err)
	}
	if _, err := s.Finish(t.Context(), nil, memory); !errors.Is(err, login.ErrState) {
		t.Errorf("finished twice: %v", err)
	}
}

// TestOrder holds what BankID is told.
func TestOrder(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.open(func(c *bankid.Config) { c.Risk, c.PinCode = "LOW", true })
	s.start(visit(true, iphone))
	s.start(visit(false, desktop))
	same, other := s.fake.Orders()[0].Request, s.fake.Orders()[1].Request
	if same["endUserIp"] != address || same["userVisibleDataFormat"] != "plaintext" {
		t.Errorf("%v", same)
	}
	text, err := base64.StdEncoding.DecodeString(same["userVisibleData"].(string))
	if err != nil || !strings.Contains(string(text), "Exempels kommun") {
		t.Errorf("the app shows %q, %v", text, err)
	}
	if r := same["requirement"].(map[string]any); r["risk"] != "LOW" || r["pinCode"] != true || r["personalNumber"] != nil {
		t.Errorf("%v", r)
	}
	w := same["web"].(map[string]any)
	if w["referringDomain"] != "sakert.example.se" || w["userAgent"] != iphone || w["deviceIdentifier"] == "a browser" || w["deviceIdentifier"] == "" {
		t.Errorf("%v", w)
	}
	if back, _ := same["returnUrl"].(string); !strings.HasPrefix(back, "https://sakert.example.se/login/bankid/wait?back=") {
		t.Errorf("comes back to %q", back)
	}
	if other["returnUrl"] != nil {
		t.Error("a telephone that scanned a code must not open our page")
	}
}

func (s *scene) back() url.Values {
	s.t.Helper()
	orders := s.fake.Orders()
	u, err := url.Parse(orders[len(orders)-1].Request["returnUrl"].(string))
	if err != nil {
		s.t.Fatal(err)
	}
	return u.Query()
}

func TestOnTheSameDevice(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, row := range []struct {
		why, agent, open string
		device           string
		back             bool
		stage            login.Stage
		say              string
	}{
		{"the app sent the browser back", iphone, "https://app.bankid.com/?autostarttoken=", "198.51.100.9", true, login.Done, ""},
		{"app and browser at one address", desktop, "bankid:///?autostarttoken=", address, false, login.Done, ""},
		{"neither: it may be another's app", desktop, "bankid:///?autostarttoken=", "198.51.100.9", false, login.Failed, "other"},
	} {
		s.fake.Script(script(bankidtest.Pending("started"), bankidtest.Complete(number, row.device)))
		memory := s.start(visit(true, row.agent))
		p, err := s.Look(t.Context(), nil, memory)
		if err != nil || p.Say != "rfa13" || p.QR != "" || !strings.HasPrefix(p.Open, row.open) || !strings.HasSuffix(p.Open, "&redirect=null") {
			t.Fatalf("%s: %+v, %v", row.why, p, err)
		}
		if p = s.look(memory, nil); p.Stage != login.Pending || !strings.HasPrefix(p.Say, "rfa15") || p.Open != "" {
			t.Errorf("%s: %+v", row.why, p)
		}
		var query url.Values
		if row.back {
			query = s.back()
		}
		p = s.look(memory, query)
		if row.stage == login.Failed {
			if p.Stage != login.Pending || p.Say != "back" {
				t.Errorf("%s: %+v", row.why, p)
			}
			s.pass(30 * time.Second)
			p = s.look(memory, nil)
		}
		if p.Stage != row.stage || p.Say != row.say {
			t.Errorf("%s: %+v", row.why, p)
		}
		if _, err := s.Finish(t.Context(), nil, memory); (err == nil) != (row.stage == login.Done) {
			t.Errorf("%s: %v", row.why, err)
		}
	}
}

// TestLuredIntoAnothersLogin: a link that opens the app was sent to somebody, and the app then sends that one's browser
// back. The login it belongs to ends, whoever waits for it.
func TestLuredIntoAnothersLogin(t *testing.T) {
	t.Parallel()
	for _, complete := range []bool{false, true} {
		s := newScene(t)
		steps := script(bankidtest.Pending("userSign"))
		if complete {
			steps = script(bankidtest.Complete(number, address)) // even from behind the same address
		}
		s.fake.Script(steps, script(bankidtest.Pending("outstandingTransaction")))
		attacker := s.start(visit(true, desktop))
		back := s.back()
		s.look(attacker, nil)
		victim := s.start(visit(false, iphone)) // with a login of its own under way
		for _, memory := range []string{"", victim} {
			if _, err := s.Look(t.Context(), back, memory); !errors.Is(err, login.ErrState) {
				t.Errorf("the wrong browser came back: %v", err)
			}
		}
		if p := s.look(attacker, nil); p.Stage != login.Failed {
			t.Errorf("the attacker's login goes on: %+v", p)
		}
		if _, err := s.Finish(t.Context(), nil, attacker); !errors.Is(err, login.ErrState) {
			t.Errorf("the attacker is in: %v", err)
		}
		if !complete && !s.fake.Orders()[0].Cancelled {
			t.Error("the order goes on at BankID")
		}
	}
}

func TestNobodyScans(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for range 6 {
		s.fake.Script(script(bankidtest.Failed("startFailed")))
	}
	memory := s.start(visit(false, desktop))
	seen := map[string]bool{}
	for range 5 {
		p := s.look(memory, nil)
		if p.Stage != login.Pending || seen[p.QR] || !strings.Contains(p.QR, ".0.") {
			t.Fatalf("a new order shows a new code: %+v", p)
		}
		seen[p.QR] = true
	}
	if p := s.look(memory, nil); p.Stage != login.Failed || p.Say != "rfa17b" || p.QR != "" {
		t.Errorf("%+v", p)
	}
	if n := len(s.fake.Orders()); n != 6 {
		t.Errorf("%d orders", n)
	}
}

// TestHints holds what is said for each hint, on the page of either device.
func TestHints(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, row := range []struct {
		step        bankidtest.Step
		same, other string
	}{
		{bankidtest.Pending("outstandingTransaction"), "rfa13", "scan"},
		{bankidtest.Pending("noClient"), "rfa1", "rfa1"},
		{bankidtest.Pending("started"), "rfa15b", "rfa21"},
		{bankidtest.Pending("userSign"), "rfa9", "rfa9"},
		{bankidtest.Pending("userMrtd"), "rfa23", "rfa23"},
		{bankidtest.Pending("processing"), "rfa21", "rfa21"},
		{bankidtest.Pending("of next year"), "rfa21", "rfa21"},
		{bankidtest.Failed("expiredTransaction"), "rfa8", "rfa8"},
		{bankidtest.Failed("certificateErr"), "rfa16", "rfa16"},
		{bankidtest.Failed("userCancel"), "rfa6", "rfa6"},
		{bankidtest.Failed("cancelled"), "rfa3", "rfa3"},
		{bankidtest.Failed("startFailed"), "rfa17a", ""},
		{bankidtest.Failed("notSupportedByUserApp"), "old", "old"},
		{bankidtest.Failed("transactionRiskBlocked"), "risk", "risk"},
		{bankidtest.Failed("of next year"), "rfa22", "rfa22"},
		{bankidtest.Step{Status: "of next year"}, "rfa22", "rfa22"},
		{bankidtest.Refused(http.StatusBadRequest, "invalidParameters"), "rfa22", "rfa22"},
		{bankidtest.Refused(http.StatusTooManyRequests, "tooManyRequests"), "rfa13", "scan"},
	} {
		for same, want := range map[bool]string{true: row.same, false: row.other} {
			if want == "" {
				continue // told in TestNobodyScans
			}
			s.fake.Script(script(row.step))
			p := s.look(s.start(visit(same, iphone)), nil)
			failed := row.step.Status == "failed" || want == "rfa22"
			if p.Say != want || (p.Stage == login.Failed) != failed {
				t.Errorf("%+v on the same device %v: %+v, want %s", row.step, same, p, want)
			}
		}
	}
}

func TestRefusedOrders(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		status int
		code   string
		say    string // "" if it is an error
	}{
		{http.StatusBadRequest, "alreadyInProgress", "rfa4"},
		{http.StatusServiceUnavailable, "Maintenance", "rfa5"},
		{http.StatusInternalServerError, "internalError", "rfa5"},
		{http.StatusRequestTimeout, "requestTimeout", "rfa5"},
		{http.StatusTooManyRequests, "tooManyRequests", "rfa5"},
		{http.StatusBadRequest, "invalidParameters", ""},
		{http.StatusForbidden, "unauthorized", ""},
	} {
		s := newScene(t)
		s.fake.Refuse(row.status, row.code)
		begun, err := s.Start(t.Context(), visit(false, desktop))
		if row.say == "" {
			if !errors.Is(err, login.ErrUnavailable) || !strings.Contains(err.Error(), row.code) || strings.Contains(err.Error(), number) {
				t.Errorf("%s: %v", row.code, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if p := s.look(begun.Memory, nil); p.Stage != login.Failed || p.Say != row.say {
			t.Errorf("%s: %+v", row.code, p)
		}
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	memory := s.start(visit(false, desktop))
	s.Cancel(t.Context(), memory)
	if !s.fake.Orders()[0].Cancelled {
		t.Error("the order goes on at BankID")
	}
	if _, err := s.Look(t.Context(), nil, memory); !errors.Is(err, login.ErrState) {
		t.Errorf("it goes on here: %v", err)
	}
	s.Cancel(t.Context(), "unknown")
	forgotten := s.start(visit(false, desktop))
	s.pass(11 * time.Minute)
	s.start(visit(false, desktop))
	if _, err := s.Look(t.Context(), nil, forgotten); !errors.Is(err, login.ErrState) {
		t.Errorf("an old login is kept: %v", err)
	}
}

func TestBadNumber(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.fake.Script(script(bankidtest.Complete("199001019803", address)))
	memory := s.start(visit(false, desktop))
	s.look(memory, nil)
	if _, err := s.Finish(t.Context(), nil, memory); !errors.Is(err, login.ErrBadNumber) || strings.Contains(err.Error(), "1990") {
		t.Errorf("%v", err)
	}
}

// TestBothSidesProveThemselves: no server but BankID's, and not without our certificate.
func TestBothSidesProveThemselves(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	good := bankid.Config{ID: "bankid", Name: "BankID", Environment: bankid.Environment{URL: s.fake.URL}, CA: s.fake.CA, Certificate: s.fake.Client}
	for why, change := range map[string]func(*bankid.Config){
		"an authority that is not BankID's": func(c *bankid.Config) { c.Environment = bankid.Production },
		"no authority":                      func(c *bankid.Config) { c.CA = nil },
		"no certificate":                    func(c *bankid.Config) { c.Certificate = tls.Certificate{} },
		"a purpose that is too long":        func(c *bankid.Config) { c.Purpose = map[string]string{"sv": strings.Repeat("x", 1126)} },
		"an unknown risk":                   func(c *bankid.Config) { c.Risk = "low" },
		"an id with a slash":                func(c *bankid.Config) { c.ID = "a/b" },
	} {
		c := good
		change(&c)
		if _, err := bankid.New(c); err == nil {
			t.Errorf("%s: accepted", why)
		}
	}
	stranger, err := x509.ParseCertificate(s.fake.Client.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for why, change := range map[string]func(*bankid.Config){
		"a server of another authority's": func(c *bankid.Config) { c.CA = stranger },
		"a certificate of no authority's": func(c *bankid.Config) { c.Certificate.Certificate = [][]byte{s.fake.CA.Raw} },
	} {
		s.open(change)
		if _, err := s.Start(t.Context(), visit(false, desktop)); !errors.Is(err, login.ErrUnavailable) {
			t.Errorf("%s: %v", why, err)
		}
	}
}
