package vault_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"sigill/vault"
	"sigill/vault/internal/kv"
)

func TestAuditChain(t *testing.T) {
	t.Parallel()
	for why, tamper := range map[string]func(kv.Writer) error{
		"":                        func(kv.Writer) error { return nil },
		"an event is left out":    func(w kv.Writer) error { return w.Delete("audit", number(3)) },
		"the last is left out":    func(w kv.Writer) error { return w.Delete("audit", number(8)) },
		"the first is left out":   func(w kv.Writer) error { return w.Delete("audit", number(1)) },
		"an event is overwritten": func(w kv.Writer) error { return w.Put("audit", number(4), bytes.Clone(w.Get("audit", number(5)))) },
		"the counter is turned back": func(w kv.Writer) error {
			return errors.Join(w.Put("meta", []byte("audit"), number(7)), w.Delete("audit", number(8)))
		},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			for range 8 {
				must(t, h.Audit().Record(t.Context(), vault.Event{Actor: "system", Action: "test", Result: "ok"}))
			}
			must(t, vault.EngineForTest(h.Vault).Update(t.Context(), tamper))
			n, err := h.Audit().Verify(t.Context())
			if why == "" && (err != nil || n != 8) {
				t.Errorf("an honest log: %d events, %v", n, err)
			}
			if why != "" && !errors.Is(err, vault.ErrAudit) {
				t.Errorf("verify gives %v, want ErrAudit", err)
			}
		})
	}
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// TestCheckpointOutlivesTheVault shows that a checkpoint kept elsewhere tells of a log that was cut by one who has the
// keys, and could write a whole new end.
func TestCheckpointOutlivesTheVault(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	log := h.Audit()
	add := func() { must(t, log.Record(t.Context(), vault.Event{Actor: "system", Action: "test", Result: "ok"})) }
	add()
	add()
	early, err := log.Checkpoint(t.Context())
	must(t, err)
	add()
	late, err := log.Checkpoint(t.Context())
	must(t, err)
	must(t, h.Maintain(t.Context(), nil)) // seals all anew, changes nothing
	kept, err := vault.ParseCheckpoint(late.String())
	must(t, err)
	if n, err := log.Verify(t.Context(), early, kept); err != nil || n != 4 {
		t.Errorf("%d events, %v", n, err)
	}
	forged := late
	forged.Events++
	if _, err := log.Verify(t.Context(), forged); !errors.Is(err, vault.ErrAudit) {
		t.Errorf("a checkpoint changed by hand: %v", err)
	}
	other := newHouse(t)
	must(t, other.Audit().Record(t.Context(), vault.Event{Actor: "system", Action: "test", Result: "ok"}))
	if _, err := other.Audit().Verify(t.Context(), late); !errors.Is(err, vault.ErrAudit) {
		t.Errorf("another vault's checkpoint: %v", err)
	}
	for _, bad := range []string{"", "sigill-audit-1", "sigill-audit-1 x y z w", "sigill-audit-1 1 2026-11-24T00:00:00Z AAAA AAAA"} {
		if _, err := vault.ParseCheckpoint(bad); !errors.Is(err, vault.ErrAudit) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
