package vault

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sigill/policy"
	"sigill/vault/internal/kv"
)

// DisposalReport is what a round of disposal did.
type DisposalReport struct {
	Looked   int // messages looked at
	Warned   int // owners told
	Disposed int
	// LegalHold and Unread are those that would be due but are under legal hold, or replies nobody has read.
	LegalHold, Unread int
	// ClockMoved tells that the round did nothing, since the clock cannot be relied on: see Dispose.
	ClockMoved bool
}

// Disposal is a line of the disposal log: what went, and under which decision. It holds no content and no identity number.
type Disposal struct {
	Seq     uint64
	Message MessageID
	At      time.Time
	// Rule is the name of the rule, Deposited when the message came in.
	Rule      string
	Deposited time.Time
	Size      int64 // octets
	// From is the account or function address it came from, or "person".
	From string
}

// metaRound names the time of the last round in the meta table, in nanoseconds since 1970.
const metaRound = "disposal round"

// Dispose goes through the messages once. What is due soon is announced to its owner; what is due, announced long enough
// ago and not exempt goes from all mailboxes, is erased and stands in the disposal log from then on.
//
// A clock that is wrong must not dispose of anything early. A round does nothing if the clock went back since the round
// before, or forward by more than twice the time between rounds (Options.Housekeeping), or if there was none before. So a
// wrong time disposes of nothing early, or by less than that, unless it stays for two rounds. The term of what comes in,
// or is read, while the clock has gone back begins at the last round. And the days of a warning are counted from when the
// notice went out.
//
// It works in short transactions and may be cut off anywhere; the next one does the rest.
func (v *Vault) Dispose(ctx context.Context) (r DisposalReport, err error) {
	now := v.now()
	if r.ClockMoved, err = v.clockMoved(ctx, now); err != nil || r.ClockMoved {
		return r, wrapDispose(err)
	}
	var from []byte
	for {
		b, err := v.look(ctx, from, now)
		r.Looked += b.looked
		if err != nil {
			return r, wrapDispose(err)
		}
		if err := v.act(ctx, b.due, now, &r); err != nil {
			return r, wrapDispose(err)
		}
		if b.looked == 0 {
			return r, nil
		}
		from = append(b.last, 0) // the key right after
	}
}

func wrapDispose(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("vault: dispose: %w", err)
}

func (v *Vault) clockMoved(ctx context.Context, now time.Time) (moved bool, err error) {
	var last instant
	err = v.update(ctx, func(t *tx) error {
		last = t.lastRound()
		return t.w.Put(tMeta, []byte(metaRound), be64(uint64(now.UnixNano())))
	})
	if err != nil {
		return false, err
	}
	moved = now.Before(last.time()) || now.Sub(last.time()) > 2*v.roundsEach()
	switch {
	case last == 0:
		v.log.Info("vault: the first round of disposal disposes of nothing")
	case moved:
		v.log.Warn("vault: no round of disposal for long, or the clock has jumped: nothing is disposed of this time")
	}
	return moved, nil
}

// lastRound is the time of the last round, which a clock that is right is not before.
func (t *tx) lastRound() instant { return instant(t.counter(metaRound)) }

// How many messages one transaction looks at, and acts on: few, so that deposits hardly wait.
const (
	lookBatch = 512
	actBatch  = 16
)

// looked is what a view of some messages found.
type looked struct {
	looked int
	last   []byte
	due    []MessageID // those there may be something to do with
}

func (v *Vault) look(ctx context.Context, from []byte, now time.Time) (b looked, err error) {
	if v.retention.keepsAll() {
		return b, nil
	}
	err = v.view(ctx, func(t *tx) error {
		b = looked{}
		for k, sealed := range t.r.Range(tMessage, kv.Span{From: from}) {
			if b.looked == lookBatch {
				return nil
			}
			b.last = bytes.Clone(k)
			b.looked++
			rec, err := open[messageRecord](t, tMessage, k, sealed)
			if err != nil {
				return err
			}
			p, err := t.plan(rec)
			if err != nil {
				return err
			}
			if p.near(now) {
				b.due = append(b.due, MessageID(k))
			}
		}
		return nil
	})
	return b, err
}

func (r Retention) keepsAll() bool {
	for _, rule := range slices.Concat(slices.Collect(maps.Values(r.Functions)), r.Classes) {
		if !rule.keeps() {
			return false
		}
	}
	return r.Default.keeps()
}

// near tells that the term has ended, or that it is time for the warning.
func (p plan) near(now time.Time) bool {
	return !p.due.IsZero() && !now.Before(p.due.Add(-time.Duration(p.rule.Warn)*day))
}

// act looks at the messages again, in the transactions that change them.
func (v *Vault) act(ctx context.Context, ids []MessageID, now time.Time, r *DisposalReport) error {
	for len(ids) > 0 {
		some := ids[:min(actBatch, len(ids))]
		ids = ids[len(some):]
		var done DisposalReport
		if err := v.update(ctx, func(t *tx) error {
			done = DisposalReport{}
			for _, id := range some {
				if err := t.retain(id, now, &done); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		r.Warned, r.Disposed = r.Warned+done.Warned, r.Disposed+done.Disposed
		r.LegalHold, r.Unread = r.LegalHold+done.LegalHold, r.Unread+done.Unread
	}
	return nil
}

// retain does what is due with one message.
func (t *tx) retain(id MessageID, now time.Time, r *DisposalReport) error {
	rec, found, err := load[messageRecord](t, tMessage, id[:])
	if err != nil || !found {
		return err // it was deleted since
	}
	p, err := t.plan(rec)
	if err != nil || !p.near(now) {
		return err
	}
	held, err := t.legallyHeld(id, rec)
	if err != nil {
		return err
	}
	f := p.fate(rec, held, now)
	r.count(f)
	switch f {
	case isWarned:
		return t.warn(id, &rec, p, now)
	case isDisposed:
		return t.dispose(id, rec, p.rule, now)
	}
	return nil
}

// fate is what a round does with a message that is near its end.
type fate int

const (
	stays       fate = iota // the notice is under way, or the owner still has time
	staysUnread             // nobody has read the reply
	staysHeld               // it is under legal hold
	isWarned                // its owner is told
	isDisposed
)

func (p plan) fate(rec messageRecord, held bool, now time.Time) fate {
	switch {
	case p.unread:
		return staysUnread
	case held:
		return staysHeld
	case p.rule.Warn > 0 && !p.told(rec):
		return isWarned
	case p.rule.Warn > 0 && !p.warned(rec), now.Before(p.when(rec, now)):
		return stays
	}
	return isDisposed
}

// warn tells the owner of a message when it goes. The notice's end in the outbox makes the warning count.
func (t *tx) warn(id MessageID, rec *messageRecord, p plan, now time.Time) error {
	rec.Told, rec.Warned = instantOf(later(p.due, now.Add(time.Duration(p.rule.Warn)*day))), 0
	return errors.Join(
		save(t, tMessage, id[:], rec),
		t.queueDisposal(rec.owner(), id, rec.Told),
	)
}

// warnSent records that a notice of disposal went out, and warnFailed that it did not: the next round tries again,
// since nothing goes that its owner was not told of. One that told of a day that was put off since counts for nothing.
func (t *tx) warnSent(job jobRecord) error {
	return t.warnEnded(job, job.Disposal, instantOf(t.v.now()))
}
func (t *tx) warnFailed(job jobRecord) error { return t.warnEnded(job, 0, 0) }

func (t *tx) warnEnded(job jobRecord, told, warned instant) error {
	rec, found, err := load[messageRecord](t, tMessage, job.Message[:])
	if err != nil || !found || rec.Told != job.Disposal {
		return err
	}
	rec.Told, rec.Warned = told, warned
	return save(t, tMessage, job.Message[:], &rec)
}

// dispose takes a message out of all mailboxes, which erases it, and logs that.
func (t *tx) dispose(id MessageID, rec messageRecord, rule Rule, now time.Time) error {
	if err := t.removeAll(id); err != nil {
		return err
	}
	n, err := t.next("disposal")
	if err != nil {
		return err
	}
	line := disposalRecord{Message: id, At: instantOf(now), Rule: rule.Name, Deposited: rec.At, Size: rec.Size, From: rec.From}
	if rec.FromPerson {
		line.From = policy.Address{}
	}
	return errors.Join(
		save(t, tDisposal, be64(n), &line),
		t.record(Event{Actor: system, Action: "dispose", Message: id, Result: "ok", Detail: rule.Name}),
	)
}

func (t *tx) removeAll(id MessageID) error {
	if err := t.leave(id, func(owner) bool { return false }); err != nil {
		return err
	}
	if t.r.Get(tMessage, id[:]) == nil {
		return nil // it went with its last entry
	}
	return t.erase(id)
}

// DisposalLog gives the lines with Seq >= from in order, until fn returns false. No transaction is open while fn runs.
func (v *Vault) DisposalLog(ctx context.Context, from uint64, fn func(Disposal) bool) error {
	for {
		batch, err := v.disposals(ctx, from)
		if err != nil || len(batch) == 0 {
			return err
		}
		for _, d := range batch {
			if !fn(d) {
				return nil
			}
			from = d.Seq + 1
		}
	}
}

func (v *Vault) disposals(ctx context.Context, from uint64) (out []Disposal, err error) {
	err = v.view(ctx, func(t *tx) error {
		out = nil
		for k, sealed := range t.r.Range(tDisposal, kv.Span{From: be64(from)}) {
			rec, err := open[disposalRecord](t, tDisposal, k, sealed)
			if err != nil {
				return err
			}
			d := Disposal{
				Seq: binary.BigEndian.Uint64(k), Message: rec.Message, At: rec.At.time(), Rule: rec.Rule,
				Deposited: rec.Deposited.time(), Size: rec.Size, From: "person",
			}
			if !rec.From.IsZero() {
				d.From = rec.From.String()
			}
			if out = append(out, d); len(out) == eventsAtOnce {
				return nil
			}
		}
		return nil
	})
	return out, err
}
