package vault

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// rotate appends a new version. The file is the old one or the new one at every moment, and both open the vault.
func (k *KeyFile) rotate(context.Context) (version uint32, err error) {
	err = k.change(func(versions []keyVersion) ([]keyVersion, error) {
		version = versions[len(versions)-1].number + 1
		return append(versions, newKeyVersion(version)), nil
	})
	return version, err
}

func (k *KeyFile) drop(_ context.Context, free func(newest uint32) error) (dropped []uint32, err error) {
	err = k.change(func(versions []keyVersion) ([]keyVersion, error) {
		dropped = nil
		newest := versions[len(versions)-1]
		for _, v := range versions[:len(versions)-1] {
			dropped = append(dropped, v.number)
		}
		return []keyVersion{newest}, free(newest.number)
	})
	if err != nil {
		return nil, err
	}
	return dropped, nil
}

// ChangePassphrase writes the key file anew, the same versions, under another passphrase; under none if next is none.
func (k *KeyFile) ChangePassphrase(next SecretFile) error {
	under := k.sealing()
	under.passphrase = next
	return k.rewrite(under, func(versions []keyVersion) ([]keyVersion, error) { return versions, nil })
}

func (k *KeyFile) change(change func([]keyVersion) ([]keyVersion, error)) error {
	return k.rewrite(k.sealing(), change)
}

func (k *KeyFile) sealing() keySeal {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.seal
}

// rewrite puts a changed file in the place of the old one. A lock on its folder keeps two changes from losing one
// another's keys.
func (k *KeyFile) rewrite(under keySeal, change func([]keyVersion) ([]keyVersion, error)) error {
	if k.at.Credential != "" {
		return fmt.Errorf("%w: it is systemd's %s, which is read-only: do it to the file the credential is made of, "+
			"make the credential anew and restart the service", ErrKeyReadOnly, k.at)
	}
	path, err := filepath.EvalSymlinks(k.at.Path) // a rename would replace the link
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
	versions, err := k.read()
	if err != nil {
		return err
	}
	versions, err = change(versions[:len(versions):len(versions)])
	if err != nil {
		return err
	}
	text, err := under.seal(formatKeys(versions))
	if err != nil {
		return fmt.Errorf("vault: key file: %w", err)
	}
	old, err := swapFile(path, text)
	if err != nil {
		return fmt.Errorf("vault: key file: %w", err)
	}
	k.mu.Lock()
	k.seal = under
	k.mu.Unlock()
	return settleFile(path, old)
}
