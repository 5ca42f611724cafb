package vault

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"sigill/vault/internal/kv"
)

// Health is how a vault is, in numbers. It holds nothing of a message and nobody's name.
type Health struct {
	// Size is that of the vault's file in octets, Free what its disk has left for it.
	Size, Free int64
	// Accounts, function addresses, bindings, messages that wait for an identity, and legal holds.
	Accounts, Functions, Bindings, Waiting, LegalHolds int
	// Sealed is how many messages there ever were, Disposed how many retention took, Events how long the audit is.
	Sealed, Disposed, Events uint64
	// Epoch seals, since EpochSince. Keys are the versions of the key-encryption key.
	Epoch      uint32
	EpochSince time.Time
	Keys       []KeyUse
	Outbox     OutboxHealth
	Last       LastTimes
}

// OutboxHealth is the queue of notices.
type OutboxHealth struct {
	// Due are those that are due, and Later reminders and tries that are not yet.
	Due, Later int
	// Oldest is when the oldest of those due was made, Attempts the most that one of them took; zero if none is due.
	Oldest   time.Time
	Attempts int
}

// LastTimes are when something was last done; zero if the audit's newest events tell of no such time.
type LastTimes struct{ Disposal, Maintain, Verify, Backup time.Time }

// Health looks how the vault is.
func (a *Administration) Health(ctx context.Context) (h Health, err error) {
	err = a.view(ctx, anyRole, func(t *tx) (err error) {
		h = Health{
			Accounts: t.count(tAccount), Functions: t.count(tFunction), Bindings: t.count(tBinding), Waiting: t.count(tHold), LegalHolds: t.count(tLegalHold),
			Sealed: t.counter("message"), Disposed: t.counter("disposal"), Events: t.counter("audit"),
		}
		if last := t.counter(metaRound); last != 0 {
			h.Last.Disposal = instant(last).time()
		}
		h.Outbox, err = t.outboxHealth(a.v.now())
		return err
	})
	if err != nil {
		return h, err
	}
	return h, errors.Join(a.lastTimes(ctx, &h.Last), a.disk(&h), a.keys(ctx, &h))
}

func (t *tx) count(table kv.Table) (n int) {
	for range t.r.Range(table, kv.Span{}) {
		n++
	}
	return n
}

func (t *tx) outboxHealth(now time.Time) (h OutboxHealth, err error) {
	for k, sealed := range t.r.Range(tJob, kv.Span{}) {
		if instant(binary.BigEndian.Uint64(k[:8])).time().After(now) {
			h.Later++
			continue
		}
		rec, err := open[jobRecord](t, tJob, k, sealed)
		if err != nil {
			return h, err
		}
		h.Due++
		h.Attempts = max(h.Attempts, rec.Attempts)
		if at := rec.Created.time(); h.Oldest.IsZero() || at.Before(h.Oldest) {
			h.Oldest = at
		}
	}
	return h, nil
}

// lastTimes looks through the newest events of the audit.
func (a *Administration) lastTimes(ctx context.Context, last *LastTimes) error {
	times := map[string]*time.Time{"maintain": &last.Maintain, "verify": &last.Verify, "backup": &last.Backup}
	look, f := finder{open: true}, Found{}
	err := a.v.view(ctx, func(t *tx) error {
		f.Before = t.counter("audit") + 1
		return nil
	})
	for looked := 0; err == nil && f.Before > 1 && looked < foundDepth && len(times) > 0; looked += eventsAtOnce {
		f.Events = nil
		err = a.v.view(ctx, func(t *tx) error { return look.batch(t, &f, eventsAtOnce) })
		for _, e := range f.Events {
			if at := times[e.Action]; at != nil {
				*at = e.At
				delete(times, e.Action)
			}
		}
	}
	return err
}

func (a *Administration) disk(h *Health) error {
	dir := filepath.Dir(a.v.ring.path)
	info, err := os.Stat(filepath.Join(dir, fileName))
	if err != nil {
		return err
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return err
	}
	h.Size, h.Free = info.Size(), int64(disk.Bavail)*int64(disk.Bsize)
	return nil
}

func (a *Administration) keys(ctx context.Context, h *Health) (err error) {
	h.Keys, err = ListKeys(ctx, filepath.Dir(a.v.ring.path), a.v.ring.keys)
	for _, use := range h.Keys {
		for _, e := range use.Epochs {
			if e.Number > h.Epoch {
				h.Epoch, h.EpochSince = e.Number, e.Created
			}
		}
	}
	return err
}
