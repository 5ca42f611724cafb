package vault_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"sigill/vault"
)

// TestRolledBackFiles puts one of the vault's two files back to an older state.
func TestRolledBackFiles(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why, file string
		want      error
	}{
		{"the vault's file is of an epoch the keyring has forgotten", "vault.db", vault.ErrDamaged},
		{"the keyring does not know the epoch the vault is in", "keyring.json", vault.ErrWrongKey},
	} {
		t.Run(row.file, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			id := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
			must(t, h.Close())
			path := filepath.Join(h.folder(), row.file)
			old, err := os.ReadFile(path)
			must(t, err)
			h.open()
			must(t, h.Maintain(t.Context(), nil))
			must(t, h.Close())
			now, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path, old, 0o600))
			if v, err := vault.Open(t.Context(), h.folder(), h.keys(), vault.Options{}); !errors.Is(err, row.want) {
				t.Errorf("%s: %v, want %v", row.why, err, row.want)
				if err == nil {
					must(t, v.Close())
				}
			}
			must(t, os.WriteFile(path, now, 0o600)) // and no attempt harmed it
			h.open()
			read(t, h.reader(vault.Person(kimsID)), id)
		})
	}
}

// TestARolledBackFileOfTheSameEpoch opens, since it is a whole vault; a checkpoint kept elsewhere tells.
func TestARolledBackFileOfTheSameEpoch(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.deposit(mail("a@x", "Beslut"), anna, false, kim)
	must(t, h.Close())
	path := filepath.Join(h.folder(), "vault.db")
	old, err := os.ReadFile(path)
	must(t, err)
	h.open()
	h.deposit(mail("b@x", "Beslut"), anna, false, kim)
	kept, err := h.Audit().Checkpoint(t.Context())
	must(t, err)
	must(t, h.Close())
	must(t, os.WriteFile(path, old, 0o600))
	h.open()
	if _, err := h.Audit().Verify(t.Context()); err != nil {
		t.Errorf("by itself it is whole: %v", err)
	}
	if _, err := h.Audit().Verify(t.Context(), kept); !errors.Is(err, vault.ErrAudit) {
		t.Errorf("with a checkpoint: %v, want ErrAudit", err)
	}
}
