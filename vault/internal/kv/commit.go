package kv

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"

	"go.etcd.io/bbolt"
)

const (
	// maxBatch and maxBytes bound how many updates share one commit and how much they write, and so how long one waits
	// for the others.
	maxBatch = 512
	maxBytes = 8 << 20
)

// job is one update that waits for its commit.
type job struct {
	ctx   context.Context
	fn    func(Writer) error
	tx    *boltTx // of the last run
	err   error
	panic any
	done  chan struct{}
}

// Update is that of Engine. Commits are shared without a timer: while one is on its way to the disk, updates gather for
// the next; a lone one waits for nobody, and is committed by its caller, since to wake another goroutine for it costs more
// than it gains.
func (b *Bolt) Update(ctx context.Context, fn func(Writer) error) error {
	if !b.enter() {
		return ErrClosed
	}
	defer b.calls.Done()
	j := &job{ctx: ctx, fn: fn, done: make(chan struct{})}
	if b.alone(j) {
		b.commit([]*job{j})
		b.passOn()
	}
	<-j.done
	if j.panic != nil {
		panic(j.panic)
	}
	return j.err
}

// alone tells an update whose caller is to commit it. Others wait: while somebody writes, and after a commit that was shared,
// since more will come.
func (b *Bolt) alone(j *job) bool {
	b.turn.Lock()
	defer b.turn.Unlock()
	alone := !b.writing && !b.shared
	if !alone {
		b.waiting = append(b.waiting, j)
	}
	if !alone && !b.writing {
		b.calls.Add(1)
		go b.commitAll()
	}
	b.writing = true
	return alone
}

// passOn ends a caller's turn to write. It has its answer, so what is left to do is another goroutine's.
func (b *Bolt) passOn() {
	b.turn.Lock()
	defer b.turn.Unlock()
	if len(b.waiting) == 0 && !b.ahead.low() {
		b.writing = false
		return
	}
	b.calls.Add(1)
	go b.commitAll()
}

// commitAll writes until nobody waits.
func (b *Bolt) commitAll() {
	defer b.calls.Done()
	for more := true; more; {
		b.ahead.write()
		batch := b.gather()
		if more = len(batch) > 0; more {
			b.commit(batch)
		}
	}
}

// gather takes what waits already, or ends the turn to write if nothing does. Those whom the last commit has just answered
// are let run before, since many of them have their next update ready.
func (b *Bolt) gather() []*job {
	for before := -1; before < b.queued(); {
		before = b.queued()
		runtime.Gosched()
	}
	b.turn.Lock()
	defer b.turn.Unlock()
	n := min(len(b.waiting), maxBatch)
	batch := b.waiting[:n:n]
	if b.waiting = b.waiting[n:]; len(b.waiting) == 0 {
		b.waiting = nil
	}
	if b.writing = n > 0; b.writing {
		b.shared = n > 1
	}
	return batch
}

// queued is how many updates wait.
func (b *Bolt) queued() int {
	b.turn.Lock()
	defer b.turn.Unlock()
	return len(b.waiting)
}

// commit runs a batch in as few transactions as it takes. Those who must not share one run alone afterwards: who failed
// after it had written, since only then its error is of its own making, and whoever found the store full.
func (b *Bolt) commit(batch []*job) {
	var alone []*job
	for len(batch) > 0 {
		ran, err := b.try(batch)
		tried, rest := batch[:ran], batch[ran:]
		switch {
		case ran == 1:
			finish(tried[0], b.fromReserve(tried[0], err))
		case errors.Is(err, errUndone):
			var good []*job
			for _, j := range tried {
				if j.mustUndo() {
					alone = append(alone, j)
				} else {
					good = append(good, j)
				}
			}
			rest = append(good, rest...)
		case errors.Is(err, ErrFull):
			alone = append(alone, tried...)
		default:
			for _, j := range tried {
				finish(j, err)
			}
		}
		batch = rest
	}
	b.commitAlone(alone)
	b.ahead.look(b.db)
}

// commitAlone runs each in a transaction of its own. A commit that fails makes bbolt read its whole tree, so what is not
// smaller than one that did not fit is not tried.
func (b *Bolt) commitAlone(jobs []*job) {
	fits, full := math.MaxInt, error(nil)
	for _, j := range jobs {
		if j.tx.put >= fits && j.tx.freed == 0 && j.err == nil && j.panic == nil {
			finish(j, full)
			continue
		}
		_, err := b.try([]*job{j})
		if errors.Is(err, ErrFull) && j.tx.freed == 0 {
			fits, full = min(fits, j.tx.put), err
		}
		finish(j, b.fromReserve(j, err))
	}
}

// fromReserve runs an update that found the store full once more on what is kept for those that free more than they take.
func (b *Bolt) fromReserve(j *job, err error) error {
	if b.reserve == 0 || !errors.Is(err, ErrFull) || j.tx.freed <= j.tx.put {
		return err
	}
	b.db.MaxSize += b.reserve
	defer func() { b.db.MaxSize -= b.reserve }()
	_, err = b.try([]*job{j})
	return err
}

// finish answers an update: with its own error if its function failed, with err if its transaction did.
func finish(j *job, err error) {
	if err != nil && !errors.Is(err, errUndone) {
		j.err, j.panic = err, nil
	}
	close(j.done)
}

// errUndone and errNothing end a transaction that is not to be committed.
var (
	errUndone  = errors.New("kv: an update failed after it had written")
	errNothing = errors.New("kv: nothing was written")
)

// try runs jobs, all of them or as many as make a large commit, in one transaction and commits it. err is the commit's,
// or errUndone; what the jobs' functions gave is in the jobs.
func (b *Bolt) try(batch []*job) (ran int, err error) {
	if b.broken != nil {
		return len(batch), b.broken
	}
	defer func() {
		if p := recover(); p != nil { // of bbolt's; the caller's goroutine may be one that recovers, and keep the turn
			b.broken = fmt.Errorf("%w: %v", ErrCorrupt, p)
			ran, err = len(batch), b.broken
		}
	}()
	tx, err := b.db.Begin(true)
	if err != nil {
		return len(batch), mapError(err)
	}
	ran, err = runAll(b.trees(tx), batch)
	if err != nil {
		err = errors.Join(err, tx.Rollback())
	} else if err = b.commitWhole(tx); err != nil && !errors.Is(err, ErrFull) {
		// What the file holds after a failed sync is not known, and later ones may succeed without it.
		b.broken = fmt.Errorf("kv: not written to after a failed commit: %w", err)
	}
	if err != nil && !errors.Is(err, errNothing) {
		return ran, err
	}
	for _, j := range batch[:ran] {
		j.runHooks()
	}
	return ran, nil
}

// runAll gives errUndone if there is what must not be committed. It goes on after that: whoever fails then is found in
// the same run.
func runAll(t *trees, batch []*job) (ran int, err error) {
	put, result := 0, errNothing
	for _, j := range batch {
		if put >= maxBytes {
			break
		}
		j.run(t)
		ran, put = ran+1, put+j.tx.put
		switch {
		case j.mustUndo():
			result = errUndone
		case j.tx.wrote && result != errUndone:
			result = nil
		}
	}
	return ran, result
}

// commitWhole commits, and keeps what ErrFull promises: that nothing was changed. Where files are copied on write, the sync
// that ends a commit can find no room after the commit could be seen already.
func (b *Bolt) commitWhole(tx *bbolt.Tx) error {
	number := tx.ID()
	err := b.commitTx(tx)
	if errors.Is(err, ErrFull) && b.reached(number) {
		return fmt.Errorf("kv: no room to make a commit durable: %v", err) // %v: it must not match ErrFull
	}
	return err
}

// reached tells whether a view sees the commit of that number.
func (b *Bolt) reached(number int) bool {
	seen := math.MaxInt
	b.db.View(func(tx *bbolt.Tx) error { seen = tx.ID(); return nil }) // without a map: not known, so as if it did
	return seen >= number
}

// commitTx turns bbolt's panics on a damaged file into an error, which would end the process here.
func commitTx(tx *bbolt.Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.Join(fmt.Errorf("%w: %v", ErrCorrupt, p), tx.Rollback())
		}
	}()
	return mapError(tx.Commit())
}

func (j *job) failed() bool { return j.err != nil || j.panic != nil }

func (j *job) mustUndo() bool { return j.failed() && j.tx.wrote }

// run runs the function of the update in its part of the transaction.
func (j *job) run(t *trees) {
	j.tx, j.panic = &boltTx{trees: t}, nil
	if j.err = j.ctx.Err(); j.err != nil {
		return
	}
	defer func() { j.panic = recover() }()
	j.err = mapError(j.fn(j.tx))
}

// runHooks runs what the update asked for. If a hook panics, the others run all the same, and the caller panics.
func (j *job) runHooks() {
	if j.failed() {
		return
	}
	for _, hook := range j.tx.hooks {
		func() {
			defer func() {
				if p := recover(); p != nil {
					j.panic = p
				}
			}()
			hook()
		}()
	}
}
