package vault_test

import (
	"errors"
	"testing"
	"time"

	"sigill/vault"
)

// TestDelete: each side deletes its own; the last one erases.
func TestDelete(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, id := t.Context(), h.deposit(mail("a@x", "hemligt"), anna, false, kim).ID
	sender, person := h.reader(vault.Staff(anna)), h.reader(vault.Person(kimsID))
	if err := h.reader(vault.Staff(bo)).Delete(ctx, id); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("somebody else deletes: %v", err)
	}
	must(t, sender.Delete(ctx, id))
	if err := sender.Delete(ctx, id); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	read(t, person, id)
	must(t, person.Delete(ctx, id))
	if _, err := person.Open(ctx, id); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("it can be opened after all deleted it: %v", err)
	}
	held := h.deposit(mail("b@x", "väntar"), anna, true, kim).ID
	if err := sender.Delete(ctx, held); !errors.Is(err, vault.ErrHeld) {
		t.Errorf("a message that waits for identities was deleted: %v", err)
	}
}

// TestSenderHearsOfDeletion: a recipient who has deleted a message from all of its own mailboxes is shown so to its
// sender, and to nobody else; the rest of what happened stays to be seen.
func TestSenderHearsOfDeletion(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, id := t.Context(), h.deposit(mail("a@x", "hemligt"), cia, false, omsorg, bo, kim).ID
	sender, member := h.reader(vault.Staff(cia)), h.reader(vault.Staff(anna))
	sent := box(t, sender, cia, vault.Sent)
	w, err := sender.Watch(ctx, sent.ID)
	must(t, err)
	defer w.Close()
	shared := box(t, member, omsorg, vault.Inbox)
	status := func() (of [3]vault.Status) {
		info, err := sender.Info(ctx, id)
		must(t, err)
		for n, r := range info.Recipients {
			of[n] = r.Status
		}
		return of
	}
	expunge := func(r *vault.Reader, box vault.MailboxID, uids ...vault.UID) {
		_, err := r.StoreFlags(ctx, box, uids, vault.AddFlags, vault.Deleted, nil)
		must(t, err)
		_, err = r.Expunge(ctx, box, uids)
		must(t, err)
	}
	for _, step := range []struct {
		why      string
		do       func()
		want     [3]vault.Status
		keywords string
	}{
		{"a member reads", func() { read(t, member, id) },
			[3]vault.Status{vault.Opened, vault.Delivered, vault.Queued}, "$SigillDelivered $SigillOpened $SigillQueued"},
		{"a copy for oneself is not the function address's", func() {
			_, err := member.Copy(ctx, shared.ID, []vault.UID{1}, box(t, member, anna, vault.Archive).ID)
			must(t, err)
			expunge(member, box(t, member, anna, vault.Archive).ID, 1)
		}, [3]vault.Status{vault.Opened, vault.Delivered, vault.Queued}, "$SigillDelivered $SigillOpened $SigillQueued"},
		{"one of two places in its mailboxes is left", func() {
			_, err := member.Copy(ctx, shared.ID, []vault.UID{1}, shared.ID)
			must(t, err)
			expunge(member, shared.ID, 1)
		}, [3]vault.Status{vault.Opened, vault.Delivered, vault.Queued}, "$SigillDelivered $SigillOpened $SigillQueued"},
		{"the last one goes", func() { expunge(member, shared.ID, 2) },
			[3]vault.Status{vault.Disposed, vault.Delivered, vault.Queued}, "$SigillDelivered $SigillDisposed $SigillQueued"},
		{"in the web, unread", func() { must(t, h.reader(vault.Staff(bo)).Delete(ctx, id)) },
			[3]vault.Status{vault.Disposed, vault.Disposed, vault.Queued}, "$SigillDisposed $SigillQueued"},
		{"what was deleted cannot be taken back", func() {
			r, err := sender.Recall(ctx, id)
			must(t, err)
			if len(r.Read) != 2 || len(r.Unread) != 1 {
				t.Errorf("recalled: %+v", r)
			}
		}, [3]vault.Status{vault.Disposed, vault.Disposed, vault.Recalled}, "$SigillDisposed $SigillRecalled"},
	} {
		if step.do(); status() != step.want {
			t.Errorf("%s: %v, want %v", step.why, status(), step.want)
		}
		if got := keywordsIn(t, sender, sent.ID, w); got != step.keywords {
			t.Errorf("%s: %s, want %s", step.why, got, step.keywords)
		}
	}
	info, err := sender.Info(ctx, id)
	must(t, err)
	if past := info.Recipients[0].Past; len(past) != 2 || past[1].Status != vault.Opened || time.Since(info.Recipients[0].At) > time.Minute {
		t.Errorf("%+v, then %v", past, info.Recipients[0].At)
	}
}
