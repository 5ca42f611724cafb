package vault

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"sigill/vault/internal/kv"
	"sigill/vault/internal/seal"
)

// resealed are the tables whose values are sealed in an epoch. Chunks and indexes are sealed under content keys, which are
// in tKey.
var resealed = []kv.Table{
	tKey, tMessage, tMessageID, tMailbox, tEntry, tAccount, tFunction, tBinding, tLink, tJob, tAudit, tCheckpoint,
	tLegalHold, tDisposal, tDevice, tFormer, tReplyDraft, tClass, tProtected, tSearch, tFlags,
}

// resealBatch is how many records one transaction seals anew: few, so that deposits hardly wait.
const resealBatch = 256

// Maintain makes erasure real: it turns to a new epoch, seals every living record in it, and drops the old epoch's keys
// from the keyring. What was deleted before stays in bbolt's free pages, and no key of today opens it. It runs beside
// everything else. One that was cut off is made good by the next. progress is told the number of records done; it may be nil.
func (v *Vault) Maintain(ctx context.Context, progress func(done int)) error {
	v.maintaining.Lock()
	defer v.maintaining.Unlock()
	// Always a new epoch: one that a cut-off turn began may hold what was deleted since.
	if err := v.ring.begin(ctx, v.now()); err != nil {
		return fmt.Errorf("vault: maintain: %w", err)
	}
	// Updates run one after the other, so after this one none seals in the old epoch.
	number := v.ring.sealing().number
	if err := v.update(ctx, func(t *tx) error { return t.w.Put(tMeta, []byte(metaEpoch), be32(number)) }); err != nil {
		return fmt.Errorf("vault: maintain: %w", err)
	}
	done := 0
	for _, table := range resealed {
		if err := v.reseal(ctx, table, number, func(n int) {
			if done += n; progress != nil {
				progress(done)
			}
		}); err != nil {
			return fmt.Errorf("vault: maintain table %s: %w", table, err)
		}
	}
	if err := v.ring.forget(); err != nil {
		return fmt.Errorf("vault: maintain: %w", err)
	}
	event := Event{Actor: system, Action: "maintain", Result: "ok", Detail: fmt.Sprintf("epoch %d, %d records", number, done)}
	return v.Audit().Record(ctx, event)
}

// reseal seals a table's records anew that were not sealed in the epoch of that number.
func (v *Vault) reseal(ctx context.Context, table kv.Table, number uint32, told func(int)) error {
	var from []byte
	for {
		keys, err := v.stale(ctx, table, number, from)
		if err != nil || len(keys) == 0 {
			return err
		}
		if err := v.update(ctx, func(t *tx) error { return t.resealKeys(table, keys) }); err != nil {
			return err
		}
		told(len(keys))
		from = keys[len(keys)-1]
	}
}

// staleScan is how many records are looked at in one view, whatever their epoch.
const staleScan = 4096

func (v *Vault) stale(ctx context.Context, table kv.Table, number uint32, from []byte) (keys [][]byte, err error) {
	for {
		seen := 0
		err = v.view(ctx, func(t *tx) error {
			keys = nil
			for k, sealed := range t.r.Range(table, kv.Span{From: from}) {
				seen++
				if len(sealed) < 4 || binary.BigEndian.Uint32(sealed) != number {
					keys = append(keys, bytes.Clone(k))
				}
				if len(keys) == resealBatch || seen == staleScan {
					from = bytes.Clone(k)
					return nil
				}
			}
			return nil
		})
		if err != nil || len(keys) > 0 || seen < staleScan {
			return keys, err
		}
	}
}

func (t *tx) resealKeys(table kv.Table, keys [][]byte) error {
	for _, key := range keys {
		sealed := t.r.Get(table, key)
		if sealed == nil {
			continue // deleted since
		}
		e, sealed, err := t.v.ring.epochOf(sealed)
		if err != nil {
			return err
		}
		if table == tKey {
			id := MessageID(key)
			content, err := seal.Unwrap(e.wrap, sealed, seal.ID(id))
			if err != nil {
				return err
			}
			err = t.putContentKey(id, content)
			content.Wipe()
			if err != nil {
				return err
			}
			continue
		}
		plain, err := e.records.Open(nil, sealed, place(table, key))
		if err != nil {
			return err
		}
		if err := t.put(table, key, plain); err != nil {
			return err
		}
	}
	return nil
}
