package vault

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// KeyWrapper keeps the key-encryption key, outside the vault. It wraps the few keys of the keyring.
type KeyWrapper interface {
	// Wrap seals a key of 32 octets.
	Wrap(ctx context.Context, key []byte) (wrapped []byte, err error)
	// Unwrap opens what Wrap sealed. ErrWrongKey if this is not the key it was sealed under.
	Unwrap(ctx context.Context, wrapped []byte) (key []byte, err error)
}

// CreateKeyFile makes a key file that only its owner can read. A file that exists is left alone: fs.ErrExist.
func CreateKeyFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("vault: create key file: %w", err)
	}
	_, err = f.Write(formatKeys([]keyVersion{newKeyVersion(1)}))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("vault: create key file: %w", err)
	}
	return syncDir(filepath.Dir(path))
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

// keyFile wraps under the newest key of a file and unwraps under all of them.
type keyFile struct {
	path string

	mu       sync.Mutex
	versions []keyVersion
}

// OpenKeyFile reads a key file. It refuses one that others than its owner may read.
func OpenKeyFile(path string) (KeyWrapper, error) {
	versions, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	return &keyFile{path: path, versions: versions}, nil
}

// reload reads the file anew, which RotateKeyFile of another process may have changed.
func (k *keyFile) reload() ([]keyVersion, error) {
	versions, err := readKeyFile(k.path)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.versions = versions
	return versions, nil
}

// Wrap reads the file first: what a version wraps that was dropped meanwhile would be lost.
func (k *keyFile) Wrap(_ context.Context, key []byte) ([]byte, error) {
	versions, err := k.reload()
	if err != nil {
		return nil, err
	}
	newest := versions[len(versions)-1]
	return newest.box().Seal(be32(newest.number), key, []byte("keyring")), nil
}

func (k *keyFile) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	if len(wrapped) < 4 {
		return nil, fmt.Errorf("%w: a wrapped key of %d octets", ErrWrongKey, len(wrapped))
	}
	number := binary.BigEndian.Uint32(wrapped)
	k.mu.Lock()
	versions := k.versions
	k.mu.Unlock()
	version, ok := findVersion(versions, number)
	if !ok {
		versions, err := k.reload()
		if err != nil {
			return nil, err
		}
		if version, ok = findVersion(versions, number); !ok {
			return nil, fmt.Errorf("%w: %s has no version %d", ErrWrongKey, k.path, number)
		}
	}
	key, err := version.box().Open(nil, wrapped[4:], []byte("keyring"))
	if err != nil {
		return nil, ErrWrongKey
	}
	return key, nil
}

// inside tells whether path lies in the folder dir, through symbolic links too.
func inside(path, dir string) bool {
	p, err1 := resolve(path)
	d, err2 := resolve(dir)
	if err1 != nil || err2 != nil {
		return true // cannot be shown to lie outside
	}
	rel, err := filepath.Rel(d, p)
	return err == nil && filepath.IsLocal(rel)
}

// resolve follows the links of what exists; what does not exist yet is joined to its folder's.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return real, err
	}
	parent, err := resolve(filepath.Dir(path))
	return filepath.Join(parent, filepath.Base(path)), err
}
