package kv

import (
	"os"

	"go.etcd.io/bbolt"
)

const (
	// aheadLeast is how much of the file lies ready at least.
	aheadLeast = 128 << 10
	// aheadStep is how much is made ready at once.
	aheadStep = 1 << 20
	// aheadWorth is how many commits a step must last for to be worth writing so much twice.
	aheadWorth = 8
	// aheadPiece is how much is written at once. Of larger pieces Linux makes pages that cost a small write more.
	aheadPiece = 16 << 10
)

// ahead writes zeros behind the pages in use, so that the next commits find blocks that the file has already. A sync that
// has to give the file new ones writes the file system's own records too, or its journal, and takes half as long again.
// Nothing depends on it: what is not written ahead the commit itself will write.
//
// No page that is in use, or was, lies there, and nobody but who writes can take one.
type ahead struct {
	file    *os.File
	used    int64 // octets of pages up to the last one in use, when it was last looked at
	until   int64 // up to where the step goes
	commits int   // since the step began
}

// look is called after each commit.
func (a *ahead) look(db *bbolt.DB) {
	db.View(func(tx *bbolt.Tx) error { a.used = tx.Size(); return nil }) // without a map there is nothing to do
	a.commits++
}

// low tells that the next commits may take what is left.
func (a *ahead) low() bool { return a.used+aheadLeast > a.until }

// write begins the next step if this one is low. It is tried once for each: a disk may be full.
func (a *ahead) write() {
	if !a.low() {
		return
	}
	worth, from := a.commits >= aheadWorth, max(a.used, a.until)
	a.until, a.commits = a.used+aheadStep, 0
	if !worth {
		return
	}
	for zeros := make([]byte, aheadPiece); from < a.until; from += aheadPiece {
		if _, err := a.file.WriteAt(zeros[:min(aheadPiece, a.until-from)], from); err != nil {
			return
		}
	}
	_ = a.file.Sync()
}
