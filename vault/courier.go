package vault

import (
	"context"
	"errors"

	"sigill/policy"
)

// Courier opens a message so that it can be handed to a partner organisation, and nothing else: there must be a job of the
// kind [Delivery] for it, queued with the message itself because policy decided so, and it opens until that job has ended.
// The outbox's worker holds one in place of a [Reader], which would read for a principal, and the audit would tell of reads
// by somebody who did not read.
type Courier struct{ v *Vault }

// Courier gives the side that hands messages to partner organisations.
func (v *Vault) Courier() *Courier { return &Courier{v} }

// Open opens the message of a job. It is to be closed after the attempt. ErrNotFound if the job has ended: the message was
// delivered, or recalled, or disposed of.
func (c *Courier) Open(ctx context.Context, j Job) (out *Content, err error) {
	err = c.v.view(ctx, func(t *tx) error {
		rec, m, err := t.deliveryOf(j)
		if err == nil {
			out, err = t.content(rec.Message, m)
		}
		return err
	})
	return out, err
}

// deliveryOf is the job, which must be there and be a delivery, and its message.
func (t *tx) deliveryOf(j Job) (jobRecord, messageRecord, error) {
	rec, found, err := load[jobRecord](t, tJob, j.key())
	if err != nil || !found || rec.Kind != Delivery {
		return rec, messageRecord{}, errors.Join(err, notIf(err != nil))
	}
	m, found, err := load[messageRecord](t, tMessage, rec.Message[:])
	if err != nil || !found || rec.Recipient < 0 || rec.Recipient >= len(m.Recipients) || m.Recipients[rec.Recipient].Kind != policy.Partner {
		return rec, m, errors.Join(err, notIf(err != nil))
	}
	return rec, m, nil
}

// Delivered ends a job: the partner's server took the message. Evidence says in what connection, for the audit; it holds
// nothing of the message. A message that was recalled while it was on its way was delivered all the same, and its sender
// sees so.
func (c *Courier) Delivered(ctx context.Context, j Job, evidence string) error {
	return c.v.update(ctx, func(t *tx) error {
		event := Event{Actor: system, Action: Delivery.action(), Message: j.Message, Result: "ok", Detail: evidence}
		rec, _, err := t.deliveryOf(j)
		switch {
		case isNotFound(err):
			return errors.Join(t.deliveredLate(j), t.record(event))
		case err != nil:
			return err
		}
		return errors.Join(t.deleteJob(rec.Message, j.key()), t.setStatus(rec, Delivered), t.record(event))
	})
}

// deliveredLate corrects what a recall has said of a recipient.
func (t *tx) deliveredLate(j Job) error {
	m, found, err := load[messageRecord](t, tMessage, j.Message[:])
	if err != nil || !found {
		return err
	}
	for n := range m.Recipients {
		r := &m.Recipients[n]
		if r.Kind == policy.Partner && r.Status == Recalled && r.Address.Key() == j.To.Key() {
			r.become(Delivered, instantOf(t.v.now()))
		}
	}
	return t.saveStatus(j.Message, &m)
}
