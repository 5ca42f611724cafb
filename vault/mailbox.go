package vault

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"sigill/policy"
	"sigill/vault/internal/kv"
)

// roles are the mailboxes a staff member has, in the order they are listed.
var roles = []Role{Inbox, Sent, Drafts, Trash, Archive}

// roleOctet is a role in a key. Mailboxes with a name have namedOctet and their id.
var roleOctet = map[Role]byte{Inbox: 1, Sent: 2, Drafts: 3, Trash: 4, Archive: 5}

const namedOctet = 16

func ownerKey(o owner, r Role) []byte { return append(o[:len(o):len(o)], roleOctet[r]) }

// ownerKey is where the mailbox is found by its owner.
func (b mailboxRecord) ownerKey(id MailboxID) []byte {
	if b.Name == "" {
		return ownerKey(b.Owner, b.Role)
	}
	return join(b.Owner[:], []byte{namedOctet}, be64(uint64(id)))
}

// ensureMailbox gives the owner's mailbox of that role, which is made if it does not exist.
func (t *tx) ensureMailbox(o owner, address policy.Address, role Role) (MailboxID, error) {
	key := ownerKey(o, role)
	if b := t.r.Get(tOwner, key); b != nil {
		id, _, err := t.owned(key, b)
		return id, err
	}
	id, _, err := t.newMailbox(mailboxRecord{Owner: o, Address: address, Role: role})
	return id, err
}

// owned gives the mailbox that table owner leads to. The table is not sealed, so the mailbox must say that it is the
// owner's, or a damaged one would lead a message into another's mailbox.
func (t *tx) owned(key, value []byte) (id MailboxID, rec mailboxRecord, err error) {
	if len(value) == 8 {
		id = MailboxID(binary.BigEndian.Uint64(value))
		rec, err = t.mailbox(id)
	}
	if err == nil && !bytes.Equal(rec.ownerKey(id), key) || isNotFound(err) {
		err = fmt.Errorf("%w: table %s leads to mailbox %d, which is not the owner's", ErrDamaged, tOwner, id)
	}
	return id, rec, err
}

// newMailbox saves a mailbox that is new.
func (t *tx) newMailbox(rec mailboxRecord) (MailboxID, mailboxRecord, error) {
	n, err := t.next("mailbox")
	if err != nil {
		return 0, rec, err
	}
	rec.UIDNext = 1
	if rec.UIDValidity, err = t.nextValidity(); err != nil {
		return 0, rec, err
	}
	return MailboxID(n), rec, errors.Join(t.w.Put(tOwner, rec.ownerKey(MailboxID(n)), be64(n)), t.saveMailbox(MailboxID(n), &rec))
}

// nextValidity is a UIDVALIDITY greater than any before, so that it differs from that of an earlier mailbox of the name
// whatever the clock does (RFC 9051 section 2.3.1.1).
func (t *tx) nextValidity() (uint32, error) {
	n := max(uint64(max(t.v.now().Unix(), 1)), t.counter(counterValidity)+1)
	if n > math.MaxUint32 {
		return 0, errors.New("vault: UIDVALIDITY is used up, or the clock is wrong")
	}
	return uint32(n), t.w.Put(tMeta, []byte(counterValidity), be64(n))
}

// counterValidity is the counter of UIDVALIDITYs in the meta table.
const counterValidity = "uidvalidity"

func (t *tx) mailbox(id MailboxID) (mailboxRecord, error) {
	sealed := t.r.Get(tMailbox, be64(uint64(id)))
	if sealed == nil {
		return mailboxRecord{}, ErrNotFound
	}
	if t.w != nil {
		if rec, ok := t.v.boxes.opened(id, sealed); ok {
			return rec, nil
		}
	}
	return open[mailboxRecord](t, tMailbox, be64(uint64(id)), sealed)
}

func (t *tx) saveMailbox(id MailboxID, rec *mailboxRecord) error {
	plain, err := encodeInto(&t.room[0], rec)
	if err != nil {
		return err
	}
	sealed := t.sealRecord(tMailbox, be64(uint64(id)), plain)
	t.v.boxes.keep(id, sealed, *rec)
	return t.w.Put(tMailbox, be64(uint64(id)), sealed)
}

// openMailboxes remembers what the mailbox records that were written last hold: the next deposit into the same mailbox
// need not open it. It is used by updates only, which run one after the other. What an undone one left here is harmless,
// since a record is known again by its sealed octets.
type openMailboxes map[MailboxID]openMailbox

type openMailbox struct {
	sealed []byte
	rec    mailboxRecord
}

// maxOpenMailboxes bounds the memory: some 100 KB.
const maxOpenMailboxes = 256

func (o openMailboxes) opened(id MailboxID, sealed []byte) (mailboxRecord, bool) {
	m, ok := o[id]
	return m.rec, ok && bytes.Equal(m.sealed, sealed)
}

func (o openMailboxes) keep(id MailboxID, sealed []byte, rec mailboxRecord) {
	if len(o) == maxOpenMailboxes {
		clear(o)
	}
	o[id] = openMailbox{sealed, rec}
}

func entryKey(id MailboxID, uid UID) []byte { return appendEntryKey(make([]byte, 0, 12), id, uid) }

func whereKey(m MessageID, id MailboxID, uid UID) []byte {
	return appendEntryKey(append(make([]byte, 0, 28), m[:]...), id, uid)
}

func appendEntryKey(dst []byte, id MailboxID, uid UID) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(dst, uint64(id)), uint32(uid))
}

// addEntry puts a message into a mailbox under the next UID.
func (t *tx) addEntry(id MailboxID, e entryRecord) (UID, error) {
	box, err := t.mailbox(id)
	if err != nil {
		return 0, err
	}
	uid := box.UIDNext
	if uid == 0 {
		return 0, errors.New("vault: a mailbox has used up its UIDs")
	}
	box.UIDNext++
	box.count(e, +1)
	if err := t.saveMailbox(id, &box); err != nil {
		return 0, err
	}
	if err := save(t, tEntry, entryKey(id, uid), &e); err != nil {
		return 0, err
	}
	t.changes = append(t.changes, Change{Mailbox: id, Kind: Added, Entry: e.entry(uid)})
	return uid, t.mark(tWhere, whereKey(e.Message, id, uid))
}

// removeEntry takes a message out of a mailbox. A message that then lies nowhere is erased. After
// ErrLegalHold nothing is changed.
func (t *tx) removeEntry(id MailboxID, box *mailboxRecord, uid UID, e entryRecord) error {
	if err := t.mayRemove(box, spot{id, uid}, e.Message); err != nil {
		return err
	}
	return t.dropEntry(id, box, uid, e)
}

// dropEntry is removeEntry where the message may leave.
func (t *tx) dropEntry(id MailboxID, box *mailboxRecord, uid UID, e entryRecord) error {
	box.count(e, -1)
	if err := t.w.Delete(tEntry, entryKey(id, uid)); err != nil {
		return err
	}
	if err := t.w.Delete(tWhere, whereKey(e.Message, id, uid)); err != nil {
		return err
	}
	if err := t.dropMarks(id, uid); err != nil {
		return err
	}
	t.changes = append(t.changes, Change{Mailbox: id, Kind: Expunged, Entry: Entry{UID: uid, Message: e.Message}})
	for range t.r.Range(tWhere, kv.Prefix(e.Message[:])) {
		return nil
	}
	return t.erase(e.Message)
}

func (b *mailboxRecord) count(e entryRecord, sign int) {
	b.Messages += uint32(sign)
	b.Size += int64(sign) * e.Size
	if e.Flags&Seen == 0 {
		b.Unseen += uint32(sign)
	}
}

// recount is count where flags change.
func (b *mailboxRecord) recount(before, after Flags) {
	b.Unseen += uint32(before&Seen) - uint32(after&Seen) // Seen is 1
}

func (e entryRecord) entry(uid UID) Entry {
	at := e.Date.time()
	return Entry{
		UID: uid, Message: e.Message, Flags: e.Flags, Keywords: e.Keywords,
		Date: at.Add(-time.Duration(at.Nanosecond())), Size: e.Size, // to the second, which Truncate makes by a long division
	}
}

func (b mailboxRecord) mailbox(id MailboxID, shared bool) Mailbox {
	return Mailbox{
		ID: id, Owner: b.Address, Role: b.Role, Name: b.Name, Shared: shared, UIDValidity: b.UIDValidity, UIDNext: b.UIDNext,
		Messages: b.Messages, Unseen: b.Unseen, Size: b.Size,
	}
}

// entries gives those of a span of keys, in its order, until fn returns false.
func (t *tx) entries(span kv.Span, fn func(UID, entryRecord) bool) error {
	for k, sealed := range t.r.Range(tEntry, span) {
		if len(k) != 12 {
			return fmt.Errorf("%w: key of table %s", ErrDamaged, tEntry)
		}
		id, uid := MailboxID(binary.BigEndian.Uint64(k)), UID(binary.BigEndian.Uint32(k[8:]))
		e, err := open[entryRecord](t, tEntry, k, sealed)
		if err == nil {
			e, err = t.marked(id, uid, e)
		}
		if err != nil {
			return err
		}
		if !fn(uid, e) {
			return nil
		}
	}
	return nil
}

// uidSpan is the keys from <= UID <= to; to 0 has no end.
func uidSpan(id MailboxID, from, to UID) kv.Span {
	span := kv.Span{From: entryKey(id, from), To: be64(uint64(id) + 1)}
	if to != 0 && to+1 != 0 {
		span.To = entryKey(id, to+1)
	}
	return span
}
