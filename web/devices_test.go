package web_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"sigill/vault"
	"sigill/web"
)

func TestDevicePasswords(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	s.visitor().get("/devices").to("/staff/login?to=%2Fdevices")
	s.person(astridID).get("/devices").is(http.StatusNotFound)
	s.person(astridID).post("/devices", url.Values{"name": {"x"}}).is(http.StatusNotFound)
	v := s.staff()
	v.post("/devices", url.Values{"name": {" "}}).is(http.StatusUnprocessableEntity).has("Skriv ett namn", `href="#name"`, `aria-invalid="true"`)
	v.post("/devices", url.Values{"name": {"Outlook <hemma>"}}).to("/devices")
	a := v.get("/devices").is(http.StatusOK).has("Lösenord för Outlook &lt;hemma&gt;", "visas bara den här gången")
	m := regexp.MustCompile(`[a-z2-7]{5}(-[a-z2-7]{1,5}){5}`).FindString(a.body)
	login := vault.Login{Address: anna.String(), Password: m, Door: vault.DoorIMAP, From: netip.MustParseAddr("127.0.0.1")}
	if _, err := s.vault.Directory().Authenticate(t.Context(), login); err != nil {
		t.Fatalf("%q opens nothing: %v", m, err)
	}
	page := v.get("/devices").is(http.StatusOK).has("Outlook &lt;hemma&gt;", "Användes senast", "Spärra").lacks(m)
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(page.body)[1]
	other := s.visitor().request("POST", "/devices/revoke", strings.NewReader("id="+id))
	other.Header.Set("Sec-Fetch-Site", "cross-site")
	v.do(other).is(http.StatusForbidden)
	v.post("/devices/revoke", url.Values{"id": {id}}).to("/devices")
	v.post("/devices/revoke", url.Values{"id": {id}}).to("/devices")
	v.get("/devices").lacks("Outlook &lt;").has("post.exempel.se, port 993, TLS", "post.exempel.se, port 465, TLS", "/mail/apple.mobileconfig?address=anna.ek%40exempel.se")
	if _, err := s.vault.Directory().Authenticate(t.Context(), login); err == nil {
		t.Error("a revoked password opens")
	}
	if strings.Contains(s.log.String(), m) {
		t.Error("the password is in the log")
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid)
	v := s.staff()
	v.get("/search").is(http.StatusOK).has("Sök också i texten")
	rows := []struct {
		why   string
		form  url.Values
		found bool
	}{
		{"word of the subject, whatever its case", url.Values{"words": {"HEMTJÄNST"}}, true},
		{"sender and recipient", url.Values{"words": {"anna astrid@example"}}, true},
		{"a word that is not there", url.Values{"words": {"beslut skola"}}, false},
		{"the text is not searched unless that is asked for", url.Values{"words": {"Hej"}}, false},
		{"today", url.Values{"since": {s.clock.now().Format("2006-01-02")}}, true},
		{"before it was", url.Values{"till": {"2020-01-01"}}, false},
	}
	for _, row := range rows {
		a := v.post("/search", row.form).is(http.StatusOK)
		if strings.Contains(a.body, sent.ID.String()) != row.found {
			t.Errorf("%s: found %v", row.why, !row.found)
		}
	}
	v.post("/search", url.Values{"since": {"igår"}}).is(http.StatusUnprocessableEntity).has("ÅÅÅÅ-MM-DD")
	s.person(astridID).post("/search", url.Values{"words": {"beslut"}}).is(http.StatusNotFound)
	if strings.Contains(strings.ToLower(s.log.String()), "hemtjänst") {
		t.Error("what was looked for is in the log")
	}
}
