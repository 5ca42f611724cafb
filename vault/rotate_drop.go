package vault

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// ErrKeyInUse means that a version of a key file still wraps keys of a keyring.
var ErrKeyInUse = errors.New("vault: the key version is in use")

// VersionUse tells what one version of a key file wraps.
type VersionUse struct {
	Version uint32
	Keys    int // the look-up key included
	Epochs  []EpochUse
}

// EpochUse is an epoch whose root key a version wraps.
type EpochUse struct {
	Number  uint32
	Created time.Time
}

// KeyUse tells which versions of a key file wrap the keys of the vault in the folder dir, in no order. It reads the
// keyring only, so the vault may be open. It is for vaults under key files.
func KeyUse(dir string) ([]VersionUse, error) {
	path := filepath.Join(dir, keyringName)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("vault: key use: %w", err)
	}
	var file keyringFile
	if err := json.Unmarshal(text, &file); err != nil || len(file.Epochs) == 0 {
		return nil, fmt.Errorf("vault: key use: %w: %s is not a keyring", ErrDamaged, path)
	}
	var out []VersionUse
	use := func(w wrappedKey) (*VersionUse, error) {
		if len(w.Wrapped) < 4 {
			return nil, fmt.Errorf("vault: key use: %w: a wrapped key of %d octets", ErrDamaged, len(w.Wrapped))
		}
		number := binary.BigEndian.Uint32(w.Wrapped)
		for i := range out {
			if out[i].Version == number {
				out[i].Keys++
				return &out[i], nil
			}
		}
		out = append(out, VersionUse{Version: number, Keys: 1})
		return &out[len(out)-1], nil
	}
	if _, err := use(file.Lookup); err != nil {
		return nil, err
	}
	for _, e := range file.Epochs {
		u, err := use(e.wrappedKey)
		if err != nil {
			return nil, err
		}
		u.Epochs = append(u.Epochs, EpochUse{e.Number, e.Created})
	}
	return out, nil
}

// DropKeyVersions removes all versions but the newest from a key file. ErrKeyInUse, and nothing is removed, if an older
// one wraps a key of the vault in the folder dir: RewrapKeyring first. Backups made before that need the old versions.
func DropKeyVersions(path, dir string) error {
	return changeKeyFile(path, func(versions []keyVersion) ([]keyVersion, error) {
		used, err := KeyUse(dir)
		if err != nil {
			return nil, err
		}
		newest := versions[len(versions)-1]
		for _, u := range used {
			if u.Version != newest.number {
				return nil, fmt.Errorf("%w: version %d wraps %d keys in %s", ErrKeyInUse, u.Version, u.Keys, dir)
			}
		}
		return []keyVersion{newest}, nil
	})
}
