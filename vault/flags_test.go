package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"sigill/vault"
	"sigill/vault/internal/kv"
)

// TestFlagsOfManyMessages: they take few records, outlast a restart, a copy and a new epoch, and go with their messages.
func TestFlagsOfManyMessages(t *testing.T) {
	t.Parallel()
	const many = 300 // three blocks
	h := newHouse(t)
	h.grow(0, many)
	ctx := t.Context()
	r := h.reader(vault.Staff(anna))
	sent := box(t, r, anna, vault.Sent)
	var uids []vault.UID
	for uid := vault.UID(1); uid <= many; uid++ {
		uids = append(uids, uid)
	}
	before, err := vault.StatsForTest(h.Vault)
	must(t, err)
	_, err = r.StoreFlags(ctx, sent.ID, uids, vault.AddFlags, vault.Flagged, []string{"$Forwarded"})
	must(t, err)
	after, err := vault.StatsForTest(h.Vault)
	must(t, err)
	if blocks, pages := vault.CountForTest(h.Vault, "flags"), after.PagesWritten-before.PagesWritten; blocks != 3 || pages > 10 {
		t.Errorf("flags of %d messages: %d records, %d pages", many, blocks, pages)
	}
	_, err = r.StoreFlags(ctx, sent.ID, []vault.UID{127, 128, 255, 256}, vault.RemoveFlags, vault.Seen|vault.Flagged, []string{"$Forwarded"})
	must(t, err)
	check := func(when string) {
		t.Helper()
		for _, e := range entries(t, h.reader(vault.Staff(anna)), anna, vault.Sent) {
			flags, keywords := vault.Seen|vault.Flagged, []string{"$Forwarded", "$SigillQueued"}
			if slices.Contains([]vault.UID{127, 128, 255, 256}, e.UID) {
				flags, keywords = 0, keywords[1:]
			}
			if e.Flags != flags || !slices.Equal(e.Keywords, keywords) {
				t.Fatalf("%s: UID %d has %b %q, want %b %q", when, e.UID, e.Flags, e.Keywords, flags, keywords)
			}
		}
		if m := box(t, h.reader(vault.Staff(anna)), anna, vault.Sent); m.Messages != many || m.Unseen != 4 {
			t.Errorf("%s: %d messages, %d unseen", when, m.Messages, m.Unseen)
		}
	}
	check("changed")
	h.restart()
	check("after a restart")
	must(t, h.Maintain(ctx, nil))
	check("in a new epoch")
	r = h.reader(vault.Staff(anna))
	archive := box(t, r, anna, vault.Archive).ID
	copied, err := r.Copy(ctx, sent.ID, []vault.UID{128, 129}, archive)
	must(t, err)
	if got := entries(t, r, anna, vault.Archive); len(copied) != 2 || got[0].Flags != 0 || got[1].Flags != vault.Seen|vault.Flagged {
		t.Errorf("copies %v have flags %b and %b", copied, got[0].Flags, got[1].Flags)
	}
	_, err = r.StoreFlags(ctx, sent.ID, uids, vault.AddFlags, vault.Deleted, nil)
	must(t, err)
	gone, err := r.Expunge(ctx, sent.ID, nil)
	if n := vault.CountForTest(h.Vault, "flags"); err != nil || len(gone) != many || n != 0 {
		t.Errorf("%d messages expunged (%v), %d records of flags left", len(gone), err, n)
	}
	if report, err := h.Verify(ctx, nil); err != nil || len(report.Faults) > 0 {
		t.Errorf("verify: %q, %v", report.Faults, err)
	}
}

// TestDamagedFlags keep nobody from reading a message, and verify tells of them.
func TestDamagedFlags(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, false, cia).ID
	r := h.reader(vault.Staff(cia))
	inbox := box(t, r, cia, vault.Inbox).ID
	must(t, r.MarkSeen(t.Context(), id))
	damage(t, h, "flags", func(b []byte) { b[len(b)/2] ^= 1 })
	if _, err := r.Entries(t.Context(), inbox, 0, 0); !errors.Is(err, vault.ErrDamaged) {
		t.Errorf("flags that are damaged are listed: %v", err)
	}
	if _, err := r.StoreFlags(t.Context(), inbox, []vault.UID{1}, vault.AddFlags, vault.Flagged, nil); !errors.Is(err, vault.ErrDamaged) {
		t.Errorf("flags that are damaged are changed: %v", err)
	}
	read(t, r, id)
	if report, err := h.Verify(t.Context(), nil); err != nil || len(report.Faults) == 0 {
		t.Errorf("verify: %q, %v", report.Faults, err)
	}
}

// TestFlagsOfNoMessage: verify tells of flags whose entry is gone.
func TestFlagsOfNoMessage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.deposit(mail("a@x", "Beslut"), anna, false, cia)
	r := h.reader(vault.Staff(cia))
	inbox := box(t, r, cia, vault.Inbox).ID
	_, err := r.StoreFlags(t.Context(), inbox, []vault.UID{1}, vault.AddFlags, vault.Seen|vault.Deleted, nil)
	must(t, err)
	saved := map[string][]byte{}
	must(t, vault.EngineForTest(h.Vault).View(t.Context(), func(kvr kv.Reader) error {
		for k, v := range kvr.Range("flags", kv.Span{}) {
			saved[string(k)] = bytes.Clone(v)
		}
		return nil
	}))
	_, err = r.Expunge(t.Context(), inbox, nil)
	must(t, err)
	must(t, vault.EngineForTest(h.Vault).Update(t.Context(), func(w kv.Writer) error {
		for k, v := range saved {
			must(t, w.Put("flags", []byte(k), v))
		}
		return nil
	}))
	want := fmt.Sprintf("mailbox %d: flags of UID 1, which is not there", inbox)
	if report, err := h.Verify(t.Context(), nil); err != nil || !slices.Contains(report.Faults, want) {
		t.Errorf("verify: %q, %v, want %q", report.Faults, err, want)
	}
}

// TestAWatcherIsNotToldWhatItDid, unless another did something to the same message before: then it would believe what it is
// told last.
func TestAWatcherIsNotToldWhatItDid(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.depositMany(2, anna, cia)
	r := h.reader(vault.Staff(cia))
	inbox := box(t, r, cia, vault.Inbox).ID
	mine, err := r.Watch(t.Context(), inbox)
	must(t, err)
	other, err := r.Watch(t.Context(), inbox)
	must(t, err)
	told := func(w *vault.Watch) (out string) {
		changes, _ := w.Take()
		for _, c := range changes {
			out += fmt.Sprintf("%d:%b ", c.Entry.UID, c.Entry.Flags)
		}
		return out
	}
	store := func(uids []vault.UID, f vault.Flags) {
		_, err := mine.StoreFlags(t.Context(), r, inbox, uids, vault.AddFlags, f, nil)
		must(t, err)
	}
	store([]vault.UID{1, 2}, vault.Seen)
	if got := told(mine) + "| " + told(other); got != "| 1:1 2:1 " {
		t.Errorf("told %q", got)
	}
	_, err = r.StoreFlags(t.Context(), inbox, []vault.UID{2}, vault.AddFlags, vault.Flagged, nil)
	must(t, err)
	store([]vault.UID{1, 2}, vault.Answered)
	if got := told(mine); got != "2:101 2:111 " {
		t.Errorf("told %q after another's change, want that and what came of both", got)
	}
}
