package vault_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"sigill/vault"
	"sigill/vault/internal/kv"
)

// forge puts a key into a table that is not sealed, as who can change the vault's file might.
func (h *house) forge(t *testing.T, table kv.Table, key string) {
	t.Helper()
	must(t, vault.EngineForTest(h.Vault).Update(t.Context(), func(w kv.Writer) error { return w.Put(table, []byte(key), nil) }))
}

func faults(t *testing.T, h *house) []string {
	t.Helper()
	report, err := h.Verify(t.Context(), nil)
	must(t, err)
	return report.Faults
}

// TestForgedMember: the table of members gives nothing that a function address's own record does not.
func TestForgedMember(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sent := h.deposit(mail("1@x", "Till omsorgen"), anna, false, omsorg)
	dump := vault.DumpForTest(h.Vault)
	members := slices.Collect(maps.Keys(dump["member"]))
	half := len(members[0]) / 2
	forged := 0
	for account := range dump["account"] {
		if !slices.ContainsFunc(members, func(k string) bool { return strings.HasPrefix(k, account) }) { // Cia
			h.forge(t, "member", account+members[0][half:])
			forged++
		}
	}
	if forged != 1 {
		t.Fatalf("%d forged", forged)
	}
	r := h.reader(vault.Staff(cia))
	if _, err := r.Info(t.Context(), sent.ID); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("the message: %v", err)
	}
	boxes, err := r.Mailboxes(t.Context())
	must(t, err)
	for _, b := range boxes {
		if b.Owner.Key() != cia.Key() {
			t.Errorf("a mailbox of %s", b.Owner)
		}
	}
	if may, err := h.Directory().MaySendAs(t.Context(), vault.Staff(cia), omsorg); err != nil || may {
		t.Errorf("may send as the address: %v, %v", may, err)
	}
	if of, err := h.Directory().FunctionAddresses(t.Context(), cia); err != nil || len(of) > 0 {
		t.Errorf("addresses %v, %v", of, err)
	}
	if got := faults(t, h); len(got) != 1 {
		t.Errorf("verify tells %q", got)
	}
}

// TestForgedPlace: the table that tells where messages lie gives nothing that an entry does not.
func TestForgedPlace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	secret := h.deposit(mail("1@x", "Till Bo"), anna, false, bo)
	own := h.deposit(mail("2@x", "Till Cia"), anna, false, cia)
	r := h.reader(vault.Staff(cia))
	inbox := box(t, r, cia, vault.Inbox)
	entries, err := r.Entries(ctx, inbox.ID, 1, 0)
	must(t, err)
	place := func(uid vault.UID) string {
		key := bytes.Clone(secret.ID[:])
		key = binary.BigEndian.AppendUint64(key, uint64(inbox.ID))
		return string(binary.BigEndian.AppendUint32(key, uint32(uid)))
	}
	for what, uid := range map[string]vault.UID{"another message's": entries[0].UID, "nobody's": entries[0].UID + 7} {
		h.forge(t, "where", place(uid))
		if _, err := r.Open(ctx, secret.ID); !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("%s entry: %v", what, err)
		}
		if got := faults(t, h); len(got) != 1 {
			t.Errorf("%s entry: verify tells %q", what, got)
		}
		must(t, vault.EngineForTest(h.Vault).Update(ctx, func(w kv.Writer) error { return w.Delete("where", []byte(place(uid))) }))
	}
	if _, err := r.Open(ctx, own.ID); err != nil {
		t.Errorf("her own: %v", err)
	}
}
