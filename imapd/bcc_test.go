package imapd

import (
	"strings"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// TestBccIsSeenByNoMailProgram: neither envelope, content nor keywords tell a recipient whom else a message went to.
func TestBccIsSeenByNoMailProgram(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	kim, person := policy.MustAddress("kim@medborgare.example"), policy.MustPersonID("199908072391")
	f.must(f.vault.Directory().PutBinding(f.Context(), vault.Binding{Address: kim, Person: person, Verified: time.Now()}))
	sent := f.deposit(mail("Beslut"), anna, kim)
	r, err := f.vault.Reader(f.Context(), vault.Person(person), vault.DoorWeb)
	f.must(err)
	defer r.Close()
	contents, err := r.Open(f.Context(), sent.ID) // its sender is told
	f.must(err)
	contents[0].Close()

	w := f.login(anna)
	w.ok("SELECT INBOX")
	all := w.ok("FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[])")
	if !strings.Contains(all, "Subject: Beslut") {
		t.Errorf("not the message: %s", all)
	}
	for _, tells := range []string{"kim@", "medborgare", "$SigillOpened", "$SigillQueued", "BCC"} {
		if strings.Contains(strings.ToUpper(all), strings.ToUpper(tells)) {
			t.Errorf("Anna is told %q: %s", tells, all)
		}
	}
	for _, search := range []string{`BCC "kim"`, `TEXT "kim@medborgare"`, `KEYWORD $SigillOpened`} {
		if found := w.ok("%s", "SEARCH "+search); strings.Contains(found, "SEARCH 1") {
			t.Errorf("%s finds it: %s", search, found)
		}
	}

	w = f.login(bo)
	w.ok("SELECT Sent")
	if all := w.ok("FETCH 1:* (FLAGS)"); !strings.Contains(all, "$SigillOpened") {
		t.Errorf("the sender does not see that it was opened; the test looks at the wrong thing: %s", all)
	}
}
