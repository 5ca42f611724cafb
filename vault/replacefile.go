package vault

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// swapFile puts a whole new file of secrets in the place of the old one, which it gives to settleFile; nil if there was
// none. The name leads to a whole file at every moment, and after an error to the old one.
func swapFile(path string, text []byte) (old *os.File, err error) {
	old, err = os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	fresh := path + ".new"
	err = os.Remove(fresh) // of a change that was cut off
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = writeDurably(fresh, text)
	}
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return nil, errors.Join(err, closeFile(old))
	}
	return old, nil
}

// settleFile makes the swap durable and overwrites the old file's octets, which must not stay.
func settleFile(path string, old *os.File) error {
	return errors.Join(syncDir(filepath.Dir(path)), overwrite(old))
}

func closeFile(f *os.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
}

// overwrite zeroes a file that has no name any more.
func overwrite(f *os.File) error {
	if f == nil {
		return nil
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.WriteAt(make([]byte, info.Size()), 0)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// writeDurably writes a file for its owner only.
func writeDurably(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir makes a new file's name durable: a key that is lost in a power cut is a vault lost.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
