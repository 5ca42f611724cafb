package kv

import (
	"bytes"
	"fmt"
	"iter"
	"slices"

	"go.etcd.io/bbolt"
)

// trees are the buckets that a transaction has used. bbolt looks for one anew each time.
type trees struct {
	tx      *bbolt.Tx
	layout  layout
	growing []Table
	used    []tree
	missing []Table // those without a bucket
	key     []byte  // room for a key, which bbolt does not keep
}

func (b *Bolt) trees(tx *bbolt.Tx) *trees {
	return &trees{tx: tx, layout: b.layout, growing: b.growing}
}

// growingFill is how full bbolt makes the pages of tables that grow at the end.
const growingFill = 0.9

// tree is where a table lies.
type tree struct {
	table  Table
	bucket *bbolt.Bucket
	shared bool
	tag    byte          // if it shares the bucket
	near   *nearby       // of a view
	cursor *bbolt.Cursor // of an update, which looks from the root anew each time
}

// find gives a table's tree, nil if nothing was ever written to it.
func (t *trees) find(table Table) *tree {
	for i := range t.used {
		if t.used[i].table == table {
			return &t.used[i]
		}
	}
	if slices.Contains(t.missing, table) {
		return nil
	}
	name := t.layout.bucket(table)
	bucket := t.tx.Bucket(name)
	if bucket == nil {
		t.missing = append(t.missing, table)
		return nil
	}
	s, shared := t.layout[table]
	if slices.Contains(t.growing, table) || shared && slices.Contains(t.growing, s.first) {
		bucket.FillPercent = growingFill
	}
	at := tree{table: table, bucket: bucket, shared: shared, tag: s.tag}
	if t.tx.Writable() {
		at.cursor = bucket.Cursor()
	} else {
		at.near = t.nearby(string(name), bucket)
	}
	t.used = append(t.used, at)
	return &t.used[len(t.used)-1]
}

// nearby gives what all tables of a bucket share.
func (t *trees) nearby(name string, bucket *bbolt.Bucket) *nearby {
	for _, other := range t.used {
		if other.near.name == name {
			return other.near
		}
	}
	return &nearby{name: name, cursor: bucket.Cursor()}
}

// make gives a table's tree, which is made if there is none.
func (t *trees) make(table Table) (*tree, error) {
	if at := t.find(table); at != nil {
		return at, nil
	}
	if _, err := t.tx.CreateBucketIfNotExists(t.layout.bucket(table)); err != nil {
		return nil, err
	}
	t.missing = nil // others may lie there too
	return t.find(table), nil
}

// place is a key as it is in a tree, until the next call. Keys of tables that share one have 16 octets or more.
func (t *trees) place(at *tree, key []byte) ([]byte, error) {
	if !at.shared {
		return key, nil
	}
	if len(key) < sharedPrefix {
		return nil, fmt.Errorf("kv: a key of table %s needs %d octets, has %d", at.table, sharedPrefix, len(key))
	}
	t.key = appendKey(t.key[:0], key, at.tag)
	return t.key, nil
}

// look gives the tree and the place of a key that may be there.
func (t *trees) look(table Table, key []byte) (*tree, []byte) {
	at := t.find(table)
	if at == nil {
		return nil, nil
	}
	key, err := t.place(at, key)
	if err != nil {
		return nil, nil // a key too short to be put is not there
	}
	return at, key
}

func (at *tree) get(key []byte) []byte {
	if at.near != nil {
		return at.near.get(key)
	}
	// Bucket.Get makes a cursor for each key.
	if k, v := at.cursor.Seek(key); bytes.Equal(k, key) {
		return v
	}
	return nil
}

// nearby finds keys of a view, where nothing changes. Lists ask for one record after the other, which mostly lie side by
// side: a step from where the last one was costs a twentieth of the way from the root.
type nearby struct {
	name       string // the bucket's
	cursor     *bbolt.Cursor
	key, value []byte // where the cursor is; no key if nowhere
}

// maxSteps is how far a key may be away before it is looked for from the root.
const maxSteps = 6

func (n *nearby) get(key []byte) []byte {
	for step := 0; n.key != nil; step++ {
		switch c := bytes.Compare(n.key, key); {
		case c == 0:
			return n.value
		case c > 0 && step > 0:
			return nil // passed over
		case c > 0, step == maxSteps:
			n.key = nil
			continue
		}
		n.key, n.value = n.cursor.Next()
	}
	if n.key, n.value = n.cursor.Seek(key); !bytes.Equal(n.key, key) {
		return nil
	}
	return n.value
}

// boltTx is one caller's part of a bbolt transaction.
type boltTx struct {
	*trees
	hooks []func()

	wrote      bool
	put, freed int // octets of keys and values
}

func (t *boltTx) Get(table Table, key []byte) []byte {
	at, key := t.look(table, key)
	if at == nil {
		return nil
	}
	return at.get(key)
}

func (t *boltTx) Put(table Table, key, value []byte) error {
	t.wrote = true
	at, err := t.make(table)
	if err != nil {
		return err
	}
	if key, err = t.place(at, key); err != nil {
		return err
	}
	if value == nil {
		value = []byte{} // bbolt would give nil back until the commit, and that is absence
	}
	t.put += len(key) + len(value)
	return at.bucket.Put(key, value)
}

func (t *boltTx) Delete(table Table, key []byte) error {
	at, key := t.look(table, key)
	if at == nil {
		return nil
	}
	value := at.get(key)
	if value == nil {
		return nil
	}
	t.wrote = true
	t.freed += len(key) + len(value)
	return at.bucket.Delete(key)
}

func (t *boltTx) OnCommit(fn func()) { t.hooks = append(t.hooks, fn) }

func (t *boltTx) Range(table Table, s Span) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		at := t.find(table)
		switch {
		case at == nil:
		case at.shared:
			t.layout[table].walk(at.bucket, s)(yield)
		default:
			rangeOf(at.bucket, s)(yield)
		}
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
