package web_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"sigill/policy"
	"sigill/vault"
	"sigill/web"
)

// TestCopies: Cc stands in the header, Bcc nowhere, and all of them get the mail.
func TestCopies(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	bo := policy.MustAddress("bo@example.com")
	s.bind(bo, otherID)
	v := s.staff()
	letter := v.newLetter(care.String(), astrid.String(), "Beslut", "Hej!")
	letter = append(letter, field{"cc", anna.String()}, field{"bcc", "Bo <" + bo.String() + ">, " + astrid.String()})
	id := sentID(t, v.writeMail(letter))
	for _, who := range []vault.Principal{vault.Person(astridID), vault.Person(otherID), vault.Staff(anna)} {
		raw := s.raw(who, id)
		if !strings.Contains(raw, "\r\nTo: <astrid@example.com>\r\nCc: <anna.ek@exempel.se>\r\n") || ofBo.MatchString(raw) {
			t.Errorf("the header is\n%s", raw)
		}
	}
	s.person(otherID).get("/messages/" + id.String()).is(http.StatusOK).has("astrid@example.com").lacks("bo@example.com")
	s.person(astridID).get("/messages/"+id.String()).is(http.StatusOK).has("Kopia", "anna.ek@exempel.se").lacks("bo@example.com")

	hidden := append(v.newLetter(care.String(), "", "Beslut", "Hej!"), field{"bcc", astrid.String()})
	if raw := s.raw(vault.Person(astridID), sentID(t, v.writeMail(hidden))); !strings.Contains(raw, "To: undisclosed-recipients:;\r\n") {
		t.Errorf("with Bcc alone:\n%s", raw)
	}
	wrong := append(v.newLetter(care.String(), astrid.String(), "Beslut", "Hej!"), field{"cc", "inte en adress"})
	v.writeMail(wrong).is(http.StatusUnprocessableEntity).has(`href="#cc"`, `id="cc-fault"`, "inte en adress", "<details class=\"more\" open>")
}

// TestForwardedDocument: what goes along with a forwarded message is looked at like what is uploaded.
func TestForwardedDocument(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v := s.staff()
	a := v.writeMail(v.newLetter(anna.String(), anna.String(), "Utkast", "Se bilagan."), upload{"avtal.docx", docxType, document(t, `<w:ins w:id="1"/>`, "")})
	a = v.post("/compose/confirm", map[string][]string{"form": {formToken.FindStringSubmatch(a.is(http.StatusOK).body)[1]}, "send": {"1"}})
	about := sentID(t, a).String()
	forward := []field{
		{"form", v.token("/messages/" + about + "/forward")}, {"about", about}, {"kind", "forward"}, {"from", anna.String()},
		{"to", astrid.String()}, {"subject", "Vb: Utkast"}, {"text", "Hej"}, {"attached", "1"},
	}
	v.writeMail(forward).is(http.StatusOK).has("avtal.docx", "innehåller spårade ändringar")
}

// TestDeliverFromThePages: a mail to a partner organisation goes to its own servers by the same decision as by SMTP.
func TestDeliverFromThePages(t *testing.T) {
	t.Parallel()
	s := stageOf(t, func(c *web.Config) { c.Rules.Partners = []string{"region.example"} })
	v := s.staff()
	a := v.writeMail(v.newLetter(care.String(), "mottagning@region.example", "Remiss", "Hej!"))
	id := sentID(t, a)
	v.follow(a).is(http.StatusOK).has("egen organisation", "På väg till mottagarens organisation").lacks("visering")
	v.get("/messages/"+id.String()).is(http.StatusOK).has("mottagning@region.example", "På väg till mottagarens organisation")
	jobs, _, err := s.vault.Outbox().Due(t.Context(), s.clock.now().Add(1e9), 10)
	must(t, err)
	if len(jobs) != 1 || jobs[0].Kind != vault.Delivery || jobs[0].Message != id {
		t.Fatalf("jobs are %+v", jobs)
	}
	c, err := s.vault.Courier().Open(t.Context(), jobs[0])
	must(t, err)
	defer c.Close()
	b := make([]byte, c.Size())
	if _, err := c.ReadAt(b, 0); err != nil || !bytes.Contains(b, []byte("To: <mottagning@region.example>")) {
		t.Errorf("%v\n%s", err, b)
	}
	// What they have cannot be taken back, and the sender is told so, before and after.
	recall := "/messages/" + id.String() + "/recall"
	v.get(recall).is(http.StatusOK).has("De kan inte läsa det efter att").lacks("har redan meddelandet")
	must(t, s.vault.Courier().Delivered(t.Context(), jobs[0], "mx.region.example"))
	v.get(recall).is(http.StatusOK).has("Mottagarens organisation har redan meddelandet", "mottagning@region.example").lacks("De kan inte läsa det")
	v.follow(v.post(recall, nil)).is(http.StatusOK).has("Meddelandet återkallades", "har redan meddelandet").lacks("Hann inte öppna")
	// Somebody else beside it: nobody gets it directly, and it waits for an identity.
	mixed := v.newLetter(care.String(), "mottagning@region.example, okand@example.com", "Remiss", "Hej!")
	id = sentID(t, v.writeMail(mixed))
	v.get("/messages/" + id.String() + "/sent").to("/holds/" + id.String())
}
