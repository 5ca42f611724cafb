package kv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// BoltOptions are what OpenBolt may be told.
type BoltOptions struct {
	MaxSize int64 // octets of the file; 0 = no limit but the disk's
}

const (
	// mapSize is the address space reserved for the file. bbolt makes a writer that outgrows its map wait for every
	// reader; address space costs nothing.
	mapSize = 64 << 30
	// lockWait is how long a second process waits for the file.
	lockWait = time.Second
)

// Bolt is the engine on one bbolt file, for one process.
type Bolt struct {
	db    *bbolt.DB
	queue chan *job
	done  chan struct{} // closed when the committer has ended

	mu     sync.RWMutex // guards closed; held for reading while a call is under way
	closed bool
}

// OpenBolt opens the file, or makes it (0600) if there is none. ErrLocked, ErrCorrupt, ErrFull. A file that is there and
// is empty or cut off is ErrCorrupt: it is never begun anew.
func OpenBolt(path string, o BoltOptions) (*Bolt, error) {
	info, err := os.Stat(path)
	fresh := errors.Is(err, fs.ErrNotExist)
	if err != nil && !fresh {
		return nil, err
	}
	if !fresh && info.Size() == 0 {
		return nil, fmt.Errorf("%w: %s is empty", ErrCorrupt, path)
	}
	db, err := openFile(path, o)
	if err != nil {
		return nil, err
	}
	if fresh {
		if err := syncDir(filepath.Dir(path)); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	b := &Bolt{db: db, queue: make(chan *job, maxBatch), done: make(chan struct{})}
	go b.commitAll()
	return b, nil
}

// openFile turns bbolt's panics on a file cut off under its pages into an error.
func openFile(path string, o BoltOptions) (db *bbolt.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %s: %v", ErrCorrupt, path, p)
		}
	}()
	db, err = bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:         lockWait,
		FreelistType:    bbolt.FreelistMapType,
		NoFreelistSync:  true,
		InitialMmapSize: mapSize,
		MaxSize:         int(o.MaxSize),
	})
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("%w: %s", ErrLocked, path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, fmt.Errorf("%w: %s: %w", ErrCorrupt, path, err)
	}
	return nil, mapError(err)
}

// syncDir makes a new file's name durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func mapError(err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrMaxSizeReached), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case errors.Is(err, bolterrors.ErrDatabaseNotOpen):
		return ErrClosed
	}
	return err
}

// Close waits for calls under way, then closes the file.
func (b *Bolt) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	close(b.queue)
	b.mu.Unlock()
	<-b.done
	return b.db.Close()
}

// View is that of Engine.
func (b *Bolt) View(ctx context.Context, fn func(Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return ErrClosed
	}
	var failed error
	err := b.db.View(func(tx *bbolt.Tx) error {
		failed = fn(&boltTx{tx: tx})
		return failed
	})
	if failed != nil {
		return failed
	}
	return mapError(err)
}

// boltTx is one caller's part of a bbolt transaction.
type boltTx struct {
	tx    *bbolt.Tx
	hooks []func()
}

func (t *boltTx) Get(table Table, key []byte) []byte {
	if bucket := t.tx.Bucket([]byte(table)); bucket != nil {
		return bucket.Get(key)
	}
	return nil
}

func (t *boltTx) Put(table Table, key, value []byte) error {
	bucket, err := t.tx.CreateBucketIfNotExists([]byte(table))
	if err != nil {
		return err
	}
	return bucket.Put(key, value)
}

func (t *boltTx) Delete(table Table, key []byte) error {
	if bucket := t.tx.Bucket([]byte(table)); bucket != nil {
		return bucket.Delete(key)
	}
	return nil
}

func (t *boltTx) OnCommit(fn func()) { t.hooks = append(t.hooks, fn) }

func (t *boltTx) Range(table Table, s Span) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		bucket := t.tx.Bucket([]byte(table))
		if bucket == nil {
			return
		}
		cursor := bucket.Cursor()
		if s.Reverse {
			backward(cursor, s, yield)
			return
		}
		for k, v := cursor.Seek(s.From); k != nil && before(k, s.To) && yield(k, v); k, v = cursor.Next() {
		}
	}
}

func backward(c *bbolt.Cursor, s Span, yield func(k, v []byte) bool) {
	k, v := c.Last()
	if s.To != nil {
		// Seek gives the first key at or after To; what is wanted lies before it, or is the last of all.
		if at, _ := c.Seek(s.To); at != nil {
			k, v = c.Prev()
		} else {
			k, v = c.Last()
		}
	}
	for ; k != nil && bytes.Compare(k, s.From) >= 0 && yield(k, v); k, v = c.Prev() {
	}
}

func before(k, to []byte) bool { return to == nil || bytes.Compare(k, to) < 0 }
