package kv

import (
	"errors"
	"os"

	"go.etcd.io/bbolt"
)

// CommitsOf is the number of the last commit.
func CommitsOf(b *Bolt) (n int) {
	b.db.View(func(tx *bbolt.Tx) error { n = tx.ID(); return nil })
	return n
}

// WaitingIn is how many updates wait for a commit.
func WaitingIn(b *Bolt) int { return b.queued() }

// FailCommits makes each commit go through and be reported as failed, as when the sync after it fails.
func FailCommits(b *Bolt, err error) {
	b.commitTx = func(tx *bbolt.Tx) error { return errors.Join(tx.Commit(), err) }
}

// PanicInCommits makes each commit go through and end in a panic.
func PanicInCommits(b *Bolt) {
	b.commitTx = func(tx *bbolt.Tx) error { panic(tx.Commit()) }
}

// AheadLeast is how much is written ahead at least.
const AheadLeast = aheadLeast

// FailAhead lets nothing be written ahead.
func FailAhead(b *Bolt) error {
	f, err := os.Open(os.DevNull)
	b.ahead.file = f
	return err
}
