package kv

import (
	"errors"

	"go.etcd.io/bbolt"
)

// CommitsOf is the number of the last commit.
func CommitsOf(b *Bolt) (n int) {
	b.db.View(func(tx *bbolt.Tx) error { n = tx.ID(); return nil })
	return n
}

// WaitingIn is how many updates wait for a commit.
func WaitingIn(b *Bolt) int { return len(b.queue) }

// FailCommits makes each commit go through and be reported as failed, as when the sync after it fails.
func FailCommits(b *Bolt, err error) {
	b.commitTx = func(tx *bbolt.Tx) error { return errors.Join(tx.Commit(), err) }
}
