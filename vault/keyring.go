package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sigill/vault/internal/kv"
	"sigill/vault/internal/seal"
)

// keyringName is the file, beside the vault's, that holds the vault's keys under the key-encryption key. It is small and
// written anew as a whole, so a key that is left out of it is gone, as no record deleted in a database file is.
const keyringName = "keyring.json"

// keyring is the keys of a vault. All but the look-up key belong to an epoch; maintenance turns to a new epoch, seals what
// lives anew and forgets the old one. For use by many goroutines.
type keyring struct {
	path   string
	keys   KeyWrapper
	file   keyringFile
	lookup *seal.Key

	mu      sync.RWMutex
	epochs  map[uint32]*epoch
	current uint32
}

// epoch is the keys that seal in one epoch.
type epoch struct {
	number  uint32
	records *seal.Box // seals records
	wrap    *seal.Box // wraps content keys
}

// keyringFile is the file's JSON.
type keyringFile struct {
	Vault  []byte         `json:"vault"` // tells which vault's it is
	Begun  bool           `json:"begun"` // the vault's file was made; if it is not there, it is lost
	Lookup wrappedKey     `json:"lookup"`
	Epochs []wrappedEpoch `json:"epochs"` // oldest first; the last seals
	// Sum of all the above tells damage from a wrong key. The first keyrings have none.
	Sum []byte `json:"sum,omitempty"`
}

type wrappedEpoch struct {
	Number  uint32    `json:"number"`
	Created time.Time `json:"created"`
	wrappedKey
}

// wrappedKey is a key under the key-encryption key, with a value that tells a wrong key from damage.
type wrappedKey struct {
	Wrapped []byte `json:"wrapped"`
	Check   []byte `json:"check"`
}

// createKeyring makes the keys of a new vault, durable in the file.
func createKeyring(ctx context.Context, dir string, keys KeyWrapper, now time.Time) (*keyring, error) {
	k := &keyring{path: filepath.Join(dir, keyringName), keys: keys, lookup: seal.NewKey(), epochs: map[uint32]*epoch{}}
	k.file.Vault = seal.NewKey().Bytes()[:16]
	var err error
	if k.file.Lookup, err = k.wrapKey(ctx, k.lookup); err != nil {
		return nil, err
	}
	return k, k.begin(ctx, now)
}

// openKeyring reads the file. fs.ErrNotExist if there is none, ErrWrongKey, ErrDamaged.
func openKeyring(ctx context.Context, dir string, keys KeyWrapper) (*keyring, error) {
	k := &keyring{path: filepath.Join(dir, keyringName), keys: keys, epochs: map[uint32]*epoch{}}
	var err error
	if k.file, err = readKeyring(k.path); err != nil {
		return nil, err
	}
	if k.lookup, err = k.unwrapKey(ctx, k.file.Lookup); err != nil {
		return nil, err
	}
	for _, e := range k.file.Epochs {
		root, err := k.unwrapKey(ctx, e.wrappedKey)
		if err != nil {
			return nil, err
		}
		k.add(e.Number, root)
	}
	return k, nil
}

// readKeyring reads the file, whose keys stay wrapped. fs.ErrNotExist, ErrDamaged.
func readKeyring(path string) (file keyringFile, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return file, err
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return file, fmt.Errorf("%w: %s is not a keyring: %w", ErrDamaged, path, err)
	}
	if len(file.Epochs) == 0 {
		return file, fmt.Errorf("%w: %s is not a keyring: it has no epoch", ErrDamaged, path)
	}
	if file.Sum != nil && !bytes.Equal(file.Sum, file.sum()) {
		return file, fmt.Errorf("%w: %s has a wrong sum", ErrDamaged, path)
	}
	return file, nil
}

// sum is the SHA-256 of the file's fields.
func (f keyringFile) sum() []byte {
	h := sha256.New()
	add := func(number uint32, at time.Time, w wrappedKey) {
		h.Write(join(be32(number), be64(uint64(at.UnixNano())), be32(uint32(len(w.Wrapped))), w.Wrapped, w.Check))
	}
	begun := byte(0)
	if f.Begun {
		begun = 1
	}
	h.Write(append(f.Vault[:len(f.Vault):len(f.Vault)], begun))
	add(0, time.Unix(0, 0), f.Lookup)
	for _, e := range f.Epochs {
		add(e.Number, e.Created, e.wrappedKey)
	}
	return h.Sum(nil)
}

func (k *keyring) wrapKey(ctx context.Context, key *seal.Key) (wrappedKey, error) {
	check := key.Check()
	wrapped, err := k.keys.Wrap(ctx, k.file.Vault, key.Bytes())
	return wrappedKey{Wrapped: wrapped, Check: check[:]}, err
}

func (k *keyring) unwrapKey(ctx context.Context, w wrappedKey) (*seal.Key, error) {
	raw, err := k.keys.Unwrap(ctx, k.file.Vault, w.Wrapped)
	if err != nil {
		return nil, err
	}
	key, err := seal.KeyFromBytes(raw)
	clear(raw)
	if err != nil {
		return nil, err
	}
	if sum := key.Check(); !bytes.Equal(sum[:], w.Check) {
		return nil, ErrWrongKey
	}
	return key, nil
}

// belongsLook is how many content keys belongs tries.
const belongsLook = 256

// belongs tells whether the keyring opens the vault's content keys, and none is of an epoch it does not have.
func (k *keyring) belongs(ctx context.Context, engine kv.Engine) (whole bool, err error) {
	err = engine.View(ctx, func(r kv.Reader) error {
		whole = false
		looked := 0
		for id, sealed := range r.Range(tKey, kv.Span{}) {
			e, sealed, err := k.epochOf(sealed)
			if err != nil {
				whole = false
				return nil
			}
			if key, err := seal.Unwrap(e.wrap, sealed, seal.ID(id)); err == nil {
				key.Wipe()
				whole = true
			}
			if looked++; looked == belongsLook {
				return nil
			}
		}
		return nil
	})
	return whole, err
}

// add makes an epoch's keys usable and the epoch current, and wipes the root key they come of.
func (k *keyring) add(number uint32, root *seal.Key) {
	e := &epoch{
		number:  number,
		records: seal.NewBox(root.Derive("records")),
		wrap:    seal.NewBox(root.Derive("content keys")),
	}
	root.Wipe()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.epochs[number] = e
	k.current = max(k.current, number)
}

// begin turns to a new epoch, which is durable before anything is sealed in it.
func (k *keyring) begin(ctx context.Context, now time.Time) error {
	root := seal.NewKey()
	wrapped, err := k.wrapKey(ctx, root)
	if err != nil {
		return err
	}
	next := k.file
	number := k.current + 1
	next.Epochs = append(next.Epochs[:len(next.Epochs):len(next.Epochs)], wrappedEpoch{number, now.UTC(), wrapped})
	if err := k.write(next); err != nil {
		return err
	}
	k.add(number, root)
	return nil
}

// begun tells that the vault's file was made.
func (k *keyring) begun() error {
	next := k.file
	next.Begun = true
	return k.write(next)
}

// lost tells that a folder has the keyring of a vault whose file is not there.
func lost(dir string) bool {
	var file keyringFile
	text, err := os.ReadFile(filepath.Join(dir, keyringName))
	if err != nil || json.Unmarshal(text, &file) != nil || !file.Begun {
		return false
	}
	_, err = os.Stat(filepath.Join(dir, fileName))
	return errors.Is(err, fs.ErrNotExist)
}

// forget drops all epochs but the current one. What is still sealed in them is gone.
func (k *keyring) forget() error {
	next := k.file
	next.Epochs = next.Epochs[len(next.Epochs)-1:]
	if err := k.write(next); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for number := range k.epochs {
		if number != k.current {
			delete(k.epochs, number)
		}
	}
	return nil
}

// write makes next the file.
func (k *keyring) write(next keyringFile) error {
	next.Sum = next.sum()
	text, err := json.MarshalIndent(next, "", "\t")
	if err != nil {
		return err
	}
	old, err := swapFile(k.path, text)
	if err != nil {
		return fmt.Errorf("vault: keyring: %w", mapError(err))
	}
	k.file = next
	return settleFile(k.path, old)
}

// sealing is the epoch that seals now. In an update it stays the same to the end.
func (k *keyring) sealing() *epoch {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.epochs[k.current]
}

// epochOf parts sealed octets into the epoch that leads them and the rest.
func (k *keyring) epochOf(sealed []byte) (*epoch, []byte, error) {
	if len(sealed) < 4 {
		return nil, nil, ErrDamaged
	}
	e, err := k.opening(binary.BigEndian.Uint32(sealed))
	return e, sealed[4:], err
}

func (k *keyring) has(number uint32) bool {
	_, err := k.opening(number)
	return err == nil
}

// opening is the epoch a record was sealed in. ErrDamaged if it is forgotten or never was.
func (k *keyring) opening(number uint32) (*epoch, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if e := k.epochs[number]; e != nil {
		return e, nil
	}
	return nil, fmt.Errorf("%w: sealed in epoch %d, which the keyring does not have", ErrDamaged, number)
}
