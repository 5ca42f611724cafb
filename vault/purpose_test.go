package vault_test

import (
	"testing"

	"sigill/policy"
	"sigill/vault"
)

// TestPurpose: staff on both sides see why there is personal data in a message, also after maintenance; a person does not.
func TestPurpose(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, want := t.Context(), vault.Purpose{Text: "Utredning om stöd", Basis: "Rättslig förpliktelse"}
	kinds, err := h.Directory().Classify(ctx, []policy.Address{kim, cia})
	must(t, err)
	w := h.Depositor().Begin(vault.Deposit{From: omsorg, Account: anna, Recipients: kinds, Rule: policy.RuleTag, Purpose: want})
	_, err = w.Write(mail("a@x", "Beslut"))
	must(t, err)
	receipt, err := w.Commit(ctx)
	must(t, err)
	must(t, h.Maintain(ctx, nil))
	for _, row := range []struct {
		why  string
		who  vault.Principal
		want vault.Purpose
	}{
		{"who wrote it", vault.Staff(anna), want},
		{"a colleague it came from, too", vault.Staff(bo), want},
		{"a colleague it came to", vault.Staff(cia), want},
		{"a person", vault.Person(kimsID), vault.Purpose{}},
	} {
		r := h.reader(row.who)
		info, err := r.Info(ctx, receipt.ID)
		must(t, err)
		talk, err := r.Conversation(ctx, receipt.ID)
		must(t, err)
		if info.Purpose != row.want || talk[0].Purpose != row.want {
			t.Errorf("%s: %+v, in the conversation %+v", row.why, info.Purpose, talk[0].Purpose)
		}
	}
}
