package vault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"sigill/vault/internal/kv"
	"sigill/vault/internal/seal"
	"sigill/vault/message"
)

// Open opens messages for reading. The principal's first read of each is in the audit, in one commit for all of them,
// before Open returns; if the audit cannot be written, nothing is opened. A message that is not there or not the
// principal's makes the whole call ErrNotFound, and that too is in the audit. The recipient's status becomes Opened. No
// flag is set.
func (r *Reader) Open(ctx context.Context, ids ...MessageID) ([]*Content, error) {
	var out []*Content
	var first []MessageID
	err := r.view(ctx, func(a *access) error {
		out, first = nil, nil
		for _, id := range ids {
			c, err := a.content(id)
			if err != nil {
				return &openError{id, err}
			}
			out = append(out, c)
			if a.r.Get(tOpened, a.openedKey(id)) == nil {
				first = append(first, id)
			}
		}
		return nil
	})
	if err == nil && len(first) > 0 {
		err = r.update(ctx, func(a *access) error { return a.opened(first) })
	}
	if err != nil {
		for _, c := range out {
			c.wipe()
		}
		return nil, r.refused(ctx, err)
	}
	for _, c := range out {
		r.contents[c] = struct{}{}
	}
	return out, nil
}

// Headers opens only the headers of messages, for lists: it is not a read, and what lies beyond a header is as if the
// message ended there. ErrNotFound as in Open.
func (r *Reader) Headers(ctx context.Context, ids ...MessageID) ([]*Content, error) {
	out, err := r.unread(ctx, ids)
	for _, c := range out {
		c.end = min(c.size, c.index.Root.Header.Offset+c.index.Root.Header.Size)
	}
	return out, err
}

// unread opens messages for what is not a read.
func (r *Reader) unread(ctx context.Context, ids []MessageID) ([]*Content, error) {
	var out []*Content
	err := r.view(ctx, func(a *access) error {
		out = nil
		for _, id := range ids {
			c, err := a.content(id)
			if err != nil {
				return err
			}
			out = append(out, c)
		}
		return nil
	})
	if err != nil {
		for _, c := range out {
			c.wipe()
		}
		return nil, err
	}
	for _, c := range out {
		r.contents[c] = struct{}{}
	}
	return out, nil
}

// openError tells which message could not be opened.
type openError struct {
	id  MessageID
	err error
}

func (e *openError) Error() string { return fmt.Sprintf("vault: message %s: %v", e.id, e.err) }
func (e *openError) Unwrap() error { return e.err }

// refused puts a refused read in the audit.
func (r *Reader) refused(ctx context.Context, err error) error {
	var e *openError
	if !errors.As(err, &e) || !isNotFound(err) {
		return err
	}
	event := Event{Actor: r.v.actor(r.p), Action: "read", Message: e.id, Result: "refused", Detail: string(r.door)}
	return errors.Join(err, r.v.Audit().Record(ctx, event))
}

func (a *access) openedKey(id MessageID) []byte {
	sum := a.v.lookup.Digest("opened", []byte(a.v.actor(a.reader.p)))
	return join(id[:], sum[:16])
}

// opened puts first reads in the audit and in the recipients' status.
func (a *access) opened(ids []MessageID) error {
	for _, id := range ids {
		rec, err := a.message(id)
		if err != nil {
			return &openError{id, err} // it went since
		}
		if err := a.firstRead(id, rec); err != nil {
			return err
		}
		for n, to := range rec.Recipients {
			if !a.is(to) {
				continue
			}
			if err := a.changeRecipient(id, n, Opened); err != nil {
				return err
			}
		}
		event := Event{Actor: a.v.actor(a.reader.p), Action: "read", Message: id, Result: "ok", Detail: string(a.reader.door)}
		if err := errors.Join(a.record(event), a.mark(tOpened, a.openedKey(id))); err != nil {
			return err
		}
	}
	return nil
}

// firstRead starts the term of what is kept for some time after it was read.
func (a *access) firstRead(id MessageID, rec messageRecord) error {
	if rec.FirstRead != 0 || len(rec.Recipients) > 0 && !slices.ContainsFunc(rec.Recipients, a.is) {
		return nil
	}
	rec.FirstRead = max(instantOf(a.v.now()), a.lastRound())
	return save(a.tx, tMessage, id[:], &rec)
}

func (a *access) content(id MessageID) (*Content, error) {
	rec, err := a.message(id)
	if err != nil {
		return nil, err
	}
	c, err := a.tx.content(id, rec)
	if err == nil {
		c.reader = a.reader
	}
	return c, err
}

// content opens a message for whoever was found to be allowed.
func (t *tx) content(id MessageID, rec messageRecord) (*Content, error) {
	key, err := t.contentKey(id)
	if err != nil {
		return nil, err
	}
	ix, err := t.index(id, key)
	if err != nil {
		return nil, err
	}
	return &Content{
		engine: t.v.kv, id: id, size: rec.Size, end: rec.Size, index: ix, key: key, chunks: seal.NewChunks(key, seal.ID(id)), held: -1,
		fence: rec.Fence.bodies(),
	}, nil
}

// Content is an opened message: an [io.ReaderAt] of its raw octets for many goroutines, holding one opened chunk. No
// transaction is open between calls. Close it, or its Reader.
type Content struct {
	reader *Reader
	engine kv.Engine
	id     MessageID
	size   int64
	end    int64 // of what may be read: the size, or the header's
	index  *message.Index
	key    *seal.Key
	fence  []message.Range // of the attachments that are not handed out, in order

	// Of a draft: the sealed chunks that are not in the vault yet, from this number on.
	ahead [][]byte
	first uint32

	mu     sync.Mutex
	chunks *seal.Chunks // nil when closed
	plain  []byte       // the chunk held open
	held   int64        // its number; -1 if none
}

// ID is the message's.
func (c *Content) ID() MessageID { return c.id }

// Index is the message's structure.
func (c *Content) Index() *message.Index { return c.index }

// Size is the raw message's octets.
func (c *Content) Size() int64 { return c.size }

// Section reads a range of the raw message, such as a part's body.
func (c *Content) Section(r message.Range) *io.SectionReader {
	return io.NewSectionReader(c, r.Offset, r.Size)
}

// ReadAt is that of io.ReaderAt. ErrDamaged, ErrClosed; ErrFenced where an attachment is that may be malware; ErrNotFound if
// the message was erased meanwhile. What it has read into p before an error is right.
func (c *Content) ReadAt(p []byte, off int64) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if off < 0 {
		return 0, errors.New("vault: negative offset")
	}
	for n < len(p) {
		if off >= c.end {
			return n, io.EOF
		}
		end := c.before(off)
		if end <= off {
			return n, ErrFenced
		}
		if err := c.hold(off / seal.ChunkSize); err != nil {
			return n, err
		}
		want := p[n:]
		want = want[:min(int64(len(want)), end-off)]
		m := copy(want, c.plain[off%seal.ChunkSize:])
		n, off = n+m, off+int64(m)
	}
	return n, nil
}

// before is how far can be read from off: to the next fence, or to the end.
func (c *Content) before(off int64) int64 {
	for _, f := range c.fence {
		if off < f.Offset+f.Size {
			return min(f.Offset, c.end)
		}
	}
	return c.end
}

// hold opens a chunk in place of the one held open.
func (c *Content) hold(number int64) error {
	if c.chunks == nil {
		return ErrClosed
	}
	if number == c.held {
		return nil
	}
	c.held = -1
	last, want := (number+1)*seal.ChunkSize >= c.size, min(seal.ChunkSize, c.size-number*seal.ChunkSize)
	if int64(cap(c.plain)) < want {
		freeRoom(c.plain)
		c.plain = newRoom(want)
	}
	err := c.engine.View(context.Background(), func(r kv.Reader) error {
		sealed := c.sealed(r, uint32(number))
		if sealed == nil {
			if r.Get(tKey, c.id[:]) == nil {
				return ErrNotFound
			}
			return fmt.Errorf("%w: chunk %d of message %s is missing", ErrDamaged, number, c.id)
		}
		plain, err := c.chunks.Open(c.plain[:0], uint32(number), last, sealed)
		if err != nil {
			return fmt.Errorf("chunk %d of message %s: %w", number, c.id, err)
		}
		c.plain = plain
		return nil
	})
	if err == nil && int64(len(c.plain)) != want {
		err = fmt.Errorf("%w: chunk %d of message %s has the wrong size", ErrDamaged, number, c.id)
	}
	if err == nil {
		c.held = number
	}
	return mapError(err)
}

func (c *Content) sealed(r kv.Reader, number uint32) []byte {
	if n := int64(number) - int64(c.first); len(c.ahead) > 0 && n >= 0 && n < int64(len(c.ahead)) {
		return c.ahead[n]
	}
	return r.Get(tChunk, chunkKey(c.id, number))
}

// Close wipes the content's key.
func (c *Content) Close() {
	c.wipe()
	if c.reader != nil {
		delete(c.reader.contents, c)
	}
}

func (c *Content) wipe() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key.Wipe()
	c.chunks = nil
	freeRoom(c.plain)
	c.plain, c.held = nil, -1
}
