package vault_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"sigill/policy"
	"sigill/vault"
)

func TestLegalHoldStopsDisposal(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why  string
		hold func(id, reply vault.MessageID) vault.LegalHold
		kept bool
	}{
		{"of the message", func(id, _ vault.MessageID) vault.LegalHold { return vault.LegalHold{Message: id} }, true},
		{"of another message", func(_, reply vault.MessageID) vault.LegalHold { return vault.LegalHold{Message: reply} }, false},
		{"of the person it is to", func(_, _ vault.MessageID) vault.LegalHold { return vault.LegalHold{Person: kimsID} }, true},
		{"of another person", func(_, _ vault.MessageID) vault.LegalHold { return vault.LegalHold{Person: otherID} }, false},
		{"of its sender", func(_, _ vault.MessageID) vault.LegalHold { return vault.LegalHold{Address: omsorg} }, true},
		{"of a recipient", func(_, _ vault.MessageID) vault.LegalHold { return vault.LegalHold{Address: cia} }, true},
		{"of one who has a copy", func(_, _ vault.MessageID) vault.LegalHold { return vault.LegalHold{Address: anna} }, true},
		{"of a colleague it never came to", func(_, _ vault.MessageID) vault.LegalHold { return vault.LegalHold{Address: bo} }, false},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			k := newKeeper(t, vault.Retention{Default: deposit10})
			id := k.deposit(mail("a@x", "Beslut"), omsorg, false, kim, cia).ID
			reply := k.reply(id)
			annas := k.reader(vault.Staff(anna))
			_, err := annas.Copy(t.Context(), box(t, annas, omsorg, vault.Sent).ID, []vault.UID{1}, box(t, annas, anna, vault.Trash).ID)
			must(t, err)
			hold, err := k.LegalHolds().Place(t.Context(), row.hold(id, reply))
			must(t, err)
			k.live(12)
			if k.there(id, anna) != row.kept {
				t.Fatalf("it is there: %t", !row.kept)
			}
			if row.kept {
				info, err := annas.Info(t.Context(), id)
				must(t, err)
				if !info.DisposedAt.IsZero() {
					t.Errorf("it is said to go at %v", info.DisposedAt)
				}
			}
			must(t, k.LegalHolds().Lift(t.Context(), hold, cia))
			k.live(1)
			if k.there(id, anna) {
				t.Error("it stays after the hold was lifted")
			}
		})
	}
}

func expungeAll(t *testing.T, r *vault.Reader, id vault.MailboxID) ([]vault.UID, error) {
	t.Helper()
	all, err := r.Entries(t.Context(), id, 0, 0)
	must(t, err)
	var uids []vault.UID
	for _, e := range all {
		uids = append(uids, e.UID)
	}
	_, err = r.StoreFlags(t.Context(), id, uids, vault.AddFlags, vault.Deleted, nil)
	must(t, err)
	return r.Expunge(t.Context(), id, nil)
}

func TestLegalHoldStopsDeletion(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	held := h.deposit(mail("a@x", "Beslut"), anna, false, kim, cia).ID
	free := h.deposit(mail("b@x", "Beslut"), anna, false, kim).ID
	hold, err := h.LegalHolds().Place(t.Context(), vault.LegalHold{Message: held, Reason: "tvist", By: cia})
	must(t, err)
	annas, cias, kims := h.reader(vault.Staff(anna)), h.reader(vault.Staff(cia)), h.reader(vault.Person(kimsID))
	out, err := expungeAll(t, cias, box(t, cias, cia, vault.Inbox).ID)
	if err != nil || len(out) != 1 {
		t.Errorf("a copy beside the sender's: %v, %v", out, err)
	}
	mine := box(t, annas, anna, vault.Sent).ID
	out, err = expungeAll(t, annas, mine)
	if !errors.Is(err, vault.ErrLegalHold) || !slices.Equal(out, []vault.UID{2}) {
		t.Errorf("the last at the authority: %v, %v", out, err)
	}
	if left := entries(t, annas, anna, vault.Sent); len(left) != 1 || left[0].Message != held {
		t.Errorf("left: %+v", left)
	}
	if _, err := annas.Info(t.Context(), free); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("the free one: %v", err)
	}
	// A move is no deletion; a person may delete an own copy while the authority has one.
	_, err = annas.Move(t.Context(), mine, []vault.UID{1}, box(t, annas, anna, vault.Trash).ID)
	must(t, err)
	trash := box(t, annas, anna, vault.Trash).ID
	if _, err := expungeAll(t, annas, trash); !errors.Is(err, vault.ErrLegalHold) {
		t.Errorf("after the move: %v", err)
	}
	if _, err := expungeAll(t, kims, box(t, kims, policy.Address{}, vault.Inbox).ID); err != nil {
		t.Errorf("the person's own: %v", err)
	}
	if !slices.ContainsFunc(events(t, h), func(e vault.Event) bool {
		return e.Action == "delete" && e.Result == "legal hold" && e.Message == held
	}) {
		t.Error("the refused deletion is not in the audit")
	}
	if r := verify(t, h.Vault); len(r.Faults) != 0 {
		t.Errorf("verify: %q", r.Faults)
	}
	must(t, h.LegalHolds().Lift(t.Context(), hold, cia))
	if out, err := expungeAll(t, annas, trash); err != nil || len(out) != 1 {
		t.Errorf("after the hold: %v, %v", out, err)
	}
}

// TestLegalHoldOfAMailbox: what lies under a hold only because of where it lies can be taken nowhere else, and so not be
// deleted there.
func TestLegalHoldOfAMailbox(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, false, cia).ID
	annas := h.reader(vault.Staff(anna))
	sent, trash, filed := box(t, annas, anna, vault.Sent).ID, box(t, annas, anna, vault.Trash).ID, box(t, annas, omsorg, vault.Inbox).ID
	_, err := annas.Copy(t.Context(), sent, []vault.UID{1}, filed)
	must(t, err)
	hold, err := h.LegalHolds().Place(t.Context(), vault.LegalHold{Address: omsorg, Reason: "tvist"})
	must(t, err)
	if _, err := annas.Move(t.Context(), filed, []vault.UID{1}, trash); !errors.Is(err, vault.ErrLegalHold) {
		t.Errorf("moved out from under the hold: %v", err)
	}
	if !slices.ContainsFunc(events(t, h), func(e vault.Event) bool {
		return e.Action == "delete" && e.Result == "legal hold" && e.Message == id
	}) {
		t.Error("the refused move is not in the audit")
	}
	if out, err := expungeAll(t, annas, filed); !errors.Is(err, vault.ErrLegalHold) {
		t.Errorf("deleted beside a copy that is under no hold: %v, %v", out, err)
	}
	again, err := annas.Copy(t.Context(), filed, []vault.UID{1}, filed)
	must(t, err)
	if out, err := expungeAll(t, annas, filed); !errors.Is(err, vault.ErrLegalHold) || !slices.Equal(out, []vault.UID{1}) {
		t.Errorf("one of two under the hold goes, %v stays: %v, %v", again, out, err)
	}
	if out, err := expungeAll(t, annas, sent); err != nil || len(out) != 1 {
		t.Errorf("the copy that is under no hold: %v, %v", out, err)
	}
	must(t, h.LegalHolds().Lift(t.Context(), hold, cia))
	if _, err := annas.Move(t.Context(), filed, []vault.UID{2}, trash); err != nil {
		t.Errorf("after the hold: %v", err)
	}
}

func TestTheRegisterOfLegalHolds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := h.LegalHolds()
	for why, bad := range map[string]struct {
		hold vault.LegalHold
		want error
	}{
		"of nothing":    {vault.LegalHold{}, nil},
		"of two things": {vault.LegalHold{Person: kimsID, Address: anna}, nil},
		"of no message": {vault.LegalHold{Message: vault.MessageID{1}}, vault.ErrNotFound},
		"of a stranger": {vault.LegalHold{Address: kim}, vault.ErrNotFound},
	} {
		if _, err := l.Place(t.Context(), bad.hold); err == nil || !errors.Is(err, bad.want) && bad.want != nil {
			t.Errorf("a hold %s: %v", why, err)
		}
	}
	id, err := l.Place(t.Context(), vault.LegalHold{Person: kimsID, Reason: "tvist om vårdnad", By: anna})
	must(t, err)
	must(t, h.Maintain(t.Context(), nil))
	h.restart()
	l = h.LegalHolds()
	all, err := l.List(t.Context())
	must(t, err)
	if len(all) != 1 || all[0].ID != id || all[0].Reason != "tvist om vårdnad" || all[0].By != anna || !all[0].Person.IsZero() ||
		all[0].Actor != h.Audit().Actor(vault.Person(kimsID)) {
		t.Errorf("listed: %+v", all)
	}
	if raw := rawFiles(t, h); bytes.Contains(raw, []byte("tvist")) || bytes.Contains(raw, []byte(kimsID.Digits())) {
		t.Error("the files tell of the hold")
	}
	parsed, err := vault.ParseHoldID(id.String())
	must(t, err)
	must(t, l.Lift(t.Context(), parsed, bo))
	if err := l.Lift(t.Context(), parsed, bo); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("lifted twice: %v", err)
	}
	var told []string
	for _, e := range events(t, h) {
		if strings.Contains(e.Action, "legal hold") {
			told = append(told, e.Actor+" "+e.Action)
		}
		if strings.Contains(e.Detail, "tvist") {
			t.Error("the audit tells the reason")
		}
	}
	if !slices.Equal(told, []string{"anna@kommun.example legal hold", "bo@kommun.example lift legal hold"}) {
		t.Errorf("the audit tells %q", told)
	}
}
