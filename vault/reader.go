package vault

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"sigill/policy"
	"sigill/vault/internal/kv"
	"sigill/vault/internal/seal"
	"sigill/vault/message"
)

// Reader reads for one principal. Authorisation is here and, for one narrow use, in [Courier]: what does not lie in one of the principal's
// mailboxes is ErrNotFound. Membership in function addresses is asked anew in every transaction. Not for use by several
// goroutines at once, but for listings; its contents are.
type Reader struct {
	v    *Vault
	p    Principal
	own  owner
	door Door

	contents map[*Content]struct{}
	closed   bool

	mu     sync.Mutex     // for shares, which listings ask for at once
	shares map[owner]bool // function addresses, by whether their own records name the account
}

// Reader opens the vault for one principal who comes in by that door. ErrNotFound if there is no such account; a person
// always has a reader, if often an empty one.
func (v *Vault) Reader(ctx context.Context, p Principal, door Door) (*Reader, error) {
	r := &Reader{v: v, p: p, door: door, contents: map[*Content]struct{}{}, shares: map[owner]bool{}}
	if p.IsPerson() {
		r.own = v.personOwner(p.PersonID().Digits())
		return r, nil
	}
	r.own = v.staffOwner(p.Address())
	_, err := get[accountRecord](ctx, v, tAccount, p.Address())
	return r, err
}

// Principal is whom the reader reads for.
func (r *Reader) Principal() Principal { return r.p }

// Close wipes the keys of all contents that are still open. Calls after it give ErrClosed.
func (r *Reader) Close() {
	r.closed = true
	for c := range r.contents {
		c.wipe()
	}
	clear(r.contents)
}

// view and update run fn with the principal's access.
func (r *Reader) view(ctx context.Context, fn func(*access) error) error {
	if r.closed {
		return ErrClosed
	}
	return r.v.view(ctx, func(t *tx) error { return r.with(t, fn) })
}

func (r *Reader) update(ctx context.Context, fn func(*access) error) error {
	if r.closed {
		return ErrClosed
	}
	return r.v.update(ctx, func(t *tx) error { return r.with(t, fn) })
}

func (r *Reader) with(t *tx, fn func(*access) error) error {
	a, err := r.access(t)
	if err != nil {
		return err
	}
	return fn(a)
}

// access is what a principal may reach, in one transaction.
type access struct {
	*tx
	reader *Reader
	owners []owner // own, then those of function addresses, or of a person's former numbers; none if the account is no more
	boxes  map[MailboxID]bool
}

func (r *Reader) access(t *tx) (*access, error) {
	a := &access{tx: t, reader: r, boxes: map[MailboxID]bool{}}
	if r.p.IsPerson() {
		a.owners = t.numbersOf(r.own, hadBefore)
		return a, nil
	}
	if stands, err := t.stands(r.own, r.p.pass); err != nil || !stands { // it did when the session began
		return a, err
	}
	r.mu.Lock()
	functions, err := t.functionsOf(r.own, r.shares)
	r.mu.Unlock()
	a.owners = append([]owner{r.own}, functions...)
	return a, err
}

// stands tells that an account is there, and what has let it in.
func (t *tx) stands(account owner, p pass) (bool, error) {
	if p.password != "" {
		rec, found, err := load[accountRecord](t, tAccount, account[:])
		return found && rec.Password == p.password, err
	}
	return t.r.Get(tAccount, account[:]) != nil && (p.device == "" || t.r.Get(tDevice, []byte(p.device)) != nil), nil
}

func (a *access) mine(o owner) bool { return slices.Contains(a.owners, o) }

// box gives one of the principal's mailboxes. ErrNotFound.
func (a *access) box(id MailboxID) (mailboxRecord, error) {
	rec, err := a.mailbox(id)
	if err == nil && !a.mine(rec.Owner) {
		err = ErrNotFound
	}
	return rec, err
}

// places are the principal's entries of a message. The table that leads to them is not sealed; they are, and say whose they
// are.
func (a *access) places(id MessageID) (out []spot, err error) {
	for k := range a.r.Range(tWhere, kv.Prefix(id[:])) {
		p := spot{MailboxID(binary.BigEndian.Uint64(k[16:24])), UID(binary.BigEndian.Uint32(k[24:28]))}
		mine, asked := a.boxes[p.box]
		if !asked {
			_, err := a.box(p.box)
			if err != nil && !isNotFound(err) {
				return nil, err
			}
			mine = err == nil
			a.boxes[p.box] = mine
		}
		if !mine {
			continue
		}
		e, found, err := load[entryRecord](a.tx, tEntry, k[len(id):])
		if err != nil {
			return nil, err
		}
		if !found || e.Message != id {
			return nil, fmt.Errorf("%w: table %s leads to another message", ErrDamaged, tWhere)
		}
		out = append(out, p)
	}
	return out, nil
}

// spot is a mailbox and a UID in it.
type spot struct {
	box MailboxID
	uid UID
}

// message gives a message that lies in one of the principal's mailboxes. ErrNotFound.
func (a *access) message(id MessageID) (messageRecord, error) {
	places, err := a.places(id)
	if err != nil {
		return messageRecord{}, err
	}
	if len(places) == 0 {
		return messageRecord{}, ErrNotFound
	}
	rec, found, err := load[messageRecord](a.tx, tMessage, id[:])
	return rec, errors.Join(err, notIf(found || err != nil))
}

// Mailboxes are the principal's own (Inbox, Sent, Drafts, Trash, Archive and folders; a person has Inbox and Sent once
// something lies there), then those of its function addresses (Inbox, Sent and folders), ordered by address, or those of a
// person's former numbers.
func (r *Reader) Mailboxes(ctx context.Context) (out []Mailbox, err error) {
	err = r.view(ctx, func(a *access) error {
		out = nil
		for i, o := range a.owners {
			for k, v := range a.r.Range(tOwner, kv.Prefix(o[:])) { // in the order of their roles' octets
				id, rec, err := a.owned(k, v)
				if err != nil {
					return err
				}
				out = append(out, rec.mailbox(id, i > 0 && !r.p.IsPerson()))
			}
		}
		return nil
	})
	slices.SortStableFunc(out, func(x, y Mailbox) int {
		if x.Shared != y.Shared {
			return boolCompare(x.Shared, y.Shared)
		}
		return cmp.Compare(x.Owner.Key(), y.Owner.Key())
	})
	return out, err
}

func boolCompare(x, y bool) int {
	switch {
	case x == y:
		return 0
	case y:
		return -1
	}
	return 1
}

// Mailbox gives one of them. ErrNotFound.
func (r *Reader) Mailbox(ctx context.Context, id MailboxID) (out Mailbox, err error) {
	err = r.view(ctx, func(a *access) error {
		rec, err := a.box(id)
		out = rec.mailbox(id, rec.Owner != r.own && !r.p.IsPerson())
		return err
	})
	return out, err
}

// Entries are those with from <= UID <= to, oldest first; to 0 has no end.
func (r *Reader) Entries(ctx context.Context, id MailboxID, from, to UID) (out []Entry, err error) {
	err = r.view(ctx, func(a *access) error {
		out = nil
		if _, err := a.box(id); err != nil {
			return err
		}
		return a.entries(uidSpan(id, from, to), func(uid UID, e entryRecord) bool {
			out = append(out, e.entry(uid))
			return true
		})
	})
	return out, err
}

// Latest are the n newest with UID < before (0 has no limit), newest first.
func (r *Reader) Latest(ctx context.Context, id MailboxID, before UID, n int) (out []Entry, err error) {
	err = r.view(ctx, func(a *access) error {
		out = nil
		if _, err := a.box(id); err != nil || n <= 0 || before == 1 {
			return err
		}
		span := uidSpan(id, 0, max(before, 1)-1)
		span.Reverse = true
		return a.entries(span, func(uid UID, e entryRecord) bool {
			out = append(out, e.entry(uid))
			return len(out) < n
		})
	})
	return out, err
}

// Indexes gives the structure of messages, enough to list them: it opens no content and is not a read. In the order of
// ids; of a message that is not there any more, or not the principal's, nil.
func (r *Reader) Indexes(ctx context.Context, ids ...MessageID) (out []*message.Index, err error) {
	out = make([]*message.Index, len(ids))
	err = r.view(ctx, func(a *access) error {
		for i, id := range ids {
			places, err := a.places(id)
			if err != nil {
				return err
			}
			if len(places) == 0 {
				continue
			}
			key, err := a.contentKey(id)
			if err == nil {
				out[i], err = a.index(id, key)
				key.Wipe()
			}
			if err != nil && !isNotFound(err) {
				return err
			}
		}
		return nil
	})
	return out, err
}

func (t *tx) contentKey(id MessageID) (*seal.Key, error) {
	wrapped := t.r.Get(tKey, id[:])
	if wrapped == nil {
		return nil, ErrNotFound
	}
	return t.unwrap(id, wrapped)
}

func (t *tx) unwrap(id MessageID, wrapped []byte) (*seal.Key, error) {
	e, wrapped, err := t.v.ring.epochOf(wrapped)
	if err != nil {
		return nil, err
	}
	return seal.Unwrap(e.wrap, wrapped, seal.ID(id))
}

func (t *tx) putContentKey(id MessageID, key *seal.Key) error {
	e := t.v.ring.sealing()
	return t.w.Put(tKey, id[:], append(be32(e.number), seal.Wrap(e.wrap, key, seal.ID(id))...))
}

func (t *tx) index(id MessageID, key *seal.Key) (*message.Index, error) {
	sealed := t.r.Get(tIndex, id[:])
	if sealed == nil {
		return nil, ErrNotFound
	}
	plain, err := key.OpenOnly("index", nil, sealed, t.place(tIndex, id[:]))
	if err != nil {
		return nil, err
	}
	ix := new(message.Index)
	return ix, decodeInPlace(plain, ix)
}

// Info gives what is known of a message beside its content. ErrNotFound.
func (r *Reader) Info(ctx context.Context, id MessageID) (info Info, err error) {
	err = r.view(ctx, func(a *access) error {
		rec, err := a.message(id)
		if err == nil {
			info, err = a.info(id, rec)
		}
		return err
	})
	return info, err
}

// info shows recipients to the sender's side only; others, a Bcc recipient's neighbours among them, see themselves.
func (a *access) info(id MessageID, rec messageRecord) (Info, error) {
	info := Info{
		ID: id, Conversation: rec.Conversation, From: rec.From, FromPerson: rec.FromPerson, At: rec.At.time(), Size: rec.Size,
		Held: rec.Held, RecalledAt: rec.Recalled.time(), Fence: rec.Fence.fence(),
	}
	all := a.sender(rec)
	if all {
		info.Account, info.Rule = rec.Account, rec.Rule
	}
	if !a.reader.p.IsPerson() {
		info.Purpose = Purpose{Text: rec.Purpose, Basis: rec.LegalBasis}
	}
	for _, r := range rec.Recipients {
		if !all && !a.is(r) {
			continue
		}
		state := RecipientState{Address: r.Address, Kind: r.Kind, Status: r.Status, At: r.At.time(), Masked: masked(r.Person)}
		if all {
			state.Past = r.past()
			state.Asked, state.Claims, state.Mismatch = r.Asked.time(), r.claims(), r.Mismatch.time()
		}
		if all && rec.Held && r.Person != "" {
			at, err := a.verified(r)
			if err != nil {
				return info, err
			}
			state.Verified = at.time()
		}
		info.Recipients = append(info.Recipients, state)
	}
	var err error
	info.DisposedAt, err = a.disposedAt(id, rec)
	return info, err
}

// masked is the form of digits that a person recognises, "" of none.
func masked(digits string) string {
	p, err := policy.ParsePersonID(digits)
	if err != nil {
		return ""
	}
	return p.Masked()
}

// sender tells whether the principal sent the message, or a function address it belongs to.
func (a *access) sender(rec messageRecord) bool {
	return !rec.FromPerson && a.mine(a.v.staffOwner(rec.From))
}

// is tells whether the principal is this recipient, or belongs to it.
func (a *access) is(r recipientRecord) bool {
	return a.mine(a.v.ownerOf(r))
}

func (v *Vault) ownerOf(r recipientRecord) owner {
	if r.Person != "" {
		return v.personOwner(r.Person)
	}
	return v.staffOwner(r.Address)
}

// Conversation is the messages of id's conversation that the principal may open, oldest first, id among them.
func (r *Reader) Conversation(ctx context.Context, id MessageID) (out []Info, err error) {
	err = r.view(ctx, func(a *access) error {
		out = nil
		rec, err := a.message(id)
		if err != nil {
			return err
		}
		for k, v := range a.r.Range(tConversation, kv.Prefix(rec.Conversation[:])) {
			other := MessageID(v)
			rec, err := a.message(other)
			if isNotFound(err) {
				continue
			}
			if err == nil && !bytes.Equal(k, rec.conversationKey()) { // the table is not sealed
				err = fmt.Errorf("%w: message %s is said to be of another conversation", ErrDamaged, other)
			}
			if err != nil {
				return err
			}
			info, err := a.info(other, rec)
			if err != nil {
				return err
			}
			out = append(out, info)
		}
		return nil
	})
	return out, err
}
