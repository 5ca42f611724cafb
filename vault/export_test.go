package vault

import (
	"context"

	"sigill/vault/internal/kv"
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

// CollectOrphansForTest is what Run does first.
func CollectOrphansForTest(v *Vault, ctx context.Context) error { return v.collectOrphans(ctx) }

// EngineForTest is the store below the vault, to damage it.
func EngineForTest(v *Vault) kv.Engine { return v.kv }

// CheapPasswordsForTest spares the time of Argon2id, which the race detector makes tenfold.
func CheapPasswordsForTest(v *Vault) { v.passwords.memory = 8 }
