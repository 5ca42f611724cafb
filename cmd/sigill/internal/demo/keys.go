package demo

import (
	"crypto"
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

// SigningKeys are the DKIM keys of the demo's domain.
type SigningKeys struct {
	RSA     *rsa.PrivateKey
	Ed25519 ed25519.PrivateKey
}

// OpenSigningKeys reads dir/keys/dkim-*.key, or makes them.
func OpenSigningKeys(dir string) (k SigningKeys, err error) {
	var ok bool
	key, err := openKey(filepath.Join(dir, "keys", "dkim-rsa.key"), func() (crypto.Signer, error) {
		return rsa.GenerateKey(rand.Reader, rsaBits)
	})
	if err != nil {
		return k, err
	}
	if k.RSA, ok = key.(*rsa.PrivateKey); !ok {
		return k, errors.New("demo: dkim-rsa.key is no RSA key")
	}
	key, err = openKey(filepath.Join(dir, "keys", "dkim-ed25519.key"), func() (crypto.Signer, error) {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	})
	if err != nil {
		return k, err
	}
	if k.Ed25519, ok = key.(ed25519.PrivateKey); !ok {
		return k, errors.New("demo: dkim-ed25519.key is no Ed25519 key")
	}
	return k, nil
}

func openKey(path string, generate func() (crypto.Signer, error)) (any, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := generate()
		if err != nil {
			return nil, fmt.Errorf("demo: make a key: %w", err)
		}
		return key, writeKey(path, key)
	}
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("demo: %s holds no key", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("demo: %s: %w", path, err)
	}
	return key, nil
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
