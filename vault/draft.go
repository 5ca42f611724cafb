package vault

import (
	"bytes"
	"context"
	"sync"
	"time"

	"sigill/vault/internal/kv"
	"sigill/vault/internal/seal"
	"sigill/vault/message"
)

// stageChunks is how many sealed chunks a draft holds before it stages them: 1 MiB, so that one long mail keeps the
// others waiting for milliseconds only.
const stageChunks = 4

// Draft is a message on its way in: an [io.Writer] of the raw message. What is written is sealed at once; a long message
// is staged in short transactions and becomes visible with Commit only. For one goroutine at a time; end it by Commit or
// Abort.
type Draft struct {
	v       *Vault
	id      MessageID
	chunks  *seal.Chunks
	content *seal.Key
	indexer *message.Indexer
	finish  func(*tx, *sealed) (Receipt, error)
	fences  bool // what is suspect is taken all the same, behind a fence

	header uncluttered // once the first chunk is sealed
	plain  []byte      // less than one chunk, or a whole one that may be the last
	staged [][]byte    // sealed, not yet written
	spare  [][]byte    // room of chunks that were written
	room   *room       // where plain, and then its chunk, lies; nil if it has its own
	count  uint32      // chunks sealed
	wrote  uint32      // chunks staged in the vault
	size   int64
	err    error // sticky
	ended  bool
}

// sealed is a message ready to be linked in a transaction.
type sealed struct {
	id     MessageID
	at     time.Time
	size   int64
	index  message.Index
	record []byte       // the index, sealed
	header []byte       // the header without clutter, sealed; nil if it is long
	fence  *fenceRecord // nil: nothing suspect
}

func (v *Vault) newDraft(finish func(*tx, *sealed) (Receipt, error)) *Draft {
	id, content := newMessageID(v.now()), seal.NewKey()
	return &Draft{
		v:       v,
		id:      id,
		content: content,
		chunks:  seal.NewChunks(content, seal.ID(id)),
		indexer: message.NewIndexer(message.Limits{}),
		finish:  finish,
	}
}

// Write takes the next octets of the raw message. Errors, ErrFull among them, are sticky.
func (w *Draft) Write(p []byte) (int, error) {
	if w.ended {
		return 0, ErrClosed
	}
	n := len(p)
	w.indexer.Write(p) // never fails, by its contract
	w.size += int64(n)
	for len(p) > 0 && w.err == nil {
		if len(w.plain) == seal.ChunkSize {
			w.sealChunk(false)
		}
		part := p[:min(len(p), seal.ChunkSize-len(w.plain))]
		w.makeRoom(len(part))
		w.plain = append(w.plain, part...)
		p = p[len(part):]
	}
	if w.err != nil {
		return 0, w.err
	}
	return n, nil
}

// makeRoom sees to it that n more octets of a chunk, and in the end its tag, fit where the chunk is gathered.
func (w *Draft) makeRoom(n int) {
	want := len(w.plain) + n + seal.ChunkOverhead
	if want <= cap(w.plain) {
		return
	}
	switch n := len(w.spare); {
	case n > 0 && w.plain == nil:
		w.plain, w.spare = w.spare[n-1], w.spare[:n-1]
	case w.count == 0 && w.room == nil && want <= len(room{}):
		w.room = rooms.Get().(*room)
		w.plain = w.room[:0]
	default:
		more := make([]byte, len(w.plain), min(max(want, 2*cap(w.plain)), seal.ChunkSize+seal.ChunkOverhead))
		copy(more, w.plain)
		clear(w.plain)
		w.plain = more
		w.leaveRoom()
	}
}

// room is where a small message lies until it is committed.
type room [16 << 10]byte

var rooms = sync.Pool{New: func() any { return new(room) }}

// leaveRoom gives the room to other messages. What is left in it is sealed, or was cleared.
func (w *Draft) leaveRoom() {
	if w.room != nil {
		rooms.Put(w.room)
		w.room = nil
	}
}

// sealChunk seals what is gathered where it lies. Only Commit knows which chunk is the last.
func (w *Draft) sealChunk(last bool) {
	if w.count == 0 {
		w.header.take(w.plain)
	}
	w.makeRoom(0)
	w.staged = append(w.staged, w.chunks.Seal(w.plain[:0], w.count, last, w.plain))
	w.count++
	w.plain = nil
	if !last && len(w.staged) == stageChunks {
		// Staging is not bound to a caller's patience: a cut-off one would leave the draft half written.
		w.err = w.v.update(context.Background(), w.stage)
		for _, c := range w.staged {
			w.spare = append(w.spare, c[:0])
		}
		w.wrote, w.staged = w.count, w.staged[:0]
	}
}

func (w *Draft) stage(t *tx) error {
	if err := t.w.Put(tStaging, w.id[:], w.v.run[:]); err != nil {
		return err
	}
	return w.putChunks(t)
}

func (w *Draft) putChunks(t *tx) error {
	for i, c := range w.staged {
		if err := t.w.Put(tChunk, chunkKey(w.id, w.wrote+uint32(i)), c); err != nil {
			return err
		}
	}
	return nil
}

func chunkKey(id MessageID, n uint32) []byte { return join(id[:], be32(n)) }

// Commit links the message, in one transaction with all that follows from it, and returns when that is durable. The
// message's time is now, before it is scanned. After an error nothing of the message is visible; of a scan it is a
// [SuspectError] or ErrUnscanned.
func (w *Draft) Commit(ctx context.Context) (Receipt, error) {
	if w.ended {
		return Receipt{}, ErrClosed
	}
	defer w.Abort() // clears away what was staged if the commit did not link it
	if w.err == nil {
		w.sealChunk(true)
	}
	if w.err != nil {
		return Receipt{}, w.err
	}
	s, err := w.close()
	if err == nil {
		s.fence, err = w.scan(ctx, s)
	}
	if err != nil {
		return Receipt{}, err
	}
	var receipt Receipt
	err = w.v.update(ctx, func(t *tx) (err error) {
		receipt, err = w.finish(t, s)
		if err == nil && receipt.ID == w.id {
			err = w.link(t, s)
		}
		return err
	})
	if err == nil && receipt.ID == w.id {
		w.wrote = 0 // what was staged is linked
	}
	return receipt, err
}

func (w *Draft) close() (*sealed, error) {
	s := &sealed{id: w.id, at: w.v.now().UTC(), size: w.size, index: w.indexer.Close()}
	plain, err := encode(&s.index)
	if err != nil {
		return nil, err
	}
	box := seal.NewBox(w.content.Derive("index"))
	s.record = box.Seal(nil, plain, place(tIndex, w.id[:]))
	if w.header.worth(s.index.Root.Header) {
		s.header = box.Seal(nil, w.header.octets, place(tHeader, w.id[:]))
	}
	return s, nil
}

func (w *Draft) link(t *tx, s *sealed) error {
	// Wrapped in the transaction, so that maintenance can turn to a new epoch between two of them.
	if err := t.putContentKey(w.id, w.content); err != nil {
		return err
	}
	if err := t.w.Put(tIndex, w.id[:], s.record); err != nil {
		return err
	}
	if s.header != nil {
		if err := t.w.Put(tHeader, w.id[:], s.header); err != nil {
			return err
		}
	}
	if err := w.putChunks(t); err != nil {
		return err
	}
	if w.wrote == 0 {
		return nil
	}
	return t.w.Delete(tStaging, w.id[:])
}

// Abort ends the draft and forgets what was written. After Commit it does nothing.
func (w *Draft) Abort() {
	if w.ended {
		return
	}
	w.ended = true
	w.content.Wipe()
	clear(w.plain)
	clear(w.header.octets)
	w.leaveRoom()
	if w.wrote == 0 {
		return
	}
	if err := w.v.update(context.Background(), func(t *tx) error { return t.dropStaged(w.id) }); err != nil {
		w.v.log.Error("vault: staged chunks stay until the next start", "message", w.id, "error", err)
	}
}

func (t *tx) dropStaged(id MessageID) error {
	if err := t.deletePrefix(tChunk, id[:]); err != nil {
		return err
	}
	return t.w.Delete(tStaging, id[:])
}

func (t *tx) deletePrefix(table kv.Table, prefix []byte) error {
	var keys [][]byte
	for k := range t.r.Range(table, kv.Prefix(prefix)) {
		keys = append(keys, bytes.Clone(k))
	}
	for _, k := range keys {
		if err := t.w.Delete(table, k); err != nil {
			return err
		}
	}
	return nil
}

// collectOrphans drops what earlier runs of the process staged and never linked.
func (v *Vault) collectOrphans(ctx context.Context) error {
	var orphans []MessageID
	err := v.view(ctx, func(t *tx) error {
		for k, run := range t.r.Range(tStaging, kv.Span{}) {
			if !bytes.Equal(run, v.run[:]) {
				orphans = append(orphans, MessageID(k))
			}
		}
		return nil
	})
	for _, id := range orphans {
		if err == nil {
			err = v.update(ctx, func(t *tx) error { return t.dropStaged(id) })
		}
	}
	return err
}
