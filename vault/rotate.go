package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// RotateKeyFile appends a new version to a key file and gives its number. The file is the old one or the new one at every
// moment, and both open the vault. RewrapKeyring, on the vault that runs, turns to it.
func RotateKeyFile(path string) (version uint32, err error) {
	err = changeKeyFile(path, func(versions []keyVersion) ([]keyVersion, error) {
		version = versions[len(versions)-1].number + 1
		return append(versions, newKeyVersion(version)), nil
	})
	return version, err
}

// changeKeyFile writes a key file anew. A lock on its folder keeps two changes from losing one another's keys.
func changeKeyFile(path string, change func([]keyVersion) ([]keyVersion, error)) error {
	path, err := filepath.EvalSymlinks(path) // a rename would replace the link
	if err != nil {
		return fmt.Errorf("vault: key file: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("vault: key file: %w", err)
	}
	defer dir.Close() // unlocks
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("vault: lock key file: %w", err)
	}
	versions, err := readKeyFile(path)
	if err != nil {
		return err
	}
	if versions, err = change(versions); err != nil {
		return err
	}
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) { // of a change that was cut off
		return fmt.Errorf("vault: key file: %w", err)
	}
	err = writeDurably(fresh, formatKeys(versions))
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err == nil {
		err = dir.Sync()
	}
	if err != nil {
		return fmt.Errorf("vault: key file: %w", err)
	}
	return nil
}

// RewrapKeyring wraps every key of the keyring under the newest version of the key-encryption key. The keys themselves
// stay, so it is quick and nothing waits for it. One that is cut off leaves the old keyring.
func (v *Vault) RewrapKeyring(ctx context.Context) error {
	v.maintaining.Lock() // who else writes the keyring
	defer v.maintaining.Unlock()
	if err := v.ring.rewrap(ctx); err != nil {
		return fmt.Errorf("vault: rewrap keyring: %w", err)
	}
	return nil
}

func (k *keyring) rewrap(ctx context.Context) (err error) {
	next := k.file
	next.Epochs = append([]wrappedEpoch(nil), k.file.Epochs...)
	if next.Lookup, err = k.rewrapKey(ctx, next.Lookup); err != nil {
		return err
	}
	for i, e := range next.Epochs {
		if next.Epochs[i].wrappedKey, err = k.rewrapKey(ctx, e.wrappedKey); err != nil {
			return err
		}
	}
	return k.write(next)
}

func (k *keyring) rewrapKey(ctx context.Context, w wrappedKey) (wrappedKey, error) {
	key, err := k.unwrapKey(ctx, w)
	if err != nil {
		return w, err
	}
	defer key.Wipe()
	return k.wrapKey(ctx, key)
}
