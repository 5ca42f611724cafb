package vault_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sigill/policy"
	"sigill/vault"
)

var own policy.Address // the principal's own folders

func folderNames(t testing.TB, r *vault.Reader, of policy.Address) (out []string) {
	all, err := r.Mailboxes(t.Context())
	must(t, err)
	for _, m := range all {
		if m.Name != "" && m.Shared == !of.IsZero() {
			out = append(out, m.Name)
		}
	}
	slices.Sort(out)
	return out
}

func TestFolderNames(t *testing.T) {
	t.Parallel()
	r := newHouse(t).reader(vault.Staff(anna))
	for _, c := range []struct {
		name, want string // "" refused
		why        string
	}{
		{"Projekt", "Projekt", "an ordinary one"},
		{"Projekt/2026/Höst", "Projekt/2026/Höst", "levels; who calls makes those above"},
		{"A\u030ake", "\u00c5ke", "NFD and NFC are one name"},
		{"Ärenden & frågor", "Ärenden & frågor", "what IMAP cannot say is IMAP's business"},
		{"", "", "no name"},
		{"/Projekt", "", "an empty level"},
		{"Projekt//2026", "", "an empty level"},
		{"Projekt/", "", "an empty level"},
		{" Projekt", "", "a blank nobody sees"},
		{"Projekt/2026 ", "", "a blank nobody sees"},
		{"Pro\x00jekt", "", "NUL"},
		{"Pro\njekt", "", "a line end"},
		{"Pro\xffjekt", "", "not UTF-8"},
		{strings.Repeat("x", 401), "", "too long"},
		{strings.Repeat("a/", 20) + "a", "", "too deep"},
	} {
		m, err := r.CreateFolder(t.Context(), own, c.name, vault.Folder)
		switch {
		case c.want == "" && !errors.Is(err, vault.ErrBadName):
			t.Errorf("%s: %q: %v", c.why, c.name, err)
		case c.want != "" && (err != nil || m.Name != c.want):
			t.Errorf("%s: %q became %q: %v", c.why, c.name, m.Name, err)
		}
	}
	if _, err := r.CreateFolder(t.Context(), own, "\u00c5ke", vault.Folder); !errors.Is(err, vault.ErrExists) {
		t.Errorf("a name twice: %v", err)
	}
}

func TestWhoMayMakeFolders(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	create := func(p vault.Principal, of policy.Address) error {
		_, err := h.reader(p).CreateFolder(t.Context(), of, "Klart", vault.Folder)
		return err
	}
	must(t, create(vault.Staff(anna), omsorg))
	for why, err := range map[string]error{
		"no member":              create(vault.Staff(cia), omsorg),
		"a colleague's":          create(vault.Staff(cia), anna),
		"a person has none":      create(vault.Person(kimsID), own),
		"nor of the authority's": create(vault.Person(kimsID), omsorg),
	} {
		if !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("%s: %v", why, err)
		}
	}
	if err := create(vault.Staff(bo), omsorg); !errors.Is(err, vault.ErrExists) {
		t.Errorf("another member makes it again: %v", err)
	}
	if got := folderNames(t, h.reader(vault.Staff(bo)), omsorg); !slices.Equal(got, []string{"Klart"}) {
		t.Errorf("a member sees %q", got)
	}
	if got := folderNames(t, h.reader(vault.Staff(cia)), omsorg); len(got) != 0 {
		t.Errorf("a stranger sees %q", got)
	}
	id := folderOf(t, h.reader(vault.Staff(anna)), "Klart").ID
	if err := h.reader(vault.Staff(cia)).RenameFolder(t.Context(), id, "Mitt"); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("a stranger renames: %v", err)
	}
	if err := h.reader(vault.Staff(cia)).DeleteFolder(t.Context(), id); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("a stranger deletes: %v", err)
	}
}

func folderOf(t testing.TB, r *vault.Reader, name string) vault.Mailbox {
	t.Helper()
	all, err := r.Mailboxes(t.Context())
	must(t, err)
	i := slices.IndexFunc(all, func(m vault.Mailbox) bool { return m.Name == name })
	if i < 0 {
		t.Fatalf("no folder %q", name)
	}
	return all[i]
}

func TestRenamingKeepsMessagesAndTheirUIDs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.deposit(mail("a@x", "Beslut"), anna, false, kim)
	r := h.reader(vault.Staff(anna))
	for _, name := range []string{"Projekt", "Projekt/2026"} {
		_, err := r.CreateFolder(t.Context(), own, name, vault.Folder)
		must(t, err)
	}
	inner := folderOf(t, r, "Projekt/2026")
	_, err := r.Copy(t.Context(), box(t, r, anna, vault.Sent).ID, []vault.UID{1}, inner.ID)
	must(t, err)
	must(t, r.RenameFolder(t.Context(), folderOf(t, r, "Projekt").ID, "Klart/Alla"))
	h.restart()
	r = h.reader(vault.Staff(anna))
	got := folderOf(t, r, "Klart/Alla/2026")
	if got.ID != inner.ID || got.UIDValidity != inner.UIDValidity || got.UIDNext != 2 || got.Messages != 1 {
		t.Errorf("after renaming: %+v, before the copy: %+v", got, inner)
	}
	if err := r.RenameFolder(t.Context(), folderOf(t, r, "Klart/Alla").ID, "Klart/Alla/Inuti"); !errors.Is(err, vault.ErrBadName) {
		t.Errorf("into itself: %v", err)
	}
	if err := r.RenameFolder(t.Context(), box(t, r, anna, vault.Inbox).ID, "Nytt"); !errors.Is(err, vault.ErrFixed) {
		t.Errorf("a mailbox that is no folder: %v", err)
	}
	if r := verify(t, h.Vault); len(r.Faults) != 0 {
		t.Errorf("verify: %q", r.Faults)
	}
}

func TestAFolderMadeAnewHasAnotherUIDValidity(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	h := newHouseWith(t, vault.Options{Now: func() time.Time { return clock }})
	r := h.reader(vault.Staff(anna))
	var before uint32
	for i := range 3 {
		m, err := r.CreateFolder(t.Context(), own, "Projekt", vault.Folder)
		must(t, err)
		if m.UIDValidity <= before {
			t.Errorf("UIDVALIDITY %d after %d", m.UIDValidity, before)
		}
		before = m.UIDValidity
		must(t, r.DeleteFolder(t.Context(), m.ID))
		clock = clock.Add(time.Duration(-i) * time.Hour) // the clock stands, or goes back
	}
}

func TestDeletingAFolder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.reader(vault.Staff(anna))
	outer, err := r.CreateFolder(t.Context(), own, "Projekt", vault.Folder)
	must(t, err)
	inner, err := r.CreateFolder(t.Context(), own, "Projekt/2026", vault.Folder)
	must(t, err)
	if err := r.DeleteFolder(t.Context(), outer.ID); !errors.Is(err, vault.ErrHasFolders) {
		t.Errorf("with a folder within it: %v", err)
	}
	// Three lie there: one in Sent too, one nowhere else, and one nowhere else that must be kept.
	var ids []vault.MessageID
	for i := range 3 {
		ids = append(ids, h.deposit(mail(fmt.Sprint(i, "@x"), "Beslut"), anna, false).ID)
	}
	sent := box(t, r, anna, vault.Sent).ID
	_, err = r.Copy(t.Context(), sent, []vault.UID{1}, inner.ID)
	must(t, err)
	_, err = r.Move(t.Context(), sent, []vault.UID{2, 3}, inner.ID)
	must(t, err)
	hold, err := h.LegalHolds().Place(t.Context(), vault.LegalHold{Message: ids[2], Reason: "Begäran om utlämnande"})
	must(t, err)
	if err := r.DeleteFolder(t.Context(), inner.ID); !errors.Is(err, vault.ErrLegalHold) {
		t.Errorf("with a message under legal hold: %v", err)
	}
	if got := folderOf(t, r, "Projekt/2026"); got.Messages != 1 {
		t.Errorf("the folder keeps %d messages", got.Messages)
	}
	must(t, h.LegalHolds().Lift(t.Context(), hold, anna))
	must(t, r.DeleteFolder(t.Context(), inner.ID))
	must(t, r.DeleteFolder(t.Context(), outer.ID))
	read(t, r, ids[0])
	for _, id := range ids[1:] {
		if _, err := r.Open(t.Context(), id); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("message %s: %v", id, err)
		}
	}
	if err := r.DeleteFolder(t.Context(), sent); !errors.Is(err, vault.ErrFixed) {
		t.Errorf("a mailbox that is no folder: %v", err)
	}
	if r := verify(t, h.Vault); len(r.Faults) != 0 {
		t.Errorf("verify: %q", r.Faults)
	}
}

// TestFolderModel makes, renames and removes folders at random beside a set of names.
func TestFolderModel(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		who := policy.MustAddress(fmt.Sprintf("m%d@kommun.example", round))
		must(t, h.Directory().PutAccount(t.Context(), vault.Account{Address: who, Name: "M"}, "x"))
		r := h.reader(vault.Staff(who))
		model := map[string]vault.MailboxID{}
		name := rapid.SampledFrom([]string{"a", "b", "a/a", "a/b", "b/a", "a/a/a"})
		for range rapid.IntRange(1, 8).Draw(rt, "steps") { // each is a commit, so few
			n := name.Draw(rt, "name")
			switch id, there := model[n]; rapid.SampledFrom([]string{"create", "create", "rename", "delete"}).Draw(rt, "step") {
			case "create":
				m, err := r.CreateFolder(t.Context(), own, n, vault.Folder)
				if there != errors.Is(err, vault.ErrExists) || !there && err != nil {
					rt.Fatalf("create %q: %v", n, err)
				}
				if !there {
					model[n] = m.ID
				}
			case "rename":
				renameInModel(rt, r, model, n, name.Draw(rt, "to"))
			case "delete":
				if !there {
					continue
				}
				inner := slices.ContainsFunc(slices.Collect(maps.Keys(model)), func(o string) bool { return strings.HasPrefix(o, n+"/") })
				err := r.DeleteFolder(t.Context(), id)
				if inner != errors.Is(err, vault.ErrHasFolders) || !inner && err != nil {
					rt.Fatalf("delete %q: %v", n, err)
				}
				if !inner {
					delete(model, n)
				}
			}
		}
		if got := folderNames(t, r, own); !slices.Equal(got, slices.Sorted(maps.Keys(model))) {
			rt.Fatalf("folders %q, model %q", got, slices.Sorted(maps.Keys(model)))
		}
	})
	if r := verify(t, h.Vault); len(r.Faults) != 0 {
		t.Errorf("verify: %q", r.Faults)
	}
}

func renameInModel(rt *rapid.T, r *vault.Reader, model map[string]vault.MailboxID, from, to string) {
	id, there := model[from]
	if !there {
		return
	}
	taken := slices.ContainsFunc(slices.Collect(maps.Keys(model)), func(o string) bool { return o == to || strings.HasPrefix(o, to+"/") })
	err := r.RenameFolder(rt.Context(), id, to)
	switch {
	case strings.HasPrefix(to, from+"/"):
		if !errors.Is(err, vault.ErrBadName) {
			rt.Fatalf("rename %q to %q: %v", from, to, err)
		}
		return
	case taken:
		if !errors.Is(err, vault.ErrExists) {
			rt.Fatalf("rename %q to %q: %v", from, to, err)
		}
		return
	case err != nil:
		rt.Fatalf("rename %q to %q: %v", from, to, err)
	}
	for name, id := range maps.Clone(model) {
		if name == from || strings.HasPrefix(name, from+"/") {
			delete(model, name)
			model[to+strings.TrimPrefix(name, from)] = id
		}
	}
}
