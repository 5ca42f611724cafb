package imapd

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sigill/vault"
)

// TestRecent: one client is told that a message is recent, the first that opens the mailbox for writing (RFC 3501 section
// 2.3.2).
func TestRecent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const box = `"Shared/omsorg@kommun.example"`
	f.deposit(mail("ett"), omsorg)
	f.deposit(mail("två"), omsorg)
	a, b := f.login(anna), f.login(bo)
	for _, c := range []struct {
		who           *wire
		command, want string
		why           string
	}{
		{a, "STATUS " + box + " (RECENT)", "RECENT 2)", "STATUS takes it from nobody"},
		{b, "EXAMINE " + box, "* 2 RECENT", "nor does EXAMINE"},
		{b, "SEARCH RECENT", "* SEARCH 1 2", "who has examined sees it too"},
		{a, "SELECT " + box, "* 2 RECENT", "the first"},
		{b, "SELECT " + box, "* 0 RECENT", "the second"},
		{a, "STATUS " + box + " (RECENT)", "RECENT 0)", "they are told of"},
		{a, "FETCH 1:2 FLAGS", "* 1 FETCH (FLAGS (\\Recent))\n* 2 FETCH (FLAGS (\\Recent))", "the first"},
		{b, "FETCH 1:2 FLAGS", "* 1 FETCH (FLAGS ())\n* 2 FETCH (FLAGS ())", "the second"},
		{a, `STORE 1 +FLAGS (\Seen)`, "* 1 FETCH (UID 1 FLAGS (\\Recent \\Seen))", "STORE tells it, and does not change it"},
		{b, `STORE 1 FLAGS (\Seen)`, "* 1 FETCH (UID 1 FLAGS (\\Seen))", "STORE of another"},
		{a, "SEARCH NEW", "* SEARCH 2", "RFC 3501 section 6.4.4: recent and not seen"},
		{a, "SEARCH OLD", "* SEARCH", ""},
		{b, "SEARCH OLD", "* SEARCH 1 2", ""},
	} {
		if got := c.who.ok("%s", c.command); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s: %q, want %q", c.why, c.command, got, c.want)
		}
	}
	f.deposit(mail("tre"), omsorg)
	if got := b.ok("NOOP"); got != "* 3 EXISTS\n* 1 RECENT" {
		t.Errorf("the first to be told of it: %q", got)
	}
	if got := a.ok("NOOP"); got != "* 3 EXISTS" {
		t.Errorf("the second: %q", got)
	}
	b.ok(`STORE 3 +FLAGS.SILENT (\Deleted)`)
	if got := b.ok("EXPUNGE"); got != "* 3 EXPUNGE\n* 0 RECENT" {
		t.Errorf("a recent message goes: %q", got)
	}
}

// TestRecentAfterRestart: who has read a message was told of those before it; what came after may be new to everybody.
func TestRecentAfterRestart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, s := range []string{"ett", "två", "tre"} {
		f.deposit(mail(s))
	}
	w := f.login(anna)
	w.ok("SELECT INBOX")
	w.ok(`STORE 2 +FLAGS (\Seen)`)
	f.stop()
	f.openVault(false)
	f.serve()
	w = f.login(anna)
	if got := w.ok("STATUS INBOX (RECENT)"); !strings.Contains(got, "RECENT 1)") {
		t.Error(got)
	}
	w.ok("SELECT INBOX")
	if got := w.ok("SEARCH RECENT"); got != "* SEARCH 3" {
		t.Error(got)
	}
}

// TestRecentModel: of clients that open a mailbox, hear of it and leave, each message is recent for exactly one, the first
// that was told of it.
func TestRecentModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := &recents{}
		r.begin(1, nil)
		w := newWorld(0)
		owner := map[vault.UID]*view{} // who was told first
		var open []*view
		told := func(v *view) {
			for _, uid := range v.uids {
				if owner[uid] == nil {
					owner[uid] = v
				}
				if v.isRecent(uid) != (owner[uid] == v) {
					t.Fatalf("UID %d: recent is %v", uid, v.isRecent(uid))
				}
			}
			if n := len(slices.DeleteFunc(slices.Clone(v.uids), func(u vault.UID) bool { return !v.isRecent(u) })); int(v.told) != n {
				t.Fatalf("told of %d recent messages, there are %d", v.told, n)
			}
		}
		one := func() *view { return rapid.SampledFrom(open).Draw(t, "client") }
		t.Repeat(map[string]func(*rapid.T){
			"deliver": func(*rapid.T) { w.deliver() },
			"expunge": func(t *rapid.T) {
				if len(w.entries) > 0 {
					w.remove(rapid.IntRange(0, len(w.entries)-1).Draw(t, "which"))
				}
			},
			"select": func(*rapid.T) {
				v := newView(w.entries, r.claimer(1, false))
				open = append(open, v)
				told(v)
			},
			"hear": func(*rapid.T) {
				if len(open) > 0 {
					v := one()
					v.relist(slices.Clone(w.entries), expunges(rapid.Bool().Draw(t, "expunges")))
					told(v)
				}
			},
		})
	})
}
