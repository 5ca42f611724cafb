package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"sigill/web"
)

// axeVersion is the version that .ci/needs puts into the user's cache.
const axeVersion = "4.14.1"

func axe(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	must(t, err)
	source, err := os.ReadFile(filepath.Join(cache, "sigill", "axe-core-"+axeVersion, "axe.min.js"))
	if err != nil {
		t.Skip("needs axe-core " + axeVersion + " (npm package axe-core), which .ci/needs fetches")
	}
	return string(source)
}

// state is a page as somebody may see it.
type state struct {
	name string
	who  *visitor
	path string
	// act is done on the page at path to come to the state.
	act []chromedp.Action[chromedp.Void]
}

// become gives the browser the session of a visitor.
func (b *browser) become(v *visitor) {
	b.t.Helper()
	_, err := chromedp.Call(b, network.ClearBrowserCookies, cdp.Empty{})
	must(b.t, err)
	home, err := url.Parse(v.server.URL)
	must(b.t, err)
	yes := true
	for _, c := range v.client.Jar.Cookies(home) {
		_, err := chromedp.Call(b, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: home.String() + "/", Path: "/", Secure: &yes, HTTPOnly: &yes})
		must(b.t, err)
	}
}

func (b *browser) scheme(name string) {
	b.t.Helper()
	_, err := chromedp.Call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	must(b.t, err)
}

// audit has axe judge the page: all of WCAG 2.2 A and AA and its authors' best practice in light, contrast anew in dark. A
// mail's own HTML, in its frame, is the sender's work and is left out.
func (b *browser) audit(source, name string) {
	b.t.Helper()
	b.run(chromedp.EmulateViewport(390, 844))
	for scheme, run := range map[string]string{
		"light": `{type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}`,
		"dark":  `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`,
	} {
		b.scheme(scheme)
		found := ask(b, chromedp.Evaluate[[]string](source+`; axe.run(document, {iframes: false, resultTypes: ["violations"], runOnly: `+run+`}).then(
			r => [String(r.passes.length)].concat(r.violations.map(v => v.id + ": " + v.help + v.nodes.map(n => "\n  " + n.html + " " + n.failureSummary).join(""))))`, await))
		if found[0] == "0" {
			b.t.Errorf("%s, %s: axe has looked at nothing", name, scheme)
		}
		for _, v := range found[1:] {
			b.t.Errorf("%s, %s: %s", name, scheme, v)
		}
	}
}

func await(p *runtime.EvaluateParams) { yes := true; p.AwaitPromise = &yes }

// fits checks a window of 320 CSS pixels, a small phone and also what 400 % zoom leaves of 1280 (WCAG 2.2, 1.4.10).
func (b *browser) fits(name string) {
	b.t.Helper()
	b.run(chromedp.EmulateViewport(320, 256))
	if over := ask(b, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`)); over > 0 {
		b.t.Errorf("%s is %d pixels too wide at 320", name, over)
	}
}

// portrait keeps the page as it looks on a phone and on a desk, in the folder SIGILL_TEST_PICTURES, for people to look at.
func (b *browser) portrait(name string) {
	b.t.Helper()
	folder := os.Getenv("SIGILL_TEST_PICTURES")
	if folder == "" {
		return
	}
	for i, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		b.run(chromedp.EmulateViewport([]int64{390, 1200}[i], 900))
		must(b.t, os.WriteFile(filepath.Join(folder, strings.ReplaceAll(name, " ", "-")+"-"+scheme+".png"), ask(b, chromedp.FullScreenshot(100)), 0o600))
	}
}

// states are the pages a person and a visitor without login can come to.
func states(s *stage) (out []state) {
	nobody, person := s.visitor(), s.person(astridID)
	rich, plain := s.send(hostile, astrid), s.send(letterText, astrid)
	link := s.link(astrid)
	reply := "/messages/" + plain.ID.String() + "/reply"
	receipt := person.replyTo(plain.ID, person.form(plain.ID), "Tack!", upload{"intyg.txt", "text/plain", "x"}).is(http.StatusSeeOther).Header.Get("Location")
	submit := func(selector string) []chromedp.Action[chromedp.Void] {
		return []chromedp.Action[chromedp.Void]{chromedp.Click(chromedp.CSS(selector)), chromedp.WaitVisible(chromedp.CSS(".fault, .note"))}
	}
	at := func(name string, who *visitor, path string, act ...chromedp.Action[chromedp.Void]) {
		out = append(out, state{name, who, path, act})
	}
	at("start", nobody, "/")
	at("start in English", nobody, "/?lang=en")
	at("landing", nobody, "/m/"+link)
	at("landing of one logged in", person, "/m/"+link)
	at("login", nobody, "/login")
	at("login after the session ended", nobody, "/login?ended=1")
	at("logged out", nobody, "/logged-out")
	at("staff login", nobody, "/staff/login")
	at("staff login refused", nobody, "/staff/login", append([]chromedp.Action[chromedp.Void]{
		chromedp.SendKeys(chromedp.CSS("#username"), anna.String()), chromedp.SendKeys(chromedp.CSS("#password"), "fel"),
	}, submit("button.main")...)...)
	at("no such page", nobody, "/nowhere")
	at("list", person, "/messages")
	at("message with formatting", person, "/messages/"+rich.ID.String())
	at("message as text", person, "/messages/"+rich.ID.String()+"?view=plain")
	at("message as it came", person, "/messages/"+rich.ID.String()+"?view=raw")
	at("conversation", person, "/messages/"+plain.ID.String())
	at("message that is not there", person, "/messages/none")
	at("reply", person, reply)
	at("reply with a fault", person, reply, submit("button[aria-describedby=wait]")...)
	at("message to say no to", person, "/messages/"+plain.ID.String(), chromedp.Click(chromedp.CSS(".wrongly summary")))
	at("told", nobody, "/told")
	at("how it works", nobody, "/info/how")
	at("accessibility statement", nobody, "/info/accessibility")
	at("receipt", person, receipt)
	at("logins", person, "/logins")
	return out
}

// TestAccessible looks at every page and state of the citizen's part: no violation of WCAG 2.2 AA that axe can find, and
// nothing to scroll sideways at 400 % zoom.
func TestAccessible(t *testing.T) {
	t.Parallel()
	source := axe(t)
	s := newStage(t, web.Limits{})
	all := states(s)
	b := newBrowser(t, s)
	var who *visitor
	for _, at := range all {
		if at.who != who {
			who = at.who
			b.become(who)
		}
		b.run(chromedp.Navigate(s.server.URL + at.path))
		b.run(at.act...)
		b.audit(source, at.name)
		b.fits(at.name)
		b.portrait(at.name)
	}
}

// TestByKeyboard goes from the notice's link to the receipt with nothing but keys, and sees at each step where it is.
func TestByKeyboard(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	s.idp.is(astridID, nil)
	s.send(letterText, astrid)
	b := newBrowser(t, s)
	b.run(chromedp.Navigate(s.server.URL + "/m/" + s.link(astrid)))
	b.tabTo("a.skip")
	b.tabTo("main button.main")
	b.press(kb.Enter, "article.sheet")
	b.tabTo("a.button.main")
	b.press(kb.Enter, "#text")
	b.tabTo("#text")
	b.run(chromedp.KeyEvent("Tack för beslutet."))
	b.tabTo("#files")
	b.tabTo("button[aria-describedby=wait]")
	b.press(kb.Enter, ".seal")
	b.at("/receipts/", "Ditt svar har kommit in")
}

// tabTo presses Tab until what selector names has focus. What has it on the way must show so (WCAG 2.2, 2.4.7).
func (b *browser) tabTo(selector string) {
	b.t.Helper()
	for range 40 {
		b.run(chromedp.KeyEvent(kb.Tab))
		look := fmt.Sprintf(`(e => [e.matches(%q) ? "there" : "", getComputedStyle(e).outlineStyle, e.outerHTML])(document.activeElement)`, selector)
		seen := ask(b, chromedp.Evaluate[[]string](look))
		if seen[1] == "none" {
			b.t.Errorf("focus does not show on %s", seen[2])
		}
		if seen[0] != "" {
			return
		}
	}
	b.t.Fatalf("Tab does not come to %s", selector)
}

func (b *browser) press(key, then string) {
	b.t.Helper()
	b.run(chromedp.KeyEvent(key), chromedp.WaitVisible(chromedp.CSS(then)))
}
