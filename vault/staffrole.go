package vault

import (
	"context"
	"errors"

	"sigill/policy"
)

// StaffRoles are what an account may do beside its own mail. None of them opens a message.
type StaffRoles uint8

// The roles of accounts.
const (
	// Administrator looks after accounts, function addresses and bindings.
	Administrator StaffRoles = 1 << iota
	// Auditor is a data protection officer or an archivist: the audit, disposal and legal holds, which administrators have too.
	Auditor

	anyRole = Administrator | Auditor
)

// Has tells whether any of the roles is among these.
func (r StaffRoles) Has(any StaffRoles) bool { return r&any != 0 }

var (
	// ErrNoRole is ErrNotFound to an account that does not have the role for what it asks.
	ErrNoRole = errors.New("vault: the account does not have the role")
	// ErrRoleHolder means that the account has a role, so that whoever runs the server must do this: an administrator who
	// could log in as another would be two of those that some things take.
	ErrRoleHolder = errors.New("vault: the account has a role; whoever runs the server must do this")
	// ErrOwnAccess means that an administrator would give access to themselves.
	ErrOwnAccess = errors.New("vault: nobody lets themselves in")
)

// SetRoles says which roles an account has. Only whoever runs the server can: ErrNoRole to anybody else. ErrNotFound.
func (a *Administration) SetRoles(ctx context.Context, account policy.Address, roles StaffRoles) error {
	o := a.v.staffOwner(account)
	return a.update(ctx, 0, func(t *tx) error {
		rec, found, err := load[accountRecord](t, tAccount, o[:])
		if err != nil || !found {
			return errors.Join(err, notIf(found || err != nil))
		}
		rec.Roles = roles
		return errors.Join(save(t, tAccount, o[:], &rec), t.record(a.event("set roles", account.Key()+roles.words())))
	})
}

func (r StaffRoles) words() (out string) {
	if r.Has(Administrator) {
		out += " administrator"
	}
	if r.Has(Auditor) {
		out += " auditor"
	}
	return out
}

// AdministrationBy gives it to an account with a role, in its name. The role each thing takes is asked for again whenever
// it is done, in the same transaction. ErrNoRole.
func (v *Vault) AdministrationBy(ctx context.Context, account policy.Address) (*Administration, error) {
	a := &Administration{v: v, by: account.Key(), account: account}
	return a, a.view(ctx, anyRole, func(*tx) error { return nil })
}

// update is the vault's, for whoever has one of the roles; with none for whoever runs the server.
func (a *Administration) update(ctx context.Context, roles StaffRoles, fn func(*tx) error) error {
	return a.v.update(ctx, func(t *tx) error {
		if err := a.mayDo(t, roles); err != nil {
			return err
		}
		return fn(t)
	})
}

func (a *Administration) view(ctx context.Context, roles StaffRoles, fn func(*tx) error) error {
	return a.v.view(ctx, func(t *tx) error {
		if err := a.mayDo(t, roles); err != nil {
			return err
		}
		return fn(t)
	})
}

func (a *Administration) mayDo(t *tx, roles StaffRoles) error {
	if a.account.IsZero() {
		return nil
	}
	has, err := t.rolesOf(a.account)
	if err == nil && !has.Has(roles) {
		err = ErrNoRole
	}
	return err
}

// mayChange keeps the accounts of those who have a role from each other.
func (a *Administration) mayChange(rec accountRecord) error {
	if !a.account.IsZero() && rec.Roles != 0 {
		return ErrRoleHolder
	}
	return nil
}

// mayLetIn keeps administrators from letting themselves in.
func (a *Administration) mayLetIn(members []policy.Address) error {
	for _, m := range members {
		if !a.account.IsZero() && m.Key() == a.account.Key() {
			return ErrOwnAccess
		}
	}
	return nil
}

// rolesOf are those of an account; none if there is no such account.
func (t *tx) rolesOf(account policy.Address) (StaffRoles, error) {
	o := t.v.staffOwner(account)
	rec, _, err := load[accountRecord](t, tAccount, o[:])
	return rec.Roles, err
}
