package kv

import (
	"context"
	"sync"

	"go.etcd.io/bbolt"
)

// BoltOptions are what OpenBolt may be told.
type BoltOptions struct {
	// MaxSize is how many octets the file may grow to; 0 = no limit but the disk's. bbolt counts the next
	// 16 MiB as used already. Some more is kept for updates that delete more than they write, so that a full store can be
	// emptied; below 48 MiB that has no effect.
	MaxSize int64
	// Together are groups of tables whose keys begin with 16 octets by which they are written together. Each group lies in
	// one tree, ordered by those, so a commit touches fewer pages. A store keeps the groups it was made with: give the same
	// ones each time, and add tables at the end of a group only.
	Together [][]Table
	// Growing are tables, or the first ones of groups, whose new keys mostly come after those that are there. Their pages are
	// filled nearly to the end; those of other tables are left half empty for keys that come between.
	Growing []Table
}

// Bolt is the engine on one bbolt file, for one process.
type Bolt struct {
	db      *bbolt.DB
	layout  layout
	growing []Table
	reserve int // octets of MaxSize that are kept for deletions

	turn    sync.Mutex // guards the next three
	waiting []*job     // updates that come while somebody writes
	writing bool
	shared  bool // the last commit was of several updates

	// Only who writes uses these.
	broken error // why nothing must be written any more
	ahead  ahead

	commitTx func(*bbolt.Tx) error // a test puts one that fails

	mu     sync.RWMutex // guards closed, and that no call begins after it is set; never held while anything waits
	closed bool
	calls  sync.WaitGroup // calls under way

	closing  sync.Once
	closeErr error
}

// OpenBolt opens the file, or makes it (0600) if there is none. ErrLocked, ErrCorrupt, ErrFull. A file that is there and
// is empty, cut off or damaged is ErrCorrupt and left as it is: it is never begun anew.
func OpenBolt(path string, o BoltOptions) (*Bolt, error) {
	reserve := reserveOf(o.MaxSize)
	db, file, err := openFile(path, int(o.MaxSize)-reserve)
	if err != nil {
		return nil, err
	}
	return &Bolt{
		db: db, layout: newLayout(o.Together), growing: o.Growing, reserve: reserve, ahead: ahead{file: file}, commitTx: commitTx,
	}, nil
}

// enter says whether a call may begin. A count and not a lock is held while it is under way: a lock that Close waits for
// would stop a call within a call, for which Close waits.
func (b *Bolt) enter() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if !b.closed {
		b.calls.Add(1)
	}
	return !b.closed
}

// Close waits for calls under way, then closes the file. It must not be called from within a call.
func (b *Bolt) Close() error {
	b.closing.Do(func() {
		b.mu.Lock()
		b.closed = true
		b.mu.Unlock()
		b.calls.Wait()
		b.closeErr = b.db.Close()
	})
	return b.closeErr
}

// View is that of Engine.
func (b *Bolt) View(ctx context.Context, fn func(Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !b.enter() {
		return ErrClosed
	}
	defer b.calls.Done()
	var failed error
	err := b.db.View(func(tx *bbolt.Tx) error {
		failed = fn(&boltTx{trees: b.trees(tx)})
		return failed
	})
	if failed != nil {
		return failed
	}
	return mapError(err)
}

// Stats are counts of a store's life so far, and its size now.
type Stats struct {
	PagesWritten int64 // since it was opened
	Size         int64 // octets of the pages in use and of those that wait to be used again
	Free         int64 // octets of the latter
}

// Stats gives what is counted. It runs beside everything else.
func (b *Bolt) Stats() (s Stats, err error) {
	if !b.enter() {
		return s, ErrClosed
	}
	defer b.calls.Done()
	err = b.db.View(func(tx *bbolt.Tx) error {
		s.Size = tx.Size()
		return nil
	})
	counted := b.db.Stats()
	s.PagesWritten = counted.TxStats.GetPageCount()
	s.Free = int64(counted.FreePageN+counted.PendingPageN) * int64(b.db.Info().PageSize)
	return s, err
}
