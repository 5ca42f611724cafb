package vault

import (
	"fmt"
	"slices"
)

// Flags and keywords are all that changes of an entry, and a mail program changes those of thousands at once. So an entry
// has the marks it was put there with, and those it has been given since lie in blocks: a record for each 128 UIDs of a
// mailbox. What a block tells of an entry is what counts, and it tells of none that is not there.

// blockUIDs is how many UIDs a block has.
const blockUIDs = 128

// marks are the flags and keywords of an entry.
type marks struct {
	flags    Flags
	keywords []string // sorted; never changed in place
}

func (m marks) equal(o marks) bool { return m.flags == o.flags && slices.Equal(m.keywords, o.keywords) }

func (e entryRecord) marks() marks { return marks{e.Flags, e.Keywords} }

// with gives the entry as it is with other marks.
func (e entryRecord) with(m marks) entryRecord {
	e.Flags, e.Keywords = m.flags, m.keywords
	return e
}

// flagBlock is a block in a transaction, which has one open at a time.
type flagBlock struct {
	box     MailboxID
	number  UID // the UIDs divided by blockUIDs
	told    [blockUIDs]bool
	marks   [blockUIDs]marks
	changed bool
}

func (b *flagBlock) key() []byte { return entryKey(b.box, b.number) }

// block opens the one of that UID, and writes the one that was open.
func (t *tx) block(id MailboxID, uid UID) (*flagBlock, error) {
	number := uid / blockUIDs
	if b := t.flags; b != nil && b.box == id && b.number == number {
		return b, nil
	}
	if err := t.closeBlock(); err != nil {
		return nil, err
	}
	b := &flagBlock{box: id, number: number}
	rec, found, err := load[flagsRecord](t, tFlags, b.key())
	if err == nil && found {
		err = b.read(rec)
	}
	if err != nil {
		return nil, err
	}
	t.flags = b
	return b, nil
}

// closeBlock writes the open block if it has changed. Each update ends with it.
func (t *tx) closeBlock() error {
	b := t.flags
	t.flags = nil
	if b == nil || !b.changed {
		return nil
	}
	rec := b.record()
	if len(rec.Flags) == 0 {
		return t.w.Delete(tFlags, b.key())
	}
	return save(t, tFlags, b.key(), &rec)
}

// toldHere is set in the octets of a record for the UIDs it tells of.
const toldHere = 1 << 7

func (b *flagBlock) read(rec flagsRecord) error {
	if len(rec.Flags) > blockUIDs || len(rec.Sets) > len(rec.Flags) {
		return fmt.Errorf("%w: flags of mailbox %d", ErrDamaged, b.box)
	}
	for i, octet := range rec.Flags {
		b.told[i], b.marks[i].flags = octet&toldHere != 0, Flags(octet&^toldHere)
	}
	for i, set := range rec.Sets {
		switch {
		case set == 0:
		case int(set) > len(rec.Keywords):
			return fmt.Errorf("%w: keywords of mailbox %d", ErrDamaged, b.box)
		default:
			b.marks[i].keywords = rec.Keywords[set-1]
		}
	}
	return nil
}

func (b *flagBlock) record() (rec flagsRecord) {
	for i, told := range b.told {
		if !told {
			continue
		}
		rec.Flags = append(rec.Flags, make([]byte, i+1-len(rec.Flags))...)
		rec.Flags[i] = byte(b.marks[i].flags) | toldHere
		if set := rec.set(b.marks[i].keywords); set != 0 {
			rec.Sets = append(rec.Sets, make([]byte, i+1-len(rec.Sets))...)
			rec.Sets[i] = set
		}
	}
	return rec
}

// set gives the number of a set of keywords: 0 for the empty one, others from 1.
func (rec *flagsRecord) set(keywords []string) byte {
	if len(keywords) == 0 {
		return 0
	}
	at := slices.IndexFunc(rec.Keywords, func(set []string) bool { return slices.Equal(set, keywords) })
	if at < 0 {
		at = len(rec.Keywords)
		rec.Keywords = append(rec.Keywords, keywords)
	}
	return byte(at + 1) // 128 at most
}

// entry gives an entry as it is now.
func (t *tx) entry(id MailboxID, uid UID) (entryRecord, bool, error) {
	e, found, err := load[entryRecord](t, tEntry, entryKey(id, uid))
	if err != nil || !found {
		return e, false, err
	}
	e, err = t.marked(id, uid, e)
	return e, err == nil, err
}

// marked gives an entry as it is now of one as it was put there.
func (t *tx) marked(id MailboxID, uid UID, e entryRecord) (entryRecord, error) {
	b, err := t.block(id, uid)
	if err == nil && b.told[uid%blockUIDs] {
		e = e.with(b.marks[uid%blockUIDs])
	}
	return e, err
}

// marks gives those of an entry. One that a block tells of is not opened itself.
func (t *tx) marks(id MailboxID, uid UID) (m marks, found bool, err error) {
	b, err := t.block(id, uid)
	if err != nil {
		return m, false, err
	}
	if at := uid % blockUIDs; b.told[at] {
		return b.marks[at], true, nil
	}
	e, found, err := load[entryRecord](t, tEntry, entryKey(id, uid))
	return e.marks(), found, err
}

// saveMarks changes the marks of an entry from before to after, and the counters of its mailbox, which the caller saves.
func (t *tx) saveMarks(id MailboxID, box *mailboxRecord, uid UID, before, after marks) error {
	b, err := t.block(id, uid)
	if err != nil {
		return err
	}
	at := uid % blockUIDs
	b.told[at], b.marks[at], b.changed = true, after, true
	box.recount(before.flags, after.flags)
	t.changes = append(t.changes, Change{Mailbox: id, Kind: Reflagged, Entry: after.entry(uid)})
	return nil
}

// dropMarks forgets those of an entry that is removed.
func (t *tx) dropMarks(id MailboxID, uid UID) error {
	b, err := t.block(id, uid)
	if at := uid % blockUIDs; err == nil && b.told[at] {
		b.told[at], b.marks[at], b.changed = false, marks{}, true
	}
	return err
}

// entry is what those are told of whom flags concern.
func (m marks) entry(uid UID) Entry { return Entry{UID: uid, Flags: m.flags, Keywords: m.keywords} }
