package web_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
	"sigill/web"
)

func TestRecallSaysWhatItCanDo(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	bo := policy.MustAddress("bo@exempel.se")
	s.bind(stranger, otherID)
	must(t, s.vault.Directory().PutAccount(t.Context(), vault.Account{Address: bo, Name: "Bo"}, password))
	sent := s.send(letterText, astrid, stranger)
	path := "/messages/" + sent.ID.String()
	p := s.person(astridID)
	p.get(path).is(http.StatusOK)
	v := s.staff()
	v.get(path).is(http.StatusOK).has(path+"/recall", "Avisering på väg", "<strong>Läst</strong>")
	v.get(path+"/recall").is(http.StatusOK).has("Har inte öppnat meddelandet", "okand@example.com", "går inte att göra oläst", "kan inte hämtas tillbaka")
	other := s.visitor()
	other.post("/staff/login", url.Values{"username": {bo.String()}, "password": {password}})
	for _, w := range []*visitor{other, p} {
		w.get(path + "/recall").is(http.StatusNotFound)
		w.post(path+"/recall", nil).is(http.StatusNotFound)
		w.post(path+"/notify", url.Values{"to": {astrid.String()}}).is(http.StatusNotFound)
	}
	v.follow(v.post(path+"/recall", nil).to(path+"/recall")).is(http.StatusOK).
		has("Meddelandet återkallades", "Hann inte öppna det", "Hade redan öppnat det").lacks("Återkalla meddelandet</button>")
	v.get(path).has("Meddelandet återkallades", "Återkallat innan det öppnades").lacks("Skicka aviseringen igen")
	p.get(path).is(http.StatusNotFound)
	if n := s.events("recall", "ok"); n != 1 {
		t.Errorf("%d recalls in the audit", n)
	}
}

func TestNoticeIsSentAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid)
	path := "/messages/" + sent.ID.String()
	v := s.staff()
	v.get(path).is(http.StatusOK).lacks("Skicka aviseringen igen")
	jobs, _, err := s.vault.Outbox().Due(t.Context(), time.Now().Add(time.Hour), 10)
	must(t, err)
	must(t, s.vault.Outbox().Fail(t.Context(), jobs[0], "550"))
	v.get(path).is(http.StatusOK).has("<strong>Aviseringen kom inte fram</strong>", "Skicka aviseringen igen")
	v.follow(v.post(path+"/notify", url.Values{"to": {astrid.String()}}).to(path)).is(http.StatusOK).
		has("Aviseringen kom inte fram <time", "<strong>Avisering på väg</strong>").lacks("Skicka aviseringen igen")
	v.post(path+"/notify", url.Values{"to": {astrid.String()}}).to(path)
	v.post(path+"/notify", url.Values{"to": {"x"}}).is(http.StatusBadRequest)
	if n := s.events("notify again", "ok"); n != 1 {
		t.Errorf("sent again %d times", n)
	}
}

func TestCaseFile(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid)
	p := s.person(astridID)
	p.replyTo(sent.ID, p.form(sent.ID), "Mitt svar", upload{"../intyg.txt", "text/plain", "ett"}, upload{"intyg.txt", "text/plain", "två"})
	reader, err := s.vault.Reader(t.Context(), vault.Staff(anna), vault.DoorWeb)
	must(t, err)
	defer reader.Close()
	talk, err := reader.Conversation(t.Context(), sent.ID)
	must(t, err)
	path := "/messages/" + talk[1].ID.String() + "/case"
	a := s.staff().get(path).is(http.StatusOK)
	if kind := a.Header.Get("Content-Type"); kind != "application/zip" {
		t.Errorf("it is %s", kind)
	}
	z, err := zip.NewReader(strings.NewReader(a.body), int64(len(a.body)))
	must(t, err)
	content := map[string][]byte{}
	var names []string
	for _, f := range z.File {
		r, err := f.Open()
		must(t, err)
		b, err := io.ReadAll(r)
		must(t, err)
		content[f.Name], names = b, append(names, f.Name)
	}
	if got := strings.Join(names, " "); got != "message.eml message.pdf attachments/intyg.txt attachments/intyg (2).txt metadata.json" {
		t.Fatalf("files %s", got)
	}
	var about struct {
		ID, Conversation, Sender, Subject string
		Others                            []string `json:"other_messages_of_the_conversation"`
		By                                string   `json:"exported_by"`
		Recipients                        []struct {
			Address string
			History []struct{ Status string }
		}
		Files []struct {
			Name, SHA256 string
			Size         int
		}
	}
	must(t, json.Unmarshal(content["metadata.json"], &about))
	if about.ID != talk[1].ID.String() || about.Conversation != sent.ID.String() || about.Others[0] != sent.ID.String() ||
		about.Sender != astrid.String() || about.Subject != "Sv: Beslut om hemtjänst" || about.By != anna.String() || about.Recipients[0].Address != care.String() {
		t.Errorf("metadata %+v", about)
	}
	if len(about.Files) != 4 {
		t.Fatalf("%d files", len(about.Files))
	}
	for _, f := range about.Files {
		sum := sha256.Sum256(content[f.Name])
		if f.SHA256 != hex.EncodeToString(sum[:]) || f.Size != len(content[f.Name]) {
			t.Errorf("%s: not the checksum", f.Name)
		}
	}
	if bytes.Contains(content["metadata.json"], []byte("9802")) {
		t.Error("an identity number is in the metadata")
	}
	if string(content["attachments/intyg (2).txt"]) != "två" || !bytes.Contains(content["message.eml"], []byte("Mitt svar")) {
		t.Error("a file is not what was sent")
	}
	if n := s.events("export", "ok"); n != 1 {
		t.Errorf("%d exports in the audit", n)
	}
	p.get(path).is(http.StatusNotFound)
}

func TestDeleteMessage(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent, held := s.send(letterText, astrid), s.send(letterText, stranger)
	path := "/messages/" + sent.ID.String() + "/delete"
	v := s.staff()
	v.get(path).is(http.StatusOK).has("Radera meddelandet", "För över det till verksamhetssystemet", "alla andra som läser hemtjanst@exempel.se", "gallras det enligt reglerna, tidigast")
	v.get("/messages/"+sent.ID.String()).has(path, "privata enheter")
	p := s.person(astridID)
	p.get(path).is(http.StatusNotFound)
	p.post(path, nil).is(http.StatusNotFound)
	v.follow(v.post(path, nil).to("/messages?deleted=1")).is(http.StatusOK).has("Meddelandet är raderat")
	v.get(path).is(http.StatusNotFound)
	v.post(path, nil).is(http.StatusNotFound)
	p.get("/messages/" + sent.ID.String()).is(http.StatusOK)
	v.post("/messages/"+held.ID.String()+"/delete", nil).is(http.StatusConflict).has("väntar på uppgifter")
	if n := s.events("delete", "ok"); n != 1 {
		t.Errorf("%d deletions in the audit", n)
	}
}

func TestITakeIt(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	bo := policy.MustAddress("bo@exempel.se")
	must(t, s.vault.Directory().PutAccount(t.Context(), vault.Account{Address: bo, Name: "Bo"}, password))
	sent := s.send(letterText, care)
	path := "/messages/" + sent.ID.String()
	v := s.staff()
	v.get(path).is(http.StatusOK).has("Ingen har tagit hand om", "Jag tar det")
	other := s.visitor()
	other.post("/staff/login", url.Values{"username": {bo.String()}, "password": {password}})
	other.post(path+"/take", url.Values{"take": {"1"}}).is(http.StatusNotFound)
	must(t, s.vault.Administration("test").ChangeMembers(t.Context(), care, []policy.Address{bo}, nil))
	v.follow(v.post(path+"/take", url.Values{"take": {"1"}}).to(path)).has("Du har tagit hand om", "Lämna tillbaka")
	other.post(path+"/take", url.Values{"take": {"1"}}).is(http.StatusConflict).has("Någon annan hann före")
	other.get(path).has("anna.ek@exempel.se har tagit hand om", "Ta över", `name="was" value="anna.ek@exempel.se"`)
	other.post(path+"/take", url.Values{"take": {"1"}, "was": {"anna.ek@exempel.se"}}).to(path)
	v.post(path+"/take", url.Values{"take": {"1"}, "was": {"x"}}).is(http.StatusBadRequest)
	s.person(astridID).post(path+"/take", nil).is(http.StatusNotFound)
	if s.events("take", "ok") != 2 {
		t.Error("the audit does not tell")
	}
}
