package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sigill/vault"
	"sigill/web"
)

// mailOf is all that can be typed into the form of a mail, but for its token.
func mailOf(token string) []field {
	return []field{{"form", token}, {"from", care.String()}, {"to", astrid.String()}, {"cc", "Okänd <okand@example.com>"}, {"bcc", anna.String()},
		{"subject", "Beslut & <skäl>"}, {"text", "Hej Astrid!\r\nDetta är beslutet."}}
}

// form is the fields as the script-less forms send them.
func formOf(fields []field) url.Values {
	out := url.Values{}
	for _, f := range fields {
		out.Set(f.name, f.value)
	}
	return out
}

// back logs Anna in again, at the page that another sent her away from.
func (v *visitor) back(to string) answer {
	v.t.Helper()
	return v.follow(v.post("/staff/login", url.Values{"username": {anna.String()}, "password": {password}, "to": {to}})).is(http.StatusOK)
}

// TestMailIsKept: a mail that came in when its writer's login had ended waits for her, whole but for its files.
func TestMailIsKept(t *testing.T) {
	t.Parallel()
	whole := []string{`<option value="hemtjanst@exempel.se" selected>`, "astrid@example.com</textarea>", "Okänd &lt;okand@example.com&gt;</textarea>", "anna.ek@exempel.se</textarea>",
		`value="Beslut &amp; &lt;skäl&gt;"`, "Hej Astrid!\r\nDetta är beslutet.</textarea>", "Det här skrev du innan du loggades ut"}
	const again = "Välj filerna på nytt"
	for _, row := range []struct {
		why   string
		do    func(v *visitor, letter []field, ends func()) answer
		has   []string
		lacks []string
	}{
		{"sent", func(v *visitor, letter []field, ends func()) answer { ends(); return v.writeMail(letter) }, nil, []string{again}},
		{"sent with a file", func(v *visitor, letter []field, ends func()) answer {
			ends()
			return v.writeMail(letter, upload{"a.txt", "text/plain", "bilaga"})
		}, []string{again}, nil},
		{"its recipients checked", func(v *visitor, letter []field, ends func()) answer {
			ends()
			return v.writeMail(append(letter, field{"check", "1"}))
		}, nil, []string{again}},
		{"confirmed", func(v *visitor, letter []field, ends func()) answer {
			letter = append(letter, field{"chosen", "1"}, field{"send", "1"})
			ends()
			return v.post("/compose/confirm", formOf(letter))
		}, []string{again}, nil},
		{"taken back to be changed", func(v *visitor, letter []field, ends func()) answer {
			letter = append(letter, field{"change", "1"})
			ends()
			return v.post("/compose/confirm", formOf(letter))
		}, nil, []string{again}},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, web.Limits{})
			v := s.staff()
			a := row.do(v, mailOf(v.token("/compose")), func() { s.clock.pass(31 * time.Minute) })
			a.is(http.StatusForbidden).has("Det du skrev är inte skickat", "finns allt du skrev kvar", "astrid@example.com</textarea>", "Beslut &amp; &lt;skäl&gt;</textarea>",
				"Detta är beslutet.</textarea>", "bifogat filer", `href="/staff/login?to=%2fcompose%2fkept"`).lacks(`target="_blank"`)
			v.get("/compose/kept").to("/staff/login?to=%2Fcompose%2Fkept")
			page := v.back("/compose/kept").has(whole...).has(row.has...).lacks(row.lacks...)
			v.get("/compose/kept").is(http.StatusOK).has(whole...) // loading it again loses nothing
			token := formToken.FindStringSubmatch(page.body)[1]
			sent := sentID(t, v.writeMail(mailOf(token)))
			if again := sentID(t, v.writeMail(mailOf(token))); again != sent {
				t.Error("what was kept was sent twice")
			}
			v.get("/compose/kept").to("/compose")
			v.get("/compose").lacks("beslutet", "Det här skrev du")
			for _, secret := range []string{"Beslut", "beslutet", "astrid@"} {
				if strings.Contains(s.log.String(), secret) {
					t.Errorf("%q is in the log", secret)
				}
			}
		})
	}
}

// TestKeptAnswer: of a mail about another, that too is kept, and the files that go along.
func TestKeptAnswer(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	id := s.send(filesText, care).ID.String()
	for _, row := range []struct{ kind, has string }{
		{"answer", `name="kind" value="answer"`}, {"forward", `name="attached" value="1" checked`},
	} {
		v := s.staff()
		letter := append(mailOf(v.token("/messages/"+id+"/"+row.kind)), field{"about", id}, field{"kind", row.kind}, field{"attached", "1"})
		s.clock.pass(31 * time.Minute)
		v.writeMail(letter).is(http.StatusForbidden)
		v.back("/compose/kept").has(row.has, `name="about" value="`+id+`"`, "beslutet")
	}
}

// TestKeptMailIsNobodyElses: it is for whom the form was made, for an hour.
func TestKeptMailIsNobodyElses(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	must(t, s.vault.Directory().PutAccount(t.Context(), vault.Account{Address: bo, Name: "Bo Berg"}, password))
	v := s.staff()
	letter := mailOf(v.token("/compose"))
	forged := mailOf(letter[0].value[:len(letter[0].value)-1] + "A")
	nobody := s.visitor()
	nobody.writeMail(forged).is(http.StatusForbidden).has("Kopiera den", "Beslut &amp; &lt;skäl&gt;</textarea>", "okand@example.com", `href="/staff/login?to=%2fcompose"`, `target="_blank"`)
	v.get("/compose/kept").to("/compose")
	nobody.writeMail(letter).is(http.StatusForbidden).has("finns allt du skrev kvar")

	other := s.visitor()
	other.post("/staff/login", url.Values{"username": {bo.String()}, "password": {password}}).to("/messages")
	other.get("/compose/kept").to("/compose")
	s.person(astridID).get("/compose/kept").is(http.StatusNotFound)
	v.get("/compose/kept").is(http.StatusOK).has("beslutet")

	// A person's form keeps no mail.
	p := s.person(astridID)
	id := s.send(letterText, astrid).ID
	nobody.writeMail(append(mailOf(p.form(id)), field{"about", id.String()}, field{"kind", "answer"})).is(http.StatusForbidden).has("Kopiera den")

	s.clock.pass(61 * time.Minute)
	v.back("/compose/kept").lacks("beslutet")
	nobody.writeMail(letter).is(http.StatusForbidden)
	s.clock.pass(9 * time.Hour)
	nobody.writeMail(letter).is(http.StatusForbidden).has("Kopiera den") // older than any login
}
