package vault

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"sigill/vault/internal/kv"
	"sigill/vault/internal/seal"
)

// The tables of the vault. docs/format.md describes each key and record.
const (
	tMeta         kv.Table = "meta"         // name → value; the only records not sealed by the record box
	tKey          kv.Table = "key"          // message → wrapped content key
	tChunk        kv.Table = "chunk"        // message, number → sealed content
	tIndex        kv.Table = "index"        // message → structure, sealed under the content key
	tMessage      kv.Table = "message"      // message → messageRecord
	tStaging      kv.Table = "staging"      // message → run of the process that stages it
	tConversation kv.Table = "conversation" // conversation, number of the message → message
	tMessageID    kv.Table = "messageid"    // digest of Message-ID → messageIDRecord
	tMailbox      kv.Table = "mailbox"      // mailbox → mailboxRecord
	tOwner        kv.Table = "owner"        // owner, role → mailbox
	tEntry        kv.Table = "entry"        // mailbox, uid → entryRecord
	tWhere        kv.Table = "where"        // message, mailbox, uid → nothing
	tOpened       kv.Table = "opened"       // message, digest of reader → nothing
	tAccount      kv.Table = "account"      // owner → accountRecord
	tFunction     kv.Table = "function"     // owner → functionRecord
	tMember       kv.Table = "member"       // owner of an account, owner of a function address → nothing
	tBinding      kv.Table = "binding"      // digest of address → bindingRecord
	tLink         kv.Table = "link"         // digest of token → linkRecord
	tHold         kv.Table = "hold"         // owner of the sender, message → nothing
	tJob          kv.Table = "job"          // due time, job → jobRecord
	tMessageJob   kv.Table = "messagejob"   // message, key of a job about it → nothing
	tAudit        kv.Table = "audit"        // number → eventRecord
	tCheckpoint   kv.Table = "checkpoint"   // number of the event → checkpointRecord
	tLegalHold    kv.Table = "legalhold"    // kind, message or owner, hold → legalHoldRecord
	tDisposal     kv.Table = "disposal"     // number → disposalRecord
	tDevice       kv.Table = "device"       // owner, digest of the password → deviceRecord
	tFormer       kv.Table = "former"       // way, owner, owner → formerRecord
	tQuiet        kv.Table = "quiet"        // owner of a person → nothing
	tReplyDraft   kv.Table = "replydraft"   // message, digest of writer → replyDraftRecord
	tClass        kv.Table = "class"        // owner of a function address → classRecord
	tProtected    kv.Table = "protected"    // owner of a person → protectedRecord
	tSearch       kv.Table = "search"       // search → searchRecord
	tUnscanned    kv.Table = "unscanned"    // message whose fence waits for a verdict → nothing
	tFlags        kv.Table = "flags"        // mailbox, uid/128 → flagsRecord
	tHeader       kv.Table = "header"       // message → its header once more, sealed under the content key
)

// together are the tables that are written with each message, by its id, or its conversation's.
var together = [][]kv.Table{{tMessage, tKey, tIndex, tWhere, tOpened, tStaging, tConversation, tMessageJob, tHeader}}

// growing are the tables whose keys count up or begin with the time.
var growing = []kv.Table{tMessage, tChunk, tJob, tAudit, tEntry, tDisposal}

// tx is a transaction on the vault: reads, and writes if w is set. Records pass through its box both ways.
type tx struct {
	v *Vault
	r kv.Reader
	w kv.Writer

	changes []Change
	by      *Watch     // who made them and knows; nil if nobody
	jobs    bool       // a job was queued
	flags   *flagBlock // the one that is open; nil if none is

	room [2][]byte // for a record's CBOR and its place, until the next one's
}

func (v *Vault) view(ctx context.Context, fn func(*tx) error) error {
	return mapError(v.kv.View(ctx, func(r kv.Reader) error { return fn(&tx{v: v, r: r}) }))
}

// update runs fn in a write transaction and returns when it is durable. fn may run more than once, so it keeps its
// results in variables it sets anew each time. Changes and queued jobs are told of after the commit only.
func (v *Vault) update(ctx context.Context, fn func(*tx) error) error {
	return mapError(v.kv.Update(ctx, func(w kv.Writer) error {
		t := &tx{v: v, r: w, w: w}
		if err := fn(t); err != nil {
			return err
		}
		if err := t.closeBlock(); err != nil {
			return err
		}
		w.OnCommit(func() { v.committed(t) })
		return nil
	}))
}

func (v *Vault) committed(t *tx) {
	v.hub.publish(t.changes, t.by)
	if t.jobs {
		v.outbox.poke()
	}
}

// mapError gives the sentinels of this package for those of the packages below it.
func mapError(err error) error {
	if err == nil {
		return nil
	}
	for _, m := range []struct{ from, to error }{
		{kv.ErrFull, ErrFull},
		{syscall.ENOSPC, ErrFull}, // of the keyring
		{kv.ErrClosed, ErrClosed},
		{kv.ErrLocked, ErrLocked},
		{seal.ErrDamaged, ErrDamaged},
		{seal.ErrWrongKey, ErrWrongKey},
	} {
		if errors.Is(err, m.from) {
			return fmt.Errorf("%w: %w", m.to, err)
		}
	}
	return err
}

// load reads and opens a record; found is false if there is none.
func load[T any](t *tx, table kv.Table, key []byte) (rec T, found bool, err error) {
	sealed := t.r.Get(table, key)
	if sealed == nil {
		return rec, false, nil
	}
	rec, err = open[T](t, table, key, sealed)
	return rec, err == nil, err
}

func open[T any](t *tx, table kv.Table, key, sealed []byte) (rec T, err error) {
	e, sealed, err := t.v.ring.epochOf(sealed)
	if err != nil {
		return rec, fmt.Errorf("vault: record of table %s: %w", table, err)
	}
	plain, err := e.records.Open(t.room[0][:0], sealed, t.place(table, key))
	if err != nil {
		return rec, fmt.Errorf("vault: record of table %s: %w", table, err)
	}
	t.room[0] = plain
	if err := decode(plain, &rec); err != nil {
		return rec, fmt.Errorf("%w: record of table %s: %w", ErrDamaged, table, err)
	}
	return rec, nil
}

// save seals and writes a record.
func save[T any](t *tx, table kv.Table, key []byte, rec *T) error {
	plain, err := encodeInto(&t.room[0], rec)
	if err != nil {
		return err
	}
	return t.put(table, key, plain)
}

func (t *tx) put(table kv.Table, key, plain []byte) error {
	return t.w.Put(table, key, t.sealRecord(table, key, plain))
}

func (t *tx) sealRecord(table kv.Table, key, plain []byte) []byte {
	e := t.v.ring.sealing()
	sealed := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(plain)+seal.BoxOverhead), e.number)
	return e.records.Seal(sealed, plain, t.place(table, key))
}

// place is that of a record, until the next one's.
func (t *tx) place(table kv.Table, key []byte) []byte {
	t.room[1] = appendPlace(t.room[1][:0], table, key)
	return t.room[1]
}

// mark writes a key that says all by being there.
func (t *tx) mark(table kv.Table, key []byte) error { return t.w.Put(table, key, []byte{}) }

// place is what a record is bound to, so that it opens nowhere else: table, zero octet, key.
func place(table kv.Table, key []byte) []byte {
	return appendPlace(make([]byte, 0, len(table)+1+len(key)), table, key)
}

func appendPlace(dst []byte, table kv.Table, key []byte) []byte {
	return append(append(append(dst, table...), 0), key...)
}

// next counts up the counter of that name in the meta table and gives the new value, starting at 1.
func (t *tx) next(name string) (uint64, error) {
	n := t.counter(name) + 1
	return n, t.w.Put(tMeta, []byte(name), be64(n))
}

func (t *tx) counter(name string) uint64 {
	if b := t.r.Get(tMeta, []byte(name)); len(b) == 8 {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func be64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func be32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// join makes a key of parts of fixed size.
func join(parts ...[]byte) []byte {
	return slices.Concat(parts...)
}

// notIf is the error for what is not there.
func notIf(ok bool) error {
	if ok {
		return nil
	}
	return ErrNotFound
}
