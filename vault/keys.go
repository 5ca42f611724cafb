package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sigill/vault/internal/seal"
)

// KeyWrapper keeps the key-encryption key, outside the vault. It wraps the few keys of the keyring.
type KeyWrapper interface {
	// Wrap seals a key of 32 octets.
	Wrap(ctx context.Context, key []byte) (wrapped []byte, err error)
	// Unwrap opens what Wrap sealed. ErrWrongKey if this is not the key it was sealed under.
	Unwrap(ctx context.Context, wrapped []byte) (key []byte, err error)
}

// keyFilePrefix begins a key file; base64 of 32 random octets and a line end follow.
const keyFilePrefix = "sigill-key-1 "

// CreateKeyFile makes a key file that only its owner can read. A file that exists is left alone: fs.ErrExist.
func CreateKeyFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("vault: create key file: %w", err)
	}
	key := make([]byte, 32)
	rand.Read(key) // never fails, by its contract
	_, err = fmt.Fprintf(f, "%s%s\n", keyFilePrefix, base64.StdEncoding.EncodeToString(key))
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return err
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

// keyFile wraps under a key read from a file.
type keyFile struct {
	path string
	box  *seal.Box
}

// OpenKeyFile reads a key file. It refuses one that others than its owner may read.
func OpenKeyFile(path string) (KeyWrapper, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("vault: key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("vault: key file %s: %w: others may read it; run chmod 600", path, fs.ErrPermission)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("vault: key file: %w", err)
	}
	rest, ok := bytes.CutPrefix(bytes.TrimSpace(text), []byte(keyFilePrefix))
	raw, err := base64.StdEncoding.DecodeString(string(rest))
	if !ok || err != nil {
		return nil, fmt.Errorf("vault: %s is not a key file", path)
	}
	key, err := seal.KeyFromBytes(raw)
	if err != nil {
		return nil, fmt.Errorf("vault: %s is not a key file: %w", path, err)
	}
	return &keyFile{path: path, box: seal.NewBox(key.Derive("wrap"))}, nil
}

func (k *keyFile) Wrap(_ context.Context, key []byte) ([]byte, error) {
	return k.box.Seal(nil, key, []byte("keyring")), nil
}

func (k *keyFile) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	key, err := k.box.Open(nil, wrapped, []byte("keyring"))
	if err != nil {
		return nil, ErrWrongKey
	}
	return key, nil
}

// inside tells whether path lies in the folder dir.
func inside(path, dir string) bool {
	p, err1 := filepath.Abs(path)
	d, err2 := filepath.Abs(dir)
	if err1 != nil || err2 != nil {
		return true // cannot be shown to lie outside
	}
	rel, err := filepath.Rel(d, p)
	return err == nil && filepath.IsLocal(rel)
}
