package kv

import (
	"bytes"
	"iter"

	"go.etcd.io/bbolt"
)

// boltTx is one caller's part of a bbolt transaction.
type boltTx struct {
	tx     *bbolt.Tx
	layout layout
	hooks  []func()

	wrote      bool
	put, freed int // octets of keys and values
}

func (t *boltTx) Get(table Table, key []byte) []byte {
	bucket := t.tx.Bucket(t.layout.bucket(table))
	key, err := t.layout.key(table, key)
	if bucket == nil || err != nil {
		return nil // a key too short to be put is not there
	}
	return bucket.Get(key)
}

func (t *boltTx) Put(table Table, key, value []byte) error {
	t.wrote = true
	bucket, err := t.tx.CreateBucketIfNotExists(t.layout.bucket(table))
	if err != nil {
		return err
	}
	if key, err = t.layout.key(table, key); err != nil {
		return err
	}
	if value == nil {
		value = []byte{} // bbolt would give nil back until the commit, and that is absence
	}
	t.put += len(key) + len(value)
	return bucket.Put(key, value)
}

func (t *boltTx) Delete(table Table, key []byte) error {
	bucket := t.tx.Bucket(t.layout.bucket(table))
	key, err := t.layout.key(table, key)
	if bucket == nil || err != nil {
		return nil // a key too short to be put is not there
	}
	value := bucket.Get(key)
	if value == nil {
		return nil
	}
	t.wrote = true
	t.freed += len(key) + len(value)
	return bucket.Delete(key)
}

func (t *boltTx) OnCommit(fn func()) { t.hooks = append(t.hooks, fn) }

func (t *boltTx) Range(table Table, s Span) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		bucket := t.tx.Bucket(t.layout.bucket(table))
		if bucket == nil {
			return
		}
		if shared, ok := t.layout[table]; ok {
			shared.walk(bucket, s)(yield)
			return
		}
		rangeOf(bucket, s)(yield)
	}
}

// rangeOf gives the keys of a bucket's span.
func rangeOf(b *bbolt.Bucket, s Span) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		cursor := b.Cursor()
		if s.Reverse {
			backward(cursor, s, yield)
			return
		}
		for k, v := cursor.Seek(s.From); k != nil && before(k, s.To) && yield(k, v); k, v = cursor.Next() {
		}
	}
}

// backward looks for the lowest key of the span first. Where a transaction has emptied pages, bbolt's Last goes round for
// ever if nothing is left, and Prev gives nil in the middle; with a key known to be left, neither does harm.
func backward(c *bbolt.Cursor, s Span, yield func(k, v []byte) bool) {
	lowest, _ := c.Seek(s.From)
	if lowest == nil || !before(lowest, s.To) {
		return
	}
	k, v := highest(c, s.To)
	for {
		if k != nil && !yield(k, v) || bytes.Equal(k, lowest) {
			return
		}
		k, v = c.Prev()
	}
}

// highest goes to the last key before to, which may be nil if the page there was emptied.
func highest(c *bbolt.Cursor, to []byte) (k, v []byte) {
	if to != nil {
		// Seek gives the first key at or after to.
		if at, _ := c.Seek(to); at != nil {
			return c.Prev()
		}
	}
	return c.Last()
}

func before(k, to []byte) bool { return to == nil || bytes.Compare(k, to) < 0 }
