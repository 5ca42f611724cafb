package vault_test

import (
	"errors"
	"testing"

	"sigill/policy"
	"sigill/vault"
)

// TestTake: of two members who take a message at once one does, and everybody sees who.
func TestTake(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, id := t.Context(), h.deposit(mail("a@x", "fråga"), cia, false, omsorg, bo).ID
	first, second, none := h.reader(vault.Staff(anna)), h.reader(vault.Staff(bo)), policy.Address{}
	if taker, shared, err := first.Taker(ctx, id); err != nil || !shared || !taker.IsZero() {
		t.Errorf("%v, %v, %v", taker, shared, err)
	}
	must(t, first.Take(ctx, id, none, true))
	if err := second.Take(ctx, id, none, true); !errors.Is(err, vault.ErrTaken) {
		t.Errorf("the second took it, too: %v", err)
	}
	if taker, _, err := second.Taker(ctx, id); err != nil || taker != anna {
		t.Errorf("%v, %v", taker, err)
	}
	must(t, second.Take(ctx, id, anna, true))
	must(t, second.Take(ctx, id, bo, false))
	if taker, _, err := first.Taker(ctx, id); err != nil || !taker.IsZero() {
		t.Errorf("given back, and still %v, %v", taker, err)
	}
	for _, other := range []vault.Principal{vault.Staff(cia), vault.Person(kimsID)} {
		if err := h.reader(other).Take(ctx, id, none, true); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("somebody else takes it: %v", err)
		}
	}
}

func TestTakerOf(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		keyword, taker, why string
	}{
		{"$Taken-anna@exempel.se", "anna@exempel.se", "case is the mail program's"},
		{"$taken-=C3=A5sa@exempel.se", "åsa@exempel.se", "what is no atom is quoted"},
		{"$taken-a=b@exempel.se", "a=b@exempel.se", "an equals sign that quotes nothing"},
		{"$taken-", "", "nobody"},
		{"$taken-x", "", "no address"},
		{"$Forwarded", "", "another keyword"},
	} {
		if got, ok := vault.TakerOf([]string{row.keyword}); got.String() != row.taker || ok != (row.taker != "") {
			t.Errorf("%s: %s", row.why, got)
		}
	}
}
