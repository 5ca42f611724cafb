package vault

import (
	"context"
	"errors"

	"sigill/policy"
)

// FollowLink gives the message of a person's link. If the person is the one the message is for, the binding between
// address and person is remembered as verified now, unless the address is bound already. An unknown link and a wrong
// person are both ErrNotFound after the same work, and both are in the audit. ErrRecalled if the sender took it back;
// ErrAwaitsApproval if the sender asked who the recipient is and has not approved anybody yet.
func (r *Reader) FollowLink(ctx context.Context, token string) (MessageID, error) {
	var id MessageID
	var followed, recalled, awaits bool
	err := r.update(ctx, func(a *access) error {
		id, followed, awaits = MessageID{}, false, false
		link, found, err := load[linkRecord](a.tx, tLink, a.v.linkKey(token))
		if err != nil {
			return err
		}
		rec, to, err := a.linked(link)
		if err != nil {
			return err
		}
		recalled = rec.Recalled != 0
		id, followed = link.Message, found && a.reader.p.IsPerson() && to.Person != "" && a.is(to)
		awaits = found && a.reader.p.IsPerson() && rec.Held && to.Person == "" && to.Asked != 0 && !recalled
		result := "refused"
		switch {
		case followed:
			result, err = "ok", a.verify(to)
		case awaits:
			result, err = "identified", a.claim(link, &rec)
		case found && link.Recipient < len(rec.Recipients): // the message may be gone
			err = a.mismatch(link, &rec)
		}
		if err != nil {
			return err
		}
		return a.record(Event{Actor: a.v.actor(a.reader.p), Action: "link", Message: id, Result: result, Detail: string(a.reader.door)})
	})
	switch {
	case err == nil && awaits:
		return MessageID{}, ErrAwaitsApproval
	case err == nil && !followed:
		return MessageID{}, ErrNotFound
	case err == nil && recalled:
		return MessageID{}, ErrRecalled
	}
	return id, err
}

// linked is the message and the recipient a link was sent to; empty if there is none.
func (a *access) linked(link linkRecord) (messageRecord, recipientRecord, error) {
	rec, found, err := load[messageRecord](a.tx, tMessage, link.Message[:])
	if err != nil || !found || link.Recipient >= len(rec.Recipients) {
		return rec, recipientRecord{}, err
	}
	return rec, rec.Recipients[link.Recipient], nil
}

// verify remembers that the person has an address, since the link that went there brought them.
func (a *access) verify(to recipientRecord) error {
	if _, known, err := a.binding(to.Address); err != nil || known {
		return err
	}
	person, err := policy.ParsePersonID(to.Person)
	if err != nil {
		return errors.Join(ErrDamaged, err)
	}
	event := Event{Actor: a.v.actor(a.reader.p), Action: "bind", Result: "ok", Detail: "link"}
	return errors.Join(a.saveBinding(Binding{Address: to.Address, Person: person, Verified: a.v.now()}), a.record(event))
}
