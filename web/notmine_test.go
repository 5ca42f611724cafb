package web_test

import (
	"net/http"
	"testing"

	"sigill/vault"
	"sigill/web"
)

func TestNotMine(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid)
	link := s.link(astrid)
	nobody := s.visitor()
	nobody.get("/m/"+link).is(http.StatusOK).has("Det här är inte till mig", `action="/m/`+link+`/not-mine"`)
	known := nobody.follow(nobody.post("/m/"+link+"/not-mine", nil)).is(http.StatusOK).has("Tack för att du sa till")
	status(t, s, sent.ID, vault.Declined)
	unknown := nobody.follow(nobody.post("/m/nosuchlink/not-mine", nil)).is(http.StatusOK)
	if known.body != unknown.body {
		t.Error("the page tells a known link from an unknown one")
	}
	nobody.get("/m/" + link + "/not-mine").is(http.StatusMethodNotAllowed)

	// The right person reads all the same.
	v := s.person(astridID)
	id := "/messages/" + sent.ID.String()
	v.get(id).is(http.StatusOK).has(`action="` + id + `/not-mine"`)
	status(t, s, sent.ID, vault.Opened)
	v.post(id+"/not-mine", nil).to("/told")
	status(t, s, sent.ID, vault.Disowned)
	v.get(id).is(http.StatusOK)
	s.person(otherID).post(id+"/not-mine", nil).is(http.StatusNotFound)
	s.staff().get(id).has("Läst av någon som säger att det kommit fel")
}
