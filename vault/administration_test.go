package vault_test

import (
	"errors"
	"slices"
	"testing"

	"sigill/policy"
	"sigill/vault"
)

func TestAdministration(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, a := t.Context(), h.Administration("root")
	dag := policy.MustAddress("dag@kommun.example")
	skola := policy.MustAddress("skola@kommun.example")
	nobody := policy.MustAddress("nobody@kommun.example")
	h.deposit(mail("a@x", "Beslut"), omsorg, true, new_) // waits for an identity
	for _, row := range []struct {
		does string
		do   func() error
		want error
		why  string
	}{
		{"add account", func() error { return a.AddAccount(ctx, vault.Account{Address: dag, Name: "Dag"}, "one") }, nil, ""},
		{"add it again", func() error { return a.AddAccount(ctx, vault.Account{Address: dag}, "two") }, vault.ErrExists, "it would change the password of another"},
		{"an account of a function address", func() error { return a.AddAccount(ctx, vault.Account{Address: omsorg}, "x") }, vault.ErrExists, "it is shared"},
		{"password of nobody", func() error { return a.SetPassword(ctx, nobody, "x") }, vault.ErrNotFound, ""},
		{"password", func() error { return a.SetPassword(ctx, dag, "two") }, nil, ""},
		{"a function address of an account", func() error { return a.AddFunctionAddress(ctx, vault.FunctionAddress{Address: dag}) }, vault.ErrExists, ""},
		{"a member without account", func() error {
			return a.AddFunctionAddress(ctx, vault.FunctionAddress{Address: skola, Members: []policy.Address{dag, nobody}})
		}, vault.ErrNotFound, "nothing of it is done"},
		{"add function address", func() error {
			return a.AddFunctionAddress(ctx, vault.FunctionAddress{Address: skola, Members: []policy.Address{dag, dag}})
		}, nil, "a member counts once"},
		{"change members", func() error {
			return a.ChangeMembers(ctx, skola, []policy.Address{cia, anna}, []policy.Address{cia})
		}, nil, ""},
		{"take out who is no member", func() error { return a.ChangeMembers(ctx, skola, []policy.Address{bo}, []policy.Address{cia}) }, vault.ErrNotFound, "and bo is not let in"},
		{"remove who waits", func() error { return a.RemoveFunctionAddress(ctx, omsorg) }, vault.ErrWaiting, "nobody could complete it"},
		{"remove nobody", func() error { return a.RemoveAccount(ctx, nobody) }, vault.ErrNotFound, ""},
		{"a device", func() error { _, _, err := h.Directory().AddDevice(ctx, dag, "phone", dag); return err }, nil, ""},
		{"remove a member", func() error { return a.RemoveAccount(ctx, dag) }, nil, ""},
	} {
		if err := row.do(); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v (%s)", row.does, err, row.want, row.why)
		}
	}
	if _, err := h.Directory().Authenticate(ctx, vault.Login{Address: dag.String(), Password: "two", Door: vault.DoorWeb}); !errors.Is(err, vault.ErrBadCredentials) {
		t.Errorf("a removed account logs in: %v", err)
	}
	functions, err := a.FunctionAddresses(ctx)
	must(t, err)
	if len(functions) != 2 || functions[1].Address != skola || !slices.Equal(functions[1].Members, []policy.Address{anna}) {
		t.Errorf("function addresses: %+v", functions)
	}
	accounts, err := a.Accounts(ctx)
	must(t, err)
	if len(accounts) != 3 || accounts[0].Address != anna || accounts[2].Address != cia {
		t.Errorf("accounts: %+v", accounts)
	}
	if devices, err := h.Directory().Devices(ctx, dag); err != nil || len(devices) > 0 {
		t.Errorf("device passwords of a removed account: %v, %v", devices, err)
	}
	must(t, a.RemoveFunctionAddress(ctx, skola))
	var told []string
	must(t, h.Audit().Events(ctx, 0, func(e vault.Event) bool {
		if e.Actor == "root" {
			told = append(told, e.Action)
		}
		return true
	}))
	want := []string{"add account", "set password", "add function address", "change members", "remove account", "remove function address"}
	if !slices.Equal(told, want) {
		t.Errorf("the audit tells %q", told)
	}
	report, err := h.Verify(ctx, nil)
	must(t, err)
	if len(report.Faults) > 0 {
		t.Error(report.Faults)
	}
}

// TestRemovedAccountReads: a session that was begun before its account was removed reads, writes and sends nothing more.
func TestRemovedAccountReads(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, r := t.Context(), h.reader(vault.Staff(cia))
	sent := h.deposit(mail("1@x", "Beslut"), anna, false, cia)
	inbox := box(t, r, cia, vault.Inbox)
	must(t, h.Administration("root").RemoveAccount(ctx, cia))
	for what, try := range map[string]func() error{
		"open":     func() error { _, err := r.Open(ctx, sent.ID); return err },
		"headers":  func() error { _, err := r.Headers(ctx, sent.ID); return err },
		"info":     func() error { _, err := r.Info(ctx, sent.ID); return err },
		"list":     func() error { _, err := r.Entries(ctx, inbox.ID, 0, 0); return err },
		"watch":    func() error { _, err := r.Watch(ctx, inbox.ID); return err },
		"folder":   func() error { _, err := r.CreateFolder(ctx, policy.Address{}, "Nytt", vault.Folder); return err },
		"complete": func() error { return r.Complete(ctx, sent.ID, nil) },
	} {
		if err := try(); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if indexes, err := r.Indexes(ctx, sent.ID); err != nil || indexes[0] != nil {
		t.Errorf("an index: %v, %v", indexes, err)
	}
	if all, err := r.Mailboxes(ctx); err != nil || len(all) > 0 {
		t.Errorf("mailboxes: %v, %v", all, err)
	}
	if may, err := h.Directory().MaySendAs(ctx, vault.Staff(cia), cia); !errors.Is(err, vault.ErrEnded) || may {
		t.Errorf("it may send: %v, %v", may, err)
	}
}
