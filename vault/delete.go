package vault

import (
	"context"
	"errors"
)

// Delete takes a message out of all mailboxes of the principal's side, function addresses included, each with a line in
// the audit. If it then lies in none it is erased. ErrNotFound; ErrLegalHold or ErrHeld if it stays somewhere for that
// reason.
func (r *Reader) Delete(ctx context.Context, id MessageID) error {
	var stays error
	err := r.update(ctx, func(a *access) error {
		stays = nil
		places, err := a.places(id)
		if err != nil {
			return err
		}
		if len(places) == 0 {
			return ErrNotFound
		}
		for _, p := range places {
			err := a.each(p.box, []UID{p.uid}, func(box *mailboxRecord, uid UID, e entryRecord) error {
				kept, err := a.discard(p.box, box, uid, e)
				if kept != nil {
					stays = kept
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = stays
	}
	return err
}

// disposedBy tells a message's sender if a recipient has deleted it from the last of its own mailboxes. What retention
// disposes of goes from everybody's at once, and nobody is left to be told but by the disposal log.
func (t *tx) disposedBy(o owner, id MessageID) error {
	rec, found, err := load[messageRecord](t, tMessage, id[:])
	if err != nil || !found {
		return err
	}
	for _, p := range t.spots(id) {
		if box, err := t.mailbox(p.box); err != nil || box.Owner == o {
			return err
		}
	}
	for n, to := range rec.Recipients {
		if t.v.ownerOf(to) == o {
			err = errors.Join(err, t.changeRecipient(id, n, Disposed))
		}
	}
	return err
}
