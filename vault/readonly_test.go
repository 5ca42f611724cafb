package vault_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"sigill/vault"
)

// mounted gives a folder on a small file system of its own.
func mounted(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a file system of its own needs the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestAReadOnlyFileSystem: a vault on a file system that was mounted read-only does not open, is not written to, and opens
// when the file system is as it was.
func TestAReadOnlyFileSystem(t *testing.T) {
	t.Parallel()
	dir := mounted(t, "32m")
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
	must(t, h.Close())
	moved := filepath.Join(dir, "vault")
	must(t, os.CopyFS(moved, os.DirFS(h.folder())))
	must(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	v, err := vault.Open(t.Context(), moved, h.keys(), vault.Options{})
	if !errors.Is(err, syscall.EROFS) {
		t.Errorf("%v, want EROFS", err)
	}
	if err == nil {
		must(t, v.Close())
	}
	t.Log(err)
	must(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""))
	v, err = vault.Open(t.Context(), moved, h.keys(), vault.Options{})
	must(t, err)
	r, err := v.Reader(t.Context(), vault.Person(kimsID), vault.DoorWeb)
	must(t, err)
	read(t, r, id)
	r.Close()
	must(t, v.Close())
}

// TestAKeyringThatCannotBeWritten makes maintenance fail, which writes it anew, and nothing else.
func TestAKeyringThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
	must(t, os.Mkdir(filepath.Join(h.folder(), "keyring.json.new"), 0o700)) // in the way, and not empty
	must(t, os.WriteFile(filepath.Join(h.folder(), "keyring.json.new", "x"), nil, 0o600))
	if err := h.Maintain(t.Context(), nil); err == nil {
		t.Error("maintenance without a keyring")
	}
	after := h.deposit(mail("b@x", "Beslut"), anna, false, kim).ID
	h.restart()
	read(t, h.reader(vault.Person(kimsID)), id)
	read(t, h.reader(vault.Person(kimsID)), after)
	must(t, os.RemoveAll(filepath.Join(h.folder(), "keyring.json.new")))
	must(t, h.Maintain(t.Context(), nil))
	read(t, h.reader(vault.Person(kimsID)), id)
}

// TestAFullDisk fills a small file system through the vault, and gives room again.
func TestAFullDisk(t *testing.T) {
	t.Parallel()
	dir := mounted(t, "48m")
	h := newHouse(t)
	must(t, h.Close())
	moved := filepath.Join(dir, "vault")
	must(t, os.CopyFS(moved, os.DirFS(h.folder())))
	ballast := filepath.Join(dir, "ballast")
	must(t, os.WriteFile(ballast, make([]byte, 20<<20), 0o600))
	v, err := vault.Open(t.Context(), moved, h.keys(), vault.Options{})
	must(t, err)
	h.Vault = v // which the house closes
	big := append(mail("a@x", "Beslut"), make([]byte, 1500_000)...)
	var kept []vault.MessageID
	var last error
	for last == nil && len(kept) < 30 {
		receipt, err := h.tryDeposit(big, anna, false, kim)
		if last = err; err == nil {
			kept = append(kept, receipt.ID)
		}
	}
	if !errors.Is(last, vault.ErrFull) || len(kept) < 2 {
		t.Fatalf("%d mails, then %v, want ErrFull", len(kept), last)
	}
	if err := h.Maintain(t.Context(), nil); err != nil && !errors.Is(err, vault.ErrFull) {
		t.Errorf("maintenance: %v, want ErrFull", err)
	}
	must(t, os.Remove(ballast))
	after := h.deposit(big, anna, false, kim).ID
	for _, id := range append(kept, after) {
		read(t, h.reader(vault.Person(kimsID)), id)
	}
	if r := verify(t, h.Vault); len(r.Faults) > 0 {
		t.Errorf("verify: %q", r.Faults)
	}
	must(t, h.Maintain(t.Context(), nil))
	must(t, h.Close()) // before the file system goes
}
