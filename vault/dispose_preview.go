package vault

import (
	"context"
	"time"
)

// PreviewDisposal tells what Dispose would do now, and changes nothing. ClockMoved is left to the round itself.
func (v *Vault) PreviewDisposal(ctx context.Context) (r DisposalReport, err error) {
	now := v.now()
	var from []byte
	for {
		b, err := v.look(ctx, from, now)
		r.Looked += b.looked
		if err != nil || b.looked == 0 {
			return r, wrapDispose(err)
		}
		if err := v.view(ctx, func(t *tx) error { return t.preview(b.due, now, &r) }); err != nil {
			return r, wrapDispose(err)
		}
		from = append(b.last, 0)
	}
}

// preview counts what would be done with messages that are near their end.
func (t *tx) preview(ids []MessageID, now time.Time, r *DisposalReport) error {
	var done DisposalReport
	for _, id := range ids {
		if err := t.previewOne(id, now, &done); err != nil {
			return err
		}
	}
	r.Warned, r.Disposed = r.Warned+done.Warned, r.Disposed+done.Disposed
	r.LegalHold, r.Unread = r.LegalHold+done.LegalHold, r.Unread+done.Unread
	return nil
}

func (t *tx) previewOne(id MessageID, now time.Time, r *DisposalReport) error {
	rec, found, err := load[messageRecord](t, tMessage, id[:])
	if err != nil || !found {
		return err
	}
	p, err := t.plan(rec)
	if err != nil {
		return err
	}
	held, err := t.legallyHeld(id, rec)
	if err != nil {
		return err
	}
	r.count(p.fate(rec, held, now))
	return nil
}

func (r *DisposalReport) count(f fate) {
	switch f {
	case staysUnread:
		r.Unread++
	case staysHeld:
		r.LegalHold++
	case isWarned:
		r.Warned++
	case isDisposed:
		r.Disposed++
	}
}
