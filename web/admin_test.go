package web_test

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
	"sigill/web"
)

var (
	bo  = policy.MustAddress("bo.berg@exempel.se")
	eva = policy.MustAddress("eva.dahl@exempel.se")
)

// fakeNotices is a composer that says what it is.
type fakeNotices struct{}

func (fakeNotices) Kinds() []string { return []string{"message", "receipt"} }

func (fakeNotices) Brands() []string { return []string{"bolaget.exempel.se"} }

func (fakeNotices) Preview(kind, brand string) (web.Notice, error) {
	if kind != "message" && kind != "receipt" {
		return web.Notice{}, errors.New("no such kind")
	}
	return web.Notice{Subject: "Ett meddelande väntar", Text: "Öppna https://sakert.exempel.se/m/sample", HTML: "<p lang=sv>Öppna <b>" + kind + brand + "</b></p><script>alert(1)</script>"}, nil
}

func fakeRelays() []web.Relay {
	return []web.Relay{{Address: "post.exempel.se:25", Reached: time.Now()}}
}

// as is a visitor who is logged in as a staff member with roles; the account comes to be if need be.
func (s *stage) as(address policy.Address, roles vault.StaffRoles) *visitor {
	s.t.Helper()
	if address != anna {
		must(s.t, s.vault.Directory().PutAccount(s.t.Context(), vault.Account{Address: address, Name: address.Local}, password))
	}
	must(s.t, s.vault.Administration("root").SetRoles(s.t.Context(), address, roles))
	v := s.visitor()
	v.post("/staff/login", url.Values{"username": {address.String()}, "password": {password}}).to("/messages")
	return v
}

// TestWhoGetsToTheAdministration: to whom a page is not offered, it is not there.
func TestWhoGetsToTheAdministration(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	admin, auditor, plain, person, nobody := s.as(anna, vault.Administrator), s.as(bo, vault.Auditor), s.as(eva, 0), s.person(astridID), s.visitor()
	hold, err := s.vault.LegalHolds().Place(t.Context(), vault.LegalHold{Address: care, Reason: "Dnr 2026-118"})
	must(t, err)
	id, err := s.administration(anna).SearchAudit(t.Context(), vault.AuditQuery{}, "Dnr 2026-118")
	must(t, err)
	accountPath, addressPath := "/admin/accounts/"+eva.Key(), "/admin/addresses/"+care.Key()
	const yes, no = true, false
	for _, row := range []struct {
		method, path   string
		admin, auditor bool
	}{
		{"GET", "/admin", yes, yes},
		{"GET", "/admin/addresses", yes, no},
		{"POST", "/admin/addresses", yes, no},
		{"GET", addressPath, yes, no},
		{"POST", addressPath + "/name", yes, no},
		{"POST", addressPath + "/members", yes, no},
		{"POST", addressPath + "/class", yes, no},
		{"GET", addressPath + "/remove", yes, no},
		{"GET", "/admin/accounts", yes, no},
		{"POST", "/admin/accounts", yes, no},
		{"GET", accountPath, yes, no},
		{"POST", accountPath + "/devices", yes, no},
		{"GET", accountPath + "/password", yes, no},
		{"GET", accountPath + "/second", yes, no},
		{"GET", accountPath + "/remove", yes, no},
		{"GET", "/admin/bindings", yes, no},
		{"POST", "/admin/bindings", yes, no},
		{"POST", "/admin/bindings/quiet", yes, no},
		{"GET", "/admin/retention", yes, yes},
		{"GET", "/admin/retention?view=due", yes, yes},
		{"POST", "/admin/retention/holds", yes, yes},
		{"GET", "/admin/retention/holds/" + hold.String(), yes, yes},
		{"GET", "/admin/notices", yes, yes},
		{"GET", "/admin/notices/message", yes, yes},
		{"GET", "/admin/notices/message/html", yes, yes},
		{"GET", "/admin/audit", yes, yes},
		{"POST", "/admin/audit", yes, yes},
		{"GET", "/admin/audit/" + id.String(), yes, no}, // it is Anna's own
		{"GET", "/admin/health", yes, yes},
		{"POST", addressPath + "/remove", yes, no},
		{"POST", accountPath + "/logins", yes, no}, // which ends Eva's login: last
	} {
		ask := func(v *visitor) answer {
			if row.method == "GET" {
				return v.get(row.path)
			}
			return v.post(row.path, nil)
		}
		path, _, _ := strings.Cut(row.path, "?")
		door, err := url.Parse(ask(nobody).is(http.StatusSeeOther).Header.Get("Location"))
		must(t, err)
		if to := door.Query().Get("to"); door.Path != "/staff/login" || to != path && (row.method == "GET" || to == "" || !strings.HasPrefix(path, to+"/")) {
			t.Errorf("%s %s leads to %s", row.method, row.path, door)
		}
		ask(person).is(http.StatusNotFound)
		ask(plain).is(http.StatusNotFound).has("Sidan finns inte").lacks("Administration</a>")
		for _, who := range []struct {
			v   *visitor
			may bool
		}{{auditor, row.auditor}, {admin, row.admin}} {
			if a := ask(who.v); (a.StatusCode != http.StatusNotFound) != who.may {
				t.Errorf("%s %s: %d, though it may %t", row.method, row.path, a.StatusCode, who.may)
			} else if a.StatusCode >= 500 || a.StatusCode == http.StatusForbidden {
				t.Errorf("%s %s: %d", row.method, row.path, a.StatusCode)
			}
		}
	}
	must(t, s.vault.Administration("root").SetRoles(t.Context(), anna, 0))
	admin.get("/admin/accounts").is(http.StatusNotFound)
	admin.get("/messages").is(http.StatusOK).lacks("/admin")
}

func (s *stage) administration(address policy.Address) *vault.Administration {
	s.t.Helper()
	a, err := s.vault.AdministrationBy(s.t.Context(), address)
	must(s.t, err)
	return a
}

// TestAdministrationTakesAFreshLogin: an hour later one logs in again, and comes back.
func TestAdministrationTakesAFreshLogin(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{Idle: 3 * time.Hour})
	v := s.as(anna, vault.Administrator)
	page := "/admin/accounts/" + anna.Key()
	v.get(page).is(http.StatusOK)
	s.clock.pass(61 * time.Minute)
	again := v.get(page).is(http.StatusSeeOther).Header.Get("Location")
	v.post("/admin/accounts", url.Values{"address": {"ny@exempel.se"}, "name": {"Ny"}}).to("/staff/login?again=1&to=%2Fadmin%2Faccounts")
	v.post(page+"/logins", nil).to("/staff/login?again=1&to=" + url.QueryEscape(page+"/logins"))
	v.get(again).is(http.StatusOK).has("Logga in igen för att administrera", `name="to" value="`+page+`"`)
	v.get("/messages").is(http.StatusOK)
	v.post("/staff/login", url.Values{"username": {anna.String()}, "password": {password}, "to": {page}}).to(page)
	v.get(page).is(http.StatusOK)
	v.get(page + "/logins").to(page)
	v.get("/staff/login?again=1&to=/admin").to("/admin")
}

func TestAdministerAddresses(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v := s.as(anna, vault.Administrator)
	must(t, s.vault.Directory().PutAccount(t.Context(), vault.Account{Address: eva, Name: "Eva Dahl"}, password))
	page := "/admin/addresses/skola@exempel.se"
	for _, row := range []struct{ address, name, members, says string }{
		{"skola", "Skolan", "", "Skriv en e-postadress"},
		{"skola@example.com", "Skolan", "", "egna domäner"},
		{"skola@exempel.se", " ", "", "Fyll i ett namn"},
		{"skola@exempel.se", "Skolan", "x@exempel.se", "inget konto"},
		{"skola@exempel.se", "Skolan", anna.String(), "dig själv"},
		{care.String(), "Skolan", "", "finns redan"},
	} {
		v.post("/admin/addresses", url.Values{"address": {row.address}, "name": {row.name}, "members": {row.members}}).
			is(http.StatusUnprocessableEntity).has(row.says, `aria-invalid="true"`, `role="alert"`)
	}
	v.follow(v.post("/admin/addresses", url.Values{"address": {"Skola@exempel.se"}, "name": {"Skolan"}, "members": {eva.String()}}).to(page+"?done=added")).
		is(http.StatusOK).has("Adressen är tillagd", "Skolan", eva.String(), "Gallras 90 dagar", "Plan 2")
	v.get("/admin/addresses").has("Skolan", "Medlemmar: 1")
	v.post(page+"/name", url.Values{"name": {"Grundskolan"}}).to(page + "?done=named")
	v.post(page+"/members", url.Values{"members": {anna.String()}}).is(http.StatusUnprocessableEntity).has("dig själv")
	v.post(page+"/members", url.Values{"out": {eva.Key()}}).to(page + "?done=members")
	v.get(page).has("Grundskolan", "Ingen är medlem")
	v.post(page+"/class", url.Values{"class": {"Plan 2"}}).is(http.StatusOK).has("Ändra gallringsklass?", "365 dagar", "30 dagar innan", `name="sure"`)
	v.post(page+"/class", url.Values{"class": {"Plan 3"}, "sure": {"1"}}).is(http.StatusConflict)
	v.post(page+"/class", url.Values{"class": {"Plan 2"}, "sure": {"1"}}).to(page + "?done=class")
	v.get(page).has("<strong>Plan 2</strong>", "<option selected>Plan 2")
	v.get("/admin/retention").has("Har klassen ”Plan 2”", "Plan 1")
	v.get(page + "/remove").is(http.StatusOK).has("Meddelandena finns kvar")
	v.follow(v.post(page+"/remove", nil).to("/admin/addresses?done=removed")).has("Adressen är borttagen").lacks("skola@")
	v.get(page).is(http.StatusNotFound)
	for _, action := range []string{"add function address", "name function address", "change members", "set retention class", "remove function address"} {
		if s.eventsBy(anna, action) == 0 {
			t.Errorf("%q is not in the audit under Anna's name", action)
		}
	}
}

func (s *stage) eventsBy(who policy.Address, action string) (n int) {
	must(s.t, s.vault.Audit().Events(s.t.Context(), 0, func(e vault.Event) bool {
		if e.Actor == who.Key() && e.Action == action {
			n++
		}
		return true
	}))
	return n
}

func TestAdministerAccounts(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v, evas, bos := s.as(anna, vault.Administrator), s.as(eva, 0), s.as(bo, vault.Auditor)
	page := "/admin/accounts/" + eva.Key()
	v.post("/admin/accounts", url.Values{"address": {"ny@example.com"}, "name": {"Ny"}}).is(http.StatusUnprocessableEntity).has("egna domäner")
	v.post("/admin/accounts", url.Values{"address": {eva.String()}, "name": {"Ny"}}).is(http.StatusUnprocessableEntity).has("finns redan")
	made := regexp.MustCompile(`<strong>([a-z2-7-]{30,})</strong>`)
	first := made.FindStringSubmatch(v.post("/admin/accounts", url.Values{"address": {"ny@exempel.se"}, "name": {"Ny Nilsson"}}).is(http.StatusOK).has("visas aldrig igen").body)
	if first == nil {
		t.Fatal("no password is shown")
	}
	s.visitor().post("/staff/login", url.Values{"username": {"ny@exempel.se"}, "password": {first[1]}}).to("/messages")
	v.get("/admin/accounts?words=nilsson").has("ny@exempel.se").lacks(eva.String())
	v.get("/admin/accounts").has(eva.String(), "Granskare")

	_, _, err := s.vault.Directory().AddDevice(t.Context(), eva, "Outlook", eva)
	must(t, err)
	body := v.get(page).is(http.StatusOK).has("Outlook", "Inloggad på webben just nu: 1", "Tvåstegsinloggning är inte på").body
	device := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(body)
	v.follow(v.post(page+"/devices", url.Values{"id": {device[1]}}).to(page + "?done=device")).has("inga lösenord till e-postprogram")
	evas.get("/messages").is(http.StatusOK)
	v.post(page+"/logins", nil).to(page + "?done=logins")
	evas.get("/messages").is(http.StatusSeeOther)

	v.get(page + "/password").is(http.StatusOK).has("verkligen är kontots ägare")
	second := made.FindStringSubmatch(v.post(page+"/password", nil).is(http.StatusOK).body)
	s.visitor().post("/staff/login", url.Values{"username": {eva.String()}, "password": {password}}).is(http.StatusForbidden)
	s.visitor().post("/staff/login", url.Values{"username": {eva.String()}, "password": {second[1]}}).to("/messages")

	bosPage := "/admin/accounts/" + bo.Key()
	for _, change := range []string{"password", "second", "remove"} {
		v.get(bosPage + "/" + change).is(http.StatusForbidden).has("Kontot har en roll")
		if a := v.post(bosPage+"/"+change, nil); a.StatusCode != http.StatusForbidden && a.StatusCode != http.StatusNotFound {
			t.Errorf("%s of an account with a role: %d", change, a.StatusCode)
		}
	}
	bos.get("/messages").is(http.StatusOK)
	v.get(page + "/nothing").is(http.StatusNotFound)
	v.follow(v.post(page+"/remove", nil).to("/admin/accounts?done=removed")).lacks(eva.String())
	if strings.Contains(s.log.String(), second[1]) || strings.Contains(s.log.String(), first[1]) {
		t.Error("a password is in the log")
	}
}

func TestAdministerBindings(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v := s.as(anna, vault.Administrator)
	v.post("/admin/bindings", url.Values{"address": {"astrid"}}).is(http.StatusUnprocessableEntity)
	v.post("/admin/bindings", url.Values{"address": {stranger.String()}}).is(http.StatusOK).has("hör inte till någon")
	v.post("/admin/bindings", url.Values{"address": {astrid.String()}}).is(http.StatusOK).has("19900101-****").lacks("9802")
	v.post("/admin/bindings/quiet", url.Values{"number": {"19900101-9803"}}).is(http.StatusUnprocessableEntity).has("12 siffror")
	v.post("/admin/bindings/quiet", url.Values{"number": {"19900101-9802"}}).is(http.StatusOK).has("Får aviseringar som vanligt")
	v.post("/admin/bindings/quiet", url.Values{"number": {"19900101-9802"}, "quiet": {"1"}}).to("/admin/bindings?done=quiet")
	v.post("/admin/bindings", url.Values{"address": {astrid.String()}}).is(http.StatusOK).has("skyddad identitet").lacks("19900101")
	v.post("/admin/bindings/quiet", url.Values{"number": {"19900101-9802"}, "quiet": {"0"}}).to("/admin/bindings?done=loud")
	v.post("/admin/bindings/revoke", url.Values{"address": {astrid.String()}}).is(http.StatusOK).has("Nästa meddelande")
	v.post("/admin/bindings/revoke", url.Values{"address": {astrid.String()}, "sure": {"1"}}).to("/admin/bindings?done=revoked")
	v.post("/admin/bindings", url.Values{"address": {astrid.String()}}).has("hör inte till någon")
	if s.eventsBy(anna, "look up binding") != 2 || s.eventsBy(anna, "revoke binding") != 1 || s.eventsBy(anna, "quiet") != 1 {
		t.Error("it is not in the audit under Anna's name")
	}
}

func TestAdministerRetention(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v := s.as(bo, vault.Auditor)
	sent := s.send(letterText, astrid)
	v.get("/admin/retention").is(http.StatusOK).has("Plan 1", "Gallras 90 dagar", "Inga beslut gäller").lacks("/admin/accounts")
	v.get("/admin/retention?view=due").is(http.StatusOK).has("Skulle gallras")
	for _, row := range []struct{ of, reason, says string }{
		{"x", "Dnr 1", "inget sådant"}, {"okand@exempel.se", "Dnr 1", "inget sådant"}, {"19900101-9803", "Dnr 1", "inget sådant"}, {care.String(), " ", "Skriv varför"},
	} {
		v.post("/admin/retention/holds", url.Values{"of": {row.of}, "reason": {row.reason}}).is(http.StatusUnprocessableEntity).has(row.says)
	}
	for _, of := range []string{sent.ID.String(), care.String(), "19900101-9802"} {
		v.post("/admin/retention/holds", url.Values{"of": {of}, "reason": {"Dnr 2026-118"}}).to("/admin/retention?done=held")
	}
	a := v.get("/admin/retention").has(care.String(), "Allt till och från en person", sent.ID.String(), bo.String()).lacks("9802")
	holds := regexp.MustCompile(`/admin/retention/holds/[a-z2-7]+`).FindAllString(a.body, -1)
	if len(holds) != 3 {
		t.Fatalf("holds: %q", holds)
	}
	v.get(holds[0]).is(http.StatusOK).has("Häv beslutet", "Dnr 2026-118")
	for _, hold := range holds {
		v.post(hold, nil).to("/admin/retention?done=lifted")
	}
	v.post(holds[0], nil).is(http.StatusNotFound)
	if s.eventsBy(bo, "legal hold") != 3 || s.eventsBy(bo, "lift legal hold") != 3 {
		t.Error("it is not in the audit under Bo's name")
	}
}

func TestPreviewNotices(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v := s.as(anna, vault.Administrator)
	v.get("/admin/notices").is(http.StatusOK).has("/admin/notices/receipt", "Till mottagaren: ett meddelande väntar")
	v.get("/admin/notices/message").is(http.StatusOK).has("Ett meddelande väntar", "Öppna https://sakert", `sandbox="allow-popups`).lacks("alert(1)")
	if p := v.get("/admin/notices/message/html").is(http.StatusOK).has("<b>message</b>").Header.Get("Content-Security-Policy"); p != mailPolicy {
		t.Errorf("the frame's policy is %q", p)
	}
	v.get("/admin/notices/message").has("/admin/notices/message?view=bolaget.exempel.se")
	v.get("/admin/notices/message?view=bolaget.exempel.se").has("/admin/notices/message/html?view=bolaget.exempel.se")
	v.get("/admin/notices/message/html?view=bolaget.exempel.se").has("<b>messagebolaget.exempel.se</b>")
	v.get("/admin/notices/message?view=other.example").is(http.StatusNotFound)
	v.get("/admin/notices/other").is(http.StatusNotFound)
}

// TestSecondPerson goes through a search that takes one.
func TestSecondPerson(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{Idle: 30 * time.Hour, Session: 60 * time.Hour})
	annas, bos := s.as(anna, vault.Administrator), s.as(bo, vault.Auditor)
	sent := s.send(letterText, astrid)
	s.person(astridID).get("/messages/" + sent.ID.String()).is(http.StatusOK)
	must(t, s.vault.Administration("root").SetQuiet(t.Context(), astridID, true))
	for field, row := range map[string]struct{ value, says string }{
		"reason": {"x", "Skriv varför"}, "since": {"igår", "datum"}, "who": {"Anna", "e-postadress eller"}, "message": {"x", "inget meddelandenummer"}, "action": {"dance", "ur listan"},
	} {
		form := url.Values{"reason": {"Dnr 2026-118"}, field: {row.value}}
		annas.post("/admin/audit", form).is(http.StatusUnprocessableEntity).has(row.says, `href="#`+field+`"`)
	}
	page := annas.post("/admin/audit", url.Values{"reason": {"Dnr 2026-118"}, "who": {"19900101-9802"}}).is(http.StatusSeeOther).Header.Get("Location")
	if strings.Contains(page, "9802") {
		t.Errorf("the number stands in the address: %s", page)
	}
	annas.get(page).is(http.StatusOK).has("Dnr 2026-118", "Skyddad identitet", "Be en andra person").lacks("person:read", ">Meddelande läst<", "9802", sent.ID.String())
	bos.get(page).is(http.StatusNotFound)
	bos.get("/admin/audit").lacks("Väntar på ditt godkännande")
	annas.follow(annas.post(page+"/ask", nil).to(page + "?done=asked")).has("Väntar på att en annan")
	annas.post(page+"/answer", url.Values{"answer": {"approve"}}).is(http.StatusForbidden)
	bos.get("/admin/audit").has("Väntar på ditt godkännande", "Dnr 2026-118", anna.String())
	bos.post(page+"/answer", url.Values{"answer": {"perhaps"}}).is(http.StatusBadRequest)
	bos.post(page+"/answer", url.Values{"answer": {"refuse"}}).to("/admin/audit?done=refused")
	annas.get(page).has(bo.String() + " har sagt nej").lacks(">Meddelande läst<")
	annas.post(page+"/ask", nil).to(page + "?done=asked")
	bos.post(page+"/answer", url.Values{"answer": {"approve"}}).to("/admin/audit?done=approved")
	bos.post(page+"/answer", url.Values{"answer": {"approve"}}).is(http.StatusConflict)
	annas.get(page).has("Godkänd av "+bo.String(), ">Meddelande läst<", sent.ID.String()).lacks("Skyddad identitet<")
	annas.get("/admin/audit").has("Godkänd")
	if s.eventsBy(anna, "search audit") != 1 || s.eventsBy(bo, "approve search") != 1 || s.eventsBy(bo, "refuse search") != 1 {
		t.Error("it is not in the audit")
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v := s.as(bo, vault.Auditor)
	s.send(letterText, astrid)
	must(t, s.vault.Maintain(t.Context(), nil))
	v.get("/admin/health").is(http.StatusOK).has("1.2.3", "post.exempel.se:25", "Huvudnyckelns", "Inte känt", "Ledigt på disken", "Nyckelperiod</dt><dd>2").lacks("astrid", "Beslut om")
}
