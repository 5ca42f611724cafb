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

	"sigill/vault"
	"sigill/web"
	"sigill/web/login/bankid/bankidtest"
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
	for _, look := range []struct{ scheme, run string }{
		{"light", `{type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}`},
		{"dark", `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`},
	} {
		scheme, run := look.scheme, look.run
		b.scheme(scheme)
		found := ask(b, chromedp.Evaluate[[]string](source+`; axe.run(document, {iframes: false, resultTypes: ["violations"], runOnly: `+run+`}).then(
			r => [String(r.passes.length)].concat(r.violations.map(v => v.id + ": " + v.help + v.nodes.map(n => "\n  " + n.html + " " + n.failureSummary).join(""))))`, await))
		source = "" // the page has it now
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
	fenced := person.suspectReply(plain.ID)
	at("own suspect reply", person, "/messages/"+fenced)
	staff := s.staff()
	at("mailbox with a suspect reply", staff, "/mailboxes/6")
	at("suspect message", staff, "/messages/"+fenced)
	at("fenced file", staff, "/messages/"+fenced+"/fenced/3")
	at("logins", person, "/logins")
	return out
}

// moreStates are those a person comes to by another way, or later: a QR code, an identity to be approved, a draft; and those
// of staff who are asked for the purpose of what they send.
func moreStates(s *stage, b bank) (out []state) {
	person, waiting := s.person(astridID), s.visitor()
	id := s.send(letterText, astrid).ID
	reply := "/messages/" + id.String() + "/reply"
	person.post(reply+"/draft", url.Values{"form": {person.form(id)}, "text": {"Halvskrivet svar"}}).is(http.StatusSeeOther)
	b.fake.Script([]bankidtest.Step{bankidtest.Pending("outstandingTransaction")})
	waiting.post("/login/bankid", url.Values{"device": {"other"}}).to("/login/bankid/wait")
	staff, click := s.staff(), chromedp.Click(chromedp.CSS("main button.main"))
	asked := func(text string) []chromedp.Action[chromedp.Void] {
		return []chromedp.Action[chromedp.Void]{
			chromedp.SendKeys(chromedp.CSS("#to"), astrid.String()), chromedp.SendKeys(chromedp.CSS("#text"), "Hej"), chromedp.SendKeys(chromedp.CSS("#purpose"), text),
			click, chromedp.WaitVisible(chromedp.CSS(".fault")),
		}
	}
	return []state{
		{"staff compose that asks for the purpose", staff, "/compose", nil},
		{"staff compose without a purpose", staff, "/compose", asked("")},
		{"staff compose without a legal basis", staff, "/compose", asked("Utredning om stöd")},
		{"staff transfer to a case", staff, "/messages/" + id.String() + "/case", nil},
		{"staff transfer to a case without a purpose", staff, "/messages/" + id.String() + "/case", []chromedp.Action[chromedp.Void]{click, chromedp.WaitVisible(chromedp.CSS(".fault"))}},
		{"QR code", waiting, "/login/bankid/wait", nil},
		{"identified", person, "/identified", nil},
		{"reply that was begun", person, reply + "?saved=1", nil},
		{"own page of information", person, "/info/privacy", nil},
		{"start in Finnish", person, "/info/how?lang=fi", nil},
	}
}

// staffStates are the pages of staff.
func staffStates(s *stage) (out []state) {
	v, citizen := s.staff(), s.person(astridID)
	read, held := s.send(hostile, astrid), s.send(letterText, astrid, stranger)
	citizen.get("/messages/" + read.ID.String()).is(http.StatusOK)
	citizen.replyTo(read.ID, citizen.form(read.ID), "Tack!", upload{"intyg.txt", "text/plain", "x"}).is(http.StatusSeeOther)
	sent := sentID(s.t, v.writeMail(append(v.newLetter(care.String(), astrid.String(), "Beslut", "Hej!"), field{"cc", anna.String()})))
	at := func(name, path string, act ...chromedp.Action[chromedp.Void]) {
		out = append(out, state{name, v, path, act})
	}
	page := func(id vault.MessageID, more string) string { return "/messages/" + id.String() + more }
	click, see := func(css string) chromedp.Action[chromedp.Void] { return chromedp.Click(chromedp.CSS(css)) }, func(css string) chromedp.Action[chromedp.Void] { return chromedp.WaitVisible(chromedp.CSS(css)) }
	at("staff list", "/messages")
	at("staff message", page(read.ID, ""))
	at("staff message that was sent", page(sent, ""))
	at("staff receipt of sending", page(sent, "/sent"))
	at("staff recall", page(sent, "/recall"))
	at("staff delete", page(sent, "/delete"))
	at("staff answer", page(read.ID, "/answer"))
	at("staff forward", page(read.ID, "/forward"))
	at("staff compose", "/compose", click("details.more summary"), see("#bcc"))
	at("staff compose with a fault", "/compose", click("main button.main"), see(".fault"))
	at("staff compose with recipients checked", "/compose", chromedp.SendKeys(chromedp.CSS("#to"), "astrid@example.com, okand@example.com"), click("button[name=check]"), see("dl.wide"))
	at("staff compose to be confirmed", "/compose", chromedp.SendKeys(chromedp.CSS("#to"), astrid.String()), chromedp.SendKeys(chromedp.CSS("#subject"), "Om 900101-9802"), chromedp.SendKeys(chromedp.CSS("#text"), "Hej"), click("main button.main"), see("button[name=change]"))
	at("staff search", "/search", chromedp.SendKeys(chromedp.CSS("#words"), "beslut"), click("main button.main"), see(".list"))
	at("staff holds", "/holds")
	at("staff hold", "/holds/"+held.ID.String())
	at("staff hold with a fault", "/holds/"+held.ID.String(), chromedp.SendKeys(chromedp.CSS("#number-2"), "1"), click("main button.main"), see(".fault"))
	at("staff hold that is done", "/holds/"+held.ID.String(), chromedp.SendKeys(chromedp.CSS("#number-2"), "19990807-2391"), click("main button.main"), see(".seal"))
	at("staff device password", "/devices", chromedp.SendKeys(chromedp.CSS("#name"), "Outlook"), click("main button.main"), see(".note"))
	at("staff logins", "/logins")
	at("staff second factor", "/staff/second")
	return out
}

// TestAccessible looks at every page and state of the citizen's part: no violation of WCAG 2.2 AA that axe can find, and
// nothing to scroll sideways at 400 % zoom.
func TestAccessible(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	newBrowser(t, s).look(axe(t), states(s))
}

// TestMoreIsAccessible is that for states behind a bank, and with a brand of the organisation's own.
func TestMoreIsAccessible(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	s := stageOf(t, func(c *web.Config) {
		c.Providers, c.Brand = append(c.Providers, b), ownBrand(t, 500)
		c.Purpose = web.PurposeFields{Mode: web.PurposeRequired}
		c.Info = web.Info{"privacy": {"sv": "Så gör vi.\n\n# Frågor\nSkriv till dso@exempel.se."}}
	})
	newBrowser(t, s).look(axe(t), moreStates(s, b))
}

// TestStaffPagesAreAccessible is that for the pages of staff.
func TestStaffPagesAreAccessible(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	newBrowser(t, s).look(axe(t), staffStates(s))
}

func (b *browser) look(source string, all []state) {
	b.t.Helper()
	var who *visitor
	for _, at := range all {
		if at.who != who {
			who = at.who
			b.become(who)
		}
		b.run(chromedp.Navigate(who.server.URL + at.path))
		b.run(at.act...)
		b.audit(source, at.name)
		b.fits(at.name)
		b.portrait(at.name)
	}
}

// TestStaffByKeyboard answers a message with nothing but keys, and sees at each step where it is.
func TestStaffByKeyboard(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	s.send(letterText, astrid)
	b := newBrowser(t, s)
	b.run(chromedp.Navigate(s.server.URL + "/staff/login"))
	b.tabTo("#username")
	b.run(chromedp.KeyEvent(anna.String()))
	b.tabTo("#password")
	b.run(chromedp.KeyEvent(password))
	b.press(kb.Enter, ".columns")
	b.tabTo(`.top a[href="/compose"]`)
	b.press(kb.Enter, "#subject")
	b.tabTo("#to")
	b.run(chromedp.KeyEvent(astrid.String()))
	b.tabTo("details.more summary")
	b.press(kb.Enter, "#cc")
	b.tabTo("#cc")
	b.tabTo("#subject")
	b.run(chromedp.KeyEvent("Hej"))
	b.tabTo("#text")
	b.run(chromedp.KeyEvent("Hej Astrid!"))
	b.tabTo("button.main")
	b.press(kb.Enter, ".seal")
	b.at("/messages/", "Meddelandet är skickat")
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
