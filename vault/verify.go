package vault

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"sigill/vault/internal/kv"
	"sigill/vault/internal/seal"
	"sigill/vault/message"
)

// Report is what Verify found.
type Report struct {
	Messages, Chunks, Mailboxes, Entries, Events int
	// Octets of content that were opened.
	Octets int64
	// Faults are in words, without content; at most maxFaults, and More tells that there were more.
	Faults []string
	More   bool
}

const maxFaults = 100

func (r *Report) fault(format string, args ...any) {
	if len(r.Faults) == maxFaults {
		r.More = true
		return
	}
	r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
}

// Verify opens everything: every chunk, index and record, every reference between them, every mailbox's counters and the
// audit chain. It runs beside everything else. What is wrong is in the report; an error means that it could not go on.
// progress is told the messages done of all; it may be nil.
func (v *Vault) Verify(ctx context.Context, progress func(done, all int)) (Report, error) {
	var r Report
	for _, step := range []func(context.Context, *Report) error{
		func(ctx context.Context, r *Report) error { return v.verifyMessages(ctx, r, progress) },
		v.verifyStrays, v.verifyMailboxes, v.verifyRecords, v.verifyAudit,
	} {
		if err := step(ctx, &r); err != nil {
			return r, fmt.Errorf("vault: verify: %w", err)
		}
	}
	return r, nil
}

// ids gives the messages that have a content key.
func (v *Vault) ids(ctx context.Context) (out []MessageID, err error) {
	err = v.view(ctx, func(t *tx) error {
		out = nil
		for k := range t.r.Range(tKey, kv.Span{}) {
			out = append(out, MessageID(k))
		}
		return nil
	})
	return out, err
}

func (v *Vault) verifyMessages(ctx context.Context, r *Report, progress func(done, all int)) error {
	ids, err := v.ids(ctx)
	for i, id := range ids {
		if err == nil {
			err = v.verifyMessage(ctx, r, id)
		}
		if err != nil {
			return err
		}
		if progress != nil {
			progress(i+1, len(ids))
		}
	}
	return err
}

func (v *Vault) verifyMessage(ctx context.Context, r *Report, id MessageID) error {
	var m *verified
	err := v.view(ctx, func(t *tx) (err error) {
		m = nil
		if t.r.Get(tKey, id[:]) == nil {
			return nil // erased since
		}
		m, err = t.openMessage(id)
		if err == nil && m.rec.Fence != nil && m.rec.Fence.Found == "" && t.r.Get(tUnscanned, id[:]) == nil {
			r.fault("message %s has a fence that waits for nobody", id)
		}
		return err
	})
	if faulty(err) {
		r.fault("message %s: %v", id, err)
		return nil
	}
	if err != nil || m == nil {
		return err
	}
	r.Messages++
	for n := range chunkCount(m.rec.Size) {
		err := v.view(ctx, func(t *tx) error { return t.verifyChunk(id, n, m) })
		if faulty(err) {
			r.fault("message %s, chunk %d: %v", id, n, err)
		} else if err != nil {
			return err
		}
		r.Chunks++
	}
	r.Octets += m.rec.Size
	return nil
}

// faulty tells a fault of the vault from one that keeps Verify from going on.
func faulty(err error) bool { return errors.Is(err, ErrDamaged) || errors.Is(err, seal.ErrDamaged) }

func chunkCount(size int64) uint32 {
	return uint32(max(1, (size+seal.ChunkSize-1)/seal.ChunkSize))
}

// verified is a message of which all but the chunks has been opened.
type verified struct {
	rec    messageRecord
	chunks *seal.Chunks
	at     message.Range // of the header
	header []byte        // the one without clutter
}

func (t *tx) openMessage(id MessageID) (*verified, error) {
	key, err := t.contentKey(id)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	rec, found, err := load[messageRecord](t, tMessage, id[:])
	if err == nil && !found {
		err = fmt.Errorf("%w: it has no record", ErrDamaged)
	}
	if err != nil {
		return nil, err
	}
	ix, err := t.index(id, key)
	if isNotFound(err) {
		err = fmt.Errorf("%w: it has no index", ErrDamaged)
	}
	if err != nil {
		return nil, err
	}
	m := &verified{rec: rec, chunks: seal.NewChunks(key, seal.ID(id)), at: ix.Root.Header}
	if sealed := t.r.Get(tHeader, id[:]); sealed != nil {
		m.header, err = key.OpenOnly("index", nil, sealed, t.place(tHeader, id[:]))
	}
	return m, err
}

func (t *tx) verifyChunk(id MessageID, n uint32, m *verified) error {
	sealed, size := t.r.Get(tChunk, chunkKey(id, n)), m.rec.Size
	if sealed == nil {
		if t.r.Get(tKey, id[:]) == nil {
			return nil // erased since
		}
		return fmt.Errorf("%w: it is missing", ErrDamaged)
	}
	plain, err := m.chunks.Open(nil, n, n == chunkCount(size)-1, sealed)
	if err != nil {
		return err
	}
	if want := min(seal.ChunkSize, size-int64(n)*seal.ChunkSize); int64(len(plain)) != want {
		return fmt.Errorf("%w: %d octets, not %d", ErrDamaged, len(plain), want)
	}
	if n == 0 && m.header != nil && !m.headerOf(plain) {
		return fmt.Errorf("%w: it has another header than the one without clutter", ErrDamaged)
	}
	return nil
}

// headerOf tells whether the header without clutter is that of the message which begins so.
func (m *verified) headerOf(plain []byte) bool {
	end := m.at.Offset + m.at.Size
	return end <= int64(len(plain)) && bytes.Equal(m.header, message.AppendUncluttered(nil, plain[m.at.Offset:end]))
}

// verifyStrays looks for chunks beyond a message's end and for what belongs to no message.
func (v *Vault) verifyStrays(ctx context.Context, r *Report) error {
	return v.view(ctx, func(t *tx) error {
		for k := range t.r.Range(tChunk, kv.Span{}) {
			id, n := MessageID(k[:16]), binary.BigEndian.Uint32(k[16:])
			if t.r.Get(tStaging, id[:]) != nil {
				continue
			}
			if rec, found, err := load[messageRecord](t, tMessage, id[:]); err == nil && (!found || n >= chunkCount(rec.Size)) {
				r.fault("chunk %d of message %s belongs to nothing", n, id)
			}
		}
		for _, table := range []kv.Table{tMessage, tIndex, tHeader} {
			for k := range t.r.Range(table, kv.Span{}) {
				if t.r.Get(tKey, k) == nil {
					r.fault("table %s: message %s has no key", table, MessageID(k))
				}
			}
		}
		for k := range t.r.Range(tReplyDraft, kv.Span{}) {
			if t.r.Get(tKey, k[:16]) == nil {
				r.fault("a reply draft belongs to message %s, which is not there", MessageID(k[:16]))
			}
		}
		for k, id := range t.r.Range(tConversation, kv.Span{}) {
			rec, found, err := load[messageRecord](t, tMessage, id)
			if !found && err == nil || found && !bytes.Equal(k, rec.conversationKey()) {
				r.fault("conversation %s names a message that is not there, or not of it", MessageID(k[:16]))
			}
		}
		return nil
	})
}

func (v *Vault) verifyMailboxes(ctx context.Context, r *Report) error {
	return v.view(ctx, func(t *tx) error {
		for k, sealed := range t.r.Range(tMailbox, kv.Span{}) {
			id := MailboxID(binary.BigEndian.Uint64(k))
			box, err := open[mailboxRecord](t, tMailbox, k, sealed)
			if err != nil {
				r.fault("mailbox %d: %v", id, err)
				continue
			}
			r.Mailboxes++
			t.verifyMailbox(r, id, box)
		}
		for k, id := range t.r.Range(tOwner, kv.Span{}) {
			if _, _, err := t.owned(k, id); err != nil {
				r.fault("%v", err)
			}
		}
		for k := range t.r.Range(tWhere, kv.Span{}) {
			if e, found, err := load[entryRecord](t, tEntry, k[16:]); err == nil && (!found || !bytes.Equal(e.Message[:], k[:16])) { // what cannot be read is told of elsewhere
				r.fault("message %s is said to lie where it does not", MessageID(k[:16]))
			}
		}
		t.verifyFlags(r)
		for k := range t.r.Range(tMember, kv.Span{}) {
			member, function := owner(k[:len(owner{})]), owner(k[len(owner{}):])
			if named, err := t.names(function, member); err == nil && !named {
				r.fault("an account is said to be a member of a function address that does not name it")
			}
		}
		return nil
	})
}

// verifyFlags looks for flags of entries that are not there. What cannot be read is told of with the entries.
func (t *tx) verifyFlags(r *Report) {
	for k := range t.r.Range(tFlags, kv.Span{}) {
		id, first := MailboxID(binary.BigEndian.Uint64(k)), UID(binary.BigEndian.Uint32(k[8:]))*blockUIDs
		b, err := t.block(id, first)
		if err != nil {
			r.fault("mailbox %d: %v", id, err)
			continue
		}
		for at, told := range b.told {
			if uid := first + UID(at); told && t.r.Get(tEntry, entryKey(id, uid)) == nil {
				r.fault("mailbox %d: flags of UID %d, which is not there", id, uid)
			}
		}
	}
}

func (t *tx) verifyMailbox(r *Report, id MailboxID, box mailboxRecord) {
	counted := mailboxRecord{
		Owner: box.Owner, Address: box.Address, Role: box.Role, Name: box.Name, UIDValidity: box.UIDValidity, UIDNext: box.UIDNext,
	}
	err := t.entries(uidSpan(id, 0, 0), func(uid UID, e entryRecord) bool {
		r.Entries++
		counted.count(e, +1)
		if uid >= box.UIDNext {
			r.fault("mailbox %d: UID %d is not yet given", id, uid)
		}
		if t.r.Get(tKey, e.Message[:]) == nil || t.r.Get(tWhere, whereKey(e.Message, id, uid)) == nil {
			r.fault("mailbox %d: UID %d leads to nothing", id, uid)
		}
		return true
	})
	if err != nil {
		r.fault("mailbox %d: %v", id, err)
	} else if counted != box {
		r.fault("mailbox %d: counts %d messages, %d unseen; has %d, %d", id, box.Messages, box.Unseen, counted.Messages, counted.Unseen)
	}
	if got := t.r.Get(tOwner, box.ownerKey(id)); !bytes.Equal(got, be64(uint64(id))) {
		r.fault("mailbox %d is not its owner's", id)
	}
}

// verifyRecords opens the records that nothing above has opened.
func (v *Vault) verifyRecords(ctx context.Context, r *Report) error {
	return v.view(ctx, func(t *tx) error {
		verifyTable[messageIDRecord](t, r, tMessageID)
		verifyTable[accountRecord](t, r, tAccount)
		verifyTable[functionRecord](t, r, tFunction)
		verifyTable[bindingRecord](t, r, tBinding)
		verifyTable[linkRecord](t, r, tLink)
		verifyTable[checkpointRecord](t, r, tCheckpoint)
		verifyTable[jobRecord](t, r, tJob)
		verifyTable[legalHoldRecord](t, r, tLegalHold)
		verifyTable[disposalRecord](t, r, tDisposal)
		verifyTable[deviceRecord](t, r, tDevice)
		verifyTable[formerRecord](t, r, tFormer)
		verifyTable[replyDraftRecord](t, r, tReplyDraft)
		verifyTable[classRecord](t, r, tClass)
		verifyTable[protectedRecord](t, r, tProtected)
		verifyTable[searchRecord](t, r, tSearch)
		t.verifyUnscanned(r)
		return nil
	})
}

func verifyTable[T any](t *tx, r *Report, table kv.Table) {
	for k, sealed := range t.r.Range(table, kv.Span{}) {
		if _, err := open[T](t, table, k, sealed); err != nil {
			r.fault("%v", err)
		}
	}
}

func (v *Vault) verifyAudit(ctx context.Context, r *Report) error {
	n, err := v.Audit().Verify(ctx)
	r.Events = int(n)
	if errors.Is(err, ErrAudit) || faulty(err) {
		r.fault("%v", err)
		return nil
	}
	return err
}
