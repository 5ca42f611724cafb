package vault

import (
	"context"
	"encoding/base32"
	"encoding/binary"
	"errors"

	"sigill/vault/internal/kv"
)

// system is the actor of what nobody asked for.
const system = "system"

// AuditLog is the append-only log of who did what. It holds no content, subject or identity number.
type AuditLog struct{ v *Vault }

// Record appends an event; Seq and At are given here. Durable when it returns.
func (a *AuditLog) Record(ctx context.Context, e Event) error {
	return a.v.update(ctx, func(t *tx) error { return t.record(e) })
}

func (t *tx) record(e Event) error {
	n, err := t.next("audit")
	if err != nil {
		return err
	}
	plain, err := encodeInto(&t.room[0], &eventRecord{
		At: instantOf(t.v.now()), Actor: e.Actor, Action: e.Action, Message: e.Message, Result: e.Result, Detail: e.Detail,
		Before: t.r.Get(tMeta, []byte(metaLink)),
	})
	if err != nil {
		return err
	}
	link := linkOf(n, plain)
	return errors.Join(t.put(tAudit, be64(n), plain), t.w.Put(tMeta, []byte(metaLink), link[:]))
}

// eventsAtOnce is how many events are read in one transaction.
const eventsAtOnce = 256

// Events gives the events with Seq >= from in order, until fn returns false. No transaction is open while fn runs.
func (a *AuditLog) Events(ctx context.Context, from uint64, fn func(Event) bool) error {
	for {
		batch, err := a.batch(ctx, from)
		if err != nil || len(batch) == 0 {
			return err
		}
		for _, e := range batch {
			if !fn(e) {
				return nil
			}
			from = e.Seq + 1
		}
	}
}

func (a *AuditLog) batch(ctx context.Context, from uint64) (out []Event, err error) {
	err = a.v.view(ctx, func(t *tx) error {
		out = nil
		for k, sealed := range t.r.Range(tAudit, kv.Span{From: be64(from)}) {
			rec, err := open[eventRecord](t, tAudit, k, sealed)
			if err != nil {
				return err
			}
			out = append(out, rec.event(k))
			if len(out) == eventsAtOnce {
				return nil
			}
		}
		return nil
	})
	return out, err
}

// event is the one stored under a key.
func (rec eventRecord) event(key []byte) Event {
	return Event{
		Seq: binary.BigEndian.Uint64(key), At: rec.At.time(), Actor: rec.Actor, Action: rec.Action,
		Message: rec.Message, Result: rec.Result, Detail: rec.Detail,
	}
}

// Actor is a principal's name in the audit: an account's address, or "person:" and a keyed hash.
func (a *AuditLog) Actor(p Principal) string { return a.v.actor(p) }

func (v *Vault) actor(p Principal) string {
	if !p.IsPerson() {
		return p.Address().Key()
	}
	return v.personActor(p.PersonID().Digits())
}

// personPrefix begins the names of persons in the audit.
const personPrefix = "person:"

func (v *Vault) personActor(digits string) string {
	sum := v.lookup.Digest("audit", []byte("person"), []byte(digits))
	return personPrefix + base32.StdEncoding.EncodeToString(sum[:10])
}
