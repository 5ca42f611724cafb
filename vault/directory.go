package vault

import (
	"context"
	"errors"
	"slices"

	"sigill/policy"
	"sigill/vault/internal/kv"
)

// Directory knows who is who. It opens no message.
type Directory struct{ v *Vault }

// PutAccount registers a staff member, with mailboxes, or changes name and password.
func (d *Directory) PutAccount(ctx context.Context, a Account, password string) error {
	hash := d.v.passwords.hash(password)
	o := d.v.staffOwner(a.Address)
	return d.v.update(ctx, func(t *tx) error {
		old, _, err := load[accountRecord](t, tAccount, o[:])
		if err != nil {
			return err
		}
		rec := old // a new password changes nothing else
		rec.Address, rec.Name, rec.Password = a.Address, a.Name, hash
		return errors.Join(save(t, tAccount, o[:], &rec), t.ensureMailboxes(o, a.Address, roles...))
	})
}

func (t *tx) ensureMailboxes(o owner, address policy.Address, roles ...Role) error {
	for _, role := range roles {
		if _, err := t.ensureMailbox(o, address, role); err != nil {
			return err
		}
	}
	return nil
}

// PutFunctionAddress registers a function address, with mailboxes, or changes its name and members. Who is no longer a
// member has no access from then on.
func (d *Directory) PutFunctionAddress(ctx context.Context, f FunctionAddress) error {
	o := d.v.staffOwner(f.Address)
	return d.v.update(ctx, func(t *tx) error {
		old, _, err := load[functionRecord](t, tFunction, o[:])
		if err != nil {
			return err
		}
		for _, m := range old.Members {
			if err := t.w.Delete(tMember, t.v.memberKey(m, o)); err != nil {
				return err
			}
		}
		for _, m := range f.Members {
			if err := t.mark(tMember, t.v.memberKey(m, o)); err != nil {
				return err
			}
		}
		rec := functionRecord(f)
		return errors.Join(save(t, tFunction, o[:], &rec), t.ensureMailboxes(o, f.Address, Inbox, Sent))
	})
}

func (v *Vault) memberKey(member policy.Address, function owner) []byte {
	m := v.staffOwner(member)
	return join(m[:], function[:])
}

// PutBinding registers an address as a person's, vouched for by whoever calls.
func (d *Directory) PutBinding(ctx context.Context, b Binding) error {
	return d.v.update(ctx, func(t *tx) error { return t.saveBinding(b) })
}

func (t *tx) saveBinding(b Binding) error {
	rec := bindingRecord{Address: b.Address, Person: b.Person.Digits(), Verified: instantOf(b.Verified)}
	return save(t, tBinding, t.v.bindingKey(b.Address), &rec)
}

func (v *Vault) bindingKey(a policy.Address) []byte {
	sum := v.lookup.Digest("binding", []byte(a.Key()))
	return sum[:]
}

func (t *tx) binding(a policy.Address) (bindingRecord, bool, error) {
	return load[bindingRecord](t, tBinding, t.v.bindingKey(a))
}

// Account gives a staff member. ErrNotFound.
func (d *Directory) Account(ctx context.Context, a policy.Address) (Account, error) {
	rec, err := get[accountRecord](ctx, d.v, tAccount, a)
	return rec.account(), err
}

// FunctionAddress gives a function address. ErrNotFound.
func (d *Directory) FunctionAddress(ctx context.Context, a policy.Address) (FunctionAddress, error) {
	rec, err := get[functionRecord](ctx, d.v, tFunction, a)
	return FunctionAddress(rec), err
}

func get[T any](ctx context.Context, v *Vault, table kv.Table, a policy.Address) (rec T, err error) {
	o := v.staffOwner(a)
	err = v.view(ctx, func(t *tx) (err error) {
		var found bool
		rec, found, err = load[T](t, table, o[:])
		return errors.Join(err, notIf(found || err != nil))
	})
	return rec, err
}

// FunctionAddresses are those the account is a member of, ordered by address.
func (d *Directory) FunctionAddresses(ctx context.Context, member policy.Address) (out []FunctionAddress, err error) {
	err = d.v.view(ctx, func(t *tx) (err error) {
		out, err = t.functions(d.v.staffOwner(member))
		return err
	})
	return out, err
}

// functionsOf are the owners whose mailboxes a member shares. The table of members is not sealed: it only leads to the
// records of function addresses, which name their members. What those in asked said is known.
func (t *tx) functionsOf(member owner, asked map[owner]bool) (out []owner, err error) {
	for k := range t.r.Range(tMember, kv.Prefix(member[:])) {
		o := owner(k[len(member):])
		named, known := asked[o]
		if !known {
			if named, err = t.names(o, member); err != nil {
				return nil, err
			}
			asked[o] = named
		}
		if !known && !named {
			t.v.log.Error("vault: somebody is said to be a member of a function address that does not name them: see sigill verify")
		}
		if named {
			out = append(out, o)
		}
	}
	return out, nil
}

// names tells whether a function address has a member.
func (t *tx) names(function, member owner) (bool, error) {
	rec, _, err := load[functionRecord](t, tFunction, function[:])
	return slices.ContainsFunc(rec.Members, func(m policy.Address) bool { return t.v.staffOwner(m) == member }), err
}

// PasswordsElsewhere tells that account passwords are checked by Options.Passwords, so that those set here open nothing.
func (d *Directory) PasswordsElsewhere() bool { return d.v.elsewhere != nil }

// MaySendAs tells whether a member of staff may use the address as sender: the account's, or that of a function address it
// belongs to. ErrEnded.
func (d *Directory) MaySendAs(ctx context.Context, who Principal, from policy.Address) (may bool, err error) {
	err = d.v.view(ctx, func(t *tx) (err error) {
		o := d.v.staffOwner(who.address)
		stands, err := t.stands(o, who.pass)
		if err == nil && !stands { // it may still have a connection
			err = ErrEnded
		}
		if err != nil {
			return err
		}
		if may = who.address.Key() == from.Key(); may {
			return nil
		}
		may, err = t.names(d.v.staffOwner(from), o)
		return err
	})
	return may, err
}

// Classify tells what is known of each address, in order.
func (d *Directory) Classify(ctx context.Context, to []policy.Address) (out []policy.Recipient, err error) {
	err = d.v.view(ctx, func(t *tx) error {
		out = make([]policy.Recipient, 0, len(to))
		for _, a := range to {
			out = append(out, policy.Recipient{Address: a, Kind: t.classify(a)})
		}
		return nil
	})
	return out, err
}

func (t *tx) classify(a policy.Address) policy.RecipientKind {
	kind := t.kindOf(t.v.staffOwner(a))
	if kind == policy.Unknown && t.r.Get(tBinding, t.v.bindingKey(a)) != nil {
		return policy.Known
	}
	return kind
}

// kindOf tells accounts and function addresses from the rest, which is Unknown.
func (t *tx) kindOf(o owner) policy.RecipientKind {
	switch {
	case t.r.Get(tAccount, o[:]) != nil:
		return policy.Colleague
	case t.r.Get(tFunction, o[:]) != nil:
		return policy.Function
	}
	return policy.Unknown
}

// Answers tells whether any of the Message-IDs, without angle brackets, is that of a sealed message.
func (d *Directory) Answers(ctx context.Context, messageIDs []string) (bool, error) {
	if len(messageIDs) == 0 {
		return false, nil
	}
	var answers bool
	err := d.v.view(ctx, func(t *tx) error {
		answers = slices.ContainsFunc(messageIDs, func(id string) bool {
			return t.r.Get(tMessageID, d.v.messageIDKey(id)) != nil
		})
		return nil
	})
	return answers, err
}
