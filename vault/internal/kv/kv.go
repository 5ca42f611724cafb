// Package kv is the ordered, transactional key-value contract the vault stands on, and its engines. It knows neither
// mail nor cryptography, and nothing above it knows an engine.
//
// Keys are octets in bytes.Compare's order, in named tables that come to be when they are written to. A view is a
// consistent snapshot. An update is durable when it returns. Keep both short and free of network I/O: an engine may make
// writers wait for readers.
package kv

import (
	"context"
	"errors"
	"iter"
)

var (
	// ErrFull means that the disk, or the limit given to the engine, has no room for this update; a smaller one, or one that
	// deletes, may fit. Temporary: nothing was changed.
	ErrFull = errors.New("kv: no space left")
	// ErrClosed means use after Close.
	ErrClosed = errors.New("kv: closed")
	// ErrLocked means that another process has the store open.
	ErrLocked = errors.New("kv: in use by another process")
	// ErrCorrupt means that the store's file is not one, or is cut off. It is left as it is.
	ErrCorrupt = errors.New("kv: not a store, or damaged")
)

// Table is a named key space.
type Table string

// Engine stores tables.
type Engine interface {
	// View runs fn on a snapshot.
	View(ctx context.Context, fn func(Reader) error) error
	// Update runs fn and returns when what it wrote is durable. An error or a panic of fn undoes all that fn wrote, and
	// nothing else. fn may be run more than once, and with the writes of other updates before it in the same commit, so it
	// must start anew each time; and on another goroutine, so it must not end it (testing.T's FailNow does). If ctx ends
	// before fn was begun, fn is not run. After an error that is neither fn's own nor one of this package, it is not known
	// whether the update is durable.
	Update(ctx context.Context, fn func(Writer) error) error
	// Close waits for calls under way, so it must not be called from one. Calls after it give ErrClosed.
	Close() error
}

// Reader reads in a transaction. What it gives is valid, and must not be written to, until the transaction ends or writes:
// copy what is kept longer. To read it later ends the process with some engines.
type Reader interface {
	// Get gives a value, nil if there is none; an empty one is not nil.
	Get(t Table, key []byte) []byte
	// Range gives the keys of a span with their values, in order. Write nothing to the table meanwhile.
	Range(t Table, s Span) iter.Seq2[[]byte, []byte]
}

// Writer writes in a transaction, and reads what it wrote.
type Writer interface {
	Reader
	// Put sets a value. The key, 1 to 32768 octets, is copied. The value is not: do not change it before Update returns.
	Put(t Table, key, value []byte) error
	// Delete removes a key; one that is not there is fine.
	Delete(t Table, key []byte) error
	// OnCommit runs fn once after the commit is durable and before Update returns, in the order of commits. It is not run
	// if the transaction is undone. It must be quick; it may call View, but not Update. If it panics, so does Update.
	OnCommit(fn func())
}

// Span is the keys From <= key < To; nil has no end.
type Span struct {
	From, To []byte
	Reverse  bool
}

// Prefix is the span of the keys that begin with p.
func Prefix(p []byte) Span {
	to := append([]byte(nil), p...)
	for len(to) > 0 {
		if to[len(to)-1]++; to[len(to)-1] != 0 {
			return Span{From: p, To: to}
		}
		to = to[:len(to)-1]
	}
	return Span{From: p}
}
