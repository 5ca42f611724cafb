package vault

import (
	"context"
	"errors"
	"slices"
	"strings"

	"sigill/policy"
)

// AccountState is an account as an administrator sees it: how it logs in, and what it shares.
type AccountState struct {
	Account
	Second    Second
	Devices   []Device
	Functions []FunctionAddress
}

// Account gives an account's state. ErrNotFound.
func (a *Administration) Account(ctx context.Context, account policy.Address) (s AccountState, err error) {
	o := a.v.staffOwner(account)
	err = a.view(ctx, Administrator, func(t *tx) error {
		rec, found, err := load[accountRecord](t, tAccount, o[:])
		if err != nil || !found {
			return errors.Join(err, notIf(found || err != nil))
		}
		s = AccountState{Account: rec.account(), Second: a.v.second(rec)}
		if s.Devices, err = t.devices(account); err != nil {
			return err
		}
		s.Functions, err = t.functions(o)
		return err
	})
	return s, err
}

// FunctionAddress gives a function address. ErrNotFound.
func (a *Administration) FunctionAddress(ctx context.Context, function policy.Address) (f FunctionAddress, err error) {
	o := a.v.staffOwner(function)
	err = a.view(ctx, anyRole, func(t *tx) error {
		rec, found, err := load[functionRecord](t, tFunction, o[:])
		f = FunctionAddress(rec)
		return errors.Join(err, notIf(found || err != nil))
	})
	return f, err
}

// functions are the function addresses that an account is a member of, ordered by address.
func (t *tx) functions(member owner) (out []FunctionAddress, err error) {
	owners, err := t.functionsOf(member, map[owner]bool{})
	if err != nil {
		return nil, err
	}
	for _, o := range owners {
		rec, found, err := load[functionRecord](t, tFunction, o[:])
		if err != nil {
			return nil, err
		}
		if found {
			out = append(out, FunctionAddress(rec))
		}
	}
	slices.SortFunc(out, func(a, b FunctionAddress) int { return strings.Compare(a.Address.Key(), b.Address.Key()) })
	return out, nil
}

// Note records what an administrator is about to do to something that does not lie in the vault, such as sessions.
func (a *Administration) Note(ctx context.Context, action, detail string) error {
	return a.update(ctx, Administrator, func(t *tx) error { return t.record(a.event(action, detail)) })
}
