package vault_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"sigill/policy"
	"sigill/vault"
)

// TestFormerNumber: Kim had a samordningsnummer, mail came to it, and then got a personnummer.
func TestFormerNumber(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.Directory()
	now, older := otherID, policy.MustPersonID("189001019802")
	before := h.deposit(mail("a@x", "Beslut"), omsorg, false, kim).ID
	if _, err := h.reader(vault.Person(now)).Info(t.Context(), before); !errors.Is(err, vault.ErrNotFound) {
		t.Fatalf("before anybody vouched for it: %v", err)
	}
	for range 2 { // every login tells it anew
		must(t, d.PutFormer(t.Context(), now, kimsID, "eid"))
	}
	after := h.deposit(mail("b@x", "Beslut två"), omsorg, false, kim).ID
	r := h.reader(vault.Person(now))
	boxes, err := r.Mailboxes(t.Context())
	must(t, err)
	if len(boxes) != 1 || boxes[0].Shared || boxes[0].Messages != 2 {
		t.Errorf("mailboxes are %+v", boxes)
	}
	for _, id := range []vault.MessageID{before, after} {
		info, err := r.Info(t.Context(), id)
		must(t, err)
		if len(info.Recipients) != 1 || info.Recipients[0].Masked != kimsID.Masked() {
			t.Errorf("recipients are %+v", info.Recipients)
		}
		got, err := r.FollowLink(t.Context(), linkOf(t, h, id))
		if err != nil || got != id {
			t.Errorf("the link in the notice: %v, %v", got, err)
		}
	}
	draft, _, err := r.Reply(t.Context(), before)
	must(t, err)
	_, err = draft.Write(mail("r@x", "Svar"))
	must(t, err)
	reply, err := draft.Commit(t.Context())
	must(t, err)
	if _, err := h.reader(vault.Person(kimsID)).Info(t.Context(), reply.ID); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("the former number opens what the new one wrote: %v", err)
	}

	must(t, d.PutFormer(t.Context(), kimsID, older, "eid")) // two changes away
	must(t, d.PutFormer(t.Context(), older, now, "eid"))    // and round in a circle
	if _, err := h.reader(vault.Person(now)).Info(t.Context(), after); err != nil {
		t.Error(err)
	}

	told := slices.DeleteFunc(events(t, h), func(e vault.Event) bool { return e.Action != "former number" })
	if len(told) != 3 || told[0].Actor != h.Audit().Actor(vault.Person(now)) || !strings.HasPrefix(told[0].Detail, h.Audit().Actor(vault.Person(kimsID))) {
		t.Errorf("the audit has %+v", told)
	}
	for _, bad := range [][2]policy.PersonID{{now, now}, {now, {}}, {{}, now}} {
		if d.PutFormer(t.Context(), bad[0], bad[1], "eid") == nil {
			t.Errorf("%v had %v before: accepted", bad[0], bad[1])
		}
	}
	must(t, h.Maintain(t.Context(), nil))
	h.restart()
	if _, err := h.reader(vault.Person(now)).Info(t.Context(), before); err != nil {
		t.Errorf("after maintenance: %v", err)
	}
	if report := verify(t, h.Vault); len(report.Faults) != 0 {
		t.Error(report.Faults)
	}
}

// TestLegalHoldCoversFormerNumbers: a hold of a person is of all that came to the person.
func TestLegalHoldCoversFormerNumbers(t *testing.T) {
	t.Parallel()
	k := newKeeper(t, vault.Retention{Default: deposit10})
	id := k.deposit(mail("a@x", "Beslut"), omsorg, false, kim).ID
	must(t, k.Directory().PutFormer(t.Context(), otherID, kimsID, "eid"))
	_, err := k.LegalHolds().Place(t.Context(), vault.LegalHold{Person: otherID})
	must(t, err)
	k.live(12)
	if !k.there(id, anna) {
		t.Error("disposed of under a hold of the person it is to")
	}
}
