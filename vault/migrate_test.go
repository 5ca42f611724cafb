package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigill/policy"
	"sigill/vault"
	"sigill/vault/internal/kv"
)

var errCrash = errors.New("the power goes")

// TestMigrations cuts two migrations off after every transaction and opens the vault again until both are done: each
// account has each letter once.
func TestMigrations(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i := range 4 {
		a := vault.Account{Address: policy.MustAddress(fmt.Sprintf("more%d@kommun.example", i)), Name: "more"}
		must(t, h.Directory().PutAccount(t.Context(), a, "secret"))
	}
	must(t, h.Close())
	defer func() { h.Vault, _ = vault.OpenForTest(t.Context(), h.folder(), h.keys(), nil, nil) }() // for the house's end

	left, runs := 0, 0
	crash := func() error {
		if left--; left < 0 {
			return errCrash
		}
		return nil
	}
	var v *vault.Vault
	for {
		left = 1
		var err error
		if v, err = vault.OpenForTest(t.Context(), h.folder(), h.keys(), vault.MigrationForTest("x", crash), vault.MigrationForTest("y", crash)); err == nil {
			break
		}
		if runs++; !errors.Is(err, errCrash) || runs > 20 {
			t.Fatalf("run %d: %v", runs, err)
		}
		if _, err := vault.Open(t.Context(), h.folder(), h.keys(), vault.Options{}); !errors.Is(err, vault.ErrNewer) {
			t.Fatalf("a half migrated vault opened by the version before: %v, want ErrNewer", err)
		}
	}
	if runs != 7 { // seven accounts, two at a time: four parts each, and the last is not cut off
		t.Errorf("cut off %d times, want 7", runs)
	}
	for _, a := range []policy.Address{anna, bo, cia, policy.MustAddress("more3@kommun.example")} {
		account, err := v.Directory().Account(t.Context(), a)
		if err != nil || !strings.HasSuffix(account.Name, "xy") || strings.Count(account.Name, "x")+strings.Count(account.Name, "y") != 2 {
			t.Errorf("%s is called %q, %v", a, account.Name, err)
		}
	}
	must(t, v.Close())
}

func TestANewVaultHasTheNewestSchema(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, vault.CreateKeyFile(filepath.Join(dir, "key")))
	keys, err := vault.OpenKeyFile(filepath.Join(dir, "key"))
	must(t, err)
	never := vault.MigrationForTest("x", func() error { return errCrash })
	v, err := vault.OpenForTest(t.Context(), filepath.Join(dir, "vault"), keys, never, never)
	must(t, err)
	must(t, v.Close())
}

func TestSchemasRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{"3": vault.ErrNewer, "17": vault.ErrNewer, "0": vault.ErrDamaged, "one": vault.ErrDamaged, "": vault.ErrDamaged} {
		h := newHouse(t)
		put := func(text string) {
			must(t, vault.EngineForTest(h.Vault).Update(t.Context(), func(w kv.Writer) error {
				return w.Put("meta", []byte("schema"), []byte(text))
			}))
		}
		put(text)
		must(t, h.Close())
		file := filepath.Join(h.folder(), "vault.db")
		before, err := os.ReadFile(file)
		must(t, err)
		if _, err := vault.Open(t.Context(), h.folder(), h.keys(), vault.Options{}); !errors.Is(err, want) {
			t.Errorf("schema %q: %v, want %v", text, err, want)
		}
		if after, err := os.ReadFile(file); err != nil || !bytes.Equal(before, after) {
			t.Errorf("schema %q: the file was written to", text)
		}
		engine, err := kv.OpenBolt(file, vault.BoltOptionsForTest())
		must(t, err)
		must(t, engine.Update(t.Context(), func(w kv.Writer) error { return w.Put("meta", []byte("schema"), []byte("2")) }))
		must(t, engine.Close())
		h.open()
	}
}
