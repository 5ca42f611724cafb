package vault

import (
	"context"
	"errors"
)

// NotMine notes that a person who can read a message says it is not for them; its sender is told, once. What the person
// may read stays as it is, so that a slip of the finger loses nothing: it is for the sender to recall the message.
// ErrNotFound; nothing happens if the person is no recipient of it.
func (r *Reader) NotMine(ctx context.Context, id MessageID) error {
	err := r.update(ctx, func(a *access) error {
		rec, err := a.message(id)
		if err != nil {
			return &openError{id, err}
		}
		for n, to := range rec.Recipients {
			if !a.reader.p.IsPerson() || !a.is(to) || rank[to.Status] >= rank[Disowned] {
				continue
			}
			if err := a.tellDeclined(id, n, Disowned); err != nil {
				return err
			}
		}
		return a.record(Event{Actor: a.v.actor(a.reader.p), Action: "not mine", Message: id, Result: "ok", Detail: string(a.reader.door)})
	})
	return r.refused(ctx, err)
}

// DeclineLink notes that whoever got a notice says it is not for them; its sender is told, once. Nobody needs to log in
// for that, so it says nothing against a message that somebody has opened with the right identity, and gives nothing
// back: an unknown link takes the same work as a known one.
func (v *Vault) DeclineLink(ctx context.Context, token string) error {
	return v.update(ctx, func(t *tx) error {
		link, found, err := load[linkRecord](t, tLink, v.linkKey(token))
		if err != nil {
			return err
		}
		rec, known, err := load[messageRecord](t, tMessage, link.Message[:])
		if err != nil {
			return err
		}
		result := "refused"
		if found && known && link.Recipient < len(rec.Recipients) && rank[rec.Recipients[link.Recipient].Status] < rank[Declined] {
			result = "ok"
			if err := t.tellDeclined(link.Message, link.Recipient, Declined); err != nil {
				return err
			}
		}
		return t.record(Event{Actor: system, Action: "not mine", Message: link.Message, Result: result, Detail: "link"})
	})
}

func (t *tx) tellDeclined(id MessageID, n int, s Status) error {
	m, found, err := load[messageRecord](t, tMessage, id[:])
	if err != nil || !found {
		return err
	}
	return errors.Join(t.changeRecipient(id, n, s), t.queue(NoticeDeclined, m.From, id, -1))
}
