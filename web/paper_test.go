package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"sigill/web"
)

const arabicText = `From: anna.ek@exempel.se
To: astrid@example.com
Subject: =?utf-8?b?2YXYsdit2KjYpw==?=
Date: Tue, 24 Nov 2026 14:05:09 +0100
Message-ID: <arabic@exempel.se>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

مرحبا، هذه رسالة آمنة.
`

// shown tells which of the elements a page shows.
const shown = `(all => all.filter(s => { const e = document.querySelector(s); return e && e.getClientRects().length > 0; }))`

// TestOnPaper: a print has what the message says, its header and its files, and nothing to press.
func TestOnPaper(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	rich, arabic := s.send(hostile, astrid).ID.String(), s.send(arabicText, astrid).ID.String()
	b := newBrowser(t, s)
	b.become(s.person(astridID))
	look := `["h1", "dl.head", ".onpaper", ".files", "iframe.mail", ".top nav", ".actions", "footer", ".views", ".wrongly"]`
	for _, row := range []struct{ media, want string }{
		{"screen", "h1 dl.head .files iframe.mail .top nav .actions footer .views .wrongly"},
		{"print", "h1 dl.head .onpaper .files"},
	} {
		b.run(chromedp.Navigate(s.server.URL + "/messages/" + rich))
		_, err := chromedp.Call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: row.media})
		must(t, err)
		if got := strings.Join(ask(b, chromedp.Evaluate[[]string](shown+"("+look+")")), " "); got != row.want {
			t.Errorf("%s shows %s, want %s", row.media, got, row.want)
		}
	}
	if text := ask(b, chromedp.Evaluate[string](`document.querySelector(".onpaper").textContent`)); !strings.Contains(text, "Synlig text") {
		t.Errorf("on paper stands %q", text)
	}

	// What is written from right to left stands so, in a page that does not.
	b.run(chromedp.Navigate(s.server.URL + "/messages/" + arabic))
	for _, of := range []string{"h1", "div.mail"} {
		if got := ask(b, chromedp.Evaluate[string](`getComputedStyle(document.querySelector("`+of+`")).direction`)); got != "rtl" {
			t.Errorf("%s is written %s", of, got)
		}
	}
	if got := ask(b, chromedp.Evaluate[string](`getComputedStyle(document.querySelector(".address")).direction`)); got != "ltr" {
		t.Errorf("addresses are written %s", got)
	}
}

// TestLongOnPaper: the page does not have all of a long text for paper, and what is printed says so.
func TestLongOnPaper(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	rich := strings.Replace(letterText, "text/plain", "text/html", 1)
	long := strings.Repeat("åäö ", 10_000)
	v := s.person(astridID)
	for _, row := range []struct {
		mail string
		want bool
	}{{rich, false}, {rich + long, true}, {rich + "x" + long, true}} { // one of them is cut within a character, or would be
		page := v.get("/messages/" + s.send(row.mail, astrid).ID.String()).is(http.StatusOK).body
		if got := strings.Contains(page, "Spara meddelandet som PDF"); got != row.want {
			t.Errorf("of a text of %d octets, it is %v that not all is printed", len(row.mail), got)
		}
		if strings.Contains(page, "\ufffd") || strings.Contains(page, "Hämta meddelandet för att läsa allt") {
			t.Error("the cut shows on the screen")
		}
	}
}

// TestMarkupOnPaper: what is markup in a message's text is text in its page, beside the frame too.
func TestMarkupOnPaper(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	const markup = "</div><script>alert(1)</script>"
	v := s.person(astridID)
	for _, row := range []struct{ kind, written, query string }{
		{"plain", markup, ""}, {"html", "&lt;/div&gt;&lt;script&gt;alert(1)&lt;/script&gt;", ""}, {"html", "&lt;/div&gt;&lt;script&gt;alert(1)&lt;/script&gt;", "?view=plain"},
	} {
		mail := strings.Replace(letterText, "text/plain", "text/"+row.kind, 1) + row.written
		v.get("/messages/" + s.send(mail, astrid).ID.String() + row.query).is(http.StatusOK).
			has("&lt;/div&gt;&lt;script&gt;alert(1)&lt;/script&gt;").lacks("<script>alert")
	}
}
