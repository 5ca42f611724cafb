package vault

import (
	"context"
	"errors"

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

// Complete gives identities, by the key of the address, to the recipients of a held message. When every outside
// recipient has one the hold ends: access is given and notices are queued in the same transaction. Else ErrIncomplete,
// and nothing is changed. ErrNotFound if the message is not held or was not sent by the principal's side.
func (r *Reader) Complete(ctx context.Context, id MessageID, identities map[string]policy.PersonID) error {
	return r.update(ctx, func(a *access) error {
		rec, found, err := load[messageRecord](a.tx, tMessage, id[:])
		if err != nil {
			return err
		}
		if !found || !rec.Held || !a.sender(rec) {
			return ErrNotFound
		}
		if err := a.identify(&rec, identities); err != nil {
			return err
		}
		return a.endHold(id, &rec)
	})
}

func (a *access) identify(rec *messageRecord, identities map[string]policy.PersonID) error {
	for i := range rec.Recipients {
		r := &rec.Recipients[i]
		if !r.Kind.Outside() || r.Person != "" {
			continue
		}
		if id := identities[r.Address.Key()]; !id.IsZero() {
			r.Person = id.Digits()
			continue
		}
		binding, known, err := a.binding(r.Address) // it may have come since
		if err != nil {
			return err
		}
		if !known {
			return ErrIncomplete
		}
		r.Person = binding.Person
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
		save(a.tx, tMessage, id[:], rec),
		a.record(Event{Actor: a.v.actor(a.reader.p), Action: "complete", Message: id, Result: "ok"}),
	)
}
