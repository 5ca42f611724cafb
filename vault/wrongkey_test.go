package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sigill/vault"
	"sigill/vault/internal/kv"
)

// damaged fails unless err tells of damage and not of a wrong key.
func damaged(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, vault.ErrDamaged) || errors.Is(err, vault.ErrWrongKey) {
		t.Errorf("%s: %v, want ErrDamaged", what, err)
	}
}

// wrongKey fails unless err tells of a wrong key and not of damage.
func wrongKey(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, vault.ErrWrongKey) || errors.Is(err, vault.ErrDamaged) {
		t.Errorf("%s: %v, want ErrWrongKey", what, err)
	}
}

// TestADamagedKeyringIsNotAWrongKey changes each octet of it, and cuts it off before each.
func TestADamagedKeyringIsNotAWrongKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	must(t, h.Close())
	file := filepath.Join(h.folder(), "keyring.json")
	whole, err := os.ReadFile(file)
	must(t, err)
	opened := 0
	try := func(what string, text []byte) {
		must(t, os.WriteFile(file, text, 0o600))
		if _, err := vault.ListKeys(t.Context(), h.folder(), h.keys()); err != nil {
			damaged(t, what, err)
		} else {
			opened++
		}
	}
	for i := range whole {
		bad := slices.Clone(whole)
		bad[i] ^= 1
		try(fmt.Sprintf("octet %d %q", i, whole[i]), bad)
		try(fmt.Sprintf("cut off at %d", i), whole[:i])
	}
	// What says the same still opens: base64 has bits to spare, and without its name the sum is not looked at.
	if opened > 12 {
		t.Errorf("%d changes of %d octets went unseen", opened, len(whole))
	}
	bad := bytes.Replace(whole, []byte(`"AAAAAQ`), []byte(`"AAAAAR`), 1) // another first octet of the box
	must(t, os.WriteFile(file, bad, 0o600))
	_, err = vault.Open(t.Context(), h.folder(), h.keys(), vault.Options{})
	damaged(t, "opened", err)
	must(t, os.WriteFile(file, whole, 0o600))
	h.open()
}

// TestWhatIsWrongWithMeta puts values into the one table that is not sealed.
func TestWhatIsWrongWithMeta(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.deposit(mail("a@x", "Beslut"), anna, false, kim)
	before, err := os.ReadFile(filepath.Join(h.folder(), "keyring.json"))
	must(t, err)
	must(t, h.Maintain(t.Context(), nil))
	must(t, h.Close())
	open := func() error {
		v, err := vault.Open(t.Context(), h.folder(), h.keys(), vault.Options{})
		if err == nil {
			must(t, v.Close())
		}
		return err
	}
	put := func(name string, value []byte) (old []byte) {
		engine, err := kv.OpenBolt(filepath.Join(h.folder(), "vault.db"), vault.BoltOptionsForTest())
		must(t, err)
		defer engine.Close()
		must(t, engine.Update(t.Context(), func(w kv.Writer) error {
			old = bytes.Clone(w.Get("meta", []byte(name)))
			return w.Put("meta", []byte(name), value)
		}))
		return old
	}
	for what, row := range map[string]struct {
		name  string
		value []byte
	}{
		"another vault's id":     {"vault", make([]byte, 16)},
		"no id":                  {"vault", []byte{}},
		"an epoch yet to come":   {"epoch", []byte{0, 0, 0, 9}},
		"an epoch that is short": {"epoch", []byte{9}},
		"a schema that is none":  {"schema", []byte("x")},
	} {
		old := put(row.name, row.value)
		damaged(t, what, open())
		put(row.name, old)
	}
	ring := filepath.Join(h.folder(), "keyring.json")
	after, err := os.ReadFile(ring)
	must(t, err)
	must(t, os.WriteFile(ring, before, 0o600))
	wrongKey(t, "a keyring from before maintenance", open())
	must(t, os.WriteFile(ring, after, 0o600))
	h.open()
}

// TestAWrongKeyIsNotDamage: whole files of another vault's, in every mixture.
func TestAWrongKeyIsNotDamage(t *testing.T) {
	t.Parallel()
	h, other := newHouse(t), newHouse(t)
	h.deposit(mail("a@x", "Beslut"), anna, false, kim)
	must(t, h.Close())
	ring := filepath.Join(h.folder(), "keyring.json")
	mine, err := os.ReadFile(ring)
	must(t, err)
	theirs, err := os.ReadFile(filepath.Join(other.folder(), "keyring.json"))
	must(t, err)
	for _, row := range []struct {
		what string
		ring []byte
		keys *vault.KeyFile
	}{
		{"another's key file", mine, other.keys()},
		{"another's keyring", theirs, h.keys()},
		{"another's keyring and key file", theirs, other.keys()},
	} {
		must(t, os.WriteFile(ring, row.ring, 0o600))
		_, err := vault.Open(t.Context(), h.folder(), row.keys, vault.Options{})
		wrongKey(t, row.what, err)
	}
	must(t, os.WriteFile(ring, mine, 0o600))
	h.open()
}

// TestADamagedRecordIsNotAWrongKey flips an octet of every record of each table in turn: Verify tells of it, and an open
// vault's Audit too.
func TestADamagedRecordIsNotAWrongKey(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"key", "chunk", "index", "message", "messageid", "mailbox", "entry", "account", "function", "binding", "link", "job", "audit"} {
		h := newHouse(t)
		h.deposit(mail("a@x", "Beslut"), anna, false, kim)
		for at, change := range map[string]func([]byte){
			"epoch": func(b []byte) { b[0] ^= 1 }, "middle": func(b []byte) { b[len(b)/2] ^= 1 }, "end": func(b []byte) { b[len(b)-1] ^= 1 },
		} {
			damage(t, h, table, change)
			h.restart() // nothing of it keeps the vault from opening
			r, err := h.Verify(t.Context(), nil)
			if err != nil || len(r.Faults) == 0 {
				t.Errorf("table %s, %s: %v, %v", table, at, r.Faults, err)
			}
			damage(t, h, table, change)
		}
		if r, err := h.Verify(t.Context(), nil); err != nil || len(r.Faults) > 0 {
			t.Errorf("table %s, mended: %v, %v", table, r.Faults, err)
		}
	}
}
