package vault

import (
	"context"
	"errors"
	"slices"

	"sigill/policy"
	"sigill/vault/internal/kv"
)

// Holds are the messages that wait for identities and that this staff member sent, or a function address of theirs,
// oldest first.
func (r *Reader) Holds(ctx context.Context) (out []Info, err error) {
	err = r.view(ctx, func(a *access) error {
		out = nil
		for _, o := range a.owners {
			for k := range a.r.Range(tHold, kv.Prefix(o[:])) {
				id := MessageID(k[len(o):])
				rec, found, err := load[messageRecord](a.tx, tMessage, id[:])
				if err != nil {
					return err
				}
				if !found {
					continue
				}
				info, err := a.info(id, rec)
				if err != nil {
					return err
				}
				out = append(out, info)
			}
		}
		return nil
	})
	return out, err
}

// Complete gives identities, by the key of the address, to the recipients of a held message, and asks the others, of the
// addresses ask, to identify themselves. When every outside recipient has an identity the hold ends: access is given and
// notices are queued in the same transaction. ErrIncomplete, and nothing is changed, if a recipient has neither an
// identity nor been asked; ErrOtherPerson if an address was bound to another person in the meantime. ErrNotFound if the message is not held or was not sent by the principal's side.
func (r *Reader) Complete(ctx context.Context, id MessageID, identities map[string]policy.PersonID, ask ...policy.Address) error {
	return r.update(ctx, func(a *access) error {
		rec, err := a.heldBySide(id)
		if err != nil {
			return err
		}
		if err := a.identify(id, &rec, identities, ask); err != nil {
			return err
		}
		if rec.identified() {
			return a.endHold(id, &rec)
		}
		return save(a.tx, tMessage, id[:], &rec)
	})
}

func (a *access) identify(id MessageID, rec *messageRecord, identities map[string]policy.PersonID, ask []policy.Address) error {
	for i := range rec.Recipients {
		r := &rec.Recipients[i]
		if !r.Kind.Outside() || r.Person != "" {
			continue
		}
		person := identities[r.Address.Key()]
		binding, known, err := a.binding(r.Address) // it may have come since
		if err != nil {
			return err
		}
		switch {
		case known && !person.IsZero() && person.Digits() != binding.Person:
			return ErrOtherPerson
		case !person.IsZero():
			r.Person = person.Digits()
		case known:
			r.Person = binding.Person
		case slices.ContainsFunc(ask, func(to policy.Address) bool { return to.Key() == r.Address.Key() }):
			if err := a.ask(id, rec, i); err != nil {
				return err
			}
		case r.Asked == 0:
			return ErrIncomplete
		}
	}
	return nil
}

func (a *access) endHold(id MessageID, rec *messageRecord) error {
	rec.Held = false
	d := delivery{tx: a.tx, s: &sealed{id: id}, rec: rec}
	for i := range rec.Recipients {
		if err := d.release(i); err != nil {
			return err
		}
	}
	from := a.v.staffOwner(rec.From)
	return errors.Join(
		a.w.Delete(tHold, join(from[:], id[:])),
		a.saveStatus(id, rec),
		a.record(Event{Actor: a.v.actor(a.reader.p), Action: "complete", Message: id, Result: "ok"}),
	)
}
