package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"sigill/vault"
	"sigill/web"
)

// TestTheRecipientIdentifies is the way without a number: asked, identified, approved, read.
func TestTheRecipientIdentifies(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, stranger)
	path, message := "/holds/"+sent.ID.String(), "/messages/"+sent.ID.String()
	staff := s.staff()
	staff.get(path).is(http.StatusOK).has(`type="checkbox" name="ask:` + stranger.Key() + `"`)
	staff.follow(staff.post(path, url.Values{"ask:" + stranger.Key(): {"on"}, "number:" + stranger.Key(): {""}}).to(path + "/done")).
		is(http.StatusOK).has("Mottagaren får legitimera sig")
	staff.get(path).is(http.StatusOK).has("ombads legitimera sig").lacks("checkbox")

	s.idp.mu.Lock()
	s.idp.name = "Nils <Norén>"
	s.idp.mu.Unlock()
	token, p := s.link(stranger), s.person(otherID)
	p.follow(p.post("/m/"+token, nil).to("/identified")).is(http.StatusOK).has("Tack, du har legitimerat dig").lacks("hemtjänst")
	p.get(message).is(http.StatusNotFound)

	a := staff.get(path).is(http.StatusOK).has("Är det här rätt person för okand@example.com?", "Nils &lt;Norén&gt;", "19990807-****").lacks("2391")
	claim := regexp.MustCompile(`name="claim" value="([^"]+)"`).FindStringSubmatch(a.body)[1]
	form := func(answer string) url.Values {
		return url.Values{"to": {stranger.String()}, "claim": {claim}, "answer": {answer}}
	}
	staff.post(path+"/claims", form("maybe")).is(http.StatusBadRequest)
	p.post(path+"/claims", form("approve")).is(http.StatusNotFound)
	staff.follow(staff.post(path+"/claims", form("approve")).to(path+"/done")).is(http.StatusOK).has("Aviseringar skickas", "19990807-****")
	staff.post(path+"/claims", form("approve")).is(http.StatusNotFound)
	p.get(message).is(http.StatusOK).has("Beslut om hemtjänst")
	// The link that came first leads to the message now.
	p.post("/m/"+token, nil).to(message)
}

func TestAClaimIsRejected(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, stranger)
	path := "/holds/" + sent.ID.String()
	staff := s.staff()
	staff.post(path, url.Values{"ask:" + stranger.Key(): {"on"}}).to(path + "/done")
	p := s.person(otherID)
	p.post("/m/"+s.link(stranger), nil).to("/identified")
	r, err := s.vault.Reader(t.Context(), vault.Staff(anna), vault.DoorWeb)
	must(t, err)
	defer r.Close()
	holds, err := r.Holds(t.Context())
	must(t, err)
	claim := holds[0].Recipients[0].Claims[0]
	if claim.Name != "" {
		t.Errorf("the name is %q", claim.Name)
	}
	staff.get(path).has("E-legitimationen gav inget namn")
	staff.post(path+"/claims", url.Values{"to": {stranger.String()}, "claim": {claim.ID}, "answer": {"reject"}}).to(path + "/done")
	staff.get(path).is(http.StatusOK).lacks("Är det här rätt person")
	p.get("/messages/" + sent.ID.String()).is(http.StatusNotFound)
}

// TestAnAskedRecipientIsNotReached: the sender sees on the page of the hold why nobody identifies.
func TestAnAskedRecipientIsNotReached(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	path := "/holds/" + s.send(letterText, stranger).ID.String()
	staff := s.staff()
	staff.post(path, url.Values{"ask:" + stranger.Key(): {"on"}}).to(path + "/done")
	staff.get(path).is(http.StatusOK).lacks("Aviseringen")
	due, _, err := s.vault.Outbox().Due(t.Context(), s.clock.now().Add(time.Hour), 10)
	must(t, err)
	for _, j := range due {
		if j.Kind == vault.NoticeIdentify {
			must(t, s.vault.Outbox().Bounced(t.Context(), j.Return, "5.1.1"))
		}
	}
	staff.get(path).is(http.StatusOK).has("Aviseringen")
}

// TestAClaimAgainstABinding: the sender is told that the address is somebody else's, and can still reject.
func TestAClaimAgainstABinding(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	path := "/holds/" + s.send(letterText, stranger).ID.String()
	staff := s.staff()
	staff.post(path, url.Values{"ask:" + stranger.Key(): {"on"}}).to(path + "/done")
	s.person(otherID).post("/m/"+s.link(stranger), nil).to("/identified")
	s.bind(stranger, astridID)
	claim := regexp.MustCompile(`name="claim" value="([^"]+)"`).FindStringSubmatch(staff.get(path).body)[1]
	form := url.Values{"to": {stranger.String()}, "claim": {claim}, "answer": {"approve"}}
	staff.post(path+"/claims", form).is(http.StatusUnprocessableEntity).has("verifierad för en annan person", `value="reject"`)
	form.Set("answer", "reject")
	staff.post(path+"/claims", form).to(path + "/done")
}

func TestATestNumberIsRefusedOutsideTheDemo(t *testing.T) {
	t.Parallel()
	s := stageOf(t, func(c *web.Config) { c.Rules.TestNumbers = false })
	path, field := "/holds/"+s.send(letterText, stranger).ID.String(), "number:"+stranger.Key()
	v := s.staff()
	v.post(path, url.Values{field: {"199908072391"}}).is(http.StatusUnprocessableEntity).has("ett av Skatteverkets testnummer")
	v.get(path).is(http.StatusOK)
}
