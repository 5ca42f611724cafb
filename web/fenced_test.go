package web_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"sigill/vault"
	"sigill/web"
)

// virus is what the scanner of these tests finds, also in the base64 of a file that begins with it.
const virus = "malware of this test!"

type scanner struct{ away atomic.Bool }

func (s *scanner) Scan(_ context.Context, r io.Reader) (string, error) {
	if s.away.Load() {
		return "", errors.New("nobody listens")
	}
	b, err := io.ReadAll(r)
	if bytes.Contains(b, []byte(virus)) || bytes.Contains(b, []byte(base64.StdEncoding.EncodeToString([]byte(virus)))) {
		return "Test.Virus", err
	}
	return "", err
}

// suspectReply answers a message with three files, the second of which is malware, and gives the reply's id.
func (v *visitor) suspectReply(to vault.MessageID) string {
	v.t.Helper()
	a := v.replyTo(to, v.form(to), "Se bifogat.", upload{"intyg.txt", "text/plain", "intyget"},
		upload{"faktura.doc", "application/msword", virus}, upload{"bild.png", "image/png", "bilden"})
	return strings.TrimPrefix(a.is(http.StatusSeeOther).Header.Get("Location"), "/receipts/")
}

func TestSuspectReply(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent, person := s.send(letterText, astrid), s.person(astridID)
	id := person.suspectReply(sent.ID)
	person.get("/receipts/"+id).is(http.StatusOK).has("Ditt svar har kommit in", "En fil i svaret är spärrad")
	staff := s.staff()
	base := "/messages/" + id
	staff.get(base).is(http.StatusOK).has("Se bifogat.", "faktura.doc", "intyg.txt", "Test.Virus", base+"/fenced/3", base+"/parts/2", base+"/zip")
	person.get(base).is(http.StatusOK).has("Se bifogat.", "faktura.doc", "En fil du skickade är spärrad").lacks("/fenced/", base+"/raw", "Test.Virus")
	staff.get("/mailboxes/6").is(http.StatusOK).has("Spärrad fil")

	for _, who := range []*visitor{person, staff} {
		for path, status := range map[string]int{
			base + "/parts/2": http.StatusOK, base + "/parts/3": http.StatusForbidden, base + "/parts/4": http.StatusOK,
			base + "/raw": http.StatusForbidden, base + "/pdf": http.StatusOK, base + "/zip": http.StatusOK, base + "?view=raw": http.StatusOK,
		} {
			if a := who.get(path).is(status); strings.Contains(a.body, virus) || strings.Contains(a.body, "bWFsd2FyZSBvZiB0aGlz") {
				t.Errorf("%s hands it out", path)
			}
		}
		if names := zipNames(t, who.get(base+"/zip")); !slices.Equal(names, []string{"intyg.txt", "bild.png"}) {
			t.Error(names)
		}
	}
	person.get(base + "/fenced/3").is(http.StatusNotFound)
	person.post(base+"/fenced/3", nil).is(http.StatusNotFound)
	if n := s.events("open suspect", "ok"); n != 0 {
		t.Errorf("%d were opened", n)
	}
	staff.get(base+"/fenced/3").is(http.StatusOK).has("faktura.doc", "Test.Virus", "it-supporten")
	for _, place := range []string{"2", "9", "x"} {
		staff.get(base + "/fenced/" + place).is(http.StatusNotFound)
		staff.post(base+"/fenced/"+place, nil).is(http.StatusNotFound)
	}
	a := staff.post(base+"/fenced/3", nil).is(http.StatusOK)
	if a.body != virus || !strings.Contains(a.Header.Get("Content-Disposition"), "attachment; filename=\"faktura.doc\"") || a.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("%q, %v", a.body, a.Header)
	}
	staff.get(base + "/fenced/raw").is(http.StatusOK)
	if raw := staff.post(base+"/fenced/raw", nil).is(http.StatusOK).body; !strings.Contains(raw, "bWFsd2FyZSBvZiB0aGlz") {
		t.Error("the original is not whole")
	}
	if n := s.events("open suspect", "ok"); n != 2 {
		t.Errorf("%d were opened", n)
	}
}

func zipNames(t *testing.T, a answer) (names []string) {
	t.Helper()
	z, err := zip.NewReader(strings.NewReader(a.is(http.StatusOK).body), int64(len(a.body)))
	must(t, err)
	for _, f := range z.File {
		names = append(names, f.Name)
	}
	return names
}

// An export for the case system has what can be had, and says what it lacks.
func TestSuspectExport(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	id := s.person(astridID).suspectReply(s.send(letterText, astrid).ID)
	a := s.staff().get("/messages/" + id + "/case").is(http.StatusOK)
	if names := zipNames(t, a); !slices.Equal(names, []string{"message.pdf", "attachments/intyg.txt", "attachments/bild.png", "metadata.json"}) {
		t.Error(names)
	}
	z, err := zip.NewReader(strings.NewReader(a.body), int64(len(a.body)))
	must(t, err)
	f, err := z.Open("metadata.json")
	must(t, err)
	var about struct {
		Malware struct{ Name string }
		Files   []struct {
			Name   string
			Fenced bool
			SHA256 string
		}
	}
	must(t, json.NewDecoder(f).Decode(&about))
	var fenced []string
	for _, f := range about.Files {
		if f.Fenced != (f.SHA256 == "") {
			t.Errorf("%+v", f)
		}
		if f.Fenced {
			fenced = append(fenced, f.Name)
		}
	}
	if about.Malware.Name != "Test.Virus" || !slices.Equal(fenced, []string{"message.eml", "attachments/faktura.doc"}) {
		t.Errorf("%+v", about)
	}
}

// Whoever forwards a message is told which of its files stay behind.
func TestSuspectForward(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	id, v := s.person(astridID).suspectReply(s.send(letterText, astrid).ID), s.staff()
	v.get("/messages/"+id+"/forward").is(http.StatusOK).has(
		"Spärrade filer skickas inte med.", `faktura.doc <small>21 byte</small> <span class="tag warn">Spärrad</span>`, "intyg.txt <small>7 byte</small></li>")
	on := []field{{"form", v.token("/messages/" + id + "/forward")}, {"about", id}, {"kind", "forward"}, {"from", anna.String()}, {"to", anna.String()}, {"subject", "Vb"}, {"text", "FYI"}, {"attached", "1"}}
	sent := sentID(t, v.writeMail(on))
	v.get("/messages/"+sent.String()).is(http.StatusOK).has("intyg.txt", "bild.png").lacks("faktura.doc")
	whole := s.send(filesText, astrid).ID.String()
	v.get("/messages/" + whole + "/forward").is(http.StatusOK).has("Skicka med filerna").lacks("Spärrad")
}

// What staff write is not sent, and they keep their text.
func TestSuspectMailOfStaff(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v := s.staff()
	letter := func() []field { return v.newLetter(anna.String(), astrid.String(), "Beslut", "Min text") }
	a := v.writeMail(letter(), upload{"faktura.doc", "application/msword", virus}).is(http.StatusUnprocessableEntity)
	a.has("skadlig kod i en fil", "Min text")
	s.scanner.away.Store(true)
	v.writeMail(letter()).is(http.StatusServiceUnavailable).has("kan inte kontrolleras just nu", "Min text")
	s.scanner.away.Store(false)
	sentID(t, v.writeMail(letter()))
}

// A reply that could not be scanned is fenced until it can.
func TestUnscannedReply(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent, person := s.send(letterText, astrid), s.person(astridID)
	s.scanner.away.Store(true)
	a := person.replyTo(sent.ID, person.form(sent.ID), "Hej", upload{"intyg.txt", "text/plain", "intyget"})
	base := "/messages/" + strings.TrimPrefix(a.is(http.StatusSeeOther).Header.Get("Location"), "/receipts/")
	staff := s.staff()
	staff.get(base).is(http.StatusOK).has("spärrade tills de har kontrollerats", base+"/fenced/2")
	staff.get(base + "/parts/2").is(http.StatusForbidden)
	s.scanner.away.Store(false)
	must(t, s.vault.ScanFenced(t.Context()))
	staff.get(base).is(http.StatusOK).lacks("spärrad")
	if got := staff.get(base + "/parts/2").is(http.StatusOK).body; got != "intyget" {
		t.Error(got)
	}
}
