package outbox

import (
	"math/rand/v2"
	"time"

	"sigill/vault"
)

// pauses are those between the attempts of a job; the last one is for all that follow (RFC 5321 section 4.5.4.1).
var pauses = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour}

// giveUp is how old a job may become (RFC 5321 section 4.5.4.1: at least four to five days).
const giveUp = 5 * 24 * time.Hour

// giveUpDelivery is how old a delivery to a partner organisation may become. Its sender counts on it and gets no link to
// look at, so the sender is told the next day and not the next week.
const giveUpDelivery = 24 * time.Hour

// next is when a job is tried again after an attempt that failed, false if it is not. Each pause is up to a fifth longer
// than the table says, so that jobs that failed together do not come back together.
func (w *Worker) next(j vault.Job) (time.Time, bool) {
	pause := pauses[min(j.Attempts, len(pauses)-1)]
	pause += rand.N(pause / 5)
	at := w.now().Add(pause)
	expiry := w.config.Expiry
	if j.Kind == vault.Delivery {
		expiry = min(expiry, giveUpDelivery)
	}
	return at, !at.After(j.Created.Add(expiry))
}
