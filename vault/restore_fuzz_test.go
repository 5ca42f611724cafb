package vault_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"sigill/vault"
)

// smallBackup is that of a new vault with one mail, under a key file that it gives.
func smallBackup(t testing.TB) (stream []byte, keys *vault.KeyFile) {
	t.Helper()
	h := newHouse(t)
	h.deposit(mail("a@x", "Beslut"), anna, false, kim)
	var out bytes.Buffer
	must(t, h.Backup(t.Context(), &out))
	keys, err := vault.OpenKeyFile(h.keyFile())
	must(t, err)
	return out.Bytes(), keys
}

// FuzzRestore restores a stream, once as it is and once with the sum that whoever changed it would put to it. It is
// ErrBackup and the folder is empty, or what was restored opens or does not, and is verified, without a panic.
func FuzzRestore(f *testing.F) {
	whole, keys := smallBackup(f)
	whole = whole[:len(whole)-sha256.Size]
	ring := bytes.IndexByte(whole, '}') + 1
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(append(bytes.Clone(whole[:len(whole)-1]), 1, 0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 1, 0, 0xff)) // a message's key under three octets
	f.Add(append(bytes.Clone(whole[:len(whole)-1]), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff))             // no key
	f.Add(append(bytes.Clone(whole[:ring]), 2, 0xff, 0xff, 0xff, 0xff))
	dir := filepath.Join(f.TempDir(), "vault")
	f.Fuzz(func(t *testing.T, stream []byte) {
		sum := sha256.Sum256(stream)
		for _, s := range [][]byte{stream, append(bytes.Clone(stream), sum[:]...)} {
			if err := vault.Restore(t.Context(), dir, bytes.NewReader(s)); err != nil {
				left, _ := os.ReadDir(dir)
				if !errors.Is(err, vault.ErrBackup) || len(left) != 0 {
					t.Errorf("left %v, %v", left, err)
				}
				continue
			}
			if v, err := vault.Open(t.Context(), dir, keys, vault.Options{}); err == nil {
				if _, err := v.Verify(t.Context(), nil); err != nil {
					t.Error(err)
				}
				must(t, v.Close())
			}
			must(t, os.RemoveAll(dir))
		}
	})
}

// FuzzKeyring: a vault whose keyring was changed opens with the right keys or not at all, and the file stays as it is.
func FuzzKeyring(f *testing.F) {
	h := newHouse(f)
	h.deposit(mail("a@x", "Beslut"), anna, false, kim)
	keys, err := vault.OpenKeyFile(h.keyFile())
	must(f, err)
	must(f, h.Close())
	path := filepath.Join(h.folder(), "keyring.json")
	whole, err := os.ReadFile(path)
	must(f, err)
	f.Add(whole)
	f.Add(bytes.Replace(whole, []byte(`"sum"`), []byte(`"som"`), 1))
	f.Add(bytes.Replace(whole, []byte(`"number": 1`), []byte(`"number": 4294967295`), 1))
	f.Add(bytes.Replace(whole, []byte(`"begun": true`), []byte(`"begun": false`), 1))
	f.Add([]byte("{}"))
	f.Add([]byte(`{"epochs": [null]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		must(t, os.WriteFile(path, text, 0o600))
		v, err := vault.Open(t.Context(), h.folder(), keys, vault.Options{})
		if err != nil {
			if !errors.Is(err, vault.ErrDamaged) && !errors.Is(err, vault.ErrWrongKey) {
				t.Error(err)
			}
		} else {
			if r, err := v.Verify(t.Context(), nil); err != nil || len(r.Faults) > 0 {
				t.Errorf("it opens, and verify says %q, %v", r.Faults, err)
			}
			must(t, v.Close())
		}
		if left, err := os.ReadFile(path); err != nil && !errors.Is(err, fs.ErrNotExist) || !bytes.Equal(left, text) {
			t.Errorf("the keyring was written to: %v", err)
		}
	})
}
