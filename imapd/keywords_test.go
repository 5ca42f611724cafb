package imapd

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigill/vault"
)

// TestKeywords: a client is told of a keyword before it sees one at a message.
func TestKeywords(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 50 { // more than a page of a listing
		f.deposit(mail(fmt.Sprintf("brev %d", i)), omsorg)
	}
	const box = `"Shared/omsorg@kommun.example"`
	a, b := f.login(anna), f.login(bo)
	a.ok("SELECT " + box)
	b.ok("EXAMINE " + box)
	const known = `(\Seen \Answered \Flagged \Deleted \Draft `
	told := "* FLAGS " + known + "$ett $tva)"
	for _, c := range []struct {
		who           *wire
		command, want string
		why           string
	}{
		{a, `STORE 1 +FLAGS.SILENT ($ett)`, "* FLAGS " + known + "$ett)\n* OK [PERMANENTFLAGS " + known + "$ett \\*)] Keywords", "it makes one"},
		{a, `STORE 2 +FLAGS ($ett $tva)`, told + "\n* OK [PERMANENTFLAGS " + known + "$ett $tva \\*)] Keywords\n* 2 FETCH (UID 2 FLAGS (\\Recent $ett $tva))", "it makes them"},
		{a, `STORE 2 +FLAGS ($ETT)`, "* 2 FETCH (UID 2 FLAGS (\\Recent $ett $tva))", "a keyword is the same in any case"},
		{b, `FETCH 2 FLAGS`, told + "\n* 2 FETCH (FLAGS ($ett $tva))\n* 1 FETCH (UID 1 FLAGS ($ett))\n* 2 FETCH (UID 2 FLAGS ($ett $tva))", "another has made them, and it can set none"},
		{a, `FETCH 1 FLAGS`, "* 1 FETCH (FLAGS (\\Recent $ett))", "they are known"},
	} {
		if got := c.who.ok("%s", c.command); got != c.want {
			t.Errorf("%s: %s: %q, want %q", c.why, c.command, got, c.want)
		}
	}
	a.ok(`STORE 50 +FLAGS.SILENT ($tre)`)
	if got := b.ok("NOOP"); !strings.HasPrefix(got, "* FLAGS "+known+"$ett $tva $tre)\n* 50 FETCH") {
		t.Errorf("told of: %q", got)
	}
	r, err := f.vault.Reader(t.Context(), vault.Staff(bo), vault.DoorWeb)
	f.must(err)
	defer r.Close()
	boxes, err := r.Mailboxes(t.Context())
	f.must(err)
	shared := boxes[slices.IndexFunc(boxes, func(m vault.Mailbox) bool { return m.Owner == omsorg && m.Role == vault.Inbox })]
	_, err = r.StoreFlags(t.Context(), shared.ID, []vault.UID{49}, vault.AddFlags, 0, []string{"$fyra"})
	f.must(err)
	// The 49th message is on the second page, which another goroutine makes.
	if got := b.ok("FETCH 1:50 (FLAGS ENVELOPE)"); !strings.Contains(got, "$fyra)\n* 41 FETCH") {
		t.Errorf("in a listing: %q", got)
	}
	if got := a.ok("SELECT " + box); !strings.Contains(got, "* FLAGS "+known+"$ett $tva $tre $fyra)\n* OK [PERMANENTFLAGS "+known+`$ett $tva $tre $fyra \*)]`) {
		t.Errorf("SELECT: %q", got)
	}
}

// TestStatusKeywords: what only the vault sets is not told as a keyword the client can change.
func TestStatusKeywords(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("brev"))
	w := f.login(bo)
	if got := w.ok("SELECT Sent"); !strings.Contains(got, `\Draft $SigillDelivered)`) || !strings.Contains(got, `\Draft \*)]`) {
		t.Errorf("%q", got)
	}
}

func TestVocabularyIsBounded(t *testing.T) {
	t.Parallel()
	var v vocabulary
	for i := range 3 * maxVocabulary {
		v.learn([]string{fmt.Sprintf("k%d", i), "bad keyword"})
	}
	if len(v.words) != maxVocabulary || len(v.known) != maxVocabulary {
		t.Errorf("%d and %d", len(v.words), len(v.known))
	}
}
