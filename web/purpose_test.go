package web_test

import (
	"archive/zip"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sigill/policy"
	"sigill/vault"
	"sigill/web"
)

const (
	purpose    = "Utredning om <stöd>"
	obligation = "Rättslig förpliktelse (artikel 6.1 c)"
)

// purposeStage is a stage that asks.
func purposeStage(t testing.TB, mode web.PurposeMode, bases ...string) *stage {
	return stageOf(t, func(c *web.Config) { c.Purpose = web.PurposeFields{Mode: mode, Bases: bases} })
}

// infoOf is what a principal is told of a message.
func (s *stage) infoOf(p vault.Principal, id vault.MessageID) vault.Info {
	s.t.Helper()
	r, err := s.vault.Reader(s.t.Context(), p, vault.DoorWeb)
	must(s.t, err)
	defer r.Close()
	info, err := r.Info(s.t.Context(), id)
	must(s.t, err)
	return info
}

// caseMetadata is metadata.json of an export.
func caseMetadata(t testing.TB, a answer) map[string]any {
	t.Helper()
	body := a.is(http.StatusOK).body
	z, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
	must(t, err)
	f, err := z.Open("metadata.json")
	must(t, err)
	b, err := io.ReadAll(f)
	must(t, err)
	out := map[string]any{}
	must(t, json.Unmarshal(b, &out))
	return out
}

// TestPurposeModes writes a mail in each mode: what is taken, what is told as a fault, with everything typed still there.
func TestPurposeModes(t *testing.T) {
	t.Parallel()
	own := "Socialtjänstlagen (2025:400)"
	for _, mode := range []struct {
		name  web.PurposeMode
		bases []string
		rows  []purposeRow
	}{
		{"", nil, []purposeRow{{"nobody is asked, and what comes all the same is not kept", purpose, obligation, "", vault.Purpose{}}}},
		{web.PurposeOff, nil, []purposeRow{{"the same, said", purpose, obligation, "", vault.Purpose{}}}},
		{web.PurposeOptional, nil, []purposeRow{
			{"both", purpose, obligation, "", vault.Purpose{Text: purpose, Basis: obligation}},
			{"none", "", "", "", vault.Purpose{}},
			{"one", " rad\r\n två\x00 ", "", "", vault.Purpose{Text: "rad två"}},
			{"a basis that is not offered", purpose, "Samtycke", "Välj en rättslig grund", vault.Purpose{}},
			{"200 characters", strings.Repeat("å", web.MaxPurpose), "", "", vault.Purpose{Text: strings.Repeat("å", web.MaxPurpose)}},
			{"201", strings.Repeat("å", web.MaxPurpose+1), "", "Ändamålet är för långt", vault.Purpose{}},
		}},
		{web.PurposeRequired, []string{own}, []purposeRow{
			{"both", purpose, own, "", vault.Purpose{Text: purpose, Basis: own}},
			{"no purpose", " ", own, "Skriv ändamålet", vault.Purpose{}},
			{"no basis", purpose, "", "Välj en rättslig grund", vault.Purpose{}},
			{"one of ours where they have their own", purpose, obligation, "Välj en rättslig grund", vault.Purpose{}},
		}},
	} {
		t.Run("mode "+string(mode.name), func(t *testing.T) {
			t.Parallel()
			s := purposeStage(t, mode.name, mode.bases...)
			for _, row := range mode.rows {
				row.write(s)
			}
		})
	}
}

type purposeRow struct {
	why, text, basis, fault string
	want                    vault.Purpose
}

func (row purposeRow) write(s *stage) {
	s.t.Helper()
	v, before := s.staff(), s.events("seal", "ok")
	letter := append(v.newLetter(care.String(), astrid.String(), "Beslut", "min text"), field{"purpose", row.text}, field{"basis", row.basis})
	a := v.writeMail(letter)
	if row.fault == "" {
		if got := s.infoOf(vault.Staff(anna), sentID(s.t, a)).Purpose; got != row.want {
			s.t.Errorf("%s: kept %+v", row.why, got)
		}
		return
	}
	a.is(http.StatusUnprocessableEntity).has("Meddelandet är inte skickat", row.fault, "min text</textarea>", "astrid@example.com</textarea>", `value="Beslut"`, `value="`+html.EscapeString(row.text)+`"`)
	if s.events("seal", "ok") != before {
		s.t.Errorf("%s: it went out", row.why)
	}
}

// TestPurposeIsForStaff follows a purpose: staff see it, in their language; the person, the log and the audit do not have it.
func TestPurposeIsForStaff(t *testing.T) {
	t.Parallel()
	s := purposeStage(t, web.PurposeRequired)
	v := s.staff()
	v.get("/compose").is(http.StatusOK).has(`aria-required="true"`, `<option value="`+obligation+`">`+obligation)
	v.get("/compose?lang=en").is(http.StatusOK).has(`<option value="` + obligation + `">Legal obligation (article 6(1)(c))`)
	v.get("/compose?lang=sv")
	letter := append(v.newLetter(care.String(), astrid.String()+", "+anna.String(), "Om 900101-9802", "Hej"), field{"purpose", purpose}, field{"basis", obligation})
	// Looked at again, changed and confirmed, it is still there.
	waits := v.writeMail(letter).is(http.StatusOK).has("Kontrollera innan du skickar")
	v.post("/compose/confirm", waits.hidden("change")).is(http.StatusOK).has(`value="Utredning om &lt;stöd&gt;"`, `<option value="`+obligation+`" selected>`)
	letter[0].value = v.token("/compose")
	v.writeMail(letter).is(http.StatusOK)
	id := sentID(t, v.post("/compose/confirm", url.Values{"form": {letter[0].value}, "send": {"1"}}))

	page := "/messages/" + id.String()
	v.get(page).is(http.StatusOK).has("Utredning om &lt;stöd&gt;", obligation)
	v.get(page+"?lang=en").has("Legal obligation (article 6(1)(c))", "Purpose")
	v.get(page+"/answer?lang=sv").has(`value="Utredning om &lt;stöd&gt;"`, `<option value="`+obligation+`" selected>`)
	p := s.person(astridID)
	for _, path := range []string{"", "?view=raw", "/raw", "/reply"} {
		p.get(page+path).is(http.StatusOK).lacks("Utredning", "förpliktelse", "Ändamål")
	}
	p.get("/m/" + s.link(astrid)).lacks("Utredning")
	if raw := s.raw(vault.Person(astridID), id); strings.Contains(raw, "Utredning") {
		t.Error("it is in the mail")
	}
	if strings.Contains(s.log.String(), "Utredning") || strings.Contains(s.log.String(), "förpliktelse") {
		t.Error("it is in the log")
	}
	must(t, s.vault.Audit().Events(t.Context(), 0, func(e vault.Event) bool {
		if strings.Contains(e.Detail+e.Result, "Utredning") || strings.Contains(e.Detail+e.Result, "förpliktelse") {
			t.Errorf("it is in the audit: %+v", e)
		}
		return true
	}))
}

// TestPurposeOfACase: the export asks where staff are asked, and has what was said; the message is left as it was.
func TestPurposeOfACase(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why         string
		mode        web.PurposeMode
		sent        vault.Purpose
		text, basis string
		fault       string
		want        []any
	}{
		{"nobody is asked; what was told once goes along", web.PurposeOff, vault.Purpose{Text: "förr", Basis: "Lag"}, "nytt", "Lag", "", []any{"förr", "Lag"}},
		{"nobody is asked, and nothing told", web.PurposeOff, vault.Purpose{}, "", "", "", []any{nil, nil}},
		{"optional, not told", web.PurposeOptional, vault.Purpose{}, "", "", "", []any{nil, nil}},
		{"a mail that came by SMTP", web.PurposeRequired, vault.Purpose{}, purpose, obligation, "", []any{purpose, obligation}},
		{"without a purpose", web.PurposeRequired, vault.Purpose{}, "", obligation, "Skriv ändamålet", nil},
		{"without a basis", web.PurposeRequired, vault.Purpose{}, purpose, "", "Välj en rättslig grund", nil},
		{"too long", web.PurposeOptional, vault.Purpose{}, strings.Repeat("x", web.MaxPurpose+1), "", "Ändamålet är för långt", nil},
		{"changed for the case", web.PurposeRequired, vault.Purpose{Text: "förr", Basis: obligation}, purpose, obligation, "", []any{purpose, obligation}},
		{"a basis that was offered once", web.PurposeRequired, vault.Purpose{Text: "förr", Basis: "Lag"}, "förr", "Lag", "", []any{"förr", "Lag"}},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			s := purposeStage(t, row.mode)
			id := s.sendFor(row.sent)
			v, page := s.staff(), "/messages/"+id.String()
			if got := v.get(page).is(http.StatusOK).body; strings.Contains(got, `/case" download>`) != (row.mode == web.PurposeOff) {
				t.Error("the link does not say what comes")
			}
			v.get(page + "/delete").is(http.StatusOK).has(page + `/case">`) // a form is not to be saved as a file
			if row.mode != web.PurposeOff {
				v.get(page+"/case").is(http.StatusOK).has(`name="purpose"`, `value="`+row.sent.Text+`"`)
				if n := s.events("export", "ok"); n != 0 {
					t.Errorf("%d exports before anything was said", n)
				}
			}
			a := v.post(page+"/case", url.Values{"purpose": {row.text}, "basis": {row.basis}})
			if row.fault != "" {
				a.is(http.StatusUnprocessableEntity).has("Inget är hämtat", row.fault, `value="`+html.EscapeString(row.text)+`"`)
				if n := s.events("export", "ok"); n != 0 {
					t.Errorf("%d exports", n)
				}
				return
			}
			about := caseMetadata(t, a)
			if got := []any{about["purpose"], about["legal_basis"]}; !slices.Equal(got, row.want) || about["format"] != "sigill-export-3" {
				t.Errorf("the metadata has %v in %v", got, about["format"])
			}
			if got := s.infoOf(vault.Staff(anna), id).Purpose; got != row.sent {
				t.Errorf("the message has %+v now", got)
			}
			s.person(astridID).post(page+"/case", url.Values{}).is(http.StatusNotFound)
		})
	}
}

// sendFor seals a mail with a purpose; none is as by SMTP.
func (s *stage) sendFor(p vault.Purpose) vault.MessageID {
	s.t.Helper()
	to, err := s.vault.Directory().Classify(s.t.Context(), []policy.Address{astrid})
	must(s.t, err)
	draft := s.vault.Depositor().Begin(vault.Deposit{From: care, Recipients: to, Rule: policy.RuleTag, Account: anna, Purpose: p})
	defer draft.Abort()
	_, err = io.WriteString(draft, strings.ReplaceAll(letterText, "\n", "\r\n"))
	must(s.t, err)
	receipt, err := draft.Commit(s.t.Context())
	must(s.t, err)
	return receipt.ID
}
