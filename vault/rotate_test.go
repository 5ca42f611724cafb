package vault_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"sigill/vault"
)

func (h *house) keys() *vault.KeyFile {
	h.t.Helper()
	keys, err := vault.OpenKeyFile(h.keyFile())
	must(h.t, err)
	return keys
}

func (h *house) rotate() (version uint32) {
	h.t.Helper()
	version, err := vault.RotateKey(h.t.Context(), h.folder(), h.keys())
	must(h.t, err)
	return version
}

// TestRotationOpensAfterEveryStep stops after each step, where a crash could have, and opens the vault.
func TestRotationOpensAfterEveryStep(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
	old, err := os.ReadFile(h.keyFile())
	must(t, err)
	rotated := func(want uint32) func() error {
		return func() error {
			if got := h.rotate(); got != want {
				t.Errorf("rotated to version %d, want %d", got, want)
			}
			return nil
		}
	}
	for _, step := range []struct {
		why string
		do  func() error
	}{
		{"a new file cut off before its rename", func() error { return os.WriteFile(h.keyFile()+".new", []byte("sigill-"), 0o600) }},
		{"renamed, keyring still old", rotated(2)},
		{"begun again after a crash: it goes on with the version that wraps nothing yet", rotated(2)},
		{"rewrapped without restart", func() error { return h.RewrapKeyring(t.Context()) }},
		{"a second rotation", rotated(3)},
		{"maintained: the new epoch's keys are under the newest, the look-up key is not", func() error { return h.Maintain(t.Context(), nil) }},
		{"rewrapped", func() error { return h.RewrapKeyring(t.Context()) }},
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
	if _, err := vault.Open(t.Context(), h.folder(), h.keys(), vault.Options{}); !errors.Is(err, vault.ErrWrongKey) {
		t.Errorf("without the newest version: %v, want ErrWrongKey", err)
	}
	uses, err := vault.ListKeys(t.Context(), h.folder(), h.keys())
	if must(t, err); len(uses) != 2 || !uses[1].Missing || uses[1].Number != 3 || uses[0].Missing {
		t.Errorf("%+v, want version 3 missing", uses)
	}
	must(t, os.WriteFile(h.keyFile(), whole, 0o600))
	h.open()
}

func TestAVersionInUseIsNotDropped(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
	wantKeys := func(why string, want ...int) {
		t.Helper()
		uses, err := vault.ListKeys(t.Context(), h.folder(), h.keys())
		must(t, err)
		for i, u := range uses {
			if len(uses) != len(want) || u.Keys != want[i] || u.Missing || u.Created.IsZero() || u.Newest != (i == len(uses)-1) ||
				len(u.Epochs) != min(1, u.Keys) || u.Keys > 0 && u.Epochs[0].Created.IsZero() {
				t.Errorf("%s: %+v, want keys %v", why, uses, want)
			}
		}
	}
	wantKeys("new: the look-up key and an epoch's", 2)
	h.rotate()
	wantKeys("rotated only", 2, 0)
	if _, err := vault.DropKeyVersions(t.Context(), h.folder(), h.keys()); !errors.Is(err, vault.ErrKeyInUse) {
		t.Errorf("a version in use: %v, want ErrKeyInUse", err)
	}
	h.restart() // nothing was dropped
	must(t, h.RewrapKeyring(t.Context()))
	wantKeys("rewrapped", 0, 2)
	if dropped, err := vault.DropKeyVersions(t.Context(), h.folder(), h.keys()); err != nil || len(dropped) != 1 || dropped[0] != 1 {
		t.Errorf("dropped %v, %v, want version 1", dropped, err)
	}
	wantKeys("dropped", 2)
	h.restart()
	read(t, h.reader(vault.Person(kimsID)), id)
	if version := h.rotate(); version != 3 {
		t.Errorf("version %d after a drop, want 3: a number is not used twice", version)
	}
}

// TestARunningVaultSeesARotation needs no restart and no call.
func TestARunningVaultSeesARotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Run(ctx) }()
		time.Sleep(5 * time.Minute) // the first round turns to a new epoch
		before, err := os.ReadFile(filepath.Join(h.folder(), "keyring.json"))
		must(t, err)
		time.Sleep(10 * time.Minute)
		if after, err := os.ReadFile(filepath.Join(h.folder(), "keyring.json")); err != nil || string(after) != string(before) {
			t.Errorf("the keyring is written for nothing: %v", err)
		}
		version := h.rotate()
		time.Sleep(2 * time.Minute)
		uses, err := vault.ListKeys(t.Context(), h.folder(), h.keys())
		if must(t, err); uses[len(uses)-1].Number != version || uses[len(uses)-1].Keys != 2 {
			t.Errorf("two minutes after a rotation: %+v", uses)
		}
		stop()
		must(t, <-done)
	})
}
