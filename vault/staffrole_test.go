package vault_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"sigill/policy"
	"sigill/vault"
)

// TestWhoMayAdminister goes through what there is to do, as an account without role, an auditor, an administrator and
// whoever runs the server.
func TestWhoMayAdminister(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, root := t.Context(), h.Administration("root")
	must(t, root.SetRoles(ctx, anna, vault.Administrator))
	must(t, root.SetRoles(ctx, bo, vault.Auditor))
	eva, skola := policy.MustAddress("eva@kommun.example"), policy.MustAddress("skola@kommun.example")
	new := vault.Account{Address: eva, Name: "Eva"}
	query := func(a *vault.Administration) error {
		_, err := a.SearchAudit(ctx, vault.AuditQuery{}, "Dnr 2026-118")
		return err
	}
	hold := func(a *vault.Administration) error {
		id, err := a.LegalHolds().Place(ctx, vault.LegalHold{Person: kimsID, Reason: "Dnr 2026-118", By: cia})
		return errors.Join(err, a.LegalHolds().Lift(ctx, id, cia))
	}
	_, err := h.AdministrationBy(ctx, cia)
	if !errors.Is(err, vault.ErrNoRole) {
		t.Errorf("an account without role: %v", err)
	}
	all := []*vault.Administration{administrationBy(t, h, cia), administrationBy(t, h, bo), administrationBy(t, h, anna), root}
	no, role, own, none := vault.ErrNoRole, vault.ErrRoleHolder, vault.ErrOwnAccess, vault.ErrNotFound
	for _, row := range []struct {
		does string
		do   func(a *vault.Administration) error
		want [4]error // of each
		why  string
	}{
		{"add an account", func(a *vault.Administration) error {
			return errors.Join(a.AddAccount(ctx, new, "x"), a.RemoveAccount(ctx, eva))
		}, [4]error{no, no, nil, nil}, ""},
		{"set a password", func(a *vault.Administration) error { return a.SetPassword(ctx, cia, "x") }, [4]error{no, no, nil, nil}, ""},
		{"set an auditor's password", func(a *vault.Administration) error { return a.SetPassword(ctx, bo, "x") }, [4]error{no, no, role, nil}, "who logs in as another could approve what they asked for"},
		{"take an auditor's second factor away", func(a *vault.Administration) error { return a.RemoveSecond(ctx, bo) }, [4]error{no, no, role, none}, "the same"},
		{"remove an auditor", func(a *vault.Administration) error {
			err := a.RemoveAccount(ctx, bo)
			if err == nil {
				must(t, errors.Join(root.AddAccount(ctx, vault.Account{Address: bo}, "x"), root.SetRoles(ctx, bo, vault.Auditor)))
			}
			return err
		}, [4]error{no, no, role, nil}, "the same"},
		{"let oneself in", func(a *vault.Administration) error {
			return a.ChangeMembers(ctx, omsorg, []policy.Address{anna}, nil)
		}, [4]error{no, no, own, nil}, "an administrator has no right to read"},
		{"begin with oneself", func(a *vault.Administration) error {
			return a.AddFunctionAddress(ctx, vault.FunctionAddress{Address: skola, Members: []policy.Address{anna}})
		}, [4]error{no, no, own, nil}, "the same"},
		{"name", func(a *vault.Administration) error { return a.NameFunctionAddress(ctx, omsorg, "Omsorgen") }, [4]error{no, no, nil, nil}, ""},
		{"quiet", func(a *vault.Administration) error { return a.SetQuiet(ctx, otherID, true) }, [4]error{no, no, nil, nil}, ""},
		{"revoke a binding", func(a *vault.Administration) error { return a.RevokeBinding(ctx, skola) }, [4]error{no, no, none, none}, "there is none"},
		{"a legal hold", hold, [4]error{no, nil, nil, nil}, "archivists place them"},
		{"search the audit", query, [4]error{no, nil, nil, nil}, ""},
		{"give roles", func(a *vault.Administration) error { return a.SetRoles(ctx, cia, vault.Auditor) }, [4]error{no, no, no, nil}, "nobody on the web can; last, since cia has one then"},
	} {
		for i, a := range all {
			if err := row.do(a); !errors.Is(err, row.want[i]) || err == nil != (row.want[i] == nil) {
				t.Errorf("%s, as number %d: %v, want %v (%s)", row.does, i, err, row.want[i], row.why)
			}
		}
	}
	must(t, root.SetRoles(ctx, anna, 0))
	if err := all[2].SetPassword(ctx, cia, "x"); !errors.Is(err, vault.ErrNoRole) {
		t.Errorf("the role is gone, and what was made with it still works: %v", err)
	}
	if got := h.events("legal hold"); len(got) != 3 || !strings.HasPrefix(got[0], bo.Key()) || !strings.HasPrefix(got[1], anna.Key()) {
		t.Errorf("the audit of holds: %q", got)
	}
}

// administrationBy gives it also to an account that has no role, as one would hold it whose role is gone.
func administrationBy(t *testing.T, h *house, account policy.Address) *vault.Administration {
	t.Helper()
	a, err := h.AdministrationBy(context.WithoutCancel(t.Context()), account)
	if err != nil && !errors.Is(err, vault.ErrNoRole) {
		t.Fatal(err)
	}
	return a
}

// TestRetentionClasses: a class counts from when it is given, outlives its address, and keeps for ever when it is lost.
func TestRetentionClasses(t *testing.T) {
	t.Parallel()
	long := vault.Rule{Name: "Plan 2", AfterDeposit: 30}
	plan := vault.Retention{Default: deposit10, Classes: []vault.Rule{long}, Functions: map[string]vault.Rule{anna.Key(): deposit10}}
	k := newKeeper(t, plan)
	ctx, root := t.Context(), k.Administration("root")
	for _, row := range []struct {
		address policy.Address
		class   string
		want    error
	}{
		{omsorg, "Plan 3", vault.ErrNoClass}, {kim, "Plan 2", vault.ErrNotFound}, {anna, "Plan 2", vault.ErrFixedRule}, {omsorg, "Plan 2", nil},
	} {
		if err := root.SetClass(ctx, row.address, row.class); !errors.Is(err, row.want) {
			t.Errorf("%s %s: %v, want %v", row.address, row.class, err, row.want)
		}
	}
	id := k.deposit(mail("a@x", "Beslut"), omsorg, false, kim).ID
	must(t, root.RemoveFunctionAddress(ctx, omsorg))
	k.live(12)
	there := func() bool {
		_, err := k.reader(vault.Person(kimsID)).Info(ctx, id)
		return err == nil
	}
	if !there() {
		t.Fatal("it went by the default when its address was removed")
	}
	must(t, k.Maintain(ctx, nil))
	k.opts.Retention.Classes = nil
	k.restart()
	k.live(25)
	rule, err := k.Administration("root").RuleOf(ctx, omsorg)
	must(t, err)
	if !there() || !rule.Lost || rule.Class != "Plan 2" {
		t.Fatalf("there %v; the rule is %+v", there(), rule)
	}
	k.opts.Retention.Classes = []vault.Rule{long}
	k.restart()
	k.live(2)
	if there() {
		t.Error("it is kept after its term")
	}
	must(t, errors.Join(k.Administration("root").AddFunctionAddress(ctx, vault.FunctionAddress{Address: omsorg}), k.Administration("root").SetClass(ctx, omsorg, "")))
	if rule, err = k.Administration("root").RuleOf(ctx, omsorg); err != nil || rule.Rule != deposit10 {
		t.Errorf("%+v, %v", rule, err)
	}
}
