package web_test

import (
	"fmt"
	"image"
	"image/color"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"sigill/web"
	"sigill/web/login/bankid"
	"sigill/web/login/bankid/bankidtest"
)

const telephone = "Mozilla/5.0 (Linux; Android 16) Chrome/141.0 Mobile Safari/537.36"

// bank is BankID with the fake of its server behind it, and a clock of its own.
type bank struct {
	*bankid.Provider
	*clock
	fake *bankidtest.Server
}

func newBank(t *testing.T) bank {
	t.Helper()
	b := bank{clock: &clock{}, fake: bankidtest.New(t)}
	var err error
	b.Provider, err = bankid.New(bankid.Config{
		ID: "bankid", Name: "BankID", Environment: bankid.Environment{URL: b.fake.URL}, CA: b.fake.CA, Certificate: b.fake.Client,
		Purpose: map[string]string{"sv": "Logga in hos Exempels kommun för att läsa ett säkert meddelande."}, Now: b.now,
	})
	must(t, err)
	t.Cleanup(b.Close)
	return b
}

// goesWell is the script of an order that is scanned and finished.
func goesWell() []bankidtest.Step {
	return []bankidtest.Step{
		bankidtest.Pending("outstandingTransaction"), bankidtest.Pending("userSign"), bankidtest.Complete(astridID.Digits(), "198.51.100.9"),
	}
}

var (
	codePath = regexp.MustCompile(`<svg class="code" viewBox="0 0 (\d+) \d+".*?<path d="([^"]+)"`)
	codeRun  = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-\d+z`)
)

// scan reads the QR code on a page as a telephone does; "" if there is none.
func scan(t *testing.T, body string) string {
	t.Helper()
	m := codePath.FindStringSubmatch(body)
	if m == nil {
		return ""
	}
	const scale = 8
	var size int
	fmt.Sscan(m[1], &size)
	picture := image.NewGray(image.Rect(0, 0, size*scale, size*scale))
	for i := range picture.Pix {
		picture.Pix[i] = 255
	}
	for _, run := range codeRun.FindAllStringSubmatch(m[2], -1) {
		var x, y, n int
		fmt.Sscan(run[1], &x)
		fmt.Sscan(run[2], &y)
		fmt.Sscan(run[3], &n)
		for py := y * scale; py < (y+1)*scale; py++ {
			for px := x * scale; px < (x+n)*scale; px++ {
				picture.SetGray(px, py, color.Gray{})
			}
		}
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
	must(t, err)
	found, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
	must(t, err)
	return found.GetText()
}

// look lets the page ask anew, two seconds later.
func (b bank) look(v *visitor) answer {
	v.t.Helper()
	b.pass(2 * time.Second)
	return v.get("/login/bankid/wait")
}

func TestBankIDOnAnotherDevice(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	b.fake.Script(goesWell())
	s := newStage(t, web.Limits{}, b)
	sent := s.send(letterText, astrid)
	token := s.link(astrid)
	v := s.visitor()
	v.get("/m/"+token).has(`action="/login/bankid"`, "Logga in med BankID på en annan enhet", "Logga in med BankID på den här enheten", "Logga in med e-legitimation")
	if n := len(b.fake.Orders()); n != 0 {
		t.Fatalf("GET of a page placed %d orders", n)
	}
	v.post("/login/bankid", url.Values{"link": {token}, "device": {"other"}}).to("/login/bankid/wait")
	a := v.get("/login/bankid/wait").is(http.StatusOK).has("Läs av QR-koden med BankID-appen", `<meta http-equiv="refresh" content="2">`, `role="status"`)
	order := b.fake.Orders()[0]
	if got := scan(t, a.body); !strings.HasPrefix(got, "bankid."+order.QRToken+".0.") {
		t.Errorf("the code says %q", got)
	}
	a.lacks(order.QRSecret, order.AutoStart)
	if p := a.Header.Get("Content-Security-Policy"); !strings.HasSuffix(p, "; script-src 'self'; connect-src 'self'") || strings.Contains(p, "unsafe") {
		t.Errorf("the policy is %s", p)
	}
	b.pass(time.Second)
	part := v.get("/login/bankid/wait/part").is(http.StatusOK).lacks("<html")
	if got := scan(t, part.body); !strings.HasPrefix(got, "bankid."+order.QRToken+".1.") {
		t.Errorf("a second later the code says %q", got)
	}
	s.visitor().get("/login/bankid/wait").is(http.StatusBadRequest) // somebody else's browser
	s.visitor().get("/login/bankid/wait/part").is(http.StatusBadRequest)
	v.get("/login/eid/wait").is(http.StatusNotFound)
	b.look(v)
	if a := b.look(v).has("Skriv in din säkerhetskod"); scan(t, a.body) != "" {
		t.Error("a code is shown after it was scanned")
	}
	b.pass(2 * time.Second)
	v.get("/login/bankid/wait/part").is(http.StatusOK).has(`data-to="/login/bankid/callback"`)
	v.follow(v.get("/login/bankid/wait").to("/login/bankid/callback")).is(http.StatusOK).has("Hej Astrid!")
	v.get("/messages/" + sent.ID.String()).is(http.StatusOK)
	v.get("/login/bankid/callback").is(http.StatusBadRequest)
	v.get("/login/bankid/wait").is(http.StatusBadRequest)
}

func TestBankIDOnTheSameDevice(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	s := newStage(t, web.Limits{}, b)
	b.fake.Script(goesWell()[1:], []bankidtest.Step{bankidtest.Failed("userCancel")})
	v := s.visitor()
	v.agent = telephone
	v.get("/login").has(`<button class="main" name="device" value="this">`)
	v.post("/login/bankid", url.Values{"to": {"/receipts/x"}, "device": {"this"}}).to("/login/bankid/wait")
	order := b.fake.Orders()[0]
	a := v.get("/login/bankid/wait").has(`href="https://app.bankid.com/?autostarttoken=`+order.AutoStart+`&amp;redirect=null"`, "Öppna BankID")
	if scan(t, a.body) != "" {
		t.Error("a code is shown")
	}
	device := order.Request["web"].(map[string]any)["deviceIdentifier"]
	back, err := url.Parse(order.Request["returnUrl"].(string))
	must(t, err)
	b.look(v).has("Skriv in din säkerhetskod")
	b.look(v).has("Du är klar i appen")
	v.get(back.RequestURI()).to("/login/bankid/callback")
	v.get("/login/bankid/callback").to("/receipts/x")
	// The next login: the browser is known again, the person breaks off and may begin anew, with where to go kept.
	v.post("/logout", nil)
	v.post("/login/bankid", url.Values{"to": {"/receipts/x"}, "device": {"this"}})
	if b.fake.Orders()[1].Request["web"].(map[string]any)["deviceIdentifier"] != device {
		t.Error("the browser's name does not outlive the session")
	}
	b.look(v).has("Åtgärden avbröts.", `name="to" value="/receipts/x"`, `name="device" value="other"`).lacks("http-equiv")
}

func TestBankIDIsBrokenOff(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	s := newStage(t, web.Limits{}, b)
	v := s.visitor()
	v.post("/login/bankid", url.Values{"device": {"this"}})
	v.post("/login/bankid", url.Values{"device": {"other"}})
	if !b.fake.Orders()[0].Cancelled {
		t.Error("the first order goes on beside the second")
	}
	back, err := url.Parse(b.fake.Orders()[0].Request["returnUrl"].(string))
	must(t, err)
	v.post("/login/bankid/cancel", nil).to("/login")
	if !b.fake.Orders()[1].Cancelled {
		t.Error("the order goes on")
	}
	v.get(back.RequestURI()).is(http.StatusBadRequest).has("Inloggningen gick inte att slutföra")
	b.fake.Refuse(http.StatusForbidden, "unauthorized")
	v.post("/login/bankid", nil).is(http.StatusBadGateway).has("Inloggningstjänsten svarar inte")
	if !strings.Contains(s.log.String(), "unauthorized") {
		t.Error("whoever runs the server is not told")
	}
}

func TestBankIDInABrowser(t *testing.T) {
	t.Parallel()
	bank := newBank(t)
	s := newStage(t, web.Limits{}, bank)
	b := newBrowser(t, s)
	bank.fake.Script(goesWell(), []bankidtest.Step{bankidtest.Pending("userSign")})
	b.run(chromedp.Navigate(s.server.URL + "/login"))
	b.at("/login", "Logga in med BankID på en annan enhet")
	b.picture("chooser")
	b.run(chromedp.Click(chromedp.CSS(`button[value="other"]`)), chromedp.WaitVisible(chromedp.CSS("svg.code")))
	b.at("/login/bankid/wait", "Läs av QR-koden")
	b.picture("code")
	bank.pass(4 * time.Second)
	b.run(chromedp.WaitNotPresent(chromedp.CSS("svg.code")))
	bank.pass(2 * time.Second)
	b.run(chromedp.WaitVisible(chromedp.CSS(".empty, .list")))
	b.at("/messages", "Dina meddelanden")
	b.run(chromedp.Navigate(s.server.URL + "/logins"))
	b.at("/logins", "Dina inloggningar")
	b.picture("logins")

	// Without JavaScript the page loads itself anew.
	b.run(chromedp.Click(chromedp.CSS("button.link")), chromedp.WaitVisible(chromedp.CSS("p.note")))
	_, err := chromedp.Call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	must(t, err)
	b.run(chromedp.Click(chromedp.CSS(`button[value="other"]`)), chromedp.WaitVisible(chromedp.CSS("svg.code")))
	bank.pass(2 * time.Second)
	b.run(chromedp.WaitNotPresent(chromedp.CSS("svg.code")), chromedp.WaitVisible(chromedp.CSS("#say")))
	b.at("/login/bankid/wait", "Skriv in din säkerhetskod")
	b.quiet()
}

// picture is for eyes: with SIGILL_TEST_PICTURES set to a folder it holds the page at two widths in both schemes.
func (b *browser) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("SIGILL_TEST_PICTURES")
	if dir == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		must(b.t, err)
		for _, width := range []int64{390, 1200} {
			b.run(chromedp.EmulateViewport(width, 900))
			png := ask(b, chromedp.FullScreenshot(100))
			must(b.t, os.WriteFile(fmt.Sprintf("%s/%s-%s-%d.png", dir, name, scheme, width), png, 0o644))
		}
	}
}
