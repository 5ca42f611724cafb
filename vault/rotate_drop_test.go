package vault_test

import (
	"errors"
	"testing"

	"sigill/vault"
)

func TestAVersionInUseIsNotDropped(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
	wantUse := func(why string, version uint32) {
		t.Helper()
		used, err := vault.KeyUse(h.folder())
		must(t, err)
		if len(used) != 1 || used[0].Version != version || used[0].Keys != 2 || len(used[0].Epochs) != 1 || used[0].Epochs[0].Created.IsZero() {
			t.Errorf("%s: %+v, want 2 keys under version %d", why, used, version)
		}
	}
	wantUse("new", 1)
	_, err := vault.RotateKeyFile(h.keyFile())
	must(t, err)
	wantUse("rotated only", 1)
	if err := vault.DropKeyVersions(h.keyFile(), h.folder()); !errors.Is(err, vault.ErrKeyInUse) {
		t.Errorf("a version in use: %v, want ErrKeyInUse", err)
	}
	h.restart() // nothing was dropped
	must(t, h.RewrapKeyring(t.Context()))
	wantUse("rewrapped", 2)
	must(t, vault.DropKeyVersions(h.keyFile(), h.folder()))
	h.restart()
	read(t, h.reader(vault.Person(kimsID)), id)
	version, err := vault.RotateKeyFile(h.keyFile())
	must(t, err)
	if version != 3 {
		t.Errorf("version %d after a drop, want 3: a number is not used twice", version)
	}
}
