package vault

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// KeyFile is a [KeyWrapper]: a file with the versions of the key, plain or under a passphrase.
type KeyFile struct {
	at SecretFile

	mu       sync.Mutex
	seal     keySeal
	sum      [sha256.Size]byte // of the text that versions were read from: to open it again costs a second
	versions []keyVersion
}

// CreateKeyFile makes a key file that only its owner can read. A file that exists is left alone: fs.ErrExist.
func CreateKeyFile(path string) error { return CreateSealedKeyFile(path, SecretFile{}) }

// CreateSealedKeyFile makes a key file under a passphrase. A file that exists is left alone: fs.ErrExist.
func CreateSealedKeyFile(path string, passphrase SecretFile) error {
	return createKeyFile(path, keySeal{passphrase: passphrase})
}

func createKeyFile(path string, under keySeal) error {
	text, err := under.seal(formatKeys([]keyVersion{newKeyVersion(1)}))
	if err != nil {
		return fmt.Errorf("vault: create key file: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("vault: create key file: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("vault: create key file: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// OpenKeyFile reads a plain key file. It refuses one that others than its owner may read.
func OpenKeyFile(path string) (*KeyFile, error) { return OpenKey(SecretFile{Path: path}, SecretFile{}) }

// OpenKey reads a key file, which may be a credential, and under a passphrase if one is given. ErrWrongKey means a wrong
// passphrase, ErrDamaged that the file is not as it was written; fs.ErrPermission that others may read a file.
func OpenKey(at, passphrase SecretFile) (*KeyFile, error) {
	k := &KeyFile{at: at, seal: keySeal{passphrase: passphrase}}
	_, err := k.read()
	if err != nil {
		return nil, err
	}
	return k, nil
}

// read reads the file anew, which a rotation in another process may have changed.
func (k *KeyFile) read() ([]keyVersion, error) {
	text, err := k.at.read()
	if err != nil {
		return nil, fmt.Errorf("vault: key file: %w", err)
	}
	defer clear(text)
	k.mu.Lock()
	defer k.mu.Unlock()
	sum := sha256.Sum256(text)
	if k.versions != nil && sum == k.sum {
		return k.versions, nil
	}
	plain, err := k.seal.open(text)
	if err != nil {
		return nil, fmt.Errorf("vault: key file %s: %w", k.at, err)
	}
	defer clear(plain)
	versions, err := parseKeys(plain)
	if err != nil {
		return nil, fmt.Errorf("vault: %w: %s is not a key file: %w", ErrDamaged, k.at, err)
	}
	k.sum, k.versions = sum, versions
	return versions, nil
}

// Wrap reads the file first: what a version wraps that was dropped meanwhile would be lost. A key file is one vault's, so
// it binds to no vault.
func (k *KeyFile) Wrap(_ context.Context, _, key []byte) ([]byte, error) {
	versions, err := k.read()
	if err != nil {
		return nil, err
	}
	newest := versions[len(versions)-1]
	return newest.box().Seal(be32(newest.number), key, []byte("keyring")), nil
}

// Unwrap is that of [KeyWrapper].
func (k *KeyFile) Unwrap(_ context.Context, _, wrapped []byte) ([]byte, error) {
	number, err := wrappedUnder(wrapped)
	if err != nil {
		return nil, err
	}
	versions, err := k.read()
	if err != nil {
		return nil, err
	}
	version, ok := findVersion(versions, number)
	if !ok {
		return nil, fmt.Errorf("%w: %s has no version %d", ErrWrongKey, k.at, number)
	}
	key, err := version.box().Open(nil, wrapped[4:], []byte("keyring"))
	if err != nil {
		return nil, fmt.Errorf("%w: version %d of %s does not open it", ErrWrongKey, number, k.at)
	}
	return key, nil
}

// Versions is that of [KeyWrapper].
func (k *KeyFile) Versions(context.Context) (out []KeyVersion, err error) {
	versions, err := k.read()
	for _, v := range versions {
		out = append(out, KeyVersion{v.number, v.created})
	}
	return out, err
}

// outside refuses files that lie in the vault's folder dir, or whoever takes the folder has both.
func (k *KeyFile) outside(dir string) error {
	for _, s := range []SecretFile{k.at, k.seal.passphrase} {
		if s.none() {
			continue
		}
		path, err := s.path()
		if err != nil {
			return err
		}
		if inside(path, dir) {
			return fmt.Errorf("vault: the key file %s must not lie in the vault's folder %s", path, dir)
		}
	}
	return nil
}
