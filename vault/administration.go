package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigill/policy"
	"sigill/vault/internal/kv"
)

// ErrWaiting means that messages of an address wait for identities, which nobody could give any more.
var ErrWaiting = errors.New("vault: messages of this address wait for identities")

// Administration is for whoever may run the server, and in part for accounts with a role: see [Vault.AdministrationBy]. It
// opens no message. Each change is one transaction, with its line in the audit.
type Administration struct {
	v  *Vault
	by string
	// account is in whose name an account acts; zero for whoever runs the server, who may do everything.
	account policy.Address
}

// Administration gives it to whoever runs the server, in the name of by, which the audit tells.
func (v *Vault) Administration(by string) *Administration { return &Administration{v: v, by: by} }

func (a *Administration) event(action, detail string) Event {
	return Event{Actor: a.by, Action: action, Result: "ok", Detail: detail}
}

// AddAccount registers a staff member with mailboxes. ErrExists.
func (a *Administration) AddAccount(ctx context.Context, n Account, password string) error {
	hash := a.v.passwords.hash(password)
	o := a.v.staffOwner(n.Address)
	return a.update(ctx, Administrator, func(t *tx) error {
		if !t.kindOf(o).Outside() {
			return ErrExists
		}
		rec := accountRecord{Address: n.Address, Name: n.Name, Password: hash}
		return errors.Join(
			save(t, tAccount, o[:], &rec), t.ensureMailboxes(o, n.Address, roles...),
			t.record(a.event("add account", n.Address.Key())),
		)
	})
}

// SetPassword changes an account's password. ErrNotFound, ErrRoleHolder.
func (a *Administration) SetPassword(ctx context.Context, account policy.Address, password string) error {
	hash := a.v.passwords.hash(password)
	o := a.v.staffOwner(account)
	return a.update(ctx, Administrator, func(t *tx) error {
		rec, found, err := load[accountRecord](t, tAccount, o[:])
		if err != nil || !found {
			return errors.Join(err, notIf(found || err != nil))
		}
		if err := a.mayChange(rec); err != nil {
			return err
		}
		rec.Password = hash
		return errors.Join(save(t, tAccount, o[:], &rec), t.record(a.event("set password", account.Key())))
	})
}

// RemoveAccount ends an account: no login, no device password, no membership. Its mailboxes stay with what lies in them, as retention says, and
// are there again if the account is. ErrNotFound, ErrWaiting, ErrRoleHolder.
func (a *Administration) RemoveAccount(ctx context.Context, account policy.Address) error {
	o := a.v.staffOwner(account)
	return a.update(ctx, Administrator, func(t *tx) error {
		rec, found, err := load[accountRecord](t, tAccount, o[:])
		if err != nil || !found {
			return errors.Join(err, notIf(found || err != nil))
		}
		if err := a.mayChange(rec); err != nil {
			return err
		}
		if t.any(tHold, o[:]) {
			return ErrWaiting
		}
		functions, err := t.functionsOf(o, map[owner]bool{})
		if err != nil {
			return err
		}
		for _, f := range functions {
			if err := t.endMembership(f, account); err != nil {
				return err
			}
		}
		for _, k := range t.keys(tDevice, o[:]) {
			if err := t.w.Delete(tDevice, k); err != nil {
				return err
			}
		}
		return errors.Join(t.w.Delete(tAccount, o[:]), t.record(a.event("remove account", account.Key())))
	})
}

// keys are those of a table that begin with prefix, to be deleted.
func (t *tx) keys(table kv.Table, prefix []byte) (out [][]byte) {
	for k := range t.r.Range(table, kv.Prefix(prefix)) {
		out = append(out, bytes.Clone(k))
	}
	return out
}

// endMembership takes an account out of the members of a function address.
func (t *tx) endMembership(function owner, member policy.Address) error {
	rec, found, err := load[functionRecord](t, tFunction, function[:])
	if err != nil {
		return err
	}
	if found {
		rec.Members = slices.DeleteFunc(rec.Members, func(m policy.Address) bool { return m.Key() == member.Key() })
		if err := save(t, tFunction, function[:], &rec); err != nil {
			return err
		}
	}
	return t.w.Delete(tMember, t.v.memberKey(member, function))
}

// Accounts are all, by address.
func (a *Administration) Accounts(ctx context.Context) (out []Account, err error) {
	err = all(ctx, a, Administrator, tAccount, func(rec accountRecord) { out = append(out, rec.account()) })
	slices.SortFunc(out, func(x, y Account) int { return strings.Compare(x.Address.Key(), y.Address.Key()) })
	return out, err
}

// AddFunctionAddress registers a function address with mailboxes. ErrExists, ErrOwnAccess, or ErrNotFound with the member
// that has no account.
func (a *Administration) AddFunctionAddress(ctx context.Context, f FunctionAddress) error {
	if err := a.mayLetIn(f.Members); err != nil {
		return err
	}
	o := a.v.staffOwner(f.Address)
	return a.update(ctx, Administrator, func(t *tx) error {
		if !t.kindOf(o).Outside() {
			return ErrExists
		}
		rec := functionRecord{Address: f.Address, Name: f.Name}
		if err := t.addMembers(o, &rec, f.Members); err != nil {
			return err
		}
		return errors.Join(
			save(t, tFunction, o[:], &rec), t.ensureMailboxes(o, f.Address, Inbox, Sent),
			t.record(a.event("add function address", f.Address.Key()+members(f.Members))),
		)
	})
}

func (t *tx) addMembers(o owner, rec *functionRecord, members []policy.Address) error {
	for _, m := range members {
		account := t.v.staffOwner(m)
		if t.r.Get(tAccount, account[:]) == nil {
			return fmt.Errorf("%w: %s is no account", ErrNotFound, m)
		}
		key := t.v.memberKey(m, o)
		if t.r.Get(tMember, key) != nil {
			continue
		}
		rec.Members = append(rec.Members, m)
		if err := t.mark(tMember, key); err != nil {
			return err
		}
	}
	return nil
}

func members(all []policy.Address) (out string) {
	for _, m := range all {
		out += " " + m.Key()
	}
	return out
}

// ChangeMembers lets some in and takes others out, who have no access from then on. ErrOwnAccess, or ErrNotFound with the
// member that has no account.
func (a *Administration) ChangeMembers(ctx context.Context, function policy.Address, in, out []policy.Address) error {
	if err := a.mayLetIn(in); err != nil {
		return err
	}
	o := a.v.staffOwner(function)
	return a.update(ctx, Administrator, func(t *tx) error {
		rec, found, err := load[functionRecord](t, tFunction, o[:])
		if err != nil || !found {
			return errors.Join(err, notIf(found || err != nil))
		}
		if err := t.addMembers(o, &rec, in); err != nil {
			return err
		}
		if err := save(t, tFunction, o[:], &rec); err != nil {
			return err
		}
		for _, m := range out {
			if t.r.Get(tMember, t.v.memberKey(m, o)) == nil {
				return fmt.Errorf("%w: %s is no member", ErrNotFound, m)
			}
			if err := t.endMembership(o, m); err != nil {
				return err
			}
		}
		return t.record(a.event("change members", function.Key()+" in:"+members(in)+" out:"+members(out)))
	})
}

// NameFunctionAddress changes the name people see. ErrNotFound.
func (a *Administration) NameFunctionAddress(ctx context.Context, function policy.Address, name string) error {
	o := a.v.staffOwner(function)
	return a.update(ctx, Administrator, func(t *tx) error {
		rec, found, err := load[functionRecord](t, tFunction, o[:])
		if err != nil || !found {
			return errors.Join(err, notIf(found || err != nil))
		}
		rec.Name = name
		return errors.Join(save(t, tFunction, o[:], &rec), t.record(a.event("name function address", function.Key())))
	})
}

// RemoveFunctionAddress ends a function address and all memberships of it. Its mailboxes stay, as those of an account do.
// ErrNotFound, ErrWaiting.
func (a *Administration) RemoveFunctionAddress(ctx context.Context, function policy.Address) error {
	o := a.v.staffOwner(function)
	return a.update(ctx, Administrator, func(t *tx) error {
		rec, found, err := load[functionRecord](t, tFunction, o[:])
		if err != nil || !found {
			return errors.Join(err, notIf(found || err != nil))
		}
		if t.any(tHold, o[:]) {
			return ErrWaiting
		}
		for _, m := range rec.Members {
			if err := t.w.Delete(tMember, t.v.memberKey(m, o)); err != nil {
				return err
			}
		}
		return errors.Join(t.w.Delete(tFunction, o[:]), t.record(a.event("remove function address", function.Key())))
	})
}

// FunctionAddresses are all, by address.
func (a *Administration) FunctionAddresses(ctx context.Context) (out []FunctionAddress, err error) {
	err = all(ctx, a, anyRole, tFunction, func(rec functionRecord) { out = append(out, FunctionAddress(rec)) })
	slices.SortFunc(out, func(x, y FunctionAddress) int { return strings.Compare(x.Address.Key(), y.Address.Key()) })
	return out, err
}

// all gives every record of a table of staff, which is small enough to be held.
func all[T any](ctx context.Context, a *Administration, roles StaffRoles, table kv.Table, each func(T)) error {
	var recs []T
	err := a.view(ctx, roles, func(t *tx) error {
		recs = nil
		for k, sealed := range t.r.Range(table, kv.Span{}) {
			rec, err := open[T](t, table, k, sealed)
			if err != nil {
				return err
			}
			recs = append(recs, rec)
		}
		return nil
	})
	for _, rec := range recs {
		each(rec)
	}
	return err
}
