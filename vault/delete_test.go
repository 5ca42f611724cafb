package vault_test

import (
	"errors"
	"testing"

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
