package kv

import (
	"context"
	"errors"

	"go.etcd.io/bbolt"
)

// maxBatch bounds how many updates share one commit, and so how long one waits for the others.
const maxBatch = 512

// job is one update that waits for its commit.
type job struct {
	ctx   context.Context
	fn    func(Writer) error
	err   error
	panic any
	done  chan struct{}
}

// Update is that of Engine. Commits are shared without a timer: while one is on its way to the disk, updates gather for
// the next; a lone one waits for nobody.
func (b *Bolt) Update(ctx context.Context, fn func(Writer) error) error {
	j := &job{ctx: ctx, fn: fn, done: make(chan struct{})}
	if err := b.enqueue(j); err != nil {
		return err
	}
	<-j.done
	if j.panic != nil {
		panic(j.panic)
	}
	return j.err
}

func (b *Bolt) enqueue(j *job) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return ErrClosed
	}
	select {
	case b.queue <- j:
		return nil
	case <-j.ctx.Done():
		return j.ctx.Err()
	}
}

// commitAll is the one goroutine that writes.
func (b *Bolt) commitAll() {
	defer close(b.done)
	for first := range b.queue {
		b.commit(b.gather(first))
	}
}

// gather takes what waits already.
func (b *Bolt) gather(first *job) []*job {
	batch := []*job{first}
	for len(batch) < maxBatch {
		select {
		case j, ok := <-b.queue:
			if !ok {
				return batch
			}
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// commit runs a batch in one transaction. A job that fails in company is taken out, the rest is run anew, and it is run
// once more alone, since only then its error is of its own making.
func (b *Bolt) commit(batch []*job) {
	var alone []*job
	for len(batch) > 0 {
		failed, err := b.try(batch)
		if failed < 0 {
			finish(batch, err)
			break
		}
		if len(batch) == 1 {
			finish(batch, batch[0].err)
			break
		}
		alone = append(alone, batch[failed])
		batch = append(batch[:failed:failed], batch[failed+1:]...)
	}
	for _, j := range alone {
		_, err := b.try([]*job{j})
		finish([]*job{j}, errors.Join(j.err, err))
	}
}

func finish(batch []*job, err error) {
	for _, j := range batch {
		if j.err == nil {
			j.err = err
		}
		close(j.done)
	}
}

var errJob = errors.New("kv: a job failed")

// try runs jobs in one transaction and commits. failed is the job whose function failed; -1 if the functions went well,
// and then err is the commit's.
func (b *Bolt) try(batch []*job) (failed int, err error) {
	failed = -1
	var hooks []func()
	err = b.db.Update(func(tx *bbolt.Tx) error {
		hooks = hooks[:0]
		for i, j := range batch {
			t := &boltTx{tx: tx}
			if j.err, j.panic = j.run(t); j.err != nil || j.panic != nil {
				failed = i
				return errJob
			}
			hooks = append(hooks, t.hooks...)
		}
		return nil
	})
	if failed >= 0 {
		return failed, nil
	}
	if err != nil {
		return -1, mapError(err)
	}
	for _, h := range hooks {
		h()
	}
	return -1, nil
}

func (j *job) run(w Writer) (err error, panicked any) {
	if err := j.ctx.Err(); err != nil {
		return err, nil
	}
	defer func() { panicked = recover() }()
	return mapError(j.fn(w)), nil
}
