package vault

import (
	"context"
	"slices"
	"strings"
	"time"

	"sigill/vault/internal/kv"
)

// FoundEvent is an event that a search found. Of a masked one only Seq and At are set.
type FoundEvent struct {
	Event
	Masked bool
}

// Found is a page of what a search found, newest first.
type Found struct {
	Events []FoundEvent
	Masked int
	// Before is where to go on; zero if everything was looked at. Then Back is the time of the last event looked at.
	Before uint64
	Back   time.Time
}

const (
	// foundDepth is how many events are looked at for a page.
	foundDepth = 100_000
	// foundPast is how many events in a row before the time that is asked for end a search: a clock that was set back for
	// some of them must not.
	foundPast = 1000
)

// Find gives at most n events of a search of one's own, newest first, with Seq < before unless that is 0. ErrNotFound.
func (a *Administration) Find(ctx context.Context, id SearchID, before uint64, n int) (f Found, err error) {
	var look finder
	err = a.view(ctx, anyRole, func(t *tx) error {
		s, err := a.ownSearch(t, id)
		if err != nil {
			return err
		}
		if before == 0 {
			before = t.counter("audit") + 1
		}
		look = finder{query: s.Query, open: s.Open(t.v.now())}
		look.shield, err = t.shield()
		return err
	})
	f.Before = before
	for looked := 0; err == nil && f.Before > 1 && looked < foundDepth && len(f.Events) < n && look.past < foundPast; looked += eventsAtOnce {
		err = a.v.view(ctx, func(t *tx) error { return look.batch(t, &f, n) })
	}
	if f.Before <= 1 || look.past >= foundPast {
		f.Before = 0
	}
	return f, err
}

// finder looks for events.
type finder struct {
	query  AuditQuery
	open   bool
	shield shield
	past   int // events in a row that are too old
}

// batch looks at some events before f.Before. It works on copies until it is done: a view may be run again.
func (l *finder) batch(t *tx, f *Found, n int) error {
	out, past, looked := *f, l.past, 0
	out.Events = slices.Clip(f.Events)
	for k, sealed := range t.r.Range(tAudit, kv.Span{To: be64(f.Before), Reverse: true}) {
		rec, err := open[eventRecord](t, tAudit, k, sealed)
		if err != nil {
			return err
		}
		e := rec.event(k)
		out.Before, out.Back = e.Seq, e.At
		past++
		if l.query.From.IsZero() || !e.At.Before(l.query.From) {
			past = 0
		}
		if l.query.fits(e) {
			masked, err := l.masked(t, e)
			if err != nil {
				return err
			}
			out.add(e, masked)
		}
		if looked++; looked == eventsAtOnce || len(out.Events) == n {
			break
		}
	}
	if looked == 0 {
		out.Before = 0
	}
	*f, l.past = out, past
	return nil
}

func (l *finder) masked(t *tx, e Event) (bool, error) {
	if l.open {
		return false, nil
	}
	return l.shield.covers(t, e)
}

func (f *Found) add(e Event, masked bool) {
	if masked {
		e = Event{Seq: e.Seq, At: e.At}
		f.Masked++
	}
	f.Events = append(f.Events, FoundEvent{e, masked})
}

func (q AuditQuery) fits(e Event) bool {
	return (q.From.IsZero() || !e.At.Before(q.From)) && (q.Until.IsZero() || e.At.Before(q.Until)) &&
		(q.Action == "" || strings.EqualFold(e.Action, q.Action)) && (q.Message.IsZero() || e.Message == q.Message) &&
		(q.Who == "" || strings.EqualFold(e.Actor, q.Who) || slices.ContainsFunc(strings.Fields(e.Detail), func(word string) bool { return strings.EqualFold(word, q.Who) }))
}
