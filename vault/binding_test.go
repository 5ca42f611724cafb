package vault_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

func TestRevokeBinding(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, admin, staff := t.Context(), h.Administration("os:root"), h.reader(vault.Staff(anna))
	verified := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	must(t, h.Directory().PutBinding(ctx, vault.Binding{Address: kim, Person: kimsID, Verified: verified}))
	all, err := admin.Bindings(ctx)
	must(t, err)
	if len(all) != 1 || all[0] != (vault.Binding{Address: kim, Person: kimsID, Verified: verified}) {
		t.Fatalf("%+v", all)
	}
	sent := h.deposit(mail("a@x", "skickat"), anna, false, kim).ID
	held := h.deposit(mail("b@x", "hålls"), anna, true, kim, new_).ID
	info, err := staff.Info(ctx, held)
	must(t, err)
	if !info.Recipients[0].Verified.Equal(verified) || !info.Recipients[1].Verified.IsZero() {
		t.Errorf("the sender does not see the date: %+v", info.Recipients)
	}

	must(t, admin.RevokeBinding(ctx, kim))
	if err := admin.RevokeBinding(ctx, kim); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("revoked twice: %v", err)
	}
	if e := h.lastEvent(); e.Actor != "os:root" || e.Action != "revoke binding" || !strings.HasPrefix(e.Detail, kim.Key()+" person:") {
		t.Errorf("audit: %+v", e)
	}
	if _, err := h.tryDeposit(mail("c@x", "nytt"), anna, false, kim); !errors.Is(err, vault.ErrUnknownRecipient) {
		t.Errorf("a new message goes to nobody known: %v", err)
	}
	read(t, h.reader(vault.Person(kimsID)), sent)
	if out, _ := h.due(time.Now()); !slices.Equal(out, []string{"hold anna", "hold anna", "message kim"}) {
		t.Errorf("due: %v", out)
	}
	// The message that is held asks for the one it knew.
	given := map[string]policy.PersonID{new_.Key(): otherID}
	if err := staff.Complete(ctx, held, given); !errors.Is(err, vault.ErrIncomplete) {
		t.Errorf("it goes by the binding that was revoked: %v", err)
	}
	given[kim.Key()] = kimsID
	must(t, staff.Complete(ctx, held, given))
	read(t, h.reader(vault.Person(kimsID)), held)
}
