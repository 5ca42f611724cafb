package vault

import (
	"context"
	"fmt"

	"sigill/vault/internal/kv"
	"sigill/vault/internal/seal"
	"sigill/vault/message"
)

// Wanted is what a list is made of. A header's octets are no read, as those of Headers.
type Wanted struct {
	Index  bool // the structure
	Header HeaderPart
}

// HeaderPart is what is wanted of headers.
type HeaderPart int

// The least is the cheapest.
const (
	NoHeader    HeaderPart = iota
	Uncluttered            // at least what [message.AppendUncluttered] leaves
	WholeHeader
)

// Each gives what is wanted of the messages of entries of one of the principal's mailboxes, one after the other, until fn
// returns false: as Indexes, for lists of thousands. fn runs in the transaction, so it must not do network I/O, and keeps
// nothing of what it is given, whose memory is the next one's. An error that fn is given is of that entry alone, such as
// ErrNotFound for one that is gone. A header that is longer than a chunk is nil, so that little memory is needed. Each may be
// called by several goroutines at once, as Entries may.
func (r *Reader) Each(ctx context.Context, id MailboxID, entries []Entry, want Wanted, fn func(Entry, *message.Index, []byte, error) bool) error {
	return r.view(ctx, func(a *access) error {
		if _, err := a.box(id); err != nil {
			return err
		}
		l := &lister{access: a, box: id, want: want, key: seal.NewKey()}
		defer l.wipe()
		for _, e := range entries {
			header, err := l.open(e)
			if !fn(e, &l.index, header, mapError(err)) {
				break
			}
		}
		return nil
	})
}

// lister reads what lists are made of, message by message into the same memory.
type lister struct {
	*access
	box    MailboxID
	want   Wanted
	key    *seal.Key // of the message that was opened last
	index  message.Index
	texts  []byte // of the index
	header []byte
	chunk  []byte
	where  []byte // key of that table
}

func (l *lister) wipe() {
	l.key.Wipe()
	clear(l.texts[:cap(l.texts)])
	clear(l.header[:cap(l.header)])
	clear(l.chunk[:cap(l.chunk)])
}

// open reads an entry's message, if that lies there, and gives its header if that is wanted. What is asked of the store comes
// in the order it lies in, so that it is found by a step.
func (l *lister) open(e Entry) (header []byte, err error) {
	id := e.Message[:]
	wrapped := l.r.Get(tKey, id)
	var sealedIndex, sealedHeader []byte
	if l.want.Index {
		sealedIndex = l.r.Get(tIndex, id)
	}
	l.where = appendEntryKey(append(l.where[:0], id...), l.box, e.UID)
	if wrapped == nil || l.r.Get(tWhere, l.where) == nil {
		return nil, ErrNotFound
	}
	if l.want.Header == Uncluttered {
		sealedHeader = l.r.Get(tHeader, id)
	}
	if err := l.unwrap(wrapped, id); err != nil {
		return nil, err
	}
	if sealedHeader != nil {
		header, err = l.openBeside(&l.header, tHeader, id, sealedHeader)
		if err != nil || !l.want.Index {
			return header, err
		}
	}
	if sealedIndex == nil {
		sealedIndex = l.r.Get(tIndex, id)
	}
	if err := l.openIndex(id, sealedIndex); err != nil {
		return nil, err
	}
	if l.want.Header != NoHeader && header == nil {
		return l.openChunk(e.Message)
	}
	return header, nil
}

// unwrap makes the message's key the lister's.
func (l *lister) unwrap(wrapped, id []byte) error {
	epoch, wrapped, err := l.v.ring.epochOf(wrapped)
	if err != nil {
		return err
	}
	return l.key.Unwrap(epoch.wrap, wrapped, id)
}

func (l *lister) openIndex(id, sealed []byte) error {
	if sealed == nil {
		return ErrNotFound
	}
	plain, err := l.openBeside(&l.texts, tIndex, id, sealed)
	if err != nil {
		return err
	}
	return decodeInPlace(plain, &l.index)
}

// openBeside opens a record that is sealed under the message's key.
func (l *lister) openBeside(room *[]byte, table kv.Table, id, sealed []byte) ([]byte, error) {
	plain, err := l.key.OpenOnly("index", (*room)[:0], sealed, l.place(table, id))
	if err == nil {
		*room = plain
	}
	return plain, err
}

// openChunk gives the whole header.
func (l *lister) openChunk(id MessageID) ([]byte, error) {
	at, size := l.index.Root.Header, min(l.index.Size, seal.ChunkSize)
	if at.Offset+at.Size > size {
		return nil, nil
	}
	sealed := l.r.Get(tChunk, chunkKey(id, 0))
	if sealed == nil {
		return nil, fmt.Errorf("%w: chunk 0 of message %s is missing", ErrDamaged, id)
	}
	plain, err := seal.NewChunks(l.key, seal.ID(id)).Open(l.chunk[:0], 0, size == l.index.Size, sealed)
	if err != nil {
		return nil, fmt.Errorf("chunk 0 of message %s: %w", id, err)
	}
	if l.chunk = plain; int64(len(plain)) != size {
		return nil, fmt.Errorf("%w: chunk 0 of message %s has the wrong size", ErrDamaged, id)
	}
	return plain[at.Offset:][:at.Size], nil
}
