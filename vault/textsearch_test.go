package vault_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"sigill/vault"
)

func TestASearchInTextsIsNoRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	raw := mail("a@x", "Beslut", "hemlig text")
	first, second := h.deposit(raw, anna, false, kim).ID, h.deposit(mail("b@x", "Beslut"), anna, false, kim).ID
	search, err := h.reader(vault.Person(kimsID)).SearchTexts(t.Context())
	must(t, err)
	for range 2 {
		contents, err := search.Open(t.Context(), first, second)
		must(t, err)
		if got, err := io.ReadAll(contents[0].Section(contents[0].Index().Root.Body)); err != nil || !bytes.HasSuffix(raw, got) || len(got) == 0 {
			t.Errorf("the text reads as %q, %v", got, err)
		}
	}
	actions := map[string]int{}
	for _, e := range events(t, h) {
		actions[e.Action]++
		if e.Action == "search texts" && (e.Detail != string(vault.DoorWeb) || e.Message != vault.MessageID{}) {
			t.Errorf("event %+v", e)
		}
	}
	if actions["read"] != 0 || actions["search texts"] != 1 {
		t.Errorf("%v in the audit, want one search and no read", actions)
	}
	info, err := h.reader(vault.Staff(anna)).Info(t.Context(), first)
	must(t, err)
	if s := info.Recipients[0].Status; s == vault.Opened {
		t.Error("the sender is told that it was opened")
	}
	other, err := h.reader(vault.Person(otherID)).SearchTexts(t.Context())
	must(t, err)
	if _, err := other.Open(t.Context(), first); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("another person: %v", err)
	}
	r := h.reader(vault.Person(kimsID))
	r.Close()
	if _, err := r.SearchTexts(t.Context()); !errors.Is(err, vault.ErrClosed) {
		t.Errorf("a closed reader: %v", err)
	}
}
