package vault_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// keywords are those of the only entry of a mailbox, and what a watch of it was told since.
func keywordsIn(t *testing.T, r *vault.Reader, id vault.MailboxID, w *vault.Watch) string {
	t.Helper()
	entries, err := r.Entries(t.Context(), id, 0, 0)
	must(t, err)
	if len(entries) != 1 {
		t.Fatalf("%d entries", len(entries))
	}
	now := strings.Join(entries[0].Keywords, " ")
	for changes, _ := w.Take(); len(changes) > 0; changes = changes[1:] {
		if len(changes) == 1 && (changes[0].Kind != vault.Reflagged || !slices.Equal(changes[0].Entry.Keywords, entries[0].Keywords)) {
			t.Errorf("the watch tells %+v", changes[0])
		}
	}
	return now
}

// TestStatusKeywords goes with a message through its statuses as its sender's mail program sees them.
func TestStatusKeywords(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, staff := t.Context(), h.reader(vault.Staff(anna))
	id := h.deposit(mail("a@x", "hemligt"), anna, true, new_, cia).ID
	sent := box(t, staff, anna, vault.Sent)
	w, err := staff.Watch(ctx, sent.ID)
	must(t, err)
	defer w.Close()
	notice := func(kind vault.JobKind) {
		_, jobs := h.due(time.Now().Add(time.Minute))
		for _, j := range jobs {
			if j.Kind == kind {
				must(t, h.Outbox().Sent(ctx, j))
			}
		}
	}
	store := func(how vault.FlagChange, keywords ...string) {
		_, err := staff.StoreFlags(ctx, sent.ID, []vault.UID{1}, how, vault.Seen, keywords)
		must(t, err)
	}
	person := h.reader(vault.Person(otherID))
	for _, step := range []struct {
		why, want string
		do        func()
	}{
		{"it waits for an identity", "$SigillHeld", func() {}},
		{"which comes; a colleague has it at once", "$SigillDelivered $SigillQueued", func() {
			must(t, staff.Complete(ctx, id, map[string]policy.PersonID{new_.Key(): otherID}))
		}},
		{"the notice is gone", "$SigillDelivered $SigillNotified", func() { notice(vault.NoticeMessage) }},
		{"the sender has keywords too", "$SigillDelivered $SigillNotified Viktigt", func() { store(vault.AddFlags, "Viktigt", "$SigillOpened", "$sigillreplied") }},
		{"the colleague reads", "$SigillNotified $SigillOpened Viktigt", func() { read(t, h.reader(vault.Staff(cia)), id) }},
		{"both have read", "$SigillOpened Viktigt", func() { read(t, person, id) }},
		{"a status is not the sender's to remove", "$SigillOpened Viktigt", func() { store(vault.RemoveFlags, "$SigillOpened") }},
		{"or to replace", "$SigillOpened Annat", func() { store(vault.SetFlags, "Annat") }},
		{"a copy is saved", "$SigillOpened $SigillSaved Annat", func() { must(t, person.Saved(ctx, id)) }},
		{"it is recalled too late", "$SigillOpened $SigillSaved Annat", func() { _, err := staff.Recall(ctx, id); must(t, err) }},
	} {
		if step.do(); keywordsIn(t, staff, sent.ID, w) != step.want {
			t.Errorf("%s: %s, want %s", step.why, keywordsIn(t, staff, sent.ID, w), step.want)
		}
	}
}

// TestStatusKeywordsElsewhere: they follow where the sender files a message, and no copy of another's keeps one.
func TestStatusKeywordsElsewhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, staff := t.Context(), h.reader(vault.Staff(anna))
	id := h.deposit(mail("a@x", "hemligt"), anna, false, kim, anna).ID
	archive := box(t, staff, anna, vault.Archive)
	_, err := staff.Move(ctx, box(t, staff, anna, vault.Sent).ID, []vault.UID{1}, archive.ID)
	must(t, err)
	var shared vault.Mailbox
	boxes, err := staff.Mailboxes(ctx)
	must(t, err)
	for _, b := range boxes {
		if b.Shared && b.Role == vault.Inbox {
			shared = b
		}
	}
	_, err = staff.Copy(ctx, archive.ID, []vault.UID{1}, shared.ID)
	must(t, err)
	read(t, h.reader(vault.Person(kimsID)), id)
	for _, row := range []struct {
		why  string
		in   vault.MailboxID
		want string
	}{
		{"filed by the sender", archive.ID, "$SigillDelivered $SigillOpened"},
		{"in the sender's Inbox it is one that has come", box(t, staff, anna, vault.Inbox).ID, ""},
		{"a function address's copy", shared.ID, ""},
	} {
		entries, err := staff.Entries(ctx, row.in, 0, 0)
		must(t, err)
		if len(entries) != 1 || strings.Join(entries[0].Keywords, " ") != row.want {
			t.Errorf("%s: %+v, want %q", row.why, entries, row.want)
		}
	}
}

// TestKeywordsAreBounded: however often a program adds keywords, a record does not grow past what a backup restores.
func TestKeywordsAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.deposit(mail("1@x", "Beslut"), anna, false, cia)
	r := h.reader(vault.Staff(cia))
	inbox := box(t, r, cia, vault.Inbox)
	names := func(from string) (out []string) {
		for i := range 50 {
			out = append(out, fmt.Sprintf("%s%02d", from, i))
		}
		return out
	}
	store := func(how vault.FlagChange, keywords []string) ([]vault.Entry, error) {
		return r.StoreFlags(t.Context(), inbox.ID, []vault.UID{1}, how, 0, keywords)
	}
	if _, err := store(vault.AddFlags, names("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := store(vault.AddFlags, names("b")); !errors.Is(err, vault.ErrKeywords) {
		t.Errorf("fifty more: %v", err)
	}
	entries, err := store(vault.RemoveFlags, names("a")[1:])
	must(t, err)
	if len(entries[0].Keywords) != 1 || entries[0].Keywords[0] != "a00" {
		t.Errorf("left: %v", entries[0].Keywords)
	}
}
