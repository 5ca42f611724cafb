package vault_test

import (
	"errors"
	"testing"
	"time"

	"sigill/vault"
)

func draftOf(t *testing.T, h *house, id vault.MessageID) string {
	t.Helper()
	d, err := h.reader(vault.Person(kimsID)).ReplyDraft(t.Context(), id)
	must(t, err)
	return d.Text
}

// TestReplyDraft: a draft is its writer's alone, outlives a restart and maintenance, and goes when it is sent.
func TestReplyDraft(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id, ctx := h.deposit(mail("a@x", "Beslut"), omsorg, false, kim).ID, t.Context()
	person := h.reader(vault.Person(kimsID))
	must(t, person.KeepReplyDraft(ctx, id, "Hej"))
	must(t, person.KeepReplyDraft(ctx, id, "Hej igen"))
	must(t, h.Maintain(ctx, nil))
	h.restart()
	if got := draftOf(t, h, id); got != "Hej igen" {
		t.Errorf("the draft is %q", got)
	}
	if r := verify(t, h.Vault); len(r.Faults) != 0 {
		t.Errorf("%q", r.Faults)
	}
	for _, row := range []struct {
		who  vault.Principal
		want error
		why  string
	}{
		{vault.Person(otherID), vault.ErrNotFound, "the message is not this person's"},
		{vault.Staff(anna), vault.ErrNoReply, "staff write in their mail program or on their own page"},
	} {
		r := h.reader(row.who)
		if _, err := r.ReplyDraft(ctx, id); !errors.Is(err, row.want) {
			t.Errorf("reading: %v (%s)", err, row.why)
		}
		if err := r.KeepReplyDraft(ctx, id, "x"); !errors.Is(err, row.want) {
			t.Errorf("keeping: %v (%s)", err, row.why)
		}
	}
	if err := h.reader(vault.Person(kimsID)).KeepReplyDraft(ctx, id, string(make([]byte, vault.MaxReplyDraft+1))); err == nil {
		t.Error("one without end is kept")
	}
	w, _, err := h.reader(vault.Person(kimsID)).Reply(ctx, id)
	must(t, err)
	_, err = w.Write(mail("b@x", "Sv: Beslut"))
	must(t, err)
	_, err = w.Commit(ctx)
	must(t, err)
	if got := draftOf(t, h, id); got != "" || vault.CountForTest(h.Vault, "replydraft") != 0 {
		t.Errorf("after it was sent there is %q", got)
	}
}

// TestReplyDraftEnds: by an empty text, with its message, or when nobody has touched it for its term.
func TestReplyDraftEnds(t *testing.T) {
	t.Parallel()
	c := &clock{t: time.Now()}
	h := newHouseWith(t, vault.Options{Now: c.now})
	ctx := t.Context()
	given, gone, old := h.deposit(mail("a@x", "A"), anna, false, kim).ID, h.deposit(mail("b@x", "B"), anna, false, kim).ID, h.deposit(mail("c@x", "C"), anna, false, kim).ID
	person := h.reader(vault.Person(kimsID))
	for _, id := range []vault.MessageID{given, gone, old} {
		must(t, person.KeepReplyDraft(ctx, id, "Hej"))
	}
	must(t, person.KeepReplyDraft(ctx, given, ""))
	if got := draftOf(t, h, given); got != "" {
		t.Errorf("given up, and still %q", got)
	}
	must(t, vault.EraseForTest(h.Vault, gone))
	if n := vault.CountForTest(h.Vault, "replydraft"); n != 1 {
		t.Errorf("%d drafts after a message went, not 1", n)
	}
	c.days(30)
	must(t, vault.DropReplyDraftsForTest(h.Vault, ctx))
	if got := draftOf(t, h, old); got != "Hej" {
		t.Errorf("on its last day it is %q", got)
	}
	c.days(1)
	if got := draftOf(t, h, old); got != "" {
		t.Errorf("after its term it is shown: %q", got)
	}
	must(t, vault.DropReplyDraftsForTest(h.Vault, ctx))
	if n := vault.CountForTest(h.Vault, "replydraft"); n != 0 {
		t.Errorf("%d drafts after the term", n)
	}
}
