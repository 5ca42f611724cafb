package demo

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// rsaBits is the least RFC 8301 section 3.2 wants of a signer.
const rsaBits = 2048

// SigningKeys are the DKIM keys of the demo's domain, in PEM.
type SigningKeys struct{ RSA, Ed25519 []byte }

// OpenSigningKeys reads dir/keys/dkim-*.key, or makes them.
func OpenSigningKeys(dir string) (k SigningKeys, err error) {
	k.RSA, err = openKey(filepath.Join(dir, "keys", "dkim-rsa.key"), func() (any, error) {
		return rsa.GenerateKey(rand.Reader, rsaBits)
	})
	if err != nil {
		return k, err
	}
	k.Ed25519, err = openKey(filepath.Join(dir, "keys", "dkim-ed25519.key"), func() (any, error) {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	})
	return k, err
}

func openKey(path string, generate func() (any, error)) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, faulty := generate()
		if faulty != nil {
			return nil, fmt.Errorf("demo: make a key: %w", faulty)
		}
		if err := writeKey(path, key); err != nil {
			return nil, err
		}
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return text, nil
}

func writeKey(path string, key any) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return writePEM(path, "PRIVATE KEY", der, 0o600)
}

func writePEM(path, kind string, der []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return writeWhole(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}

// writeWhole makes a file appear with all its bytes or not at all.
func writeWhole(path string, b []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("demo: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
