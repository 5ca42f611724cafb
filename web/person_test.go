package web_test

import (
	"errors"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
	"sigill/web"
	"sigill/web/login"
)

func TestFromNoticeToMessage(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid)
	v := s.visitor()
	token := s.link(astrid)
	v.get("/m/"+token).is(http.StatusOK).has("Öppna ditt säkra meddelande", `action="/login/eid"`, `name="link" value="`+token+`"`)
	if n := s.events("link", "ok") + s.events("login", "ok"); n != 0 {
		t.Fatalf("GET of a link did something: %d events", n)
	}
	s.idp.is(astridID, nil)
	a := v.follow(v.post("/login/eid", url.Values{"link": {token}})).is(http.StatusOK)
	if a.path != "/messages/"+sent.ID.String() {
		t.Fatalf("came to %s", a.path)
	}
	a.has("Beslut om hemtjänst", "Anna Ek", "Hej Astrid!", `<a href="https://www.exempel.se/hemtjanst"`, `lang="sv"`, "Svara", "Spara som PDF", "Finns minst till")
	if strings.Contains(a.body, "<title>Beslut") {
		t.Error("the title stays in the browser's history and must not hold the subject")
	}
	v.get("/messages").is(http.StatusOK).has("Beslut om hemtjänst", "/messages/"+sent.ID.String()).lacks("Oläst")
	v.get("/").to("/messages")
	// Logged in, the next link is one press away, and its page is the same.
	v.get("/m/" + token).is(http.StatusOK).has(`action="/m/` + token + `"`)
	v.post("/m/"+token, nil).to("/messages/" + sent.ID.String())
	status(t, s, sent.ID, vault.Opened)
	if s.events("login", "ok") != 1 || s.events("link", "ok") != 2 {
		t.Error("login and link must be in the audit")
	}
}

// status checks what the sender sees of the message's recipient.
func status(t *testing.T, s *stage, id vault.MessageID, want vault.Status) {
	t.Helper()
	r, err := s.vault.Reader(t.Context(), vault.Staff(anna), vault.DoorWeb)
	must(t, err)
	defer r.Close()
	info, err := r.Info(t.Context(), id)
	must(t, err)
	if info.Recipients[0].Status != want {
		t.Errorf("status is %s, want %s", info.Recipients[0].Status, want)
	}
}

// TestNeutral: who may not read learns nothing about what there is.
func TestNeutral(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid)
	token := s.link(astrid)
	var bodies []string
	for _, link := range []string{token, "abcdefghijklmnopqrstuvwxyz"} { // somebody else's, nobody's
		v := s.visitor()
		s.idp.is(otherID, nil)
		a := v.post("/login/eid", url.Values{"link": {link}})
		a = v.get(a.Header.Get("Location")).to("/messages/none")
		a = v.follow(a).is(http.StatusNotFound)
		bodies = append(bodies, a.body)
	}
	v := s.person(otherID)
	for _, path := range []string{"/messages/none", "/messages/" + sent.ID.String(), "/messages/" + vault.MessageID{1}.String()} {
		a := v.get(path).is(http.StatusNotFound)
		bodies = append(bodies, strings.ReplaceAll(a.body, strings.TrimPrefix(path, "/"), "messages/none"))
	}
	for _, sub := range []string{"html", "parts/0", "pdf", "raw", "reply"} {
		v.get("/messages/" + sent.ID.String() + "/" + sub).is(http.StatusNotFound).has("Meddelandet finns inte, eller är inte till dig")
	}
	v.get("/receipts/" + sent.ID.String()).is(http.StatusNotFound)
	v.get("/holds").is(http.StatusNotFound)
	v.get("/mailboxes/1").is(http.StatusNotFound)
	ends := regexp.MustCompile(`senast klockan \d\d\.\d\d`) // each has logged in at another time
	for i, b := range bodies {
		if ends.ReplaceAllString(b, "") != ends.ReplaceAllString(bodies[0], "") {
			t.Errorf("page %d tells something:\n%s\n---\n%s", i, bodies[0], b)
		}
	}
	if !strings.Contains(bodies[0], "Meddelandet finns inte, eller är inte till dig") || !strings.Contains(bodies[0], "08-123 45 67") {
		t.Error("the page must say what to do:\n" + bodies[0])
	}
	if n := s.events("link", "refused"); n != 2 {
		t.Errorf("%d refused links in the audit, want 2", n)
	}
}

func TestLandingIsTheSameForAllLinks(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	s.send(letterText, astrid)
	token, other := s.link(astrid), strings.Repeat("z", len(s.link(astrid)))
	v := s.visitor()
	a, b := v.get("/m/"+token).is(http.StatusOK), v.get("/m/"+other).is(http.StatusOK)
	if strings.ReplaceAll(a.body, token, other) != b.body {
		t.Error("the landing page differs")
	}
	if len(v.client.Jar.Cookies(a.Request.URL)) != 0 {
		t.Error("the landing page set a cookie")
	}
}

func TestLoginFails(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	rows := []struct {
		err    error
		status int
		text   string
	}{
		{login.ErrCancelled, http.StatusForbidden, "Inloggningen avbröts"},
		{login.ErrState, http.StatusBadRequest, "Inloggningen gick inte att slutföra"},
		{login.ErrToken, http.StatusBadGateway, "Inloggningen gick inte att kontrollera"},
		{login.ErrAssurance, http.StatusForbidden, "Inloggningen räcker inte till"},
		{login.ErrNoNumber, http.StatusForbidden, "Vi fick inget personnummer"},
		{errors.Join(login.ErrBadNumber, policy.ErrPersonCheckDigit), http.StatusForbidden, "Vi fick inget personnummer"},
		{login.ErrUnavailable, http.StatusBadGateway, "Inloggningstjänsten svarar inte"},
	}
	for _, row := range rows {
		v := s.visitor()
		s.idp.is(policy.PersonID{}, row.err)
		v.follow(v.post("/login/eid", nil)).is(row.status).has(row.text)
		v.get("/messages").to("/login?to=%2Fmessages")
	}
}

func TestCallbackCountsOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	s.idp.is(astridID, nil)
	v := s.visitor()
	callback := v.post("/login/eid", nil).Header.Get("Location")
	s.visitor().get(callback).is(http.StatusBadRequest) // somebody else's browser
	before := v.client.Jar.Cookies(v.request("GET", "/", nil).URL)[0].Value
	v.get(callback).to("/messages")
	if after := v.client.Jar.Cookies(v.request("GET", "/", nil).URL)[0].Value; after == before {
		t.Error("the session kept its token at login")
	}
	v.get(callback).is(http.StatusBadRequest).has("Inloggningen gick inte att slutföra")
	s.visitor().get("/login/eid/callback?state=&code=x").is(http.StatusBadRequest)
	s.visitor().post("/login/other", nil).is(http.StatusNotFound)
}

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid)
	path := "/messages/" + sent.ID.String()
	v := s.person(astridID)
	for range 3 { // used now and then, it lasts
		s.clock.pass(20 * time.Minute)
		v.get(path).is(http.StatusOK)
	}
	s.clock.pass(31 * time.Minute)
	a := v.get(path).to("/login?ended=1&to=" + url.QueryEscape(path))
	v.follow(a).is(http.StatusOK).has("Du har varit inaktiv", `name="to" value="`+path+`"`)
	v.follow(v.post("/login/eid", url.Values{"to": {path}})).is(http.StatusOK).has("Hej Astrid!")
	for range 25 { // eight hours are the end even of a busy one
		s.clock.pass(20 * time.Minute)
		a = v.get(path)
	}
	a.is(http.StatusSeeOther)

	for _, to := range []string{"//evil.example", "https://evil.example/messages", "/messages/../logout?x", "/messages//evil", `/messages\evil`, "/logout"} {
		v := s.visitor()
		v.get("/login?to=" + url.QueryEscape(to)).is(http.StatusOK).lacks(`name="to"`)
		a := v.post("/login/eid", url.Values{"to": {to}})
		v.get(a.Header.Get("Location")).to("/messages")
	}
}

func TestLogout(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v := s.person(astridID)
	kept := v.client.Jar.Cookies(v.request("GET", "/", nil).URL)[0]
	v.follow(v.post("/logout", nil)).is(http.StatusOK).has("Du är utloggad")
	r := v.request("GET", "/messages", nil)
	r.AddCookie(kept)
	if a := v.do(r); a.StatusCode == http.StatusOK {
		t.Error("the session outlived its logout")
	}
}

func TestLogoutAtTheProvider(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	const end = "https://idp.example/end?client_id=sigill"
	s.idp.end = end
	v := s.person(astridID)
	if p := v.get("/messages").Header.Get("Content-Security-Policy"); !strings.Contains(p, "form-action 'self' https://idp.example;") {
		t.Errorf("the button to log out is stopped by %s", p)
	}
	v.post("/logout", nil).to(end)
	v.get("/messages").is(http.StatusSeeOther)
	v.follow(v.get("/logged-out")).is(http.StatusOK).has("Du är utloggad")
	if p := v.get("/staff/login").Header.Get("Content-Security-Policy"); !strings.HasSuffix(p, "form-action 'self'") {
		t.Errorf("the provider is still let in: %s", p)
	}
}

// TestLogins: one sees where one is logged in, and ends it there.
func TestLogins(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	here, there, third := s.person(astridID), s.person(astridID), s.person(astridID)
	there.agent = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/141.0 Safari/537.36 Edg/141.0"
	there.get("/messages").is(http.StatusOK)
	stranger := s.person(otherID)
	a := here.get("/logins").is(http.StatusOK).has("Edge på Windows", "Det är den du använder nu.", "Logga ut alla andra")
	name := first(a.body, `(?s)Edge på Windows.*?name="name" value="([^"]+)"`)
	if n := strings.Count(a.body, "<section>"); n != 4 {
		t.Errorf("%d sections, want three logins and one for all", n)
	}
	stranger.get("/logins").is(http.StatusOK).lacks("Edge", "Logga ut alla andra")
	stranger.post("/logins", url.Values{"name": {name}}).to("/logins?out=0")
	there.get("/messages").is(http.StatusOK)

	here.post("/logins", url.Values{"name": {name}}).to("/logins?out=1")
	there.get("/messages").to("/login?ended=1&to=%2Fmessages")
	third.get("/messages").is(http.StatusOK)
	here.post("/logins", nil).is(http.StatusBadRequest)
	here.post("/logins", url.Values{"others": {"1"}}).to("/logins?out=1")
	third.get("/messages").is(http.StatusSeeOther)
	here.get("/logins?out=1").is(http.StatusOK).has("Utloggningen är klar.").lacks("Logga ut alla andra")
	stranger.get("/messages").is(http.StatusOK)
	s.staff().get("/logins").is(http.StatusOK).has("Det är den du använder nu.")
	if s.events("end logins", "ok") != 3 {
		t.Error("ended logins must be in the audit")
	}
}

// TestFormerNumber: who got a new number reads, lists and answers what was sent to the old one.
func TestFormerNumber(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{Page: 2})
	s.bind(stranger, otherID)
	var ids []string
	for range 2 {
		ids = append(ids, s.send(letterText, astrid).ID.String(), s.send(letterText, stranger).ID.String())
	}
	s.idp.former = []policy.PersonID{astridID}
	v := s.person(otherID)
	var seen []string
	for path := "/messages"; path != ""; {
		a := v.get(path).is(http.StatusOK)
		for _, id := range ids {
			if strings.Contains(a.body, "/messages/"+id) {
				seen = append(seen, id)
			}
		}
		if path = first(a.body, `href="([^"]+)">Äldre meddelanden`); path != "" {
			v.get(first(a.body, `<a href="([^"]+)" lang="en"`)).is(http.StatusOK)
		}
	}
	if len(seen) != 4 {
		t.Errorf("the list shows %d messages, want each of 4 once", len(seen))
	}
	id, err := vault.ParseMessageID(ids[0])
	must(t, err)
	v.replyTo(id, v.form(id), "Tack!").is(http.StatusSeeOther)
	status(t, s, id, vault.Replied)
	if s.events("former number", "ok") != 1 {
		t.Error("the change of number must be in the audit")
	}
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v := s.visitor()
	v.get("/").has(`<html lang="sv">`, "Logga in med e-legitimation", `href="/?lang=en" lang="en"`)
	v.lang = "en-GB,en;q=0.9"
	v.get("/").has(`<html lang="en">`, "Log in with e-legitimation")
	v.lang = "de"
	v.get("/").has(`<html lang="sv">`)
	v.get("/?lang=en").has(`<html lang="en">`)
	v.get("/staff/login").has(`<html lang="en">`)
	v.get("/m/x?lang=sv").has(`<html lang="sv">`)
}

// TestLoginForAForm: whose login has ended when a form is sent comes back to the page that the form is on.
func TestLoginForAForm(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	id := "/messages/" + s.send(letterText, astrid).ID.String()
	for path, back := range map[string]string{
		id + "/take": id, id + "/notify": id, id + "/recall": id + "/recall", id + "/not-mine": id, "/devices/revoke": "/devices", "/logins": "/logins",
	} {
		to, err := url.Parse(s.visitor().post(path, nil).is(http.StatusSeeOther).Header.Get("Location"))
		must(t, err)
		if got := to.Query().Get("to"); got != back || !strings.HasSuffix(to.Path, "/login") {
			t.Errorf("%s leads to %s", path, to)
		}
	}
}

// TestLanguageOfAnAnswer: a page that answers a form has a way to the other languages, though the form's own address may
// not be one that can be asked for.
func TestLanguageOfAnAnswer(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	nobody, v := s.visitor(), s.staff()
	v.writeMail(v.newLetter(anna.String(), astrid.String(), "Om 900101-9802", "Hej")).is(http.StatusOK).has("Kontrollera innan du skickar")
	waiting := v.newLetter(anna.String(), astrid.String(), "Om 900101-9802", "Hej")
	v.writeMail(waiting).is(http.StatusOK)
	for _, row := range []struct {
		who          *visitor
		path         string
		form         url.Values
		leads, title string
	}{
		{v, "/compose/confirm", url.Values{"form": {waiting[0].value}, "change": {"1"}}, "/compose", "Write a secure message"},
		{v, "/compose/confirm", url.Values{"form": {"old"}, "change": {"1"}}, "/compose", "Write a secure message"},
		{v, "/devices", url.Values{"name": {""}}, "/devices", "Mail programs"},
		{v, "/search", url.Values{"words": {"hej"}}, "/search", "Search"},
		{nobody, "/staff/login", url.Values{"username": {"x"}}, "/staff/login", "Log in as staff"},
		{nobody, "/login/none", nil, "/login", "Log in"},
		{nobody, "/m/some/no/such/page", nil, "/m/some", "Open your"},
	} {
		a := row.who.post(row.path, row.form)
		lead := first(a.body, `<a href="([^"]+)" lang="en"`)
		if a.Header.Get("Location") != "" || lead != row.leads+"?lang=en" {
			t.Errorf("%s: the page (%d) leads to %q, want %q", row.path, a.StatusCode, lead, row.leads)
			continue
		}
		row.who.get(lead).is(http.StatusOK).has(`<html lang="en">`, "<h1>"+row.title)
		row.who.get(row.leads + "?lang=sv").is(http.StatusOK)
	}
}

func TestListPages(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{Page: 2})
	var ids []string
	for range 5 {
		ids = append(ids, s.send(letterText, astrid).ID.String())
	}
	for _, v := range []*visitor{s.person(astridID), s.staff()} {
		path := "/messages"
		if sent := first(v.get(path).body, `href="(/mailboxes/[0-9]+)"><span>Skickat <small>`); sent != "" {
			path = sent // staff: what the function address sent
		}
		var seen []string
		for range 3 {
			a := v.get(path).is(http.StatusOK)
			for _, id := range ids {
				if strings.Contains(a.body, "/messages/"+id) {
					seen = append(seen, id)
				}
			}
			path = first(a.body, `href="([^"]+)">Äldre meddelanden`)
		}
		if len(seen) != 5 || path != "" {
			t.Errorf("%d messages on three pages, want 5; then %q", len(seen), path)
		}
	}
}

// first is the first group of the first match, unescaped.
func first(body, pattern string) string {
	m := regexp.MustCompile(pattern).FindStringSubmatch(body)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}
