package vault_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

// TestAClockThatJumps goes by years and seconds back and forth between the mails of one conversation: they lie in the
// order they were acknowledged in everywhere, and all of them.
func TestAClockThatJumps(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	c := &clock{t: start}
	h := newHouseWith(t, vault.Options{Now: c.now})
	var sent []vault.MessageID
	const year = 365 * 24 * time.Hour
	for i, jump := range []time.Duration{0, time.Hour, -time.Second, -10 * year, 0, 20 * year, -20 * year, 1, -1, 0, year, -year, time.Minute, 0} {
		c.set(start.Add(jump))
		raw := append([]byte(fmt.Sprintf("In-Reply-To: <m%d@x>\r\n", i-1)), mail(fmt.Sprintf("m%d@x", i), "Beslut")...)
		sent = append(sent, h.deposit(raw, anna, false, cia).ID)
		must(t, vault.CollectOrphansForTest(h.Vault, t.Context()))
		if i%5 == 4 {
			must(t, h.Maintain(t.Context(), nil))
			h.restart()
		}
	}
	once := map[vault.MessageID]bool{}
	for _, id := range sent {
		once[id] = true
	}
	if len(once) != len(sent) {
		t.Errorf("%d ids of %d mails", len(once), len(sent))
	}
	wantOrder := func(where string, got []vault.MessageID) {
		t.Helper()
		if !slices.Equal(got, sent) {
			t.Errorf("%s: %v, want %v", where, got, sent)
		}
	}
	for who, role := range map[policy.Address]vault.Role{anna: vault.Sent, cia: vault.Inbox} {
		r := h.reader(vault.Staff(who))
		var box, conversation []vault.MessageID
		for _, e := range entries(t, r, who, role) {
			box = append(box, e.Message)
		}
		wantOrder(string(role), box)
		infos, err := r.Conversation(t.Context(), sent[3])
		must(t, err)
		for _, i := range infos {
			conversation = append(conversation, i.ID)
		}
		wantOrder("conversation", conversation)
	}
	var audit []vault.MessageID
	for _, e := range events(t, h) {
		if e.Action == "seal" {
			audit = append(audit, e.Message)
		}
	}
	wantOrder("audit", audit)
	if r := verify(t, h.Vault); len(r.Faults) > 0 {
		t.Errorf("verify: %q", r.Faults)
	}
}

// TestAClockThatWentBackShortensNoTerm: what came in, or was first read, while the clock was years back is not due as soon
// as the clock is right again.
func TestAClockThatWentBackShortensNoTerm(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why  string
		rule vault.Rule
	}{
		{"from the deposit", deposit10},
		{"from the first reading", read10},
		{"from the last activity", vault.Rule{Name: "Plan 3", AfterLastActivity: 10}},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			k := newKeeper(t, vault.Retention{Default: row.rule})
			right := k.clock.now()
			k.clock.set(right.AddDate(-9, 0, 0))
			id := k.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
			read(t, k.reader(vault.Person(kimsID)), id)
			k.clock.set(right)
			k.live(9)
			if !k.there(id, anna) {
				t.Error("it went before its term")
			}
			k.live(3)
			if k.there(id, anna) {
				t.Error("it stays after its term")
			}
		})
	}
}
