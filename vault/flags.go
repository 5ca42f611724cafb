package vault

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"sigill/policy"
	"sigill/vault/message"
)

// maxKeywords of an entry: fifty, as many as IMAP takes in one command, and the vault's own.
const maxKeywords = 64

// StoreFlags changes the flags of entries and gives UID, flags and keywords of each as they are after it. UIDs that are gone
// are left out. ErrKeywords, and nothing is changed, if an entry would have too many.
func (r *Reader) StoreFlags(ctx context.Context, id MailboxID, uids []UID, how FlagChange, flags Flags, keywords []string) ([]Entry, error) {
	return r.storeFlags(ctx, nil, id, uids, how, flags, keywords)
}

// StoreFlags is that of a Reader, whose watch it is: it is not told of what this gives.
func (w *Watch) StoreFlags(ctx context.Context, r *Reader, id MailboxID, uids []UID, how FlagChange, flags Flags, keywords []string) ([]Entry, error) {
	return r.storeFlags(ctx, w, id, uids, how, flags, keywords)
}

func (r *Reader) storeFlags(ctx context.Context, by *Watch, id MailboxID, uids []UID, how FlagChange, flags Flags, keywords []string) (out []Entry, err error) {
	err = r.update(ctx, func(a *access) error {
		out, a.by = make([]Entry, 0, len(uids)), by
		return a.counting(id, func(box *mailboxRecord) error {
			for _, uid := range uids {
				now, found, err := a.marks(id, uid)
				if err == nil && found {
					now, err = a.remark(id, box, uid, now, how.apply(now, flags, keywords))
					out = append(out, now.entry(uid))
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	return out, err
}

// remark changes the marks of an entry, if they differ, and gives those it has then.
func (a *access) remark(id MailboxID, box *mailboxRecord, uid UID, before, after marks) (marks, error) {
	if n := len(after.keywords); n > maxKeywords && n > len(before.keywords) {
		return before, ErrKeywords
	}
	if after.equal(before) {
		return before, nil
	}
	return after, a.saveMarks(id, box, uid, before, after)
}

func (how FlagChange) apply(m marks, flags Flags, keywords []string) marks {
	keywords = slices.DeleteFunc(slices.Clone(keywords), IsStatusKeyword)
	switch how {
	case SetFlags:
		keywords = append(keywords, statusOf(m.keywords)...)
	case AddFlags:
		flags |= m.flags
		keywords = append(slices.Clone(m.keywords), keywords...) // as they were spelled before
	case RemoveFlags:
		flags = m.flags &^ flags
		keywords = slices.DeleteFunc(slices.Clone(m.keywords), func(k string) bool { return hasKeyword(keywords, k) })
	}
	return marks{flags, distinct(keywords)}
}

// hasKeyword compares as RFC 3501 section 9 wants it: a keyword is the same in any case.
func hasKeyword(keywords []string, k string) bool {
	return slices.ContainsFunc(keywords, func(has string) bool { return strings.EqualFold(has, k) })
}

// distinct sorts keywords and leaves out what is there already.
func distinct(keywords []string) []string {
	out := keywords[:0]
	for _, k := range keywords {
		if !hasKeyword(out, k) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// each runs fn on the entries of one of the principal's mailboxes and saves the mailbox's counters
// if they have changed.
func (a *access) each(id MailboxID, uids []UID, fn func(*mailboxRecord, UID, entryRecord) error) error {
	return a.counting(id, func(box *mailboxRecord) error {
		for _, uid := range uids {
			e, found, err := a.entry(id, uid)
			if err == nil && found {
				err = fn(box, uid, e)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// counting runs fn on one of the principal's mailboxes and saves the mailbox's counters if they have changed.
func (a *access) counting(id MailboxID, fn func(*mailboxRecord) error) error {
	box, err := a.box(id)
	if err != nil {
		return err
	}
	before := box
	if err := fn(&box); err != nil {
		return err
	}
	if box == before {
		return nil // no counter has changed, and a commit writes every page it touches
	}
	return a.saveMailbox(id, &box)
}

// MarkSeen sets the Seen flag on the message in all of the principal's mailboxes.
func (r *Reader) MarkSeen(ctx context.Context, id MessageID) error {
	return r.Mark(ctx, id, AddFlags, Seen, nil)
}

// Mark changes the flags of the message in all of the principal's mailboxes, as StoreFlags does. Where they are so already
// it writes nothing: a message is marked as seen each time it is shown.
func (r *Reader) Mark(ctx context.Context, id MessageID, how FlagChange, flags Flags, keywords []string) error {
	var places []spot
	err := r.view(ctx, func(a *access) error {
		all, err := a.places(id)
		if err != nil {
			return err
		}
		places = nil
		for _, p := range all {
			now, _, err := a.marks(p.box, p.uid)
			if err != nil {
				return err
			}
			if !how.apply(now, flags, keywords).equal(now) {
				places = append(places, p)
			}
		}
		return nil
	})
	for _, p := range places {
		if err == nil {
			_, err = r.StoreFlags(ctx, p.box, []UID{p.uid}, how, flags, keywords)
		}
	}
	return err
}

// Expunge removes entries that have the Deleted flag, among uids (nil means all), and gives the removed UIDs in order. A
// message that then lies in no mailbox is erased. ErrLegalHold or ErrHeld if some stay for that reason; the others are
// removed then, too.
func (r *Reader) Expunge(ctx context.Context, id MailboxID, uids []UID) (out []UID, err error) {
	var stays error
	err = r.update(ctx, func(a *access) error {
		out, stays = nil, nil
		among := uids
		if uids == nil {
			if err := a.entries(uidSpan(id, 0, 0), func(uid UID, e entryRecord) bool {
				among = append(among, uid)
				return true
			}); err != nil {
				return err
			}
		}
		return a.each(id, among, func(box *mailboxRecord, uid UID, e entryRecord) error {
			if e.Flags&Deleted == 0 {
				return nil
			}
			kept, err := a.discard(id, box, uid, e)
			switch {
			case kept != nil:
				stays = kept
			case err == nil:
				out = append(out, uid)
			}
			return err
		})
	})
	if err == nil {
		err = stays
	}
	return out, err
}

// discard removes an entry for its owner's side, with a line in the audit, also of an entry that must stay: then stays is
// ErrLegalHold or ErrHeld.
func (a *access) discard(id MailboxID, box *mailboxRecord, uid UID, e entryRecord) (stays, err error) {
	err = a.mayRemove(box, spot{id, uid}, e.Message)
	event := a.reader.deletion(e.Message, err)
	switch {
	case mustStay(err):
		return err, a.record(event)
	case err != nil:
		return nil, err
	}
	return nil, errors.Join(a.record(event), a.removeEntry(id, box, uid, e), a.disposedBy(box.Owner, e.Message))
}

// mustStay tells of an error that it is of an entry that may not leave its mailbox.
func mustStay(err error) bool { return errors.Is(err, ErrLegalHold) || errors.Is(err, ErrHeld) }

// deletion is the event of one, or of one that was refused.
func (r *Reader) deletion(id MessageID, refused error) Event {
	e := Event{Actor: r.v.actor(r.p), Action: "delete", Message: id, Result: "ok", Detail: string(r.door)}
	switch {
	case errors.Is(refused, ErrLegalHold):
		e.Result = "legal hold"
	case errors.Is(refused, ErrHeld):
		e.Result = "waits for identities"
	}
	return e
}

// Copied pairs a UID with that of its copy.
type Copied struct{ From, To UID }

// Copy puts messages into another of the principal's mailboxes. The content is shared.
func (r *Reader) Copy(ctx context.Context, from MailboxID, uids []UID, to MailboxID) ([]Copied, error) {
	return r.transfer(ctx, from, uids, to, false)
}

// Move is Copy and removal in one transaction (RFC 6851). One that ErrLegalHold or ErrHeld refuses stands in the audit as a
// deletion does.
func (r *Reader) Move(ctx context.Context, from MailboxID, uids []UID, to MailboxID) ([]Copied, error) {
	return r.transfer(ctx, from, uids, to, true)
}

func (r *Reader) transfer(ctx context.Context, from MailboxID, uids []UID, to MailboxID, remove bool) (out []Copied, err error) {
	var refused MessageID
	err = r.update(ctx, func(a *access) error {
		out = nil
		there, err := a.box(to)
		if err != nil {
			return err
		}
		if from == to {
			return a.duplicate(from, uids, remove, &out)
		}
		return a.each(from, uids, func(box *mailboxRecord, uid UID, e entryRecord) error {
			put := e
			if there.Owner != box.Owner {
				put.Keywords = withStatus(e.Keywords, nil) // it would stay as it is now
			}
			copied, err := a.addEntry(to, put)
			out = append(out, Copied{uid, copied})
			if err != nil || !remove {
				return err
			}
			refused = e.Message
			return a.removeEntry(from, box, uid, e)
		})
	})
	if mustStay(err) {
		err = errors.Join(err, r.v.Audit().Record(ctx, r.deletion(refused, err)))
	}
	return out, err
}

// duplicate is a transfer within one mailbox, where each must not hold a copy of the counters that addEntry changes.
func (a *access) duplicate(id MailboxID, uids []UID, remove bool, out *[]Copied) error {
	for _, uid := range uids {
		e, found, err := a.entry(id, uid)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		copied, err := a.addEntry(id, e)
		if err != nil {
			return err
		}
		*out = append(*out, Copied{uid, copied})
		if !remove {
			continue
		}
		if err := a.each(id, []UID{uid}, func(box *mailboxRecord, uid UID, e entryRecord) error {
			return a.removeEntry(id, box, uid, e)
		}); err != nil {
			return err
		}
	}
	return nil
}

// Append starts a message that a mail client stores itself. A copy of a message that was sent already, as clients make in
// Sent after submission, is not stored twice: Commit then gives the UID of the one that is there, or of another entry of it
// if it lies in the Sent of a function address. It is
// sent to nobody, and answers to it are not answers to a sealed message. ErrNotFound from Commit if the mailbox is not
// the principal's. A zero date means now.
func (r *Reader) Append(id MailboxID, flags Flags, keywords []string, date time.Time) (*Draft, error) {
	if r.closed {
		return nil, ErrClosed
	}
	return r.v.newDraft(func(t *tx, s *sealed) (Receipt, error) {
		a, err := r.access(t)
		if err != nil {
			return Receipt{}, err
		}
		box, err := a.box(id)
		if err != nil {
			return Receipt{}, err
		}
		e := entryRecord{Message: s.id, Size: s.size}
		var known bool
		if box.Role == Sent {
			at, found, err := a.sent(id, s.index)
			if err != nil || at.box == id {
				return Receipt{ID: found.Message, At: s.at, UID: at.uid}, err
			}
			if known = at.uid != 0; known {
				e = entryRecord{Message: found.Message, Size: found.Size, Keywords: withStatus(found.Keywords, nil)}
			}
		}
		if e.Date = instantOf(date); date.IsZero() {
			e.Date = instantOf(s.at)
		}
		uid, err := a.addEntry(id, e.with(SetFlags.apply(e.marks(), flags, keywords)))
		if err != nil || known {
			return Receipt{ID: e.Message, At: s.at, UID: uid}, err
		}
		return Receipt{ID: s.id, At: s.at, UID: uid}, a.appended(s, box.Address)
	}), nil
}

func (a *access) appended(s *sealed, from policy.Address) error {
	rec := messageRecord{From: from, At: instantOf(s.at), Size: s.size, Conversation: a.conversationOf(s), Rule: "append"}
	event := Event{Actor: a.v.actor(a.reader.p), Action: "append", Message: s.id, Result: "ok", Detail: string(a.reader.door)}
	return errors.Join(
		a.saveMessage(s.id, &rec),
		a.record(event),
	)
}

// sent finds the message that this one is a copy of: of the same Message-ID, with as long a body, since only the header was
// changed when it was sealed. It gives where in a Sent of the principal's it lies, in this mailbox if it does; UID 0 if there
// is none.
func (a *access) sent(id MailboxID, ix message.Index) (at spot, e entryRecord, err error) {
	if ix.Envelope.MessageID == "" {
		return spot{}, e, nil
	}
	rec, found, err := load[messageIDRecord](a.tx, tMessageID, a.v.messageIDKey(ix.Envelope.MessageID))
	if err != nil || !found {
		return spot{}, e, err
	}
	places, err := a.places(rec.Message)
	if err != nil {
		return spot{}, e, err
	}
	for _, p := range places {
		box, err := a.box(p.box)
		if err != nil {
			return spot{}, e, err
		}
		if box.Role == Sent && at.box != id {
			at = p
		}
	}
	if at.uid == 0 {
		return spot{}, e, nil
	}
	if same, err := a.sameBody(rec.Message, ix); err != nil || !same {
		return spot{}, e, err
	}
	e, _, err = a.entry(at.box, at.uid)
	return at, e, err
}

func (a *access) sameBody(id MessageID, ix message.Index) (bool, error) {
	key, err := a.contentKey(id)
	if err != nil {
		return false, err
	}
	defer key.Wipe()
	other, err := a.index(id, key)
	return err == nil && other.Root.Body.Size == ix.Root.Body.Size, err
}
