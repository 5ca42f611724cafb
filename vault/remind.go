package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"time"

	"sigill/policy"
	"sigill/vault/internal/kv"
)

// Reminders says when somebody is reminded of a message that its recipient has not opened.
type Reminders struct {
	// Recipient are the times after the notice at which the recipient gets another.
	Recipient []time.Duration
	// Sender is the time after it at which the sender is told; never if 0.
	Sender time.Duration
}

// remind queues the reminders of a notice that was sent. They lie in the outbox until they are due, or not wanted.
func (t *tx) remind(rec jobRecord) error {
	m, found, err := load[messageRecord](t, tMessage, rec.Message[:])
	if err != nil || !found || rec.Recipient < 0 || rec.Recipient >= len(m.Recipients) || m.Recipients[rec.Recipient].Status != Notified {
		return err
	}
	now := t.v.now()
	for _, after := range t.v.reminders.Recipient {
		again := rec
		again.Kind = NoticeReminder
		if err := t.queueAt(again, now.Add(after)); err != nil {
			return err
		}
	}
	if after := t.v.reminders.Sender; after > 0 {
		return t.queueAt(jobRecord{Kind: NoticeUnread, To: m.From, Message: rec.Message, Recipient: rec.Recipient}, now.Add(after))
	}
	return nil
}

func (t *tx) queueAt(rec jobRecord, due time.Time) error {
	rec.Created, rec.Due, rec.Attempts, rec.LastError = instantOf(due), instantOf(due), 0, ""
	id := make([]byte, 16)
	rand.Read(id)
	return t.saveJob(id, rec)
}

// endReminders takes those of one recipient away, once the message was opened or the notice came back.
func (t *tx) endReminders(id MessageID, n int, s Status) error {
	if rank[s] < rank[Bounced] {
		return nil
	}
	return t.dropJobs(id, func(j jobRecord) bool {
		return j.Recipient == n && (j.Kind == NoticeReminder || j.Kind == NoticeUnread)
	})
}

// SetQuiet says that a person gets no notices at all, or gets them again. It is for persons with protected identity, to
// whom a mail from the municipality may be a danger; messages wait in the person's mailbox, and whoever sends one must
// tell the person in another way. By is who said so, for the audit.
func (d *Directory) SetQuiet(ctx context.Context, by policy.Address, person policy.PersonID, quiet bool) error {
	return d.v.Administration(by.Key()).SetQuiet(ctx, person, quiet)
}

// SetQuiet is that of [Directory], by whoever runs the server.
func (a *Administration) SetQuiet(ctx context.Context, person policy.PersonID, quiet bool) error {
	o := a.v.personOwner(person.Digits())
	return a.update(ctx, Administrator, func(t *tx) error {
		name := a.v.personActor(person.Digits())
		if quiet {
			return errors.Join(t.mark(tQuiet, o[:]), save(t, tProtected, o[:], &protectedRecord{Name: name}), t.silence(), t.record(a.event("quiet", name)))
		}
		return errors.Join(t.w.Delete(tQuiet, o[:]), t.w.Delete(tProtected, o[:]), t.record(a.event("notify", name)))
	})
}

// silence takes notices to persons who get none out of the outbox, where reminders lie for weeks.
func (t *tx) silence() error {
	type job struct {
		key []byte
		jobRecord
	}
	var waiting []job
	for k, sealed := range t.r.Range(tJob, kv.Span{}) {
		rec, err := open[jobRecord](t, tJob, k, sealed)
		if err != nil {
			t.v.log.Error("vault: a notice cannot be read and is passed over; run verify", "error", err)
			continue
		}
		waiting = append(waiting, job{bytes.Clone(k), rec})
	}
	for _, j := range waiting {
		m, found, err := load[messageRecord](t, tMessage, j.Message[:])
		if err != nil {
			return err
		}
		person := j.person(m)
		if !found || person == "" || !t.quiet(t.v.personOwner(person)) {
			continue
		}
		if err := t.deleteJob(j.Message, j.key); err != nil {
			return err
		}
		if j.Kind == NoticeMessage {
			if err := t.setStatus(j.jobRecord, Delivered); err != nil {
				return err
			}
		}
	}
	return nil
}

// person is the digits of whom a notice goes to, "" if that is no person anybody knows.
func (rec jobRecord) person(m messageRecord) string {
	switch rec.Kind {
	case NoticeMessage, NoticeReminder:
		if rec.Recipient >= 0 && rec.Recipient < len(m.Recipients) {
			return m.Recipients[rec.Recipient].Person
		}
	case NoticeReceipt:
		return m.Person
	}
	return ""
}

// Quiet is that of [Directory], for administrators.
func (a *Administration) Quiet(ctx context.Context, person policy.PersonID) (quiet bool, err error) {
	err = a.view(ctx, Administrator, func(t *tx) error {
		quiet = t.quiet(a.v.personOwner(person.Digits()))
		return nil
	})
	return quiet, err
}

// Quiet tells whether a person gets no notices.
func (d *Directory) Quiet(ctx context.Context, person policy.PersonID) (quiet bool, err error) {
	err = d.v.view(ctx, func(t *tx) error {
		quiet = t.quiet(d.v.personOwner(person.Digits()))
		return nil
	})
	return quiet, err
}

// quiet holds for a person under any number, former or new.
func (t *tx) quiet(person owner) bool {
	for _, way := range []byte{hadBefore, hasSince} {
		for _, o := range t.numbersOf(person, way) {
			if t.r.Get(tQuiet, o[:]) != nil {
				return true
			}
		}
	}
	return false
}

// Saved notes that a person has taken a copy of a message: a file or a PDF. ErrNotFound.
func (r *Reader) Saved(ctx context.Context, id MessageID) error {
	return r.update(ctx, func(a *access) error {
		rec, err := a.message(id)
		if err != nil {
			return err
		}
		for n, to := range rec.Recipients {
			if a.is(to) {
				err = errors.Join(err, a.changeRecipient(id, n, Saved))
			}
		}
		return err
	})
}
