package vault

import (
	"context"
	"time"
)

// Housekeeping comes round daily, and first soon after the start: a server that is restarted every night does it too.
const (
	housekeepingEach  = 24 * time.Hour
	housekeepingFirst = time.Minute
	minutely          = time.Minute // how soon a rotation of the key is seen, and that the scanner is back
)

// roundsEach is the time between rounds, also of those an operator runs instead.
func (v *Vault) roundsEach() time.Duration {
	if v.housekeeping <= 0 {
		return housekeepingEach
	}
	return v.housekeeping
}

// housekeep does a round of housekeeping at each interval until ctx ends. Nothing that goes wrong in one ends the next.
func (v *Vault) housekeep(ctx context.Context) {
	if v.housekeeping < 0 {
		<-ctx.Done()
		return
	}
	each := v.roundsEach()
	timer := time.NewTimer(min(housekeepingFirst, each))
	defer timer.Stop()
	minute := time.NewTicker(minutely)
	defer minute.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-minute.C:
			v.failed(ctx, wrapping, v.RewrapKeyring(ctx))
			v.failed(ctx, "verdicts on what is fenced", v.ScanFenced(ctx))
		case <-timer.C:
			v.round(ctx)
			timer.Reset(each)
		}
	}
}

// failed logs what went wrong in a round.
func (v *Vault) failed(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		v.log.Error("vault: housekeeping goes on without "+what, "error", err)
	}
}

const wrapping = "wrapping its keys under the newest version of the key"

// round disposes, drops drafts that were left lying, makes the erasure real, wraps the keys under the newest version, then signs the audit with all that in
// it. The checkpoint goes to the operator's log too, since it shows most when it is kept outside the vault.
func (v *Vault) round(ctx context.Context) {
	failed := func(what string, err error) { v.failed(ctx, what, err) }
	r, err := v.Dispose(ctx)
	failed("disposal", err)
	if err == nil && !r.ClockMoved {
		v.log.Info("vault: disposal", "looked", r.Looked, "warned", r.Warned, "disposed", r.Disposed,
			"legal_hold", r.LegalHold, "unread", r.Unread)
	}
	if !r.ClockMoved {
		failed("dropping old drafts", v.dropReplyDrafts(ctx))
	}
	failed("maintenance", v.Maintain(ctx, nil))
	failed(wrapping, v.RewrapKeyring(ctx))
	c, err := v.Audit().Checkpoint(ctx)
	failed("audit checkpoint", err)
	if err == nil {
		v.log.Info("vault: audit checkpoint", "checkpoint", c.String())
	}
}
