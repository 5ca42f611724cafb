package vault_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// clock is a wall clock that a test sets.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) days(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(time.Duration(n) * 24 * time.Hour)
}

// keeper is a house with a retention plan and a clock; rounds of disposal run and notices go out day by day.
type keeper struct {
	*house
	clock *clock
}

func newKeeper(t testing.TB, r vault.Retention) *keeper {
	c := &clock{t: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	k := &keeper{newHouseWith(t, vault.Options{Now: c.now, Retention: r}), c}
	k.round() // the first one only looks at the clock
	return k
}

func (k *keeper) round() vault.DisposalReport {
	k.t.Helper()
	r, err := k.Dispose(k.t.Context())
	must(k.t, err)
	return r
}

func (k *keeper) due() []vault.Job {
	k.t.Helper()
	out, _, err := k.Outbox().Due(k.t.Context(), k.clock.now(), 1000)
	must(k.t, err)
	return out
}

func (k *keeper) send() {
	k.t.Helper()
	for _, j := range k.due() {
		must(k.t, k.Outbox().Sent(k.t.Context(), j))
	}
}

// live lets days go by, with a round and the sending of notices in each.
func (k *keeper) live(days int) {
	k.t.Helper()
	for range days {
		k.clock.days(1)
		k.round()
		k.send()
	}
}

func (k *keeper) there(id vault.MessageID, who policy.Address) bool {
	k.t.Helper()
	_, err := k.reader(vault.Staff(who)).Info(k.t.Context(), id)
	if err != nil && !errors.Is(err, vault.ErrNotFound) {
		k.t.Fatal(err)
	}
	return err == nil
}

func (k *keeper) reply(to vault.MessageID) vault.MessageID {
	k.t.Helper()
	w, _, err := k.reader(vault.Person(kimsID)).Reply(k.t.Context(), to)
	must(k.t, err)
	_, err = w.Write(mail("svar@x", "Sv: Beslut"))
	must(k.t, err)
	receipt, err := w.Commit(k.t.Context())
	must(k.t, err)
	return receipt.ID
}

func (k *keeper) log() (out []vault.Disposal) {
	k.t.Helper()
	must(k.t, k.DisposalLog(k.t.Context(), 0, func(d vault.Disposal) bool { out = append(out, d); return true }))
	return out
}

var (
	deposit10 = vault.Rule{Name: "Plan 1", AfterDeposit: 10}
	read10    = vault.Rule{Name: "Plan 2", AfterFirstRead: 10}
	active10  = vault.Rule{Name: "Plan 3", AfterLastActivity: 10}
)

func warned(r vault.Rule, days int) vault.Rule { r.Warn = days; return r }

func TestRetention(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why       string
		plan      vault.Retention
		happens   func(k *keeper) vault.MessageID // gives the message that is asked about
		last      int                             // the day after which it is still there; the day after it is gone
		keptOnEnd bool
	}{
		{"no rule is no decision: it is kept", vault.Retention{}, sent, 400, true},
		{"the term counts from the deposit", vault.Retention{Default: deposit10}, sent, 9, false},
		{"what no recipient has read has no first read", vault.Retention{Default: read10}, sent, 100, true},
		{"the sender's own reading is not a first read", vault.Retention{Default: read10}, func(k *keeper) vault.MessageID {
			id := sent(k)
			read(k.t, k.reader(vault.Staff(anna)), id)
			return id
		}, 100, true},
		{"a recipient's is", vault.Retention{Default: read10}, func(k *keeper) vault.MessageID {
			id := sent(k)
			k.live(3)
			read(k.t, k.reader(vault.Person(kimsID)), id)
			k.live(5)
			read(k.t, k.reader(vault.Person(kimsID)), id) // a second one does not count
			return id
		}, 4, false},
		{"an answer prolongs what counts from the last activity", vault.Retention{Default: active10}, func(k *keeper) vault.MessageID {
			id := sent(k)
			k.live(8)
			k.reply(id)
			return id
		}, 9, false},
		{"an answer does not prolong what counts from the deposit", vault.Retention{Default: deposit10}, func(k *keeper) vault.MessageID {
			id := sent(k)
			k.live(8)
			k.reply(id)
			return id
		}, 1, false},
		{"a reply nobody has read is kept", vault.Retention{Default: deposit10}, func(k *keeper) vault.MessageID {
			return k.reply(sent(k))
		}, 100, true},
		{"unless the rule says so", vault.Retention{Default: func() vault.Rule { r := deposit10; r.UnreadReplies = true; return r }()},
			func(k *keeper) vault.MessageID { return k.reply(sent(k)) }, 9, false},
		{"a reply that was read goes", vault.Retention{Default: deposit10}, func(k *keeper) vault.MessageID {
			id := k.reply(sent(k))
			read(k.t, k.reader(vault.Staff(anna)), id)
			return id
		}, 9, false},
		{"a message that waits for an identity has not been sent: it is kept", vault.Retention{Default: deposit10}, func(k *keeper) vault.MessageID {
			return k.deposit(mail("h@x", "Beslut"), anna, true, new_).ID
		}, 100, true},
		{"a function address has a rule of its own", vault.Retention{Functions: map[string]vault.Rule{omsorg.Key(): deposit10}}, func(k *keeper) vault.MessageID {
			return k.deposit(mail("f@x", "Beslut"), omsorg, false, kim).ID
		}, 9, false},
		{"of two rules the one that keeps longer counts", vault.Retention{Default: deposit10, Functions: map[string]vault.Rule{omsorg.Key(): {Name: "Plan 4", AfterDeposit: 30}}}, func(k *keeper) vault.MessageID {
			return k.deposit(mail("g@x", "Beslut"), anna, false, omsorg).ID
		}, 29, false},
		{"and one that keeps for ever", vault.Retention{Default: deposit10, Functions: map[string]vault.Rule{omsorg.Key(): {}}}, func(k *keeper) vault.MessageID {
			return k.deposit(mail("g@x", "Beslut"), anna, false, omsorg).ID
		}, 100, true},
		{"the owner's warning is in time", vault.Retention{Default: warned(deposit10, 4)}, sent, 9, false},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			k := newKeeper(t, row.plan)
			id := row.happens(k)
			k.live(row.last)
			if !k.there(id, anna) {
				t.Fatalf("gone on day %d or before", row.last)
			}
			info, err := k.reader(vault.Staff(anna)).Info(t.Context(), id)
			must(t, err)
			if row.keptOnEnd != info.DisposedAt.IsZero() {
				t.Errorf("it is said to go at %v", info.DisposedAt)
			}
			k.live(1)
			if k.there(id, anna) != row.keptOnEnd {
				t.Errorf("there on day %d: %t", row.last+1, !row.keptOnEnd)
			}
			if r := verify(t, k.Vault); len(r.Faults) != 0 {
				t.Errorf("verify: %q", r.Faults)
			}
		})
	}
}

func sent(k *keeper) vault.MessageID { return k.deposit(mail("a@x", "Beslut"), anna, false, kim).ID }

func TestRulesThatCannotBe(t *testing.T) {
	t.Parallel()
	for why, rule := range map[string]vault.Rule{
		"two terms":                  {Name: "a", AfterDeposit: 1, AfterFirstRead: 1},
		"none, but a name":           {Name: "a"},
		"a term and no name":         {AfterDeposit: 1},
		"a negative term":            {Name: "a", AfterDeposit: -1},
		"a term beyond all times":    {Name: "a", AfterDeposit: 1 << 40},
		"a warning before the start": {Name: "a", AfterDeposit: 5, Warn: 5},
		"a negative warning":         {Name: "a", AfterDeposit: 5, Warn: -1},
	} {
		h := newHouse(t)
		keys, err := vault.OpenKeyFile(h.keyFile())
		must(t, err)
		if v, err := vault.Open(t.Context(), t.TempDir(), keys, vault.Options{Retention: vault.Retention{Default: rule}}); err == nil {
			t.Errorf("%s: taken", why)
			must(t, v.Close())
		}
	}
}

func TestTheOwnerIsWarnedAndGetsTheWholeTime(t *testing.T) {
	t.Parallel()
	k := newKeeper(t, vault.Retention{Default: warned(deposit10, 4)})
	id := k.reply(sent(k))
	read(t, k.reader(vault.Staff(anna)), id)
	k.send()
	for range 6 {
		k.clock.days(1)
		k.round()
	}
	told := k.due()
	if len(told) != 2 || told[1].Kind != vault.NoticeDisposal || told[1].To != anna || told[1].Link != "" ||
		!told[1].Disposal.Equal(time.Date(2026, 12, 4, 9, 0, 0, 0, time.UTC)) {
		t.Fatalf("told by %+v", told)
	}
	for range 21 {
		k.clock.days(1)
		k.round()
	}
	if !k.there(id, anna) || len(k.due()) != 2 {
		t.Fatal("it went, or the owner was told again, though the notice has not gone out")
	}
	for _, j := range k.due() {
		must(t, k.Outbox().Fail(t.Context(), j, "550 no such user"))
	}
	if len(k.due()) != 0 {
		t.Fatalf("a notice of a notice: %+v", k.due())
	}
	k.round()
	if len(k.due()) != 2 {
		t.Fatal("after a notice that failed the owner is not told anew")
	}
	k.send()
	k.live(3)
	if !k.there(id, anna) {
		t.Fatal("the owner had less than the four days")
	}
	k.live(1)
	if k.there(id, anna) {
		t.Error("it is still there")
	}
}

// TestAWarningOfADayThatWasPutOff: what was told counts no more when the conversation goes on.
func TestAWarningOfADayThatWasPutOff(t *testing.T) {
	t.Parallel()
	k := newKeeper(t, vault.Retention{Default: warned(active10, 4)})
	id := sent(k)
	k.live(8)
	k.reply(id) // due on day 18 now, to be told on day 14
	k.live(9)
	if !k.there(id, anna) {
		t.Fatal("gone too early")
	}
	told := 0
	for _, e := range events(t, k.house) {
		if e.Action == "notice disposal" && e.Message == id {
			told++
		}
	}
	k.live(1)
	if told != 2 || k.there(id, anna) {
		t.Errorf("told %d times, there: %t", told, k.there(id, anna))
	}
}

func TestDisposalTakesAMessageFromEverywhere(t *testing.T) {
	t.Parallel()
	k := newKeeper(t, vault.Retention{Default: deposit10})
	id := k.deposit(mail("a@x", "Beslut"), omsorg, false, kim, cia).ID
	link := linkAt(t, k, id)
	annas := k.reader(vault.Staff(anna))
	shared := box(t, annas, omsorg, vault.Sent)
	_, err := annas.Copy(t.Context(), shared.ID, []vault.UID{1}, box(t, annas, anna, vault.Trash).ID)
	must(t, err)
	w, err := annas.Watch(t.Context(), shared.ID)
	must(t, err)
	defer w.Close()
	k.live(10)
	for _, p := range []vault.Principal{vault.Staff(anna), vault.Staff(cia), vault.Person(kimsID)} {
		if _, err := k.reader(p).Open(t.Context(), id); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("%v opens it: %v", p.IsPerson(), err)
		}
	}
	if _, err := k.reader(vault.Person(kimsID)).FollowLink(t.Context(), link); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("its link: %v", err)
	}
	if c, _ := w.Take(); len(c) != 2 || c[0].Kind != vault.Reflagged || c[1].Kind != vault.Expunged || c[1].Entry.Message != id { // its status, first
		t.Errorf("the watch tells %+v", c)
	}
	want := vault.Disposal{
		Seq: 1, Message: id, At: k.clock.now(), Rule: "Plan 1", Deposited: k.clock.now().Add(-240 * time.Hour),
		Size: int64(len(mail("a@x", "Beslut"))), From: "omsorg@kommun.example",
	}
	if got := k.log(); len(got) != 1 || got[0] != want {
		t.Errorf("the log tells %+v, want %+v", got, want)
	}
	if !slices.ContainsFunc(events(t, k.house), func(e vault.Event) bool { return e.Action == "dispose" && e.Message == id }) {
		t.Error("the audit does not tell of it")
	}
	must(t, k.Maintain(t.Context(), nil))
	k.restart()
	raw := rawFiles(t, k.house)
	if n := vault.OpenableForTest(k.Vault, raw, id); n != 0 {
		t.Errorf("its content key opens in %d places", n)
	}
	for _, clear := range []string{"Plan 1", "omsorg@", kimsID.Digits()} {
		if strings.Contains(string(raw), clear) {
			t.Errorf("%q stands in the files", clear)
		}
	}
	if got := k.log(); len(got) != 1 {
		t.Error("the disposal log does not outlive maintenance")
	}
}

func linkAt(t testing.TB, k *keeper, id vault.MessageID) string {
	t.Helper()
	for _, j := range k.due() {
		if j.Message == id && j.Kind == vault.NoticeMessage {
			return j.Link
		}
	}
	t.Fatal("no notice to a person is queued")
	return ""
}

// TestManyAreDisposedOf in several batches.
func TestManyAreDisposedOf(t *testing.T) {
	t.Parallel()
	k := newKeeper(t, vault.Retention{Functions: map[string]vault.Rule{omsorg.Key(): deposit10}})
	kept := sent(k)
	k.depositMany(600, omsorg, cia) // to an address whose rule keeps; more than are looked at in one go
	k.depositMany(50, omsorg, kim)
	k.live(9)
	k.clock.days(1)
	if r := k.round(); r.Looked != 651 || r.Disposed != 50 {
		t.Errorf("%+v", r)
	}
	if len(k.log()) != 50 || !k.there(kept, anna) {
		t.Errorf("%d in the log", len(k.log()))
	}
}

// TestAWrongClockDisposesOfNothingEarly lets the clock jump about, for one round each time, and looks that nothing goes
// before its time on the true clock.
func TestAWrongClockDisposesOfNothingEarly(t *testing.T) {
	t.Parallel()
	for _, warn := range []int{0, 4} {
		k := newKeeper(t, vault.Retention{Default: warned(deposit10, warn)})
		truth := k.clock.now()
		born := map[vault.MessageID]time.Time{}
		wrong := false
		for range 120 {
			truth = truth.Add(24 * time.Hour)
			k.clock.t = truth
			if rand.IntN(3) == 0 {
				born[sent(k)] = truth
			}
			if wrong = !wrong && rand.IntN(2) == 0; wrong { // far enough to be due, or before all deposits
				k.clock.days([]int{3, 30, 3650, -1, -30, -3650}[rand.IntN(6)])
			}
			k.round()
			k.send()
			for id, at := range born {
				if !k.there(id, anna) {
					if truth.Before(at.Add(240 * time.Hour)) {
						t.Fatalf("warn %d: gone after %v", warn, truth.Sub(at))
					}
					delete(born, id)
				}
			}
		}
		if len(k.log()) == 0 {
			t.Error("nothing was disposed of at all")
		}
	}
}
