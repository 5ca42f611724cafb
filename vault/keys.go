package vault

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// KeyWrapper keeps the key-encryption key, outside the vault. It wraps the few keys of a vault's keyring. The key has
// versions: the newest wraps, all unwrap. A [KeyFile] is one, HashiCorp Vault's [Transit] another. Each is for use by
// many goroutines.
type KeyWrapper interface {
	// Wrap seals a key of 32 octets under the newest version. It may bind it to the vault of that id.
	Wrap(ctx context.Context, id, key []byte) (wrapped []byte, err error)
	// Unwrap opens what Wrap sealed for the vault of that id. ErrWrongKey if this is not the key it was sealed under.
	Unwrap(ctx context.Context, id, wrapped []byte) (key []byte, err error)
	// Versions are those that unwrap, oldest first and never none; the last one wraps.
	Versions(ctx context.Context) ([]KeyVersion, error)
}

// KeyVersion is a version of the key-encryption key.
type KeyVersion struct {
	Number  uint32
	Created time.Time
}

// KeyUse is a version of the key-encryption key and what it wraps in the keyring of one vault.
type KeyUse struct {
	KeyVersion
	Newest  bool       // what is wrapped from now on is wrapped under it
	Missing bool       // it wraps keys and is not to be had: the vault does not open. Created is zero
	Keys    int        // keys it wraps, the look-up key included
	Epochs  []EpochUse // epochs whose root keys it wraps, oldest first
}

// EpochUse is an epoch whose root key a version wraps.
type EpochUse struct {
	Number  uint32
	Created time.Time
}

var (
	// ErrKeyInUse means that an old version of the key still wraps keys of a keyring.
	ErrKeyInUse = errors.New("vault: the key version is in use")
	// ErrKeyReadOnly means that whoever keeps the key must rotate it, or drop its versions; the text tells how.
	ErrKeyReadOnly = errors.New("vault: the key is not changed from here")
)

// ListKeys tells the versions of the key-encryption key, oldest first, and what each wraps in the vault in the folder
// dir. It reads the keyring only, so the vault may be open, here or in another process.
func ListKeys(ctx context.Context, dir string, keys KeyWrapper) ([]KeyUse, error) {
	used, err := keyUse(dir)
	if err != nil {
		return nil, err
	}
	versions, err := keys.Versions(ctx)
	if err != nil {
		return nil, fmt.Errorf("vault: key versions: %w", err)
	}
	var out []KeyUse
	for i, v := range versions {
		u := KeyUse{KeyVersion: v, Newest: i == len(versions)-1}
		if at := slices.IndexFunc(used, func(u KeyUse) bool { return u.Number == v.Number }); at >= 0 {
			u.Keys, u.Epochs = used[at].Keys, used[at].Epochs
			used = slices.Delete(used, at, at+1)
		}
		out = append(out, u)
	}
	for _, u := range used {
		u.Missing = true
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b KeyUse) int { return int(int64(a.Number) - int64(b.Number)) })
	return out, nil
}

// RotateKey gives the key-encryption key a new version and gives its number. If the newest version wraps nothing yet in
// the vault in the folder dir, an earlier rotation was cut off there, and it goes on with that version. Afterwards a
// vault that runs wraps its keyring under it within a minute; one that is opened for it does by [Vault.RewrapKeyring].
// Then DropKeyVersions. ErrKeyReadOnly if the key is rotated elsewhere; the vault turns to the new version all the same.
func RotateKey(ctx context.Context, dir string, keys KeyWrapper) (version uint32, err error) {
	uses, err := ListKeys(ctx, dir, keys)
	switch {
	case errors.Is(err, fs.ErrNotExist): // no vault yet
	case err != nil:
		return 0, err
	default:
		if at := slices.IndexFunc(uses, func(u KeyUse) bool { return u.Newest }); len(uses) > 1 && uses[at].Keys == 0 {
			return uses[at].Number, nil
		}
	}
	r, ok := keys.(rotator)
	if !ok {
		return 0, fmt.Errorf("%w: %T cannot rotate", ErrKeyReadOnly, keys)
	}
	return r.rotate(ctx)
}

// DropKeyVersions removes all versions but the newest and gives the numbers of those. ErrKeyInUse, and nothing is
// removed, if an older one wraps a key of the vault in the folder dir. Backups made before the vault turned to the newest
// version can then be read with a copy of the old key only.
func DropKeyVersions(ctx context.Context, dir string, keys KeyWrapper) (dropped []uint32, err error) {
	r, ok := keys.(rotator)
	if !ok {
		return nil, fmt.Errorf("%w: %T cannot drop versions", ErrKeyReadOnly, keys)
	}
	return r.drop(ctx, func(newest uint32) error {
		used, err := keyUse(dir)
		if err != nil {
			return err
		}
		for _, u := range used {
			if u.Number != newest {
				return fmt.Errorf("%w: version %d wraps %d keys in %s", ErrKeyInUse, u.Number, u.Keys, dir)
			}
		}
		return nil
	})
}

// rotator is a KeyWrapper that knows how its versions are made and dropped.
type rotator interface {
	rotate(ctx context.Context) (version uint32, err error)
	// drop asks free, while no version can be added, whether all but the newest may go.
	drop(ctx context.Context, free func(newest uint32) error) (dropped []uint32, err error)
}

// keyUse tells the versions that wrap keys of the vault in the folder dir, in no order.
func keyUse(dir string) (out []KeyUse, err error) {
	file, err := readKeyring(filepath.Join(dir, keyringName))
	if err != nil {
		return nil, fmt.Errorf("vault: key use: %w", err)
	}
	use := func(w wrappedKey) *KeyUse {
		number, e := wrappedUnder(w.Wrapped)
		err = errors.Join(err, e)
		at := slices.IndexFunc(out, func(u KeyUse) bool { return u.Number == number })
		if at < 0 {
			at, out = len(out), append(out, KeyUse{KeyVersion: KeyVersion{Number: number}})
		}
		out[at].Keys++
		return &out[at]
	}
	use(file.Lookup)
	for _, e := range file.Epochs {
		u := use(e.wrappedKey)
		u.Epochs = append(u.Epochs, EpochUse{e.Number, e.Created})
	}
	return out, err
}

// transitPrefix begins what Transit wraps; its version and a colon follow.
const transitPrefix = "vault:v"

// wrappedUnder tells the version of the key that a key is wrapped under.
func wrappedUnder(wrapped []byte) (uint32, error) {
	if rest, ok := bytes.CutPrefix(wrapped, []byte(transitPrefix)); ok {
		number, _, _ := bytes.Cut(rest, []byte(":"))
		n, err := strconv.ParseUint(string(number), 10, 32)
		if err != nil {
			return 0, fmt.Errorf("%w: a wrapped key without a version", ErrDamaged)
		}
		return uint32(n), nil
	}
	if len(wrapped) < 4 {
		return 0, fmt.Errorf("%w: a wrapped key of %d octets", ErrDamaged, len(wrapped))
	}
	return binary.BigEndian.Uint32(wrapped), nil
}
