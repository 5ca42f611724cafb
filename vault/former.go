package vault

import (
	"context"
	"errors"
	"slices"

	"sigill/policy"
	"sigill/vault/internal/kv"
)

// A person's number can change, mostly from a samordningsnummer to a personnummer. Whoever vouches for the new number
// tells the former one too; from then on the person reads what was and will be sent to either. The way is one way: a
// login by the former number opens nothing that was sent to the new one. Nothing is moved, so the mailboxes stay those of
// the numbers they were made for.

// The two ways a change of number is looked up, in its key.
const (
	hadBefore = 1
	hasSince  = 2
)

// PutFormer remembers that a person had another number before. by is who says so: the id of a login provider. It is in
// the audit the first time.
func (d *Directory) PutFormer(ctx context.Context, person, former policy.PersonID, by string) error {
	if person.IsZero() || former.IsZero() || person == former {
		return errors.New("vault: a former number must be a number, and another one")
	}
	now, before := d.v.personOwner(person.Digits()), d.v.personOwner(former.Digits())
	return d.v.update(ctx, func(t *tx) error {
		key := formerKey(hadBefore, now, before)
		if t.r.Get(tFormer, key) != nil {
			return nil
		}
		rec := formerRecord{At: instantOf(t.v.now()), By: by}
		err := errors.Join(
			save(t, tFormer, key, &rec),
			save(t, tFormer, formerKey(hasSince, before, now), &rec),
			t.record(Event{
				Actor: t.v.personActor(person.Digits()), Action: "former number", Result: "ok",
				Detail: t.v.personActor(former.Digits()) + " " + by,
			}),
		)
		if err != nil || !t.quiet(now) {
			return err
		}
		return t.silence() // under both numbers from now on
	})
}

func formerKey(way byte, from, to owner) []byte { return join([]byte{way}, from[:], to[:]) }

// numbersOf are the owner itself and, however many changes away, those it had before or has since.
func (t *tx) numbersOf(o owner, way byte) []owner {
	out := []owner{o}
	for i := 0; i < len(out); i++ {
		for _, to := range t.linkedNumbers(out[i], way) {
			if !slices.Contains(out, to) {
				out = append(out, to)
			}
		}
	}
	return out
}

func (t *tx) linkedNumbers(o owner, way byte) (out []owner) {
	prefix := join([]byte{way}, o[:])
	for k := range t.r.Range(tFormer, kv.Prefix(prefix)) {
		out = append(out, owner(k[len(prefix):]))
	}
	return out
}
