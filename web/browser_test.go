package web_test

import (
	"context"
	"net/url"
	"os"
	"os/exec"
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
	"github.com/chromedp/chromedp"

	"sigill/web"
)

// browser is a real one, headless, that notes what a policy stopped and what was fetched from elsewhere.
type browser struct {
	context.Context
	t *testing.T

	mu    sync.Mutex
	notes []string
}

// newBrowser notes what is fetched from others than the stage and the named homes.
func newBrowser(t *testing.T, s *stage, homes ...string) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium (Debian package chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox,
		chromedp.IgnoreCertErrors, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("lang", "sv"))
	root, endRoot := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(root)
	t.Cleanup(func() {
		end()
		endRoot() // waits for the browser to be gone
	})
	b := &browser{Context: ctx, t: t}
	must(t, chromedp.Listen(ctx, func(event any) { b.hear(event, append(homes, s.server.URL)) }))
	_, err = chromedp.Call(ctx, log.Enable, cdp.Empty{})
	must(t, err)
	_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	must(t, err)
	_, err = chromedp.Call(ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": "sv"}})
	must(t, err)
	return b
}

func (b *browser) hear(event any, homes []string) {
	switch e := event.(type) {
	case *log.EventEntryAdded:
		// A form with faults is answered with 422, which browsers note as an error.
		// Other sites of a test have no icon.
		if e.Entry.Level == log.EntryLevelError && !strings.Contains(e.Entry.Text, "422") && !strings.HasSuffix(e.Entry.URL, "/favicon.ico") {
			b.note(e.Entry.Text + " " + e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !slices.ContainsFunc(append(homes, "data:"), func(h string) bool { return strings.HasPrefix(u, h) }) {
			b.note("fetched " + u)
		}
	}
}

func (b *browser) note(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.notes = append(b.notes, text)
}

func (b *browser) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, end := context.WithTimeout(b, 20*time.Second)
	defer end()
	if err := chromedp.Do(ctx, actions...); err != nil {
		page, _ := chromedp.Run(b, chromedp.Text(chromedp.CSS("body")))
		b.t.Fatalf("%v at\n%s", err, page)
	}
}

func ask[T any](b *browser, a chromedp.Action[T]) T {
	b.t.Helper()
	answer, err := chromedp.Run(b, a)
	must(b.t, err)
	return answer
}

// at checks that the page is the wanted one and fits into a window of 320 CSS pixels, a small phone and also what 400 %
// zoom leaves of 1280 (WCAG 2.2, 1.4.10).
func (b *browser) at(path, text string) {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		must(b.t, err)
		for _, width := range []int64{320, 390, 1200} {
			b.run(chromedp.EmulateViewport(width, 900))
			if over := ask(b, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`)); over > 0 {
				b.t.Errorf("%s is %d pixels too wide at %d", path, over, width)
			}
		}
	}
	if body := ask(b, chromedp.Text(chromedp.CSS("body"))); !strings.Contains(body, text) {
		b.t.Errorf("%s: %q is not in\n%s", path, text, body)
	}
	if u, err := url.Parse(ask(b, chromedp.Location())); err != nil || !strings.HasPrefix(u.Path, path) {
		b.t.Errorf("at %s, want %s", u, path)
	}
}

func TestInABrowser(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	s.idp.is(astridID, nil)
	sent := s.send(hostile, astrid)
	s.send(letterText, astrid, stranger)
	b := newBrowser(t, s)
	home := s.server.URL
	id := sent.ID.String()

	b.run(chromedp.Navigate(home + "/"))
	b.at("/", "Har du fått en avisering?")
	b.run(chromedp.Navigate(home + "/m/" + s.link(astrid)))
	b.at("/m/", "Så går det till")
	b.run(chromedp.Click(chromedp.CSS("main button.main")), chromedp.WaitVisible(chromedp.CSS("iframe.mail")))
	b.at("/messages/"+id, "Bifogade filer")
	b.run(chromedp.Navigate(home + "/messages"))
	b.at("/messages", "Dina meddelanden")
	b.run(chromedp.Navigate(home+"/messages/"+id+"/reply"), chromedp.SendKeys(chromedp.CSS("#text"), "Tack för beslutet!"))
	b.at("/messages/"+id+"/reply", "Bifoga filer")
	file := t.TempDir() + "/läkarintyg.txt"
	must(t, os.WriteFile(file, []byte("intyg"), 0o600))
	b.run(chromedp.SetUploadFiles(chromedp.CSS("#files"), []string{file}), chromedp.Click(chromedp.CSS("button[aria-describedby=wait]")), chromedp.WaitVisible(chromedp.CSS(".seal")))
	b.at("/receipts/", "Ditt svar har kommit in")
	b.run(chromedp.Click(chromedp.CSS("button.link")), chromedp.WaitVisible(chromedp.CSS("p.note")))
	b.at("/", "Du är utloggad")

	b.run(chromedp.Navigate(home + "/holds"))
	b.at("/staff/login", "Lösenord")
	b.run(chromedp.SendKeys(chromedp.CSS("#username"), anna.String()), chromedp.SendKeys(chromedp.CSS("#password"), password), chromedp.Click(chromedp.CSS("button.main")), chromedp.WaitVisible(chromedp.CSS(".list")))
	b.at("/holds", "okand@example.com")
	b.run(chromedp.Click(chromedp.CSS(".list a")), chromedp.WaitVisible(chromedp.CSS("#number-2")), chromedp.SendKeys(chromedp.CSS("#number-2"), "199908072392"), chromedp.Click(chromedp.CSS("main button.main")), chromedp.WaitVisible(chromedp.CSS(".fault")))
	b.at("/holds/", "kontrollsiffran stämmer inte")
	b.run(chromedp.SetValue(chromedp.CSS("#number-2"), "199908072391"), chromedp.Click(chromedp.CSS("main button.main")), chromedp.WaitVisible(chromedp.CSS(".seal")))
	b.at("/holds/", "Aviseringar skickas")
	b.run(chromedp.Navigate(home + "/messages"))
	b.at("/messages", "Papperskorg")

	if got := s.inbox(); len(got) != 1 || !strings.Contains(got[0], "aW50eWc=") {
		t.Errorf("the reply came out as %q", got)
	}
	b.quiet()
}

// TestWithoutScripts goes from the notice's link to the receipt, on the smallest phone and with no script, by what the pages
// show and never by an address.
func TestWithoutScripts(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	s.idp.is(astridID, nil)
	s.send(letterText, astrid)
	b := newBrowser(t, s)
	_, err := chromedp.Call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	must(t, err)
	press := func(selector, until string) {
		t.Helper()
		b.run(chromedp.Click(chromedp.CSS(selector)), chromedp.WaitVisible(chromedp.CSS(until)))
	}
	folder := t.TempDir()
	var files []string
	for _, name := range []string{"läkarintyg.txt", "bild på armen.png"} {
		files = append(files, filepath.Join(folder, name))
		must(t, os.WriteFile(files[len(files)-1], []byte(name), 0o600))
	}
	b.run(chromedp.EmulateViewport(320, 480), chromedp.Navigate(s.server.URL+"/m/"+s.link(astrid)))
	press("main button.main", "article.sheet")
	press("article a.button.main", "#text")
	b.run(chromedp.SendKeys(chromedp.CSS("#text"), "Först det här."))
	press("button[formaction]", "p.note")
	b.run(chromedp.SendKeys(chromedp.CSS("#text"), " Sedan mer."), chromedp.SetUploadFiles(chromedp.CSS("#files"), files))
	press("button[aria-describedby=wait]", ".seal")
	b.at("/receipts/", "Ditt svar har kommit in")
	press(`main a[href^="/messages/"]`, "ul.files")
	b.at("/messages/", "bild på armen.png")
	if text := ask(b, chromedp.Text(chromedp.CSS("div.mail"))); !strings.Contains(text, "Först det här.") || !strings.Contains(text, "Sedan mer.") {
		t.Errorf("what was written before is not in the reply: %q", text)
	}
	press(".top button.link", "p.note")
	b.at("/", "Du är utloggad")
	b.quiet()
}

// quiet checks that the browser has noted nothing.
func (b *browser) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, note := range b.notes {
		b.t.Error("the browser says: " + note)
	}
}
