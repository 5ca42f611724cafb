package vault_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sigill/vault"
)

// TestNotifyAgain: a notice that failed can be sent again, once, by the sender's side; what happened is remembered.
func TestNotifyAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, id := t.Context(), h.deposit(mail("a@x", "hemligt"), anna, false, kim).ID
	staff := h.reader(vault.Staff(anna))
	if err := staff.NotifyAgain(ctx, id, kim); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("a notice on its way was sent again: %v", err)
	}
	_, jobs := h.due(time.Now())
	must(t, h.Outbox().Fail(ctx, jobs[0], "550 no such user"))
	for _, other := range []vault.Principal{vault.Person(kimsID), vault.Staff(bo)} {
		if err := h.reader(other).NotifyAgain(ctx, id, kim); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("somebody else sends again: %v", err)
		}
	}
	must(t, staff.NotifyAgain(ctx, id, kim))
	if err := staff.NotifyAgain(ctx, id, kim); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("sent again twice: %v", err)
	}
	_, again := h.due(time.Now())
	var link string
	for _, j := range again {
		if j.Kind == vault.NoticeMessage {
			link = j.Link
			must(t, h.Outbox().Sent(ctx, j))
		}
	}
	if link == "" || link == jobs[0].Link {
		t.Errorf("the second notice has the link %q", link)
	}
	read(t, h.reader(vault.Person(kimsID)), id)
	info, err := staff.Info(ctx, id)
	must(t, err)
	got := ""
	for _, p := range info.Recipients[0].Past {
		got += fmt.Sprint(p.Status, " ")
		if p.At.IsZero() {
			t.Errorf("%s has no time", p.Status)
		}
	}
	if want := "queued failed queued notified "; got != want || info.Recipients[0].Status != vault.Opened {
		t.Errorf("%s, then %s", got, info.Recipients[0].Status)
	}
	info, err = h.reader(vault.Person(kimsID)).Info(ctx, id)
	must(t, err)
	if info.Recipients[0].Past != nil {
		t.Error("the recipient sees the history")
	}
}

// TestHistoryOfAHold begins where the message was held.
func TestHistoryOfAHold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "hemligt"), anna, true, kim).ID
	staff := h.reader(vault.Staff(anna))
	must(t, staff.Complete(t.Context(), id, nil))
	info, err := staff.Info(t.Context(), id)
	must(t, err)
	if r := info.Recipients[0]; len(r.Past) != 1 || r.Past[0].Status != vault.Held || r.Status != vault.Queued {
		t.Errorf("%v, then %s", r.Past, r.Status)
	}
}
