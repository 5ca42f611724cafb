package vault

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"sigill/policy"
	"sigill/vault/internal/kv"
)

// Bindings are all links between an address and a person, with the date each was verified, ordered by address.
func (a *Administration) Bindings(ctx context.Context) (out []Binding, err error) {
	err = a.view(ctx, Administrator, func(t *tx) error {
		out = nil
		for k, sealed := range t.r.Range(tBinding, kv.Span{}) {
			rec, err := open[bindingRecord](t, tBinding, k, sealed)
			if err != nil {
				return err
			}
			person, err := policy.ParsePersonID(rec.Person)
			if err != nil {
				return errors.Join(ErrDamaged, err)
			}
			out = append(out, Binding{Address: rec.Address, Person: person, Verified: rec.Verified.time()})
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Binding) int { return strings.Compare(a.Address.Key(), b.Address.Key()) })
	return out, err
}

// Binding is that of one address, and whether its person gets no notices. ErrNotFound.
func (a *Administration) Binding(ctx context.Context, address policy.Address) (b Binding, quiet bool, err error) {
	err = a.update(ctx, Administrator, func(t *tx) error {
		rec, found, err := t.binding(address)
		if err != nil || !found {
			return errors.Join(err, notIf(found || err != nil))
		}
		person, err := policy.ParsePersonID(rec.Person)
		if err != nil {
			return errors.Join(ErrDamaged, err)
		}
		b, quiet = Binding{Address: rec.Address, Person: person, Verified: rec.Verified.time()}, t.quiet(t.v.personOwner(rec.Person))
		return t.record(a.event("look up binding", address.Key()+" "+t.v.personActor(rec.Person)))
	})
	return b, quiet, err
}

// RevokeBinding ends the link of an address to its person: the next message to the address is held. A message that is held
// now and took its recipient's identity from the binding asks for it again, and its sender is told. What the person could
// read stays readable to the person. ErrNotFound.
func (a *Administration) RevokeBinding(ctx context.Context, address policy.Address) error {
	return a.update(ctx, Administrator, func(t *tx) error {
		rec, found, err := t.binding(address)
		if err != nil || !found {
			return errors.Join(err, notIf(err != nil))
		}
		return errors.Join(
			t.w.Delete(tBinding, t.v.bindingKey(address)), t.askAgain(rec),
			t.record(a.event("revoke binding", address.Key()+" "+t.v.personActor(rec.Person))),
		)
	})
}

// askAgain takes the identity that a binding gave out of the messages that are held.
func (t *tx) askAgain(b bindingRecord) error {
	var held []MessageID
	for k := range t.r.Range(tHold, kv.Span{}) {
		held = append(held, MessageID(bytes.Clone(k[len(owner{}):])))
	}
	for _, id := range held {
		m, found, err := load[messageRecord](t, tMessage, id[:])
		if err != nil {
			return err
		}
		asks := false
		for n := range m.Recipients {
			if r := &m.Recipients[n]; r.Address.Key() == b.Address.Key() && r.Person == b.Person {
				r.Kind, r.Person, r.Asked, r.Claims, asks = policy.Unknown, "", 0, nil, true
			}
		}
		if !found || !asks {
			continue
		}
		if err := errors.Join(save(t, tMessage, id[:], &m), t.queue(NoticeHold, m.From, id, -1)); err != nil {
			return err
		}
	}
	return nil
}

// verified is when the binding that gives a recipient's identity was; zero if none does.
func (t *tx) verified(r recipientRecord) (instant, error) {
	b, found, err := t.binding(r.Address)
	if err != nil || !found || b.Person != r.Person {
		return 0, err
	}
	return b.Verified, nil
}
