package imapd

import (
	"fmt"
	"strings"
	"testing"
)

func TestFolders(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.login(anna)
	list := func() string {
		var names []string
		for line := range strings.SplitSeq(w.ok(`LIST "" "*"`), "\n") {
			if name := line[strings.LastIndex(line, `"/" `)+4:]; !strings.Contains(line, `\Noselect`) {
				names = append(names, strings.Trim(name, `"`))
			}
		}
		return strings.Join(names, " ")
	}
	const fixed, others = "INBOX Sent Drafts Trash Archive", "Shared/omsorg@kommun.example Shared/omsorg@kommun.example/Sent"
	for _, c := range []struct{ command, folders, why string }{
		{"CREATE Projekt/2026/", "Projekt Projekt/2026", "levels above are made, the delimiter at the end is no part of the name"},
		{"CREATE INBOX/Klart", "Projekt Projekt/2026 INBOX/Klart", "a folder within a mailbox that is fixed"},
		{"CREATE Sent/Klart", "Projekt Projekt/2026 INBOX/Klart Sent/Klart", "another"},
		{"RENAME Projekt/2026 Projekt/2027", "Projekt Projekt/2027 INBOX/Klart Sent/Klart", "RENAME"},
		{"RENAME Projekt Arkiv/Projekt", "Arkiv/Projekt Arkiv/Projekt/2027 INBOX/Klart Sent/Klart Arkiv", "with what is within it; the level above is made"},
		{"DELETE INBOX/Klart", "Arkiv/Projekt Arkiv/Projekt/2027 Sent/Klart Arkiv", "DELETE"},
		{"CREATE Skr&AOQ-p (USE (\\Junk))", "Arkiv/Projekt Arkiv/Projekt/2027 Sent/Klart Arkiv Skr&AOQ-p", "RFC 6154, a name beyond ASCII"},
	} {
		w.ok("%s", c.command)
		if got := list(); got != fixed+" "+c.folders+" "+others {
			t.Errorf("%s: %s: %s", c.why, c.command, got)
		}
	}
	if got := w.ok(`LIST (SPECIAL-USE) "" "Skr*"`); !strings.Contains(got, `\Junk`) {
		t.Errorf("junk: %s", got)
	}
	for _, c := range []struct{ want, command, why string }{
		{"NO [ALREADYEXISTS]", "CREATE Arkiv", "there"},
		{"NO [ALREADYEXISTS]", "CREATE inbox", "INBOX in any case"},
		{"NO [ALREADYEXISTS]", "RENAME Arkiv Sent/Klart", "onto another"},
		{"NO [ALREADYEXISTS]", "RENAME Arkiv Sent", "onto a fixed one"},
		{"NO [CANNOT]", "CREATE Arkiv//x", "an empty level"},
		{"NO [CANNOT]", "CREATE \"a%b\"", "a wildcard of LIST"},
		{"NO [CANNOT]", "CREATE \"a*b\"", "a wildcard of LIST"},
		{"NO [CANNOT]", "CREATE \"a &- b\"", "the library cannot read it under UTF8=ACCEPT"},
		{"NO [CANNOT]", "CREATE " + strings.Repeat("x", 500), "too long"},
		{"NO [USEATTR]", "CREATE Ut (USE (\\Sent))", "there is one"},
		{"NO [ALREADYEXISTS]", "CREATE Skr2 (USE (\\Junk))", "there is one"},
		{"NO [CANNOT]", "CREATE Shared", "the namespace itself"},
		{"NO [CANNOT]", "CREATE Shared/skola@kommun.example", "no function address comes of a folder"},
		{"NO [CANNOT]", "CREATE Shared/skola@kommun.example/x", "not a member"},
		{"NO [HASCHILDREN]", "DELETE Arkiv", "RFC 9051 section 6.3.5"},
		{"NO [CANNOT]", "DELETE INBOX", "fixed"},
		{"NO [NONEXISTENT]", "DELETE Projekt", "renamed away"},
		{"NO [CANNOT]", "RENAME Sent Skickat", "fixed"},
		{"NO [CANNOT]", "RENAME Arkiv Arkiv/x", "within itself"},
		{"NO [CANNOT]", "RENAME Arkiv Shared/omsorg@kommun.example/Arkiv", "messages would change hands"},
		{"NO [NONEXISTENT]", "RENAME Projekt X", "not there"},
		{"NO [TRYCREATE]", "APPEND Nytt {3+}\r\nabc", "could be made"},
		{"NO [NONEXISTENT]", "APPEND Shared/skola@kommun.example {3+}\r\nabc", "could not be made"},
	} {
		w.fails(c.want, "%s", c.command)
	}
	w.ok("ENABLE UTF8=ACCEPT")
	w.ok(`CREATE "Åtgärd"`)
	if got := w.ok(`LIST "" "Å*"`); !strings.Contains(got, `"Åtgärd"`) {
		t.Errorf("under UTF8=ACCEPT: %s", got)
	}
	w.ok("SELECT \"A\u030atg\u00e4rd\"") // as a Mac writes it
}

// TestFoldersOfFunctionAddresses: every member sees and fills them, as long as they are members.
func TestFoldersOfFunctionAddresses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("ett"), anna, omsorg)
	a, b := f.login(anna), f.login(bo)
	const folder = "Shared/omsorg@kommun.example/Klart"
	a.ok("CREATE %s", folder)
	b.ok("SELECT Shared/omsorg@kommun.example")
	b.ok("MOVE 1 %s", folder)
	if got := a.ok("STATUS %s (MESSAGES)", folder); got != fmt.Sprintf(`* STATUS "%s" (MESSAGES 1)`, folder) {
		t.Error(got)
	}
	b.ok("SELECT %s", folder)
	b.ok("FETCH 1 BODY.PEEK[]")
	f.members(anna)
	b.fails("NO [NONEXISTENT]", "FETCH 1 BODY.PEEK[]")
	b.fails("NO [NONEXISTENT]", "STATUS %s (MESSAGES)", folder)
	b.fails("NO [CANNOT]", "CREATE %s2", folder)
	if got := b.ok(`LIST "" "Shared*"`); got != "" {
		t.Errorf("after membership has ended: %s", got)
	}
	f.members(anna, bo)
	b.ok("SELECT %s", folder)
	a.ok("RENAME %s %s2", folder, folder)
	a.ok("DELETE %s2", folder)
	b.fails("NO [NONEXISTENT]", "SELECT %s", folder)
}

func TestRenamingInboxEmptiesIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 3 {
		f.deposit(mail(fmt.Sprint(i)), bo, anna)
	}
	w, idle := f.login(anna), f.login(anna)
	idle.ok("SELECT INBOX")
	w.ok("RENAME INBOX Gammalt")
	if got := w.ok("STATUS INBOX (MESSAGES UIDNEXT)"); got != "* STATUS INBOX (MESSAGES 0 UIDNEXT 4)" {
		t.Error(got)
	}
	if got := w.ok("STATUS Gammalt (MESSAGES)"); got != `* STATUS "Gammalt" (MESSAGES 3)` {
		t.Error(got)
	}
	if got := idle.ok("NOOP"); strings.Count(got, "EXPUNGE") != 3 {
		t.Errorf("another session is told %q", got)
	}
}
