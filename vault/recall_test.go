package vault_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// due are the jobs that are due, as "kind to".
func (h *house) due(at time.Time) (out []string, jobs []vault.Job) {
	h.t.Helper()
	jobs, _, err := h.Outbox().Due(h.t.Context(), at, 100)
	must(h.t, err)
	for _, j := range jobs {
		out = append(out, fmt.Sprintf("%s %s", j.Kind, j.To.Local))
	}
	slices.Sort(out)
	return out, jobs
}

func (h *house) status(id vault.MessageID, n int) vault.Status {
	h.t.Helper()
	info, err := h.reader(vault.Staff(anna)).Info(h.t.Context(), id)
	must(h.t, err)
	return info.Recipients[n].Status
}

func TestRecall(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why          string
		read         bool
		unread, then []policy.Address
		status       vault.Status
	}{
		{"before it is read", false, []policy.Address{kim, cia}, nil, vault.Recalled},
		{"after the person read it", true, []policy.Address{cia}, []policy.Address{kim}, vault.Opened},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			ctx, id := t.Context(), h.deposit(mail("a@x", "hemligt"), anna, false, kim, cia).ID
			_, jobs := h.due(time.Now())
			person, staff := h.reader(vault.Person(kimsID)), h.reader(vault.Staff(anna))
			if row.read {
				read(t, person, id)
			}
			for _, other := range []vault.Principal{vault.Person(kimsID), vault.Staff(cia), vault.Staff(bo)} {
				if _, err := h.reader(other).Recall(ctx, id); !errors.Is(err, vault.ErrNotFound) {
					t.Errorf("somebody else recalls: %v", err)
				}
			}
			out, err := staff.Recall(ctx, id)
			must(t, err)
			again, err := staff.Recall(ctx, id)
			must(t, err)
			if !slices.Equal(out.Unread, row.unread) || !slices.Equal(out.Read, row.then) || !again.At.Equal(out.At) || len(again.Read) != len(out.Read) {
				t.Errorf("%+v, then %+v", out, again)
			}
			if got := h.status(id, 0); got != row.status {
				t.Errorf("status %s", got)
			}
			if left, _ := h.due(time.Now().Add(time.Hour)); len(left) != 0 {
				t.Errorf("notices go out: %v", left)
			}
			if _, err := person.Open(ctx, id); !errors.Is(err, vault.ErrNotFound) {
				t.Errorf("the person opens it: %v", err)
			}
			if _, err := h.reader(vault.Staff(cia)).Info(ctx, id); !errors.Is(err, vault.ErrNotFound) {
				t.Errorf("the colleague finds it: %v", err)
			}
			for _, j := range jobs {
				if j.Kind == vault.NoticeMessage {
					if _, err := person.FollowLink(ctx, j.Link); !errors.Is(err, vault.ErrRecalled) || !errors.Is(err, vault.ErrNotFound) {
						t.Errorf("the link says %v", err)
					}
					if _, err := h.reader(vault.Person(otherID)).FollowLink(ctx, j.Link); errors.Is(err, vault.ErrRecalled) {
						t.Error("a stranger learns that there was a message")
					}
				}
				must(t, h.Outbox().Sent(ctx, j)) // it was under way: nothing comes back
			}
			if got := h.status(id, 0); got != row.status {
				t.Errorf("status %s after the notice that was under way", got)
			}
			if info, err := staff.Info(ctx, id); err != nil || info.RecalledAt.IsZero() || !strings.Contains(string(read(t, staff, id)), "hemligt") {
				t.Errorf("the sender does not have it: %+v, %v", info, err)
			}
		})
	}
}

func TestRecallOfAHeldMessage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id, staff := h.deposit(mail("a@x", "hemligt"), anna, true, new_).ID, h.reader(vault.Staff(anna))
	_, err := staff.Recall(t.Context(), id)
	must(t, err)
	holds, err := staff.Holds(t.Context())
	must(t, err)
	if got := h.status(id, 0); got != vault.Recalled || len(holds) != 0 {
		t.Error(got, holds)
	}
	if err := staff.Complete(t.Context(), id, map[string]policy.PersonID{new_.Key(): otherID}); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("it is completed all the same: %v", err)
	}
}

// TestRecallByTheOperator: whoever runs the server takes back what staff sent, and has no other right to it.
func TestRecallByTheOperator(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, id := t.Context(), h.deposit(mail("a@x", "hemligt"), omsorg, false, kim, cia).ID
	read(t, h.reader(vault.Staff(cia)), id)
	operator := h.Administration("os:root")
	out, err := operator.Recall(ctx, id)
	must(t, err)
	again, err := operator.Recall(ctx, id)
	must(t, err)
	if !slices.Equal(out.Unread, []policy.Address{kim}) || !slices.Equal(out.Read, []policy.Address{cia}) || !again.At.Equal(out.At) {
		t.Errorf("%+v, then %+v", out, again)
	}
	for _, gone := range []vault.Principal{vault.Person(kimsID), vault.Staff(cia)} {
		if _, err := h.reader(gone).Open(ctx, id); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("it can still be opened: %v", err)
		}
	}
	read(t, h.reader(vault.Staff(bo)), id) // of the sender's side
	lines := 0
	must(t, h.Audit().Events(ctx, 0, func(e vault.Event) bool {
		if e.Action == "recall" {
			if lines++; e.Actor != "os:root" || e.Message != id {
				t.Errorf("%+v", e)
			}
		}
		return true
	}))
	if lines != 1 {
		t.Errorf("%d lines in the audit", lines)
	}
	sent := h.deposit(mail("b@x", "hemligt"), anna, false, kim).ID
	w, _, err := h.reader(vault.Person(kimsID)).Reply(ctx, sent)
	must(t, err)
	reply, err := w.Commit(ctx)
	must(t, err)
	for why, id := range map[string]vault.MessageID{"no message": {1}, "a person's reply": reply.ID} {
		if _, err := operator.Recall(ctx, id); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("%s: %v", why, err)
		}
	}
	read(t, h.reader(vault.Staff(anna)), reply.ID)
}

func TestReminders(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, row := range []struct {
		why  string
		do   func(h *house, id vault.MessageID, token string)
		want []string
	}{
		{"nobody reads", func(*house, vault.MessageID, string) {}, []string{"reminder kim", "reminder kim", "unread anna"}},
		{"read", func(h *house, id vault.MessageID, _ string) { read(h.t, h.reader(vault.Person(kimsID)), id) }, nil},
		{"recalled", func(h *house, id vault.MessageID, _ string) {
			_, err := h.reader(vault.Staff(anna)).Recall(h.t.Context(), id)
			must(h.t, err)
		}, nil},
		{"bounced", func(h *house, _ vault.MessageID, token string) {
			must(h.t, h.Outbox().Bounced(h.t.Context(), token, "5.1.1"))
		}, []string{"failed anna"}},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
			h := newHouseWith(t, vault.Options{Now: func() time.Time { return now }, Reminders: vault.Reminders{Recipient: []time.Duration{3 * day, 7 * day}, Sender: 5 * day}})
			id := h.deposit(mail("a@x", "hemligt"), anna, false, kim).ID
			_, jobs := h.due(now)
			must(t, h.Outbox().Sent(t.Context(), jobs[0]))
			if early, _ := h.due(now.Add(3*day - 1)); len(early) != 0 {
				t.Errorf("too early: %v", early)
			}
			row.do(h, id, jobs[0].Return)
			got, left := h.due(now.Add(8 * day))
			if !slices.Equal(got, row.want) {
				t.Errorf("%v, want %v", got, row.want)
			}
			for _, j := range left {
				if j.Kind == vault.NoticeReminder && (j.Link != jobs[0].Link || !j.Created.Equal(j.Due)) {
					t.Errorf("%+v", j)
				}
				must(t, h.Outbox().Fail(t.Context(), j, "no"))
			}
			if left, _ := h.due(now.Add(100 * day)); len(left) != 0 {
				t.Errorf("a reminder that fails leads to %v", left)
			}
		})
	}
}

func TestBounced(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, id := t.Context(), h.deposit(mail("a@x", "hemligt"), anna, false, kim, cia).ID
	_, jobs := h.due(time.Now())
	tokens := map[vault.JobKind]string{}
	for _, j := range jobs {
		if tokens[j.Kind] = j.Return; len(j.Return) != 45 || strings.Contains(j.Return, "@") {
			t.Errorf("token %q", j.Return)
		}
		must(t, h.Outbox().Sent(ctx, j))
	}
	token := tokens[vault.NoticeMessage]
	for i := range token {
		other := []byte(token)
		other[i] = "ab"[boolInt(token[i] == 'a')]
		if err := h.Outbox().Bounced(ctx, string(other), "5.1.1"); err == nil && i < 44 { // the last holds bits of padding
			t.Fatalf("a forged token is taken: %s", other)
		}
	}
	for _, forged := range []string{"", "a", token + "a", token[:44], tokens[vault.NoticeStaff][:40] + token[40:]} {
		if err := h.Outbox().Bounced(ctx, forged, "5.1.1"); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("%q: %v", forged, err)
		}
	}
	must(t, h.Outbox().Bounced(ctx, tokens[vault.NoticeStaff], "5.1.1"))
	for range 3 {
		must(t, h.Outbox().Bounced(ctx, strings.ToUpper(token), "5.1.1"))
	}
	if got, _ := h.due(time.Now()); !slices.Equal(got, []string{"failed anna"}) {
		t.Errorf("told: %v", got)
	}
	if got := h.status(id, 0); got != vault.Bounced {
		t.Error(got)
	}
	read(t, h.reader(vault.Person(kimsID)), id) // the person came by another way
	must(t, h.Outbox().Bounced(ctx, token, "5.1.1"))
	if got := h.status(id, 0); got != vault.Opened {
		t.Error(got)
	}
	must(t, h.reader(vault.Person(kimsID)).Saved(ctx, id))
	if got := h.status(id, 0); got != vault.Saved {
		t.Error(got)
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestQuiet(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	must(t, h.Directory().SetQuiet(ctx, bo, kimsID, true))
	must(t, h.Directory().PutBinding(ctx, vault.Binding{Address: new_, Person: kimsID, Verified: time.Now()}))
	id := h.deposit(mail("a@x", "hemligt"), anna, false, kim, new_).ID
	if got, _ := h.due(time.Now()); len(got) != 0 || h.status(id, 0) != vault.Delivered {
		t.Errorf("a person who is to get no notices gets %v", got)
	}
	read(t, h.reader(vault.Person(kimsID)), id)
	if quiet, err := h.Directory().Quiet(ctx, kimsID); err != nil || !quiet {
		t.Error(quiet, err)
	}
	must(t, h.Directory().SetQuiet(ctx, bo, kimsID, false))
	h.deposit(mail("b@x", "hemligt"), anna, false, kim)
	if got, _ := h.due(time.Now()); !slices.Equal(got, []string{"message kim"}) {
		t.Error(got)
	}
}

// TestQuietFromNowOn: what lies in the outbox when a person gets no notices any more does not go out either, and nobody can
// send another.
func TestQuietFromNowOn(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	h := newHouseWith(t, vault.Options{Reminders: vault.Reminders{Recipient: []time.Duration{3 * day}, Sender: 5 * day}})
	ctx := t.Context()
	send := func(name string) vault.MessageID { return h.deposit(mail(name, "hemligt"), anna, false, kim).ID }
	id := send("told@x")
	_, due := h.due(time.Now())
	must(t, h.Outbox().Sent(ctx, due[0]))
	refused := send("refused@x")
	_, due = h.due(time.Now())
	must(t, h.Outbox().Fail(ctx, due[0], "550 not now"))
	waits := send("waits@x")

	must(t, h.Directory().SetQuiet(ctx, bo, kimsID, true))
	must(t, h.reader(vault.Staff(anna)).NotifyAgain(ctx, refused, kim))
	if got, _ := h.due(time.Now().Add(30 * day)); !slices.Equal(got, []string{"failed anna", "unread anna"}) {
		t.Errorf("in the outbox: %v", got)
	}
	for why, row := range map[string]struct {
		id   vault.MessageID
		want vault.Status
	}{"told before": {id, vault.Notified}, "not reached": {refused, vault.Delivered}, "not told yet": {waits, vault.Delivered}} {
		if got := h.status(row.id, 0); got != row.want {
			t.Errorf("%s: the status is %s", why, got)
		}
		read(t, h.reader(vault.Person(kimsID)), row.id)
	}
	if r := verify(t, h.Vault); len(r.Faults) != 0 {
		t.Errorf("verify: %q", r.Faults)
	}
}

// TestQuietUnderBothNumbers: the same holds once it is known that the person has another number.
func TestQuietUnderBothNumbers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.deposit(mail("a@x", "hemligt"), anna, false, kim)
	must(t, h.Directory().SetQuiet(t.Context(), bo, otherID, true))
	if got, _ := h.due(time.Now()); !slices.Equal(got, []string{"message kim"}) {
		t.Errorf("before: %v", got)
	}
	must(t, h.Directory().PutFormer(t.Context(), otherID, kimsID, "e-id"))
	if got, _ := h.due(time.Now()); len(got) != 0 {
		t.Errorf("in the outbox: %v", got)
	}
}
