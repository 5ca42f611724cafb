package vault_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

func rawFiles(t *testing.T, h *house) (out []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(h.folder(), "*"))
	must(t, err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		must(t, err)
		out = append(out, b...)
	}
	return out
}

// TestErasureReachesFreePages looks at every octet of the vault's files with all of today's keys.
func TestErasureReachesFreePages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	kept := h.deposit(mail("kept@x", "Beslut"), anna, false, kim).ID
	gone := h.stored(mail("gone@x", "Utkast"))
	h.deleteStored()
	if n := vault.OpenableForTest(h.Vault, rawFiles(t, h), gone); n == 0 {
		t.Fatal("bbolt left no trace of a deleted key: this test cannot see one")
	}
	oldRing, err := os.ReadFile(filepath.Join(h.folder(), "keyring.json"))
	must(t, err)

	must(t, h.Maintain(t.Context(), nil))
	h.restart()
	raw := rawFiles(t, h)
	if n := vault.OpenableForTest(h.Vault, raw, gone); n != 0 {
		t.Errorf("a deleted content key opens in %d places", n)
	}
	if vault.OpenableForTest(h.Vault, raw, kept) == 0 {
		t.Error("the search finds no living key either")
	}
	if bytes.Contains(raw, oldRing[len(oldRing)/2:len(oldRing)-10]) {
		t.Error("the old keyring is still there")
	}
	read(t, h.reader(vault.Person(kimsID)), kept)
}

func TestEverythingReadsOnAfterMaintenance(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var ids []vault.MessageID
	for range 30 {
		ids = append(ids, h.deposit(mail("a@x", "Beslut"), omsorg, false, kim, cia).ID)
	}
	held := h.deposit(mail("h@x", "Beslut"), anna, true, new_).ID
	before := events(t, h)
	due := jobs(t, h)
	for range 2 {
		must(t, h.Maintain(t.Context(), nil))
		h.restart()
	}
	for _, id := range ids {
		read(t, h.reader(vault.Person(kimsID)), id)
	}
	if got := events(t, h); len(got) < len(before) || got[0] != before[0] {
		t.Error("the audit changed")
	}
	if got := jobs(t, h); len(got) != len(due) || got[0] != due[0] {
		t.Error("the outbox changed")
	}
	must(t, h.reader(vault.Staff(anna)).Complete(t.Context(), held, map[string]policy.PersonID{new_.Key(): otherID}))
	_, err := h.reader(vault.Person(kimsID)).FollowLink(t.Context(), linkOf(t, h, ids[0]))
	must(t, err)
	_, err = h.Directory().Authenticate(t.Context(), vault.Login{Address: "anna@kommun.example", Password: "secret anna", Door: vault.DoorWeb})
	must(t, err)
}

// TestMaintenanceBesideDeposits turns epochs while mail comes in: nothing is sealed in an epoch that is forgotten.
func TestMaintenanceBesideDeposits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, stop := context.WithCancel(t.Context())
	var ids []vault.MessageID
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			ids = append(ids, h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID)
		}
	})
	for range 5 {
		must(t, h.Maintain(t.Context(), nil))
	}
	stop()
	wg.Wait()
	must(t, h.Maintain(t.Context(), nil))
	r := h.reader(vault.Person(kimsID))
	for _, id := range ids {
		read(t, r, id)
	}
	t.Logf("%d deposits beside 5 turns", len(ids))
}

func TestMaintenanceThatWasCutOffIsResumed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var ids []vault.MessageID
	for range 100 {
		ids = append(ids, h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID)
	}
	ctx, stop := context.WithCancel(t.Context())
	if err := h.Maintain(ctx, func(int) { stop() }); !errors.Is(err, context.Canceled) {
		t.Fatalf("cut off: %v", err)
	}
	h.restart()
	read(t, h.reader(vault.Person(kimsID)), ids[0])
	must(t, h.Maintain(t.Context(), nil))
	h.restart()
	for _, id := range ids {
		read(t, h.reader(vault.Person(kimsID)), id)
	}
}

// stored puts a mail into Anna's Drafts, where it lies alone, and deleteStored erases what lies there.
func (h *house) stored(raw []byte) vault.MessageID {
	h.t.Helper()
	r := h.reader(vault.Staff(anna))
	w, err := r.Append(box(h.t, r, anna, vault.Drafts).ID, 0, nil, time.Time{})
	must(h.t, err)
	_, err = w.Write(raw)
	must(h.t, err)
	receipt, err := w.Commit(h.t.Context())
	must(h.t, err)
	return receipt.ID
}

func (h *house) deleteStored() {
	h.t.Helper()
	r := h.reader(vault.Staff(anna))
	id := box(h.t, r, anna, vault.Drafts).ID
	var uids []vault.UID
	for _, e := range entries(h.t, r, anna, vault.Drafts) {
		uids = append(uids, e.UID)
	}
	_, err := r.StoreFlags(h.t.Context(), id, uids, vault.AddFlags, vault.Deleted, nil)
	must(h.t, err)
	gone, err := r.Expunge(h.t.Context(), id, nil)
	must(h.t, err)
	if len(gone) != len(uids) {
		h.t.Fatalf("%d of %d erased", len(gone), len(uids))
	}
}

// TestErasureAfterATurnThatWasCutOff deletes what a cut-off turn has sealed in the new epoch already.
func TestErasureAfterATurnThatWasCutOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	gone := h.stored(mail("gone@x", "Utkast"))
	ctx, stop := context.WithCancel(t.Context())
	if err := h.Maintain(ctx, func(int) { stop() }); !errors.Is(err, context.Canceled) {
		t.Fatalf("cut off: %v", err)
	}
	h.deleteStored()
	must(t, h.Maintain(t.Context(), nil))
	h.restart()
	if n := vault.OpenableForTest(h.Vault, rawFiles(t, h), gone); n != 0 {
		t.Errorf("a deleted content key opens in %d places", n)
	}
}
