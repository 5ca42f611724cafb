package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sigill/vault"
	"sigill/web"
)

func TestStaffLogin(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v := s.visitor()
	v.get("/holds").to("/staff/login?to=%2Fholds")
	v.post("/holds/x", nil).to("/staff/login?to=%2Fholds%2Fx")
	var bodies []string
	for _, user := range []string{anna.String(), "nobody@exempel.se", "x"} {
		a := v.post("/staff/login", url.Values{"username": {user}, "password": {"fel"}, "to": {"/holds"}}).is(http.StatusForbidden)
		a.has("stämmer inte", `name="to" value="/holds"`, `aria-describedby="fault"`).lacks("fel\"")
		bodies = append(bodies, strings.ReplaceAll(a.body, `value="`+user+`"`, ""))
	}
	if bodies[0] != bodies[1] || bodies[1] != bodies[2] {
		t.Error("a wrong address and a wrong password differ")
	}
	v.post("/staff/login", url.Values{"username": {"  Anna.Ek@exempel.se "}, "password": {password}, "to": {"/holds"}}).to("/holds")
	v.get("/holds").is(http.StatusOK).has("Inga meddelanden väntar", "Inloggad som Anna Ek")
	v.get("/staff/login?to=/holds").to("/holds")
	v.get("/messages/" + vault.MessageID{}.String() + "/reply").is(http.StatusNotFound)
	if strings.Contains(s.log.String(), password) || strings.Contains(s.log.String(), "fel") {
		t.Error("a password is in the log")
	}
}

func TestStaffLoginIsLimited(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	last := 0
	for range 12 {
		last = s.visitor().post("/staff/login", url.Values{"username": {anna.String()}, "password": {"fel"}}).StatusCode
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the twelfth wrong password gave %d", last)
	}
	s.visitor().post("/staff/login", url.Values{"username": {"other@exempel.se"}, "password": {"fel"}}).is(http.StatusForbidden)

	small := newStage(t, web.Limits{PerMinute: 3})
	for range 3 {
		small.visitor().post("/login/eid", nil).is(http.StatusSeeOther)
	}
	a := small.visitor().post("/login/eid", nil).is(http.StatusTooManyRequests).has("För många försök")
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid, stranger)
	path, field := "/holds/"+sent.ID.String(), "number:"+stranger.Key()
	v := s.visitor()
	v.get(path).to("/staff/login?to=" + url.QueryEscape(path))
	v.post("/staff/login", url.Values{"username": {anna.String()}, "password": {password}, "to": {path}}).to(path)
	v.get("/messages").is(http.StatusOK).has("Ett meddelande väntar på uppgifter")
	v.get("/holds").is(http.StatusOK).has(path, "Till okand@example.com", "Beslut om hemtjänst")
	v.get(path).is(http.StatusOK).has("okand@example.com", `name="`+field+`"`, "19900101-****", "astrid@example.com",
		"Skyddas därför att ämnesraden har en tagg.")
	v.get("/messages/"+sent.ID.String()).is(http.StatusOK).has(path, "Väntar på uppgifter", "Skyddas därför att", "ämnesraden har en tagg")

	rows := []struct{ number, says string }{
		{"", "Fyll i personnummer"},
		{"9908072391", "ska ha 12 siffror"},
		{"1999080723912", "ska ha 12 siffror"},
		{"199913072391", "ett datum som finns"},
		{"209908072391", "Kontrollera århundradet"},
		{"199908072392", "kontrollsiffran stämmer inte"},
		{"199908T72391", "ska ha 12 siffror"},
		{"19990807T391", "tillfälligt nummer"},
		{"165560360793", "organisationsnummer"},
		{"5560360793", "organisationsnummer"},
	}
	for _, row := range rows {
		a := v.post(path, url.Values{field: {row.number}}).is(http.StatusUnprocessableEntity)
		a.has(row.says, `href="#number-2"`, `id="number-2"`, `aria-describedby="number-2-hint number-2-fault"`, `aria-invalid="true"`, `value="`+row.number+`"`)
	}
	jobs, _, err := s.vault.Outbox().Due(t.Context(), s.clock.now().Add(1e12), 10)
	must(t, err)
	for _, j := range jobs {
		if j.Kind == vault.NoticeMessage {
			t.Error("a notice went out before the hold was completed")
		}
	}
	v.follow(v.post(path, url.Values{field: {"19990807-2391"}}).to(path+"/done")).is(http.StatusOK).
		has("Aviseringar skickas", "okand@example.com", "19990807-****").lacks("2391")
	v.get(path).is(http.StatusNotFound)
	v.post(path, url.Values{field: {"19990807-2391"}}).is(http.StatusNotFound)
	s.link(astrid)
	token := s.link(stranger)
	p := s.person(otherID)
	p.follow(p.post("/m/"+token, nil).to("/messages/"+sent.ID.String())).is(http.StatusOK).lacks("Skyddas", "tagg")
	if strings.Contains(s.log.String(), "2391") {
		t.Error("an identity number is in the log")
	}
}

func TestCoordinationNumber(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, stranger)
	path := "/holds/" + sent.ID.String()
	s.staff().post(path, url.Values{"number:" + stranger.Key(): {"19701063 2391"}}).to(path + "/done")
}

func TestStaffReads(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid)
	v := s.staff()
	id := "/messages/" + sent.ID.String()
	v.get(id).is(http.StatusOK).has("Mottagare", "astrid@example.com", "19900101-****", "Avisering på väg").lacks(id + "/reply")
	v.get(id + "/reply").is(http.StatusNotFound)
	v.get("/mailboxes/99999").is(http.StatusNotFound)
	v.get("/mailboxes/x").is(http.StatusNotFound)
}
