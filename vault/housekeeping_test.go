package vault_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sigill/vault"
)

func TestHousekeepingComesRound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := newHouseWith(t, vault.Options{Log: logTo(&log), Retention: vault.Retention{Default: deposit10}})
		id := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Run(ctx) }()
		time.Sleep(9 * 24 * time.Hour)
		_, err := h.reader(vault.Staff(anna)).Info(ctx, id)
		must(t, err)
		time.Sleep(2 * 24 * time.Hour)
		if n := vault.CountForTest(h.Vault, "message"); n != 0 {
			t.Errorf("%d messages are left", n)
		}
		stop()
		must(t, <-done)
		rounds := map[string]int{}
		for _, e := range events(t, h) {
			rounds[e.Action]++
		}
		if rounds["maintain"] != 11 || rounds["dispose"] != 1 {
			t.Errorf("events: %v", rounds)
		}
		if n := strings.Count(log.String(), "sigill-audit-1 "); n != 11 {
			t.Errorf("%d checkpoints in the log", n)
		}
		if _, err := h.Audit().Verify(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
