package vault_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"sigill/vault"
)

// TestSubscriptions: what an account has said of names is its own and stays, whatever else of the account changes.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	r := h.reader(vault.Staff(anna))
	for _, s := range []struct {
		name  string
		state vault.Subscription
	}{{"Projekt", vault.Subscribed}, {"Gammalt", vault.Unsubscribed}, {"Projekt", vault.Unsubscribed}, {"Borta", vault.Subscribed}, {"Borta", vault.Unsaid}} {
		must(t, r.Subscribe(ctx, s.name, s.state))
	}
	must(t, h.Directory().PutAccount(ctx, vault.Account{Address: anna, Name: "Anna"}, "another password"))
	h.restart()
	r = h.reader(vault.Staff(anna))
	said, err := r.Subscriptions(ctx)
	if want := map[string]vault.Subscription{"Projekt": vault.Unsubscribed, "Gammalt": vault.Unsubscribed}; err != nil || !maps.Equal(said, want) {
		t.Errorf("%v %v, want %v", said, err, want)
	}
	if said, err := h.reader(vault.Staff(bo)).Subscriptions(ctx); err != nil || len(said) != 0 {
		t.Errorf("somebody else's: %v %v", said, err)
	}
	for _, name := range []string{"", strings.Repeat("x", 1001)} {
		if err := r.Subscribe(ctx, name, vault.Subscribed); !errors.Is(err, vault.ErrBadName) {
			t.Errorf("%.10q: %v", name, err)
		}
	}
	if err := h.reader(vault.Person(otherID)).Subscribe(ctx, "x", vault.Subscribed); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("a person: %v", err)
	}
	must(t, vault.FillSubscriptionsForTest(ctx, h.Vault, anna))
	if err := r.Subscribe(ctx, "one more", vault.Subscribed); !errors.Is(err, vault.ErrTooMany) {
		t.Errorf("one more than many: %v", err)
	}
	must(t, r.Subscribe(ctx, "Projekt", vault.Subscribed))
	must(t, r.Subscribe(ctx, "Projekt", vault.Unsaid))
	must(t, r.Subscribe(ctx, "one more", vault.Subscribed))
}
