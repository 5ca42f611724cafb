package vault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigill/policy"
)

// Recall tells what a recall did. Nobody can make unread what was read, and whoever saved a copy has it: the words for
// the sender must say so.
type Recall struct {
	// At is when the message was recalled, UTC.
	At time.Time
	// Unread are the recipients who had not opened the message and now cannot.
	Unread []policy.Address
	// Read are those who had opened it before and cannot open it again, or had deleted it, and the partner organisations'
	// that got it.
	Read []policy.Address
}

// Recall takes a message back: it leaves every mailbox but those of the sender's side, and no notice of it goes out any
// more. A second recall tells the same as the first. ErrNotFound if the principal's side did not send the message;
// ErrLegalHold if a hold wants it to stay where it is.
func (r *Reader) Recall(ctx context.Context, id MessageID) (out Recall, err error) {
	err = r.update(ctx, func(a *access) error {
		rec, err := a.message(id)
		if err != nil {
			return err
		}
		if !a.sender(rec) {
			return ErrNotFound
		}
		out, err = a.recall(id, &rec, a.v.actor(a.reader.p), a.mine)
		return err
	})
	return out, err
}

// Recall is that of [Reader], by whoever runs the server: for a sender who cannot, and has to be fast. ErrNotFound if there
// is no such message, or if a person sent it.
func (a *Administration) Recall(ctx context.Context, id MessageID) (out Recall, err error) {
	err = a.v.update(ctx, func(t *tx) error {
		rec, found, err := load[messageRecord](t, tMessage, id[:])
		if err != nil || !found || rec.FromPerson {
			return errors.Join(err, notIf(err != nil))
		}
		out, err = t.recall(id, &rec, a.by, func(owner) bool { return false })
		return err
	})
	return out, err
}

func (rec *messageRecord) recall() Recall {
	out := Recall{At: rec.Recalled.time()}
	for _, r := range rec.Recipients {
		if r.Status == Recalled {
			out.Unread = append(out.Unread, r.Address)
		} else {
			out.Read = append(out.Read, r.Address)
		}
	}
	return out
}

// recall is by one of the sender's side, whose own copies stay.
func (t *tx) recall(id MessageID, rec *messageRecord, by string, own func(owner) bool) (Recall, error) {
	if rec.Recalled != 0 {
		return rec.recall(), nil
	}
	from := t.v.staffOwner(rec.From)
	rec.Recalled, rec.Held = instantOf(t.v.now()), false
	for i := range rec.Recipients {
		r := &rec.Recipients[i]
		if rank[r.Status] < rank[Opened] && !r.delivered() {
			r.become(Recalled, rec.Recalled)
		}
	}
	out := rec.recall()
	return out, errors.Join(
		t.saveStatus(id, rec),
		t.w.Delete(tHold, join(from[:], id[:])),
		t.dropJobs(id, func(jobRecord) bool { return true }),
		t.leave(id, func(o owner) bool { return o == from || own(o) }),
		t.record(Event{
			Actor: by, Action: "recall", Message: id, Result: "ok",
			Detail: fmt.Sprintf("%d unread, %d read", len(out.Unread), len(out.Read)),
		}),
	)
}

// delivered tells a recipient whose organisation has the message itself: nobody can take it back there. One it sent back
// may have been read all the same.
func (r recipientRecord) delivered() bool {
	return r.Kind == policy.Partner && (r.Status == Delivered || r.Status == Bounced)
}

// leave takes a message out of all mailboxes but those whose owner stays.
func (t *tx) leave(id MessageID, stays func(owner) bool) error {
	for _, p := range t.spots(id) {
		box, err := t.mailbox(p.box)
		if err != nil {
			return err
		}
		if stays(box.Owner) {
			continue
		}
		e, found, err := t.entry(p.box, p.uid)
		if err == nil && !found {
			err = fmt.Errorf("%w: message %s is said to lie where it does not", ErrDamaged, id)
		}
		if err != nil {
			return err
		}
		if err := t.removeEntry(p.box, &box, p.uid, e); err != nil {
			return err
		}
		if err := t.saveMailbox(p.box, &box); err != nil {
			return err
		}
	}
	return nil
}
