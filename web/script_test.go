package web_test

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"sigill/web"
)

// hurry makes the clocks of server and page go on, and the page's script look at its own.
func (b *browser) hurry(s *stage, d time.Duration) {
	b.t.Helper()
	s.clock.pass(d)
	ask(b, chromedp.Evaluate[int](`{ const before = Date.now; Date.now = () => before() + `+strconv.FormatInt(d.Milliseconds(), 10)+`; } 0`))
}

// until waits for what an expression of the page tells.
func (b *browser) until(expression string) {
	b.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ask(b, chromedp.Evaluate[bool](expression)); {
		if time.Now().After(end) {
			b.t.Fatalf("it does not come to %s", expression)
		}
	}
}

// TestTheEndOfALoginIsTold: two minutes before, with a button that extends it; a text that is being written is kept.
func TestTheEndOfALoginIsTold(t *testing.T) {
	t.Parallel()
	source := axe(t)
	s := newStage(t, web.Limits{})
	id := s.send(letterText, astrid).ID
	v := s.person(astridID)
	b := newBrowser(t, s)
	b.become(v)
	b.run(chromedp.Navigate(s.server.URL + "/messages/" + id.String() + "/reply"))
	b.hurry(s, 28*time.Minute+time.Second)
	b.run(chromedp.WaitVisible(chromedp.CSS("#time")))
	if got := ask(b, chromedp.Evaluate[string](`document.activeElement.id`)); got != "time-stay" {
		t.Errorf("focus is on %q", got)
	}
	b.audit(source, "the end of a login")
	b.portrait("the end of a login")
	b.run(chromedp.KeyEvent(kb.Enter))
	b.until(`!document.getElementById("time").open`)
	b.hurry(s, 20*time.Minute) // 49 since the login, 20 since the button
	v.get("/messages").is(http.StatusOK)

	b.run(chromedp.SendKeys(chromedp.CSS("#text"), "Halvskrivet"))
	b.hurry(s, 31*time.Minute)
	b.run(chromedp.WaitVisible(chromedp.CSS("main p.note")))
	b.at("/login", "Du har varit inaktiv en stund")
	if got := s.draft(id); got != "Halvskrivet" {
		t.Errorf("kept is %q", got)
	}
	b.quiet()

	// The login ends behind the script's back: the page that comes has the text.
	b.become(s.person(astridID))
	b.run(chromedp.Navigate(s.server.URL+"/messages/"+id.String()+"/reply"), chromedp.SendKeys(chromedp.CSS("#text"), " svar"))
	s.clock.pass(31 * time.Minute)
	b.run(chromedp.Click(chromedp.CSS("button[aria-describedby=wait]")), chromedp.WaitVisible(chromedp.CSS("main textarea[readonly]")))
	b.audit(source, "a reply after the end of a login")
	b.fits("a reply after the end of a login")
}

// TestUploadTellsHowFar: the script sends the form, tells how far it has come, and shows what comes back.
func TestUploadTellsHowFar(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{ReplySize: 2_000_000})
	id := s.send(letterText, astrid).ID.String()
	b := newBrowser(t, s)
	b.become(s.person(astridID))
	large, small := t.TempDir()+"/stor.bin", t.TempDir()+"/liten.txt"
	must(t, os.WriteFile(large, make([]byte, 2_500_000), 0o600))
	must(t, os.WriteFile(small, []byte("intyg"), 0o600))
	send := chromedp.Click(chromedp.CSS("button[aria-describedby=wait]"))

	b.run(chromedp.Navigate(s.server.URL+"/messages/"+id+"/reply"), chromedp.SendKeys(chromedp.CSS("#text"), "Hej"), chromedp.SetUploadFiles(chromedp.CSS("#files"), []string{large}))
	ask(b, chromedp.Evaluate[int](`window.said = []; new MutationObserver(() => said.push(document.getElementById("told").textContent + document.getElementById("bar").hidden)).observe(document.getElementById("told"), {childList: true}); 0`))
	b.run(send, chromedp.WaitVisible(chromedp.CSS(".fault")))
	b.at("/messages/"+id+"/reply", "Filerna är för stora tillsammans")
	if said := ask(b, chromedp.Evaluate[[]string](`said`)); len(said) == 0 || said[0] != "0 procent skickatfalse" {
		t.Errorf("it said %q", said)
	}
	if title := ask(b, chromedp.Evaluate[string](`document.title + " " + document.activeElement.id + " " + document.getElementById("text").value`)); !strings.HasPrefix(title, "Fel: ") || !strings.HasSuffix(title, " main Hej") {
		t.Errorf("after a fault: %q", title)
	}
	b.run(chromedp.SetUploadFiles(chromedp.CSS("#files"), []string{small}), send, chromedp.WaitVisible(chromedp.CSS(".seal")))
	b.at("/receipts/", "Ditt svar har kommit in")
}

// TestAMailOutlastsItsLogin: staff whose login ends behind their back log in again and find the mail as they wrote it.
func TestAMailOutlastsItsLogin(t *testing.T) {
	t.Parallel()
	source := axe(t)
	s := newStage(t, web.Limits{})
	b := newBrowser(t, s)
	b.become(s.staff())
	letter := t.TempDir() + "/brev.txt"
	must(t, os.WriteFile(letter, []byte("intyg"), 0o600))
	b.run(chromedp.Navigate(s.server.URL+"/compose"), chromedp.SendKeys(chromedp.CSS("#to"), astrid.String()), chromedp.SendKeys(chromedp.CSS("#subject"), "Beslut"),
		chromedp.SendKeys(chromedp.CSS("#text"), "Hej!"), chromedp.SetUploadFiles(chromedp.CSS("#files"), []string{letter}))
	s.clock.pass(31 * time.Minute)
	b.run(chromedp.Click(chromedp.CSS("main button.main")), chromedp.WaitVisible(chromedp.CSS("main textarea[readonly]")))
	b.at("/compose", "Logga in igen inom en timme")
	if in := ask(b, chromedp.Evaluate[string](`document.querySelector("header").innerText + document.querySelector("footer").innerText`)); strings.Contains(in, "Logga ut") || strings.Contains(in, "Inloggad som") {
		t.Errorf("around the page it still says who is logged in: %q", in)
	}
	b.audit(source, "a mail after the end of a login")
	b.fits("a mail after the end of a login")
	b.portrait("a mail after the end of a login")
	b.run(chromedp.Click(chromedp.CSS("main a.button")), chromedp.WaitVisible(chromedp.CSS("#password")), chromedp.SendKeys(chromedp.CSS("#username"), anna.String()),
		chromedp.SendKeys(chromedp.CSS("#password"), password+kb.Enter), chromedp.WaitVisible(chromedp.CSS("main p.note")))
	b.at("/compose/kept", "Det här skrev du innan du loggades ut. Det är inte skickat än. Välj filerna på nytt.")
	if got := ask(b, chromedp.Evaluate[string](`["to", "subject", "text"].map(id => document.getElementById(id).value).join("|")`)); got != "astrid@example.com|Beslut|Hej!" {
		t.Errorf("the form has %q", got)
	}
	b.audit(source, "a mail that was kept")
	b.portrait("a mail that was kept")
	b.run(chromedp.Click(chromedp.CSS("main button.main")), chromedp.WaitVisible(chromedp.CSS(".seal")))
	b.at("/messages/", "Meddelandet är skickat")
}
