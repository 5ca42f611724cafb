package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"sigill/policy"
	"sigill/vault/internal/kv"
)

// ErrLegalHold means that a message is under legal hold and this would take the last copy of it, or the last one there.
var ErrLegalHold = errors.New("vault: the message is under legal hold")

// HoldID names a legal hold.
type HoldID [16]byte

// String is the id as text, 26 characters of base32.
func (id HoldID) String() string { return idText.EncodeToString(id[:]) }

// ParseHoldID reads what String wrote. Errors are ErrNotFound.
func ParseHoldID(s string) (HoldID, error) {
	id, err := ParseMessageID(s)
	return HoldID(id), err
}

// LegalHold keeps messages from disposal and deletion until it is lifted. It is of one message, one person or one
// address at the authority: exactly one of Message, Person and Address is set.
type LegalHold struct {
	ID      HoldID
	Message MessageID
	// Person is given to Place only: what is kept is a keyed hash, and List gives Actor instead.
	Person policy.PersonID
	// Address is an account or a function address.
	Address policy.Address
	// Actor is the person's name in the audit.
	Actor string
	// Reason is for people. It stands in the hold's record and not in the audit.
	Reason string
	// By is who placed it; zero is the system.
	By policy.Address
	At time.Time
}

// LegalHolds stop disposal and let it go on.
type LegalHolds struct{ a *Administration }

// LegalHolds gives the register of legal holds to whoever runs the server.
func (v *Vault) LegalHolds() *LegalHolds { return v.Administration(system).LegalHolds() }

// LegalHolds gives the register of legal holds. An account with a role places and lifts them in its own name.
func (a *Administration) LegalHolds() *LegalHolds { return &LegalHolds{a} }

// decider is who places or lifts a hold.
func (l *LegalHolds) decider(said policy.Address) policy.Address {
	if l.a.account.IsZero() {
		return said
	}
	return l.a.account
}

// What a legal hold is of, in its key.
const (
	heldMessage = 1
	heldOwner   = 2
)

// holdSubject is the beginning of the keys of the holds of one thing.
func holdSubject(kind byte, subject []byte) []byte { return join([]byte{kind}, subject) }

func (l *LegalHolds) subject(t *tx, h LegalHold) ([]byte, error) {
	set := 0
	for _, is := range []bool{!h.Message.IsZero(), !h.Person.IsZero(), !h.Address.IsZero()} {
		if is {
			set++
		}
	}
	switch {
	case set != 1:
		return nil, fmt.Errorf("vault: a legal hold is of one message, one person or one address, not of %d", set)
	case !h.Message.IsZero():
		return holdSubject(heldMessage, h.Message[:]), notIf(t.r.Get(tMessage, h.Message[:]) != nil)
	case !h.Address.IsZero():
		o := t.v.staffOwner(h.Address)
		return holdSubject(heldOwner, o[:]), notIf(!t.kindOf(o).Outside())
	}
	o := t.v.personOwner(h.Person.Digits()) // whether mail has come to the person yet is nothing to tell
	return holdSubject(heldOwner, o[:]), nil
}

// Place puts a hold in force: no message under it is disposed of or deleted after Place returns. ErrNotFound if there is
// no such message or address.
func (l *LegalHolds) Place(ctx context.Context, h LegalHold) (HoldID, error) {
	var id HoldID
	rand.Read(id[:])
	rec := legalHoldRecord{Message: h.Message, Address: h.Address, Reason: h.Reason, By: l.decider(h.By)}
	if !h.Person.IsZero() {
		rec.Actor = l.a.v.personActor(h.Person.Digits())
	}
	err := l.a.update(ctx, anyRole, func(t *tx) error {
		subject, err := l.subject(t, h)
		if err != nil {
			return err
		}
		rec.At = instantOf(t.v.now())
		return errors.Join(
			save(t, tLegalHold, join(subject, id[:]), &rec),
			t.record(rec.event("legal hold", id, rec.By)),
		)
	})
	if err != nil {
		return HoldID{}, err
	}
	return id, nil
}

// event tells of a hold without its reason, which may say what no log should.
func (rec legalHoldRecord) event(action string, id HoldID, by policy.Address) Event {
	e := Event{Actor: system, Action: action, Message: rec.Message, Result: "ok", Detail: id.String()}
	if !by.IsZero() {
		e.Actor = by.Key()
	}
	switch {
	case !rec.Address.IsZero():
		e.Detail += " " + rec.Address.Key()
	case rec.Actor != "":
		e.Detail += " " + rec.Actor
	}
	return e
}

// Lift ends a hold. What another hold covers stays under that one. ErrNotFound.
func (l *LegalHolds) Lift(ctx context.Context, id HoldID, by policy.Address) error {
	by = l.decider(by)
	return l.a.update(ctx, anyRole, func(t *tx) error {
		for k, sealed := range t.r.Range(tLegalHold, kv.Span{}) {
			if !bytes.HasSuffix(k, id[:]) {
				continue
			}
			k = bytes.Clone(k)
			rec, err := open[legalHoldRecord](t, tLegalHold, k, sealed)
			if err != nil {
				return err
			}
			return errors.Join(t.w.Delete(tLegalHold, k), t.record(rec.event("lift legal hold", id, by)))
		}
		return ErrNotFound
	})
}

// List gives the holds in force, in no order that means anything.
func (l *LegalHolds) List(ctx context.Context) (out []LegalHold, err error) {
	err = l.a.view(ctx, anyRole, func(t *tx) error {
		out = nil
		for k, sealed := range t.r.Range(tLegalHold, kv.Span{}) {
			rec, err := open[legalHoldRecord](t, tLegalHold, k, sealed)
			if err != nil {
				return err
			}
			out = append(out, LegalHold{
				ID: HoldID(k[len(k)-16:]), Message: rec.Message, Address: rec.Address, Actor: rec.Actor,
				Reason: rec.Reason, By: rec.By, At: rec.At.time(),
			})
		}
		return nil
	})
	return out, err
}

// legallyHeld tells whether a hold covers a message: one of it, of an address or a person it is from or to, or of one in
// whose mailbox it lies.
func (t *tx) legallyHeld(id MessageID, rec messageRecord) (bool, error) {
	if !t.any(tLegalHold, nil) {
		return false, nil // as it mostly is
	}
	return t.heldIn(t.spots(id), id, rec)
}

// heldIn is legallyHeld of a message that lies in these places.
func (t *tx) heldIn(places []spot, id MessageID, rec messageRecord) (bool, error) {
	if t.any(tLegalHold, holdSubject(heldMessage, id[:])) {
		return true, nil
	}
	owners, err := t.ownersOf(places, rec)
	for _, o := range owners {
		if t.any(tLegalHold, holdSubject(heldOwner, o[:])) {
			return true, nil
		}
	}
	return false, err
}

func (t *tx) ownersOf(places []spot, rec messageRecord) (out []owner, err error) {
	persons := []string{rec.Person}
	for _, r := range rec.Recipients {
		persons = append(persons, r.Person)
	}
	for _, digits := range persons {
		if digits != "" {
			out = append(out, t.numbersOf(t.v.personOwner(digits), hasSince)...)
		}
	}
	for _, a := range rec.parties() {
		out = append(out, t.v.staffOwner(a))
	}
	for _, p := range places {
		box, err := t.mailbox(p.box)
		if err != nil {
			return nil, err
		}
		out = append(out, box.Owner)
	}
	return out, nil
}

// any tells whether a table has a key with that prefix.
func (t *tx) any(table kv.Table, prefix []byte) bool {
	for range t.r.Range(table, kv.Prefix(prefix)) {
		return true
	}
	return false
}

// spots are all places a message lies in.
func (t *tx) spots(id MessageID) (out []spot) {
	for k := range t.r.Range(tWhere, kv.Prefix(id[:])) {
		out = append(out, spot{MailboxID(binary.BigEndian.Uint64(k[16:24])), UID(binary.BigEndian.Uint32(k[24:28]))})
	}
	return out
}

// mayRemove tells whether an entry may go: ErrHeld, ErrLegalHold.
func (t *tx) mayRemove(box *mailboxRecord, here spot, id MessageID) error {
	if err := t.mayLeaveSender(box, here, id); err != nil {
		return err
	}
	return t.mayLeaveAuthority(box, here, id)
}

// mayLeaveSender gives ErrHeld if an entry is the last on the sender's side of a message that waits for identities: it got
// its 250, and nobody else could complete it.
func (t *tx) mayLeaveSender(box *mailboxRecord, here spot, id MessageID) error {
	rec, found, err := load[messageRecord](t, tMessage, id[:])
	if err != nil || !found || !rec.Held || box.Owner != t.v.staffOwner(rec.From) {
		return err
	}
	for _, p := range t.spots(id) {
		other, err := t.mailbox(p.box)
		if err != nil {
			return err
		}
		if p != here && other.Owner == box.Owner {
			return nil
		}
	}
	return ErrHeld
}

// mayLeaveAuthority gives ErrLegalHold if an entry is the last of a message under legal hold, or the last at the
// authority: one that only a person has left cannot be handed out any more. So is the last one by which a hold covers the
// message, of somebody in whose mailbox it was filed: what is left elsewhere could be deleted then.
func (t *tx) mayLeaveAuthority(box *mailboxRecord, here spot, id MessageID) error {
	if !t.any(tLegalHold, nil) {
		return nil
	}
	rec, _, err := load[messageRecord](t, tMessage, id[:])
	if err != nil {
		return err
	}
	places := t.spots(id)
	if held, err := t.heldIn(places, id, rec); err != nil || !held {
		return err
	}
	rest := slices.DeleteFunc(places, func(p spot) bool { return p == here })
	kept, err := t.keptIn(rest, box)
	if err != nil {
		return err
	}
	if still, err := t.heldIn(rest, id, rec); err != nil || kept && still {
		return err
	}
	return ErrLegalHold
}

// keptIn tells whether the authority has a message in one of these places, or anybody, if what is removed is a person's.
func (t *tx) keptIn(places []spot, removed *mailboxRecord) (bool, error) {
	for _, p := range places {
		other, err := t.mailbox(p.box)
		if err != nil || removed.Address.IsZero() || !other.Address.IsZero() {
			return err == nil, err
		}
	}
	return false, nil
}
