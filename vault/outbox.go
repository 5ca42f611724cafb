package vault

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"time"

	"sigill/policy"
	"sigill/vault/internal/kv"
)

// Outbox is the queue of notices, and of messages to partner organisations. One worker takes from it.
type Outbox struct {
	v    *Vault
	wake chan struct{}
}

// Wake is ready after a commit that queued jobs.
func (o *Outbox) Wake() <-chan struct{} { return o.wake }

func (o *Outbox) poke() {
	select {
	case o.wake <- struct{}{}:
	default: // it is awake already
	}
}

// queue adds a notice, due now, to the transaction. n is the recipient it is to, -1 if it is to none of them.
func (t *tx) queue(kind JobKind, to policy.Address, m MessageID, n int) error {
	now := instantOf(t.v.now())
	rec := jobRecord{Kind: kind, To: to, Message: m, Recipient: n, Created: now, Due: now}
	if kind == NoticeMessage || kind == NoticeIdentify {
		rec.Link = rand.Text() // 130 bits
		if err := save(t, tLink, t.v.linkKey(rec.Link), &linkRecord{Message: m, Recipient: n}); err != nil {
			return err
		}
	}
	id := make([]byte, 16)
	rand.Read(id)
	return t.saveJob(id, rec)
}

// queueDisposal adds a notice that a message will be disposed of.
func (t *tx) queueDisposal(to policy.Address, m MessageID, at instant) error {
	now := instantOf(t.v.now())
	id := make([]byte, 16)
	rand.Read(id)
	return t.saveJob(id, jobRecord{Kind: NoticeDisposal, To: to, Message: m, Recipient: -1, Created: now, Due: now, Disposal: at})
}

func (v *Vault) linkKey(token string) []byte {
	sum := v.lookup.Digest("link", []byte(token))
	return sum[:]
}

func (t *tx) saveJob(id []byte, rec jobRecord) error {
	t.jobs = true
	key := jobKey(rec.Due, id)
	if err := t.mark(tMessageJob, join(rec.Message[:], key)); err != nil {
		return err
	}
	return save(t, tJob, key, &rec)
}

func (t *tx) deleteJob(m MessageID, key []byte) error {
	if err := t.w.Delete(tMessageJob, join(m[:], key)); err != nil {
		return err
	}
	return t.w.Delete(tJob, key)
}

// jobKey orders jobs by when they are due.
func jobKey(due instant, id []byte) []byte { return join(be64(uint64(due)), id) }

func (j Job) key() []byte { return jobKey(instantOf(j.Due), j.ID[:]) }

func (rec jobRecord) job(id []byte) Job {
	return Job{
		ID: [16]byte(id), Kind: rec.Kind, To: rec.To, Message: rec.Message, Link: rec.Link, Attempts: rec.Attempts,
		Created: rec.Created.time(), Due: rec.Due.time(), LastError: rec.LastError,
		Disposal: rec.Disposal.time(),
	}
}

// describe adds what a notice tells of its message: the brand of the organisation's side, and when a reply came in.
func (j *Job) describe(m messageRecord) {
	switch {
	case !m.FromPerson:
		j.Domain = m.From.Domain
	case j.Kind == NoticeReceipt && len(m.Recipients) > 0:
		j.Domain, j.Received = m.Recipients[0].Address.Domain, m.At.time()
	}
}

// Due are the jobs with Due <= now, oldest first, at most n. next is when the first of the others is due; zero if there
// is none.
func (o *Outbox) Due(ctx context.Context, now time.Time, n int) (due []Job, next time.Time, err error) {
	err = o.v.view(ctx, func(t *tx) error {
		due, next = nil, time.Time{}
		for k, sealed := range t.r.Range(tJob, kv.Span{}) {
			at := instant(binary.BigEndian.Uint64(k[:8])).time()
			if at.After(now) || len(due) == n {
				next = at
				return nil
			}
			rec, err := open[jobRecord](t, tJob, k, sealed)
			if err != nil {
				o.v.log.Error("vault: a notice cannot be read and is passed over; run verify", "error", err)
				continue
			}
			job := rec.job(k[8:])
			job.Return = o.v.returnToken(rec)
			m, found, err := load[messageRecord](t, tMessage, rec.Message[:])
			if err == nil && found {
				job.describe(m)
			}
			if job.Kind == NoticeReceipt && job.Received.IsZero() {
				o.v.log.Error("vault: a receipt cannot tell its time and is passed over; run verify", "error", err)
				continue
			}
			due = append(due, job)
		}
		return nil
	})
	return due, next, err
}

// Sent ends a job: the upstream relay took the notice.
func (o *Outbox) Sent(ctx context.Context, j Job) error {
	return o.end(ctx, j, "ok", func(t *tx, rec jobRecord) error {
		switch rec.Kind {
		case NoticeDisposal:
			return t.warnSent(rec)
		case NoticeMessage:
			return errors.Join(t.setStatus(rec, Notified), t.remind(rec))
		}
		return nil
	})
}

// Fail ends a job for good: the notice cannot be delivered. The message's sender is told, unless the notice was to the
// sender; of a notice to a function address its members are.
func (o *Outbox) Fail(ctx context.Context, j Job, cause string) error {
	return o.end(ctx, j, "failed", func(t *tx, rec jobRecord) error {
		switch rec.Kind {
		case NoticeHold, NoticeFailed, NoticeUndelivered, NoticeReminder, NoticeUnread, NoticeIdentified, NoticeMismatch, NoticeDeclined, NoticeReceipt:
			return nil
		case NoticeDisposal:
			return t.warnFailed(rec)
		}
		if err := t.setStatus(rec, Failed); err != nil {
			return err
		}
		if rec.Kind == NoticeStaff {
			return t.tellMembers(rec)
		}
		m, found, err := load[messageRecord](t, tMessage, rec.Message[:])
		if err != nil || !found {
			return err
		}
		if rec.Kind == Delivery {
			return t.queue(NoticeUndelivered, m.From, rec.Message, -1)
		}
		return t.queue(NoticeFailed, m.From, rec.Message, -1)
	})
}

// tellMembers sends a notice that did not reach a function address to its members, so that no answer lies unseen.
func (t *tx) tellMembers(job jobRecord) error {
	o := t.v.staffOwner(job.To)
	function, found, err := load[functionRecord](t, tFunction, o[:])
	if err != nil || !found {
		return err // an account's own address: the operator has it in log and audit
	}
	for _, member := range function.Members {
		if err := t.queue(NoticeStaff, member, job.Message, -1); err != nil {
			return err
		}
	}
	return nil
}

func (o *Outbox) end(ctx context.Context, j Job, result string, fn func(*tx, jobRecord) error) error {
	return o.v.update(ctx, func(t *tx) error {
		rec, found, err := load[jobRecord](t, tJob, j.key())
		if err != nil || !found {
			return err // ended before: the attempt's record was lost in a crash, or the message was erased
		}
		if err := t.deleteJob(rec.Message, j.key()); err != nil {
			return err
		}
		if err := fn(t, rec); err != nil {
			return err
		}
		return t.record(Event{Actor: system, Action: rec.Kind.action(), Message: rec.Message, Result: result})
	})
}

// action is what the audit calls a job that has ended.
func (k JobKind) action() string {
	if k == Delivery {
		return string(k)
	}
	return "notice " + string(k)
}

// Retry puts a job off until at and counts the attempt. cause is kept for the operator.
func (o *Outbox) Retry(ctx context.Context, j Job, at time.Time, cause string) error {
	return o.v.update(ctx, func(t *tx) error {
		rec, found, err := load[jobRecord](t, tJob, j.key())
		if err != nil || !found {
			return err
		}
		if err := t.deleteJob(rec.Message, j.key()); err != nil {
			return err
		}
		rec.Attempts, rec.Due, rec.LastError = rec.Attempts+1, instantOf(at), cause
		return t.saveJob(j.ID[:], rec)
	})
}

// setStatus changes the status of the job's recipient, which never goes back from opened or replied.
func (t *tx) setStatus(rec jobRecord, s Status) error {
	if rec.Recipient < 0 {
		return nil
	}
	return t.changeRecipient(rec.Message, rec.Recipient, s)
}

func (t *tx) changeRecipient(id MessageID, n int, s Status) error {
	m, found, err := load[messageRecord](t, tMessage, id[:])
	if err != nil || !found || n >= len(m.Recipients) {
		return err
	}
	r := &m.Recipients[n]
	if rank[s] <= rank[r.Status] {
		return nil
	}
	r.become(s, instantOf(t.v.now()))
	return errors.Join(t.saveStatus(id, &m), t.endReminders(id, n, s))
}

// rank orders the statuses as a message goes through them.
var rank = map[Status]int{
	Held: 0, Queued: 1, Failed: 2, Notified: 2, Delivered: 2, Bounced: 3, Declined: 3, Opened: 4, Saved: 5, Replied: 6, Disowned: 6, Recalled: 7, Disposed: 7,
}
