package vault_test

import (
	"errors"
	"testing"

	"sigill/vault"
)

func TestTheReaderSaysItIsNotMine(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
	me := h.reader(vault.Person(kimsID))
	read(t, me, id)
	for range 2 {
		must(t, me.NotMine(t.Context(), id))
	}
	if got := kindsOf(jobs(t, h))["declined"]; got != 1 || h.status(id, 0) != vault.Disowned {
		t.Errorf("%d notices to the sender, status %s", got, h.status(id, 0))
	}
	read(t, me, id) // a slip of the finger loses nothing
	if err := h.reader(vault.Person(otherID)).NotMine(t.Context(), id); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("somebody else: %v", err)
	}
	must(t, h.reader(vault.Staff(anna)).NotMine(t.Context(), id)) // the sender is no recipient
	recall, err := h.reader(vault.Staff(anna)).Recall(t.Context(), id)
	if err != nil || len(recall.Unread) != 0 || len(recall.Read) != 1 {
		t.Errorf("what was read counts as unread: %+v, %v", recall, err)
	}
}

func TestTheNoticeWasNotForMe(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
	link := linkTo(t, h, kim, vault.NoticeMessage)
	for range 2 {
		must(t, h.DeclineLink(t.Context(), link))
		must(t, h.DeclineLink(t.Context(), "no such link"))
	}
	if got := kindsOf(jobs(t, h))["declined"]; got != 1 || h.status(id, 0) != vault.Declined {
		t.Errorf("%d notices to the sender, status %s", got, h.status(id, 0))
	}
	read(t, h.reader(vault.Person(kimsID)), id)
	must(t, h.DeclineLink(t.Context(), link)) // anybody may say so: it is nothing against the right person
	if h.status(id, 0) != vault.Opened {
		t.Errorf("status %s after it was opened", h.status(id, 0))
	}
	if got := h.events("not mine"); len(got) != 5 {
		t.Errorf("the audit has %q", got)
	}
}

func TestTheWriterOfAReplyIsTold(t *testing.T) {
	t.Parallel()
	for _, quiet := range []bool{false, true} {
		h := newHouse(t)
		id := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
		must(t, h.Directory().SetQuiet(t.Context(), anna, kimsID, quiet))
		draft, _, err := h.reader(vault.Person(kimsID)).Reply(t.Context(), id)
		must(t, err)
		_, err = draft.Write(mail("b@x", "Sv: Beslut"))
		must(t, err)
		receipt, err := draft.Commit(t.Context())
		must(t, err)
		var told []vault.Job
		for _, j := range jobs(t, h) {
			if j.Kind == vault.NoticeReceipt {
				told = append(told, j)
			}
		}
		if quiet {
			if len(told) != 0 {
				t.Error("a person who gets no notices got one")
			}
			continue
		}
		if len(told) != 1 || told[0].To != kim || told[0].Message != receipt.ID || !told[0].Received.Equal(receipt.At) || told[0].Domain != anna.Domain {
			t.Fatalf("told %+v of %+v", told, receipt)
		}
		must(t, h.Outbox().Fail(t.Context(), told[0], "550 no such user"))
		if got := kindsOf(jobs(t, h))["failed"]; got != 0 {
			t.Error("a notice that failed is told to the address it failed at")
		}
	}
}
