package vault_test

import (
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

var asa = policy.MustAddress("asa@region.example")

// deliver seals a mail from Anna that goes to partner organisations.
func (h *house) deliver(to ...policy.Address) (vault.MessageID, error) {
	kinds, err := h.Directory().Classify(h.t.Context(), to)
	must(h.t, err)
	w := h.Depositor().Begin(vault.Deposit{From: anna, Account: anna, Recipients: kinds, Deliver: true, Rule: policy.RuleTag})
	_, err = w.Write(mail("a@x", "hemligt"))
	must(h.t, err)
	r, err := w.Commit(h.t.Context())
	return r.ID, err
}

// delivery is the job of the kind that is due.
func (h *house) job(kind vault.JobKind) vault.Job {
	h.t.Helper()
	_, jobs := h.due(time.Now().Add(time.Hour))
	i := slices.IndexFunc(jobs, func(j vault.Job) bool { return j.Kind == kind })
	if i < 0 {
		h.t.Fatalf("no job %s", kind)
	}
	return jobs[i]
}

func (h *house) lastEvent() (last vault.Event) {
	h.t.Helper()
	must(h.t, h.Audit().Events(h.t.Context(), 0, func(e vault.Event) bool { last = e; return true }))
	return last
}

func TestCourier(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, courier := t.Context(), h.Courier()
	id, err := h.deliver(asa, cia)
	must(t, err)
	if out, _ := h.due(time.Now()); !slices.Equal(out, []string{"deliver asa", "staff cia"}) {
		t.Fatalf("due: %v", out)
	}
	read(t, h.reader(vault.Staff(cia)), id)
	j := h.job(vault.Delivery)
	c, err := courier.Open(ctx, j)
	must(t, err)
	raw, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	must(t, err)
	if c.Close(); string(raw) != string(mail("a@x", "hemligt")) {
		t.Errorf("the courier got %q", raw)
	}
	if _, err := c.ReadAt(raw, 0); !errors.Is(err, vault.ErrClosed) {
		t.Errorf("read after Close: %v", err)
	}

	other := h.deposit(mail("b@x", "annat"), anna, false, kim).ID
	notice := h.job(vault.NoticeMessage)
	forged := j
	forged.Message, forged.ID = other, [16]byte{1}
	for why, j := range map[string]vault.Job{"a notice opens nothing": notice, "nor does a job that is not there": forged} {
		if _, err := courier.Open(ctx, j); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("%s: %v", why, err)
		}
	}

	must(t, h.Outbox().Retry(ctx, j, time.Now().Add(time.Minute), "away"))
	if _, err := courier.Open(ctx, j); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("a job put off opens under its old name: %v", err)
	}
	j = h.job(vault.Delivery)
	must(t, courier.Delivered(ctx, j, "TLS 1.3"))
	if _, err := courier.Open(ctx, j); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("it opens after its job: %v", err)
	}
	if h.status(id, 0) != vault.Delivered {
		t.Error(h.status(id, 0))
	}
	if e := h.lastEvent(); e.Action != "deliver" || e.Result != "ok" || e.Detail != "TLS 1.3" || e.Message != id {
		t.Errorf("audit: %+v", e)
	}
	recall, err := h.reader(vault.Staff(anna)).Recall(ctx, id)
	must(t, err)
	if !slices.Equal(recall.Read, []policy.Address{asa, cia}) || len(recall.Unread) != 0 {
		t.Errorf("a recall says of what was delivered: %+v", recall)
	}
}

func TestDeliveryFails(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(h *house, j vault.Job) error{
		"it is refused": func(h *house, j vault.Job) error { return h.Outbox().Fail(t.Context(), j, "550") },
		"it comes back": func(h *house, j vault.Job) error {
			return errors.Join(h.Courier().Delivered(t.Context(), j, "x"), h.Outbox().Bounced(t.Context(), j.Return, "5.1.1"))
		},
	} {
		h := newHouse(t)
		id, err := h.deliver(asa)
		must(t, err)
		must(t, fail(h, h.job(vault.Delivery)))
		if s := h.status(id, 0); s != vault.Failed && s != vault.Bounced {
			t.Errorf("%s: status %s", name, s)
		}
		if out, _ := h.due(time.Now()); !slices.Equal(out, []string{"undelivered anna"}) {
			t.Errorf("%s: the sender gets %v", name, out)
		}
	}
}

func TestRecallOnTheWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	id, err := h.deliver(asa)
	must(t, err)
	j := h.job(vault.Delivery)
	out, err := h.reader(vault.Staff(anna)).Recall(ctx, id)
	must(t, err)
	if !slices.Equal(out.Unread, []policy.Address{asa}) || h.status(id, 0) != vault.Recalled {
		t.Errorf("%+v, %s", out, h.status(id, 0))
	}
	if _, err := h.Courier().Open(ctx, j); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("it is opened after its recall: %v", err)
	}
	must(t, h.Courier().Delivered(ctx, j, "TLS 1.3"))
	if h.status(id, 0) != vault.Delivered || h.lastEvent().Action != "deliver" {
		t.Errorf("what went all the same is shown as %s", h.status(id, 0))
	}
}

func TestNeverToAPerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if _, err := h.deliver(asa, kim); !errors.Is(err, vault.ErrUnknownRecipient) {
		t.Errorf("a person gets the message itself: %v", err)
	}
	if out, _ := h.due(time.Now()); len(out) != 0 {
		t.Errorf("jobs of a deposit that failed: %v", out)
	}
}
