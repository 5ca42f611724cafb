package vault

import (
	"context"
	"fmt"
	"slices"
)

// RewrapKeyring wraps every key of the keyring under the newest version of the key-encryption key, if one is not yet. The
// keys themselves stay, so it is quick and nothing waits for it. One that is cut off leaves the old keyring. Run does it
// within a minute of a rotation.
func (v *Vault) RewrapKeyring(ctx context.Context) error {
	v.maintaining.Lock() // who else writes the keyring
	defer v.maintaining.Unlock()
	if err := v.ring.rewrap(ctx); err != nil {
		return fmt.Errorf("vault: rewrap keyring: %w", err)
	}
	return nil
}

func (k *keyring) rewrap(ctx context.Context) error {
	versions, err := k.keys.Versions(ctx)
	if err != nil {
		return err
	}
	next, changed := k.file, false
	next.Epochs = slices.Clone(k.file.Epochs)
	wrapped := []*wrappedKey{&next.Lookup}
	for i := range next.Epochs {
		wrapped = append(wrapped, &next.Epochs[i].wrappedKey)
	}
	for _, w := range wrapped {
		if number, err := wrappedUnder(w.Wrapped); err == nil && number == versions[len(versions)-1].Number {
			continue
		}
		if *w, err = k.rewrapKey(ctx, *w); err != nil {
			return err
		}
		changed = true
	}
	if !changed {
		return nil
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
