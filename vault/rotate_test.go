package vault_test

import (
	"errors"
	"os"
	"testing"

	"sigill/vault"
)

// TestRotationOpensAfterEveryStep stops after each step, where a crash could have, and opens the vault.
func TestRotationOpensAfterEveryStep(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
	old, err := os.ReadFile(h.keyFile())
	must(t, err)
	for _, step := range []struct {
		why string
		do  func() error
	}{
		{"a new file cut off before its rename", func() error { return os.WriteFile(h.keyFile()+".new", []byte("sigill-"), 0o600) }},
		{"renamed, keyring still old", func() error { _, err := vault.RotateKeyFile(h.keyFile()); return err }},
		{"a second rotation before any rewrap", func() error { _, err := vault.RotateKeyFile(h.keyFile()); return err }},
		{"rewrapped without restart", func() error {
			_, err := vault.RotateKeyFile(h.keyFile())
			must(t, err)
			return h.RewrapKeyring(t.Context())
		}},
		{"maintained", func() error { return h.Maintain(t.Context(), nil) }},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.why, err)
		}
		h.deposit(mail("b@x", "Beslut"), anna, false, kim)
		h.restart()
		read(t, h.reader(vault.Person(kimsID)), id)
	}
	must(t, h.Close())
	whole, err := os.ReadFile(h.keyFile())
	must(t, err)
	must(t, os.WriteFile(h.keyFile(), old, 0o600))
	keys, err := vault.OpenKeyFile(h.keyFile())
	must(t, err)
	if _, err := vault.Open(t.Context(), h.folder(), keys, vault.Options{}); !errors.Is(err, vault.ErrWrongKey) {
		t.Errorf("without the newest version: %v, want ErrWrongKey", err)
	}
	must(t, os.WriteFile(h.keyFile(), whole, 0o600))
	h.open()
}
