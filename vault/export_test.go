package vault

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"time"

	"sigill/policy"
	"sigill/vault/internal/kv"
	"sigill/vault/internal/seal"
)

// CountForTest counts the records of a table.
func CountForTest(v *Vault, table string) (n int) {
	v.kv.View(context.Background(), func(r kv.Reader) error {
		for range r.Range(kv.Table(table), kv.Span{}) {
			n++
		}
		return nil
	})
	return n
}

// FillSubscriptionsForTest makes an account one that has said something of as many names as it may.
func FillSubscriptionsForTest(ctx context.Context, v *Vault, a policy.Address) error {
	o := v.staffOwner(a)
	return v.update(ctx, func(t *tx) error {
		rec, _, err := load[accountRecord](t, tAccount, o[:])
		for n := len(rec.Subscriptions); n < maxSubscriptions; n++ {
			rec.Subscriptions = append(rec.Subscriptions, subscriptionRecord{strconv.Itoa(n), Subscribed})
		}
		return errors.Join(err, save(t, tAccount, o[:], &rec))
	})
}

// CollectOrphansForTest is what Run does first.
func CollectOrphansForTest(v *Vault, ctx context.Context) error { return v.collectOrphans(ctx) }

// EraseForTest is what disposal does to a message.
func EraseForTest(v *Vault, id MessageID) error {
	return v.update(context.Background(), func(t *tx) error { return t.erase(id) })
}

// DropReplyDraftsForTest is a part of a round of housekeeping.
func DropReplyDraftsForTest(v *Vault, ctx context.Context) error { return v.dropReplyDrafts(ctx) }

// EngineForTest is the store below the vault, to damage it.
func EngineForTest(v *Vault) kv.Engine { return v.kv }

// WrapEngineForTest puts an engine around the store, to stop in its updates.
func WrapEngineForTest(v *Vault, wrap func(kv.Engine) kv.Engine) { v.kv = wrap(v.kv) }

// OpenableForTest counts the places in raw octets where a key of today's keyring opens the content key of a message.
func OpenableForTest(v *Vault, raw []byte, id MessageID) (n int) {
	const size = seal.BoxOverhead + 32
	for _, e := range v.ring.epochs {
		for rest := raw; ; rest = rest[1:] {
			at := bytes.IndexByte(rest, 1) // a box's first octet
			if at < 0 || len(rest)-at < size {
				break
			}
			rest = rest[at:]
			if _, err := seal.Unwrap(e.wrap, rest[:size], seal.ID(id)); err == nil {
				n++
			}
		}
	}
	return n
}

// PutHeaderForTest seals that in place of a message's header.
func PutHeaderForTest(v *Vault, id MessageID, header []byte) error {
	return v.update(context.Background(), func(t *tx) error {
		key, err := t.contentKey(id)
		if err != nil {
			return err
		}
		return t.w.Put(tHeader, id[:], seal.NewBox(key.Derive("index")).Seal(nil, header, place(tHeader, id[:])))
	})
}

// BoltOptionsForTest are those of the vault's own store.
func BoltOptionsForTest() kv.BoltOptions { return kv.BoltOptions{Together: together, Growing: growing} }

// DumpForTest is all that is stored.
func DumpForTest(v *Vault) map[string]map[string]string {
	out := map[string]map[string]string{}
	v.kv.View(context.Background(), func(r kv.Reader) error {
		for _, table := range tables {
			out[string(table)] = map[string]string{}
			for k, value := range r.Range(table, kv.Span{}) {
				out[string(table)][string(k)] = string(value)
			}
		}
		return nil
	})
	return out
}

// CreateCheapKeyForTest makes a key file under a passphrase, and spares the second and the 256 MiB of age's scrypt.
func CreateCheapKeyForTest(path string, passphrase SecretFile) error {
	return createKeyFile(path, keySeal{passphrase: passphrase, work: 4})
}

// CheapKeyForTest makes changes of a key file cheap.
func CheapKeyForTest(k *KeyFile) { k.seal.work = 4 }

// QuickTransitForTest tries again without waiting long.
func QuickTransitForTest(t *Transit) { t.client.wait = time.Millisecond }

// MigrationForTest appends a letter to the names of accounts, two in each transaction, and stops as a crash would when
// stop says so.
func MigrationForTest(letter string, stop func() error) migration {
	return func(t *tx, from []byte) (next []byte, err error) {
		if err := stop(); err != nil {
			return nil, err
		}
		n := 0
		for k, sealed := range t.r.Range(tAccount, kv.Span{From: from}) {
			if bytes.Equal(k, from) {
				continue
			}
			if n++; n > 2 {
				return next, nil
			}
			k = bytes.Clone(k)
			rec, err := open[accountRecord](t, tAccount, k, sealed)
			if err != nil {
				return nil, err
			}
			rec.Name += letter
			if err := save(t, tAccount, k, &rec); err != nil {
				return nil, err
			}
			next = k
		}
		return nil, nil
	}
}

// OpenForTest is Open by a later version that has these migrations, too.
func OpenForTest(ctx context.Context, dir string, keys KeyWrapper, steps ...migration) (*Vault, error) {
	return openVault(ctx, dir, keys, Options{}, append(migrations(), steps...))
}

// NewestSchemaForTest is today's.
func NewestSchemaForTest() int { return len(migrations()) + 1 }

// KeyOfForTest is an open content's key, and the chunk it holds open, themselves and no copies.
func KeyOfForTest(c *Content) (key *seal.Key, chunk []byte) { return c.key, c.plain[:cap(c.plain)] }
