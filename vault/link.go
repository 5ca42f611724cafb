package vault

import (
	"context"
	"errors"

	"sigill/policy"
)

// FollowLink gives the message of a person's link. If the person is the one the message is for, the binding between
// address and person is remembered as verified now, unless the address is bound already. An unknown link and a wrong
// person are both ErrNotFound after the same work, and both are in the audit.
func (r *Reader) FollowLink(ctx context.Context, token string) (MessageID, error) {
	var id MessageID
	var followed bool
	err := r.update(ctx, func(a *access) error {
		id, followed = MessageID{}, false
		link, found, err := load[linkRecord](a.tx, tLink, a.v.linkKey(token))
		if err != nil {
			return err
		}
		to, err := a.linked(link)
		if err != nil {
			return err
		}
		id, followed = link.Message, found && a.reader.p.IsPerson() && to.Person != "" && a.is(to)
		result := "refused"
		if followed {
			result = "ok"
			if err := a.verify(to); err != nil {
				return err
			}
		}
		return a.record(Event{Actor: a.v.actor(a.reader.p), Action: "link", Message: id, Result: result, Detail: string(a.reader.door)})
	})
	if err == nil && !followed {
		return MessageID{}, ErrNotFound
	}
	return id, err
}

// linked is the recipient a link was sent to; empty if there is none.
func (a *access) linked(link linkRecord) (recipientRecord, error) {
	rec, found, err := load[messageRecord](a.tx, tMessage, link.Message[:])
	if err != nil || !found || link.Recipient >= len(rec.Recipients) {
		return recipientRecord{}, err
	}
	return rec.Recipients[link.Recipient], nil
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
