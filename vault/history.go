package vault

import (
	"context"
	"errors"

	"sigill/policy"
)

// maxSteps bounds what is remembered of a recipient; the statuses go one way save where a notice is sent again.
const maxSteps = 50

// become changes the status and remembers the one before.
func (r *recipientRecord) become(s Status, at instant) {
	if r.Status != "" && len(r.Past) < maxSteps {
		r.Past = append(r.Past, stepRecord{r.Status, r.At})
	}
	r.Status, r.At = s, at
}

func (r *recipientRecord) past() (out []Step) {
	for _, p := range r.Past {
		out = append(out, Step{p.Status, p.At.time()})
	}
	return out
}

// NotifyAgain queues another notice, with a link of its own, to a recipient whom none has reached. ErrNotFound if the
// principal's side did not send the message, if it is held, or if no notice to the address has failed or come back.
func (r *Reader) NotifyAgain(ctx context.Context, id MessageID, to policy.Address) error {
	return r.update(ctx, func(a *access) error {
		rec, err := a.message(id)
		if err != nil {
			return err
		}
		if !a.sender(rec) || rec.Recalled != 0 || rec.Held {
			return ErrNotFound
		}
		for n := range rec.Recipients {
			one := &rec.Recipients[n]
			if one.Address.Key() != to.Key() || one.Person == "" || one.Status != Failed && one.Status != Bounced {
				continue
			}
			d := delivery{tx: a.tx, s: &sealed{id: id}, rec: &rec}
			return errors.Join(
				d.notify(n),
				a.saveStatus(id, &rec),
				a.record(Event{Actor: a.v.actor(a.reader.p), Action: "notify again", Message: id, Result: "ok"}),
			)
		}
		return ErrNotFound
	})
}
