package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"sigill/vault"
	"sigill/web"
)

// TestPasskeysInABrowser makes a passkey with Chromium's own virtual authenticator, logs in with it, and takes it away.
func TestPasskeysInABrowser(t *testing.T) {
	t.Parallel()
	source, home := axe(t), ""
	s := stageOf(t, func(c *web.Config) {
		c.BaseURL = strings.Replace(c.BaseURL, "127.0.0.1", "localhost", 1) // passkeys are for names
		home = c.BaseURL
	})
	b := newBrowser(t, s, home)
	_, err := chromedp.Call(b, webauthn.Enable, webauthn.EnableParams{})
	must(t, err)
	made, err := chromedp.Call(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	must(t, err)
	look := func(name string) {
		t.Helper()
		b.audit(source, name)
		b.fits(name)
		b.portrait(name)
	}
	css := func(selector string) chromedp.CSS { return chromedp.CSS(selector) }
	login := func(see string) {
		t.Helper()
		b.run(chromedp.Navigate(home+"/staff/login"), chromedp.SendKeys(css("#username"), anna.String()), chromedp.SendKeys(css("#password"), password),
			chromedp.Click(css("button.main")), chromedp.WaitVisible(css(see)))
	}
	button := "form[data-passkey] button"
	login(".columns")
	b.run(chromedp.Navigate(home+"/staff/second"), chromedp.SendKeys(css("#name"), "Jobbdatorn"))
	look("second factor to set up")
	b.run(chromedp.Click(css(button)), chromedp.WaitVisible(css(".codes")))
	b.at("/staff/second/passkey", "Tvåstegsinloggningen är på")
	look("recovery codes")
	b.run(chromedp.Navigate(home+"/staff/second"), chromedp.SendKeys(css("#name"), "Samma"), chromedp.Click(css(button)), chromedp.WaitVisible(css("#passkey-told")))
	b.at("/staff/second", "Den enheten är redan tillagd")
	look("second factor that is set up")

	b.run(chromedp.Click(css(".top button.link")), chromedp.WaitVisible(css("p.note")))
	login(button)
	look("passkey asked for")
	// Whoever is not verified does not get in.
	verified := func(is bool) {
		t.Helper()
		_, err := chromedp.Call(b, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: made.AuthenticatorID, IsUserVerified: is})
		must(t, err)
	}
	verified(false)
	b.run(chromedp.Click(css(button)), chromedp.WaitVisible(css("#passkey-told")))
	b.at("/staff/code", "Det blev avbrutet")
	verified(true)
	b.run(chromedp.Click(css(button)), chromedp.WaitVisible(css(".columns")))
	b.at("/messages", "Inloggad som Anna Ek")

	// A second one, of another maker, may then be taken away.
	second, err := s.vault.Directory().Second(t.Context(), anna)
	must(t, err)
	if len(second.Passkeys) != 1 || second.Passkeys[0].Used.IsZero() || time.Since(second.Passkeys[0].Used) > time.Minute {
		t.Fatalf("%+v", second.Passkeys)
	}
	_, err = s.vault.Directory().AddPasskey(t.Context(), anna, "Reserven", vault.Credential{CredentialID: []byte("spare")})
	must(t, err)
	b.run(chromedp.Navigate(home+"/staff/second"), chromedp.WaitVisible(css(".people button")))
	look("two passkeys")
	b.run(chromedp.Click(css(".people button")))
	b.until(`!document.querySelector(".people button")`)
	b.at("/staff/second", "Reserven")
	b.quiet()
}
