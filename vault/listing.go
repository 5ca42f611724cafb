package vault

import (
	"context"
	"fmt"

	"sigill/vault/internal/seal"
	"sigill/vault/message"
)

// EachIndex gives the structure of entries of one of the principal's mailboxes, one after the other, until fn returns false:
// as Indexes, for lists of thousands. fn runs in the transaction, so it must not do network I/O, and keeps nothing of the
// index, whose memory is the next one's. An error that fn is given is of that entry alone, such as ErrNotFound for one that
// is gone. It may be called by several goroutines at once, as EachHeader and Entries may.
func (r *Reader) EachIndex(ctx context.Context, id MailboxID, entries []Entry, fn func(Entry, *message.Index, error) bool) error {
	return r.list(ctx, id, func(l *lister) {
		for _, e := range entries {
			if err := l.open(e); !fn(e, &l.index, mapError(err)) {
				break
			}
		}
	})
}

// EachHeader is EachIndex with the octets of the messages' headers, to which what is said of the index applies. They are no
// read, as those of Headers. A header that is longer than a chunk is nil, so that little memory is needed.
func (r *Reader) EachHeader(ctx context.Context, id MailboxID, entries []Entry, fn func(Entry, *message.Index, []byte, error) bool) error {
	return r.list(ctx, id, func(l *lister) {
		for _, e := range entries {
			header, err := l.openHeader(e)
			if !fn(e, &l.index, header, mapError(err)) {
				break
			}
		}
	})
}

func (r *Reader) list(ctx context.Context, id MailboxID, fn func(*lister)) error {
	return r.view(ctx, func(a *access) error {
		if _, err := a.box(id); err != nil {
			return err
		}
		l := &lister{access: a, box: id, key: seal.NewKey()}
		defer l.wipe()
		fn(l)
		return nil
	})
}

// lister reads what lists are made of, message by message into the same memory.
type lister struct {
	*access
	box   MailboxID
	key   *seal.Key // of the message that was opened last
	index message.Index
	texts []byte // of the index
	chunk []byte
	where []byte // key of that table
}

func (l *lister) wipe() {
	l.key.Wipe()
	clear(l.texts[:cap(l.texts)])
	clear(l.chunk[:cap(l.chunk)])
}

// open reads the index of an entry's message, if that lies there. What is asked of the store comes in the order it lies in,
// so that it is found by a step.
func (l *lister) open(e Entry) error {
	id := e.Message[:]
	wrapped, sealed := l.r.Get(tKey, id), l.r.Get(tIndex, id)
	l.where = appendEntryKey(append(l.where[:0], id...), l.box, e.UID)
	if wrapped == nil || sealed == nil || l.r.Get(tWhere, l.where) == nil {
		return ErrNotFound
	}
	epoch, wrapped, err := l.v.ring.epochOf(wrapped)
	if err != nil {
		return err
	}
	if err := l.key.Unwrap(epoch.wrap, wrapped, id); err != nil {
		return err
	}
	plain, err := l.key.OpenOnly("index", l.texts[:0], sealed, l.place(tIndex, id))
	if err != nil {
		return err
	}
	l.texts = plain
	return decodeInPlace(plain, &l.index)
}

// openHeader is open, and gives the header.
func (l *lister) openHeader(e Entry) ([]byte, error) {
	if err := l.open(e); err != nil {
		return nil, err
	}
	at, size := l.index.Root.Header, min(l.index.Size, seal.ChunkSize)
	if at.Offset+at.Size > size {
		return nil, nil
	}
	sealed := l.r.Get(tChunk, chunkKey(e.Message, 0))
	if sealed == nil {
		return nil, fmt.Errorf("%w: chunk 0 of message %s is missing", ErrDamaged, e.Message)
	}
	plain, err := seal.NewChunks(l.key, seal.ID(e.Message)).Open(l.chunk[:0], 0, size == l.index.Size, sealed)
	if err != nil {
		return nil, fmt.Errorf("chunk 0 of message %s: %w", e.Message, err)
	}
	if l.chunk = plain; int64(len(plain)) != size {
		return nil, fmt.Errorf("%w: chunk 0 of message %s has the wrong size", ErrDamaged, e.Message)
	}
	return plain[at.Offset:][:at.Size], nil
}
