package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sigill/vault"
	"sigill/web"
)

// TestGoneIsLikeNeverThere: to its own recipient too, a message that was recalled is the page of one that never was, and
// so is whatever else was under its address.
func TestGoneIsLikeNeverThere(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid)
	link := s.link(astrid)
	r, err := s.vault.Reader(t.Context(), vault.Staff(anna), vault.DoorWeb)
	must(t, err)
	defer r.Close()
	_, err = r.Recall(t.Context(), sent.ID)
	must(t, err)

	v := s.person(astridID)
	want := v.get("/messages/none").is(http.StatusNotFound)
	for _, token := range []string{link, "nosuchlink", strings.Repeat("a", 100)} {
		v.post("/m/"+token, nil).to("/messages/none")
	}
	for _, under := range []string{"", "/html", "/pdf", "/raw", "/zip", "/parts/1", "/reply"} {
		never := v.get("/messages/" + vault.MessageID{1}.String() + under).is(http.StatusNotFound)
		gone := v.get("/messages/" + sent.ID.String() + under).is(http.StatusNotFound)
		plain := func(a answer) string {
			return strings.ReplaceAll(a.body, strings.TrimPrefix(a.path, "/"), "messages/none")
		}
		if plain(never) != want.body || plain(gone) != want.body {
			t.Errorf("%s: the pages differ:\n%s\n---\n%s", under, plain(never), plain(gone))
		}
		for name := range want.Header {
			if name != "Date" && name != "Content-Length" && gone.Header.Get(name) != want.Header.Get(name) {
				t.Errorf("%s: header %s is %q and %q", under, name, gone.Header.Get(name), want.Header.Get(name))
			}
		}
	}
}

// TestLinkIsLimited: a link that is passed round is refused for a while, one that does not exist as well, and no other.
func TestLinkIsLimited(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{PerLink: 2})
	s.send(letterText, astrid)
	link, v := s.link(astrid), s.person(otherID)
	for _, token := range []string{link, strings.Repeat("a", len(link))} {
		v.post("/m/"+token, nil).to("/messages/none")
		s.visitor().post("/m/"+token+"/not-mine", nil).to("/told")
		a := v.post("/m/"+token, nil).is(http.StatusTooManyRequests).has("Vänta en minut")
		s.visitor().post("/m/"+token+"/not-mine", nil).is(http.StatusTooManyRequests)
		header(t, a, "Retry-After", "60")
	}
	s.clock.pass(time.Minute)
	v.post("/m/"+link, nil).to("/messages/none")
}
