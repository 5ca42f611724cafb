package web_test

import (
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"sigill/vault"
	"sigill/web"
)

// TestAdministrationInABrowser goes through what two people do with the administration's pages, by keys where it matters
// most. axe judges each page, and none is too wide for a small phone.
func TestAdministrationInABrowser(t *testing.T) {
	t.Parallel()
	source := axe(t)
	s := newStage(t, web.Limits{})
	annas, bos := s.as(anna, vault.Administrator), s.as(bo, vault.Auditor)
	_, _, err := s.vault.Directory().AddDevice(t.Context(), bo, "Outlook", bo)
	must(t, err)
	sent := s.send(letterText, astrid)
	s.person(astridID).get("/messages/" + sent.ID.String()).is(200)
	must(t, s.vault.Administration("root").SetQuiet(t.Context(), astridID, true))
	_, err = s.vault.LegalHolds().Place(t.Context(), vault.LegalHold{Address: care, Reason: "Dnr 2026-118"})
	must(t, err)
	b := newBrowser(t, s)
	look := func(name string) {
		t.Helper()
		b.audit(source, name)
		b.fits(name)
		b.portrait(name)
	}
	b.become(annas)
	for _, page := range []struct{ name, path string }{
		{"admin", ""}, {"admin accounts", "/accounts"}, {"admin account", "/accounts/" + bo.Key()}, {"admin address", "/addresses/" + care.Key()},
		{"admin removal", "/addresses/" + care.Key() + "/remove"}, {"admin retention", "/retention?view=due"},
		{"admin notices", "/notices"}, {"admin notice", "/notices/message"}, {"admin health", "/health"}, {"admin bindings", "/bindings"},
	} {
		b.run(chromedp.Navigate(s.server.URL + "/admin" + page.path))
		look(page.name)
	}
	b.run(chromedp.SetValue(chromedp.CSS("#address"), astrid.String()), chromedp.Click(chromedp.CSS("main button.main")), chromedp.WaitVisible(chromedp.CSS(".claim")))
	look("admin binding")
	b.run(chromedp.Navigate(s.server.URL+"/admin/addresses"), chromedp.SetValue(chromedp.CSS("#address"), "skola@exempel.se"),
		chromedp.SetValue(chromedp.CSS("#name"), "Skolan"), chromedp.SetValue(chromedp.CSS("#members"), anna.String()))
	b.tabTo("form.sheet button.main")
	b.press(kb.Enter, ".fault")
	look("admin addresses with a fault")
	b.run(chromedp.SetValue(chromedp.CSS("#members"), bo.String()), chromedp.Click(chromedp.CSS("form.sheet button.main")), chromedp.WaitVisible(chromedp.CSS(".people")))
	b.at("/admin/addresses/skola@exempel.se", "Adressen är tillagd")

	b.run(chromedp.Navigate(s.server.URL+"/admin/audit"), chromedp.SetValue(chromedp.CSS("#reason"), "Dnr 2026-118"), chromedp.Click(chromedp.CSS("main button.main")), chromedp.WaitVisible(chromedp.CSS(".masked")))
	look("admin found masked")
	found := ask(b, chromedp.Location())
	b.tabTo(".taker button")
	b.press(kb.Enter, ".note")
	b.become(bos)
	b.run(chromedp.Navigate(s.server.URL + "/admin/audit"))
	look("admin audit")
	b.run(chromedp.Click(chromedp.CSS(".claim button.main")), chromedp.WaitVisible(chromedp.CSS(".note")))
	b.become(annas)
	b.run(chromedp.Navigate(found), chromedp.WaitVisible(chromedp.CSS(".events")))
	u, err := url.Parse(found)
	must(t, err)
	b.at(u.Path, "Godkänd av "+bo.String())
	look("admin found")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, note := range b.notes {
		t.Error("the browser says: " + note)
	}
}
