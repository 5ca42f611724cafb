package web_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"html"
	"io"
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

const docxType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

// field is one of a form, in the order of the page.
type field struct{ name, value string }

// writeMail posts the form the way a browser does.
func (v *visitor) writeMail(fields []field, files ...upload) answer {
	v.t.Helper()
	var b strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&b, "--XXX\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", f.name, f.value)
	}
	for _, f := range files {
		fmt.Fprintf(&b, "--XXX\r\nContent-Disposition: form-data; name=\"files\"; filename=\"%s\"\r\nContent-Type: %s\r\n\r\n%s\r\n", f.name, f.kind, f.content)
	}
	b.WriteString("--XXX--\r\n")
	r := v.request("POST", "/compose", strings.NewReader(b.String()))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=XXX")
	return v.do(r)
}

// token is that of the form of a page.
func (v *visitor) token(path string) string {
	v.t.Helper()
	m := formToken.FindStringSubmatch(v.get(path).is(http.StatusOK).body)
	if m == nil {
		v.t.Fatal(path + ": no form")
	}
	return m[1]
}

func (v *visitor) newLetter(from, to, subject, text string) []field {
	return []field{{"form", v.token("/compose")}, {"from", from}, {"to", to}, {"subject", subject}, {"text", text}}
}

// hidden are the fields that a page's form has of its own, with one for the button that is pressed.
func (a answer) hidden(button string) url.Values {
	out := url.Values{button: {"1"}}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)"`).FindAllStringSubmatch(a.body, -1) {
		out.Set(m[1], html.UnescapeString(m[2]))
	}
	return out
}

// raw is a message as a principal's mailboxes hold it.
func (s *stage) raw(p vault.Principal, id vault.MessageID) string {
	s.t.Helper()
	r, err := s.vault.Reader(s.t.Context(), p, vault.DoorWeb)
	must(s.t, err)
	defer r.Close()
	contents, err := r.Open(s.t.Context(), id)
	must(s.t, err)
	defer contents[0].Close()
	b, err := io.ReadAll(io.NewSectionReader(contents[0], 0, contents[0].Size()))
	must(s.t, err)
	return string(b)
}

// sentID is the message that an answer's redirect is about.
func sentID(t testing.TB, a answer) vault.MessageID {
	t.Helper()
	to, ok := strings.CutSuffix(strings.TrimPrefix(a.is(http.StatusSeeOther).Header.Get("Location"), "/messages/"), "/sent")
	id, err := vault.ParseMessageID(to)
	if !ok || err != nil {
		t.Fatalf("leads to %s", a.Header.Get("Location"))
	}
	return id
}

func TestWriteToAKnownPerson(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v := s.staff()
	v.get("/compose").is(http.StatusOK).has("Skriv säkert meddelande", "Hemtjänsten – hemtjanst@exempel.se", `<option value="anna.ek@exempel.se" selected>`)
	letter := v.newLetter(care.String(), "Astrid <astrid@example.com>; ASTRID@example.com", "Beslut – hemtjänst", "Hej!\r\n.Punkt")
	letter = append(letter, field{"check", ""})
	a := v.writeMail(letter, upload{"brev å.txt", "text/plain", "bilaga"})
	id := sentID(t, a)
	v.follow(a).is(http.StatusOK).has("Meddelandet är skickat", "astrid@example.com", "19900101-****", "Avisering på väg")
	raw := s.raw(vault.Person(astridID), id)
	for _, want := range []string{
		"From: =?utf-8?q?Hemtj=C3=A4nsten?= <hemtjanst@exempel.se>\r\n", "\r\nTo: <astrid@example.com>\r\n",
		"Subject: =?utf-8?q?Beslut_=E2=80=93_hemtj=C3=A4nst?=\r\n", "\r\n\r\nHej!\r\n.Punkt\r\n", "YmlsYWdh", "filename*=utf-8''brev%20%C3%A5.txt",
	} {
		if !strings.Contains(raw, want) {
			t.Errorf("%q is not in\n%s", want, raw)
		}
	}
	s.link(astrid)
	if n := s.events("seal", "ok"); n != 1 {
		t.Errorf("%d sealed in the audit", n)
	}
	// The same form again, as by a second click, sends nothing more.
	if again := sentID(t, v.writeMail(letter)); again != id {
		t.Error("a form was good for two mails")
	}
	v.get("/compose").has(`<option value="astrid@example.com">`)
	v.get("/messages/"+id.String()).is(http.StatusOK).has("Skyddas därför att", "det skrevs här")
	// The page of a colleague's eyes: not for persons, not for strangers.
	s.person(astridID).get("/messages/" + id.String() + "/sent").is(http.StatusNotFound)
	s.visitor().get("/compose").to("/staff/login?to=%2Fcompose")
	s.person(astridID).get("/compose").is(http.StatusNotFound)
}

func TestWriteToAStranger(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{AtOnce: 1}) // no request waits for itself
	v := s.staff()
	a := v.writeMail(v.newLetter(anna.String(), "okand@example.com\r\nastrid@example.com", "Hej", "Hej"))
	id := sentID(t, a)
	v.get(a.Header.Get("Location")).to("/holds/" + id.String())
	v.get("/holds/"+id.String()).is(http.StatusOK).has("number:okand@example.com", "19900101-****")
	v.get("/compose").is(http.StatusOK)
	letter := v.newLetter(anna.String(), "okand@example.com", "Hej", "Kvar")
	checked := append(letter[:3:3], field{"add", "hemtjanst@exempel.se"}, field{"check", "1"}, letter[3], letter[4])
	v.writeMail(checked).is(http.StatusOK).has("Okänd. Du får ange", "Funktionsadress", "okand@example.com\nhemtjanst@exempel.se</textarea>", "Kvar</textarea>")
	nobody := v.newLetter(anna.String(), "", "Hej", "Kvar")
	v.writeMail(append(nobody[:3:3], field{"check", "1"}, nobody[3], nobody[4])).is(http.StatusUnprocessableEntity).has("Kvar</textarea>")
	if n := s.events("hold", "ok"); n != 1 {
		t.Errorf("%d holds in the audit", n)
	}
}

func TestAnswerAndForward(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid)
	p := s.person(astridID)
	p.replyTo(sent.ID, p.form(sent.ID), "Mitt svar", upload{"intyg.txt", "text/plain", "intyg"}).is(http.StatusSeeOther)
	r, err := s.vault.Reader(t.Context(), vault.Person(astridID), vault.DoorWeb)
	must(t, err)
	defer r.Close()
	talk, err := r.Conversation(t.Context(), sent.ID)
	must(t, err)
	got := talk[1].ID.String()
	v := s.staff()
	v.get("/messages/"+got).is(http.StatusOK).has(`href="/messages/`+got+`/answer"`, `href="/messages/`+got+`/forward"`)

	page := v.get("/messages/"+got+"/answer").is(http.StatusOK).has("astrid@example.com</textarea>", `value="Sv: Beslut om hemtjänst"`, `<option value="hemtjanst@exempel.se" selected>`)
	token := formToken.FindStringSubmatch(page.body)[1]
	about := []field{{"form", token}, {"about", got}, {"kind", "answer"}, {"from", care.String()}, {"to", astrid.String()}, {"subject", "Sv: x"}, {"text", "Tack"}}
	wrong := append([]field{}, about...)
	wrong[1].value = sent.ID.String()
	v.writeMail(wrong).is(http.StatusConflict)
	answered := sentID(t, v.writeMail(about))
	talk, err = r.Conversation(t.Context(), sent.ID)
	must(t, err)
	if len(talk) != 3 || talk[2].ID != answered {
		t.Errorf("the answer is not in the conversation: %v", talk)
	}

	page = v.get("/messages/"+got+"/forward").is(http.StatusOK).has("Vb: Sv: Beslut om hemtjänst", "Mitt svar</textarea>", "intyg.txt", "Skicka med filerna")
	token = formToken.FindStringSubmatch(page.body)[1]
	on := []field{{"form", token}, {"about", got}, {"kind", "forward"}, {"from", anna.String()}, {"to", anna.String()}, {"subject", "Vb"}, {"text", "FYI"}, {"attached", "1"}}
	if raw := s.raw(vault.Staff(anna), sentID(t, v.writeMail(on))); !strings.Contains(raw, "aW50eWc=") || strings.Contains(raw, "In-Reply-To") {
		t.Errorf("forwarded as %s", raw)
	}
	staff, err := s.vault.Reader(t.Context(), vault.Staff(anna), vault.DoorWeb)
	must(t, err)
	defer staff.Close()
	boxes, err := staff.Mailboxes(t.Context())
	must(t, err)
	for _, box := range boxes {
		if box.Role == vault.Inbox && box.Shared {
			entries, err := staff.Latest(t.Context(), box.ID, 0, 1)
			must(t, err)
			if e := entries[0]; e.Flags&vault.Answered == 0 || len(e.Keywords) != 1 || e.Keywords[0] != "$Forwarded" {
				t.Errorf("marked %v %v", e.Flags, e.Keywords)
			}
		}
	}
	v.get("/messages/" + vault.MessageID{}.String() + "/answer").is(http.StatusNotFound)
	p.get("/messages/" + got + "/answer").is(http.StatusNotFound)
	p.get("/messages/" + got + "/forward").is(http.StatusNotFound)
}

func TestWriteFaults(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{ReplyText: 100, ReplySize: 1000, Files: 1})
	v := s.staff()
	must(t, s.vault.Directory().PutFunctionAddress(t.Context(), vault.FunctionAddress{Address: policy.MustAddress("skola@exempel.se")}))
	ok := upload{"a.txt", "text/plain", "x"}
	rows := []struct {
		why, from, to, text string
		files               []upload
		status              int
		says                string
	}{
		{"no recipient", anna.String(), " ,\n", "min text", nil, 422, "Skriv minst en mottagare"},
		{"no address", anna.String(), "astrid@example.com\nastrid", "min text", nil, 422, "Det gäller: astrid<"},
		{"nothing said", anna.String(), astrid.String(), " ", nil, 422, "Skriv ett meddelande"},
		{"too long", anna.String(), astrid.String(), strings.Repeat("y", 101), nil, 413, "Texten är för lång"},
		{"too many files", anna.String(), astrid.String(), "min text", []upload{ok, ok}, 413, "Filerna är för många"},
		{"too large files", anna.String(), astrid.String(), "min text", []upload{{"a", "a/b", strings.Repeat("x", 1001)}}, 413, "för stora tillsammans"},
		{"somebody else's address", astrid.String(), astrid.String(), "min text", nil, 404, "finns inte"},
		{"a function address of others", "skola@exempel.se", astrid.String(), "min text", nil, 404, "finns inte"},
		{"a number in the tag where rules take none", anna.String(), astrid.String(), "min text", nil, 422, "Personnumret i ämnet går inte"},
	}
	for _, row := range rows {
		subject := "Ämne <b>"
		if strings.HasPrefix(row.why, "a number") {
			subject = "[säkert 199001019802] x"
		}
		a := v.writeMail(v.newLetter(row.from, row.to, subject, row.text), row.files...)
		if a.StatusCode != row.status {
			t.Errorf("%s: status %d", row.why, a.StatusCode)
		}
		if a.has(row.says); row.status != 404 {
			a.has("Meddelandet är inte skickat", strings.TrimSpace(row.text)+"</textarea>")
		}
		if told := strings.Contains(a.body, "Välj filerna på nytt"); told != (row.files != nil) {
			t.Errorf("%s: told to choose the files again: %t", row.why, told)
		}
	}
	look := append(v.newLetter(anna.String(), astrid.String(), "x", "min text"), field{"check", "1"})
	v.writeMail(look, ok).is(http.StatusOK).has("Välj filerna på nytt").lacks("Meddelandet är inte skickat")
	v.writeMail(look).is(http.StatusOK).lacks("Välj filerna på nytt")
	letter := v.newLetter(anna.String(), astrid.String(), "x", "min text")
	s.person(astridID).writeMail(letter).is(http.StatusNotFound)
	s.visitor().writeMail(letter).is(http.StatusForbidden).has("min text</textarea>", "/staff/login?to=")
	letter[0].value = strings.Repeat("A", 75)
	v.writeMail(letter).is(http.StatusConflict).has("min text</textarea>")
	other := v.request("POST", "/compose/confirm", strings.NewReader("form=x&send=1"))
	other.Header.Set("Sec-Fetch-Site", "cross-site")
	other.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	v.do(other).is(http.StatusForbidden)
	if n := s.events("seal", "ok"); n != 0 {
		t.Errorf("%d mails came of refused ones", n)
	}
	if strings.Contains(s.log.String(), "min text") {
		t.Error("text is in the log")
	}
}

func TestWarningsBeforeSending(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v := s.staff()
	tracked := document(t, `<w:p><w:ins w:id="1"><w:r><w:t>nytt</w:t></w:r></w:ins></w:p>`, `<w:comment w:id="0"/>`)
	plain := document(t, `<w:p><w:r><w:t>insats del</w:t></w:r></w:p>`, "")
	five := "astrid@example.com, a@exempel.org, b@exempel.org, c@exempel.org, d@exempel.org"
	rows := []struct {
		why, to, subject string
		file             upload
		says             string // "" if it is sent at once
	}{
		{"nothing to warn of", astrid.String(), "Dnr 2026-1234567", upload{"ok.docx", docxType, plain}, ""},
		{"number in the subject", astrid.String(), "Om 900101-9802", upload{"a.txt", "text/plain", "x"}, "Ämnet innehåller ett personnummer"},
		{"number with its century", astrid.String(), "Om 199001019802!", upload{"a.txt", "text/plain", "x"}, "Ämnet innehåller ett personnummer"},
		{"many recipients", five, "Hej", upload{"a.txt", "text/plain", "x"}, "går till 5 mottagare"},
		{"tracked changes", astrid.String(), "Hej", upload{"Utredning.DOCX", docxType, tracked}, "Dokumentet Utredning.DOCX innehåller spårade ändringar"},
		{"comments", astrid.String(), "Hej", upload{"u.docx", docxType, tracked}, "innehåller kommentarer"},
	}
	for _, row := range rows {
		before := s.events("seal", "ok") + s.events("hold", "ok")
		letter := v.newLetter(anna.String(), row.to, row.subject, "Hej")
		a := v.writeMail(letter, row.file)
		if row.says == "" {
			sentID(t, a)
			continue
		}
		a.is(http.StatusOK).has("Kontrollera innan du skickar", row.says, "Skicka ändå")
		if s.events("seal", "ok")+s.events("hold", "ok") != before {
			t.Errorf("%s: it was sent before it was confirmed", row.why)
		}
		token := url.Values{"form": {letter[0].value}}
		s.person(astridID).post("/compose/confirm", token).is(http.StatusNotFound)
		id := sentID(t, v.post("/compose/confirm", token))
		if again := sentID(t, v.post("/compose/confirm", token)); again != id {
			t.Errorf("%s: confirmed twice, sent twice", row.why)
		}
		if raw := s.raw(vault.Staff(anna), id); !strings.Contains(raw, "Content-Disposition: attachment") {
			t.Errorf("%s: the attachment is not there", row.why)
		}
	}

	letter := v.newLetter(anna.String(), astrid.String(), "Om 900101-9802", "Min text")
	waits := v.writeMail(letter, upload{"a.txt", "text/plain", "x"}).is(http.StatusOK).has("välja filerna på nytt")
	v.post("/compose/confirm", waits.hidden("change")).is(http.StatusOK).has("Min text</textarea>", "Om 900101-9802", "Välj filerna på nytt")
	v.post("/compose/confirm", waits.hidden("send")).is(http.StatusConflict)

	// Who is taken out of the function address meanwhile sends nothing in its name.
	letter = v.newLetter(care.String(), astrid.String(), "Om 900101-9802", "Min text")
	v.writeMail(letter).is(http.StatusOK)
	must(t, s.vault.Administration("test").ChangeMembers(t.Context(), care, nil, []policy.Address{anna}))
	v.post("/compose/confirm", url.Values{"form": {letter[0].value}}).is(http.StatusNotFound)

	letter = v.newLetter(anna.String(), astrid.String(), "Om 900101-9802", "Min text")
	waits = v.writeMail(letter).is(http.StatusOK).lacks("välja filerna på nytt")
	s.clock.pass(16 * time.Minute)
	s.web.Sweep()
	v.post("/compose/confirm", waits.hidden("send")).is(http.StatusConflict).has("varit öppen för länge", "Min text</textarea>", "Om 900101-9802")
	v.post("/compose/confirm", waits.hidden("change")).is(http.StatusOK).has("Min text</textarea>").lacks("inte skickat")
	s.visitor().post("/compose/confirm", waits.hidden("send")).is(http.StatusForbidden).has("Min text</textarea>", "/staff/login?to=%2fcompose")
}

// document is a Word document with a body and comments.
func document(t *testing.T, body, comments string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range map[string]string{
		"[Content_Types].xml": "<Types/>", "word/document.xml": `<w:document xmlns:w="x"><w:body>` + body + `</w:body></w:document>`,
		"word/comments.xml": `<w:comments xmlns:w="x">` + comments + `</w:comments>`,
	} {
		w, err := z.Create(name)
		must(t, err)
		_, err = io.WriteString(w, text)
		must(t, err)
	}
	must(t, z.Close())
	return b.String()
}
