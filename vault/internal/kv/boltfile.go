package kv

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

const (
	// mapSize is the address space reserved for the file. bbolt makes a writer that outgrows its map wait for every
	// reader; address space costs nothing, but where it is of 32 bits there is little.
	mapSize = min(64<<30, math.MaxInt/8)
	// lockWait is how long a second process waits for the file.
	lockWait = time.Second
	// maxReserve is enough to write the pages of many chunks' neighbours anew, which bbolt does to delete one.
	maxReserve = 8 << 20
)

func reserveOf(maxSize int64) int { return int(min(maxReserve, maxSize/8)) }

func openFile(path string, maxSize int) (db *bbolt.DB, file *os.File, err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			return nil, nil, err
		}
	}
	if err := inspect(path); err != nil {
		return nil, nil, err
	}
	db, err = openBolt(path, &bbolt.Options{
		Timeout:         lockWait,
		FreelistType:    bbolt.FreelistMapType,
		NoFreelistSync:  true,
		InitialMmapSize: mapSize,
		MaxSize:         maxSize,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			file, err = os.OpenFile(name, flag, mode)
			return file, err
		},
	})
	return db, file, mapOpenError(path, err)
}

// create makes an empty store under another name first, so that a crash leaves no half of one under this name.
func create(path string) error {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	f, err := os.CreateTemp(dir, base+".new*") // mode 0600
	if err != nil {
		return mapError(err)
	}
	defer os.Remove(f.Name())
	if err := f.Close(); err != nil {
		return mapError(err)
	}
	db, err := openBolt(f.Name(), &bbolt.Options{Timeout: lockWait})
	if err != nil {
		return mapError(err)
	}
	if err := db.Close(); err != nil {
		return mapError(err)
	}
	// A link, and no rename, which would replace what another process made meanwhile.
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return mapError(err)
	}
	return syncDir(dir)
}

// inspect reads the whole tree before bbolt may write. bbolt reads it too, but where nothing can catch that it panics, or
// that it falls off the end of a file that was cut off.
func inspect(path string) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("kv: %s is not a regular file", path)
	}
	if info.Size() == 0 {
		return fmt.Errorf("%w: %s is empty", ErrCorrupt, path)
	}
	db, err := openBolt(path, &bbolt.Options{ReadOnly: true, Timeout: lockWait})
	if err != nil {
		return mapOpenError(path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %s: %v", ErrCorrupt, path, p)
		}
	}()
	return db.View(func(tx *bbolt.Tx) error {
		if tx.Size() > info.Size() {
			return fmt.Errorf("%w: %s has %d octets of at least %d", ErrCorrupt, path, info.Size(), tx.Size())
		}
		return tx.ForEach(func(table []byte, b *bbolt.Bucket) error {
			if b == nil || !inOrder(b.Cursor(), b.Cursor()) {
				return fmt.Errorf("%w: %s: table %q", ErrCorrupt, path, table)
			}
			return nil
		})
	})
}

// inOrder goes through all keys of a table, and seeks each, which looks at every key in the branches too.
func inOrder(walk, seek *bbolt.Cursor) bool {
	var before []byte
	for k, v := walk.First(); k != nil; k, v = walk.Next() {
		if found, _ := seek.Seek(k); v == nil || bytes.Compare(before, k) >= 0 || !bytes.Equal(found, k) {
			return false
		}
		before = k
	}
	return true
}

// openBolt turns bbolt's panics on a damaged file into an error.
func openBolt(path string, o *bbolt.Options) (db *bbolt.DB, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrCorrupt, p)
		}
	}()
	return bbolt.Open(path, 0o600, o)
}

func mapOpenError(path string, err error) error {
	var system *fs.PathError
	var number syscall.Errno
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("%w: %s", ErrLocked, path)
	case errors.As(err, &system), errors.As(err, &number):
		return mapError(err)
	}
	// What bbolt says of the content of a file has no type in some cases ("file size too small").
	return fmt.Errorf("%w: %s: %w", ErrCorrupt, path, err)
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
	if err == nil {
		return nil
	}
	for _, full := range []error{bolterrors.ErrMaxSizeReached, syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		// bbolt keeps only the text of a cause when it grows the file.
		if errors.Is(err, full) || strings.HasSuffix(err.Error(), ": "+full.Error()) {
			return fmt.Errorf("%w: %w", ErrFull, err)
		}
	}
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}
