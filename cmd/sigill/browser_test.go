package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"sigill/cmd/sigill/internal/client"
	"sigill/cmd/sigill/internal/demo"
)

// view is how somebody looks at the pages.
type view struct {
	name     string
	width    int64
	height   int64
	mobile   bool
	dark     bool
	noScript bool
	english  bool
}

var views = []view{
	{name: "desktop-light", width: 1280, height: 900},
	{name: "desktop-dark", width: 1280, height: 900, dark: true, noScript: true, english: true},
	{name: "phone-light", width: 390, height: 844, mobile: true, noScript: true},
	{name: "phone-dark", width: 390, height: 844, mobile: true, dark: true},
}

// TestBrowser goes from the notice to the receipt in Chromium, in light and dark, on a phone and at a desk, with and
// without scripts. Pictures of every page are left in artifacts/browser.
func TestBrowser(t *testing.T) {
	t.Parallel()
	chromium := need(t, "chromium", "chromium")
	s, _ := foreignScene(t)
	browser := openChromium(t, chromium, s)
	for _, v := range views {
		t.Run(v.name, func(t *testing.T) { // one after the other: they share a machine with two processors
			if code, text, err := s.submit("anna", "testdata/mail/outlook.eml", "", nil); err != nil || code != 250 {
				t.Fatal(code, text, err)
			}
			notice, err := s.next(s.stage.places.Persons[0].Address)
			if err != nil {
				t.Fatal(err)
			}
			tab := openTab(t, browser, v)
			tab.journey(s, notice)
			tab.onlyLoopback()
			if receipt, err := s.next(s.stage.places.Persons[0].Address); err != nil || !strings.Contains(strings.Join(client.Texts(receipt.Data), ""), "Ditt svar har kommit in") {
				t.Errorf("no notice that the reply came in: %v", err)
			}
		})
	}
}

// openChromium starts a browser that trusts the demo's certificate, knows no other name than 127.0.0.1 and keeps
// nothing.
func openChromium(t *testing.T, path string, s *scene) context.Context {
	t.Helper()
	key := sha256.Sum256(s.stage.certificates.Server.Leaf.RawSubjectPublicKeyInfo)
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("lang", "sv"), chromedp.Flag("accept-lang", "sv"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.Flag("ignore-certificate-errors-spki-list", base64.StdEncoding.EncodeToString(key[:])),
	)...)
	t.Cleanup(cancel)
	ctx, close := chromedp.NewContext(allocator)
	t.Cleanup(close)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// tab is a browser tab somebody looks at.
type tab struct {
	t     *testing.T
	ctx   context.Context
	view  view
	count int

	mu        sync.Mutex
	requested []string
	faults    []string
}

func openTab(t *testing.T, browser context.Context, v view) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // the tab lives as long as this context
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, view: v}
	scheme, language := "light", "sv"
	if v.dark {
		scheme = "dark"
	}
	if v.english {
		language = "en"
	}
	mobile := []chromedp.EmulateViewportOption{}
	if v.mobile {
		mobile = append(mobile, chromedp.EmulateMobile)
	}
	b.do("open a tab", chromedp.EmulateViewport(v.width, v.height, mobile...))
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	b.do("set up the tab",
		call(network.Enable, network.EnableParams{}), call(log.Enable, cdp.Empty{}),
		call(network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": language}}),
		call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		}),
		call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: v.noScript}))
	return b
}

// call makes an action of a command whose answer says nothing.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requested = append(b.requested, e.Request.URL)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			b.faults = append(b.faults, e.Entry.Text)
		}
	}
}

func (b *tab) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// goes does something that leads to another page, and waits for it.
func (b *tab) goes(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	answer, err := chromedp.RunResponse(b.ctx, actions...)
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	if answer.Status != 200 {
		b.t.Fatalf("%s: %d at %s", what, answer.Status, answer.URL)
	}
	b.picture(what)
}

// press presses what the selector finds.
func press(selector chromedp.CSS) chromedp.Action[chromedp.Void] {
	return chromedp.Click(selector, chromedp.NodeReady)
}

func write(selector chromedp.CSS, text string) chromedp.Action[chromedp.Void] {
	return chromedp.SendKeys(selector, text, chromedp.NodeReady)
}

// journey is what a citizen does, from the mailbox to the receipt.
func (b *tab) journey(s *scene, notice demo.Mail) {
	t, places := b.t, s.stage.places
	b.goes("mailbox", chromedp.Navigate(places.Mailbox))
	b.goes("notice", press(chromedp.CSS(fmt.Sprintf(`a[href^="/mail/%d"]`, notice.Number))))
	b.goes("landing", press(chromedp.CSS(`.card a[href^="`+places.Web+`/m/"]`)))
	b.goes("e-id", press(`form[action^="/login/"] button`))
	b.goes("message", write(`input[name="personal_number"]`, places.Persons[0].PersonalNumber), press(`form button`))
	b.shows("Beslut om färdtjänst 2027")
	b.goes("reply", press(`a[href$="/reply"]`))
	file := filepath.Join(t.TempDir(), "Kopia åäö.txt")
	if err := os.WriteFile(file, []byte("Bilagans text.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.goes("receipt", write(`textarea[name="text"]`, "Tack, jag återkommer om resorna."),
		chromedp.SetUploadFiles(chromedp.CSS(`input[type="file"]`), []string{file}),
		press(`form[enctype] button`))
	b.shows("Beslut om färdtjänst 2027")
	b.goes("answer", press(`main a[href^="/messages/"]`))
	b.shows("Tack, jag återkommer om resorna.", "Kopia åäö.txt")
	b.goes("list", press(`nav a[href="/messages"]`))
}

// shows sees that texts are on the page.
func (b *tab) shows(texts ...string) {
	b.t.Helper()
	html, err := chromedp.Run(b.ctx, chromedp.OuterHTML(chromedp.CSS("html")))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, text := range texts {
		if !strings.Contains(html, text) {
			b.t.Errorf("no %q on the page", text)
		}
	}
}

// picture keeps what the page looks like, and sees that nobody has to scroll sideways.
func (b *tab) picture(what string) {
	b.t.Helper()
	b.count++
	metrics, err := chromedp.Call(b.ctx, page.GetLayoutMetrics, cdp.Empty{})
	if err != nil {
		b.t.Fatal(err)
	}
	if width := int64(metrics.CSSContentSize.Width); width > b.view.width {
		b.t.Errorf("%s is %d pixels wide and the screen %d", what, width, b.view.width)
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	dir := filepath.Join("..", "..", "artifacts", "browser")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	name := fmt.Sprintf("%s-%d-%s.png", b.view.name, b.count, what)
	if err := os.WriteFile(filepath.Join(dir, name), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// onlyLoopback sees that the pages asked nobody else for anything, and that the browser complained of nothing.
func (b *tab) onlyLoopback() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.requested) < 10 {
		b.t.Errorf("only %d requests were seen", len(b.requested))
	}
	for _, address := range slices.Compact(slices.Sorted(slices.Values(b.requested))) {
		u, err := url.Parse(address)
		if err != nil || u.Hostname() != "127.0.0.1" && u.Scheme != "data" && u.Scheme != "about" {
			b.t.Errorf("a page asked for %s", address)
		}
	}
	for _, fault := range b.faults {
		b.t.Errorf("the browser says: %s", fault)
	}
}
