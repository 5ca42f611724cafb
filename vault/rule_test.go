package vault_test

import (
	"testing"

	"sigill/policy"
	"sigill/vault"
)

// TestRuleIsForTheSendersSide: who sent a message sees why it was sealed; whom it came to does not, since a rule can tell what
// was found in it, or whom the organisation looks out for.
func TestRuleIsForTheSendersSide(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	kinds, err := h.Directory().Classify(t.Context(), []policy.Address{kim, cia})
	must(t, err)
	w := h.Depositor().Begin(vault.Deposit{From: omsorg, Account: anna, Recipients: kinds, Rule: "identity numbers"})
	_, err = w.Write(mail("a@x", "Beslut"))
	must(t, err)
	receipt, err := w.Commit(t.Context())
	must(t, err)
	for _, row := range []struct {
		why  string
		who  vault.Principal
		want string
	}{
		{"who wrote it", vault.Staff(anna), "identity numbers"},
		{"a colleague it came from, too", vault.Staff(bo), "identity numbers"},
		{"a colleague it came to", vault.Staff(cia), ""},
		{"a person", vault.Person(kimsID), ""},
	} {
		info, err := h.reader(row.who).Info(t.Context(), receipt.ID)
		must(t, err)
		if info.Rule != row.want {
			t.Errorf("%s sees %q, want %q", row.why, info.Rule, row.want)
		}
	}
}
