package vault_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sigill/policy"
	"sigill/vault"
)

// protectedHouse has one message to Kim, who is protected, and one that is none of Kim's.
func protectedHouse(t *testing.T, now func() time.Time) (h *house, kims vault.MessageID) {
	h = newHouseWith(t, vault.Options{Now: now})
	ctx, root := t.Context(), h.Administration("root")
	must(t, root.SetQuiet(ctx, kimsID, true))
	kims = h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
	read(t, h.reader(vault.Person(kimsID)), kims)
	h.deposit(mail("b@x", "Möte"), anna, false, cia)
	must(t, h.Audit().Record(ctx, vault.Event{Actor: h.Audit().Actor(vault.Person(kimsID)), Action: "login", Result: "ok"}))
	must(t, root.SetRoles(ctx, anna, vault.Administrator))
	must(t, root.SetRoles(ctx, bo, vault.Auditor))
	return h, kims
}

// TestProtectedEventsAreMasked: nothing of them but number and time, whatever is searched for, until a second person has
// approved, and again a day later.
func TestProtectedEventsAreMasked(t *testing.T) {
	t.Parallel()
	var clock atomicTime
	clock.set(time.Now())
	h, kims := protectedHouse(t, clock.now)
	ctx := t.Context()
	annas, bos := administrationBy(t, h, anna), administrationBy(t, h, bo)
	find := func(q vault.AuditQuery) (vault.SearchID, vault.Found) {
		id, err := annas.SearchAudit(ctx, q, "Dnr 2026-118")
		must(t, err)
		f, err := annas.Find(ctx, id, 0, 100)
		must(t, err)
		return id, f
	}
	kimsName := h.Audit().Actor(vault.Person(kimsID))
	for _, row := range []struct {
		why   string
		query vault.AuditQuery
		open  []string // actions that are not masked, oldest first
	}{
		{"the person's own, and what names the person", vault.AuditQuery{Who: kimsName}, nil},
		{"all of the message", vault.AuditQuery{Message: kims}, nil},
		{"others stand open", vault.AuditQuery{Action: "seal"}, []string{"seal"}},
	} {
		_, f := find(row.query)
		var open []string
		for _, e := range f.Events {
			if !e.Masked {
				open = append(open, e.Action)
			} else if e.Event != (vault.Event{Seq: e.Seq, At: e.At}) || e.Seq == 0 {
				t.Errorf("%s: a masked event tells %+v", row.why, e)
			}
		}
		if f.Masked == 0 || strings.Join(open, " ") != strings.Join(row.open, " ") {
			t.Errorf("%s: %d masked, open %q, want %q", row.why, f.Masked, open, row.open)
		}
	}

	id, f := find(vault.AuditQuery{Who: kimsName})
	all := len(f.Events)
	must(t, annas.AskSecond(ctx, id))
	if err := annas.AnswerSearch(ctx, id, true); !errors.Is(err, vault.ErrOwnAccess) {
		t.Errorf("anna approves herself: %v", err)
	}
	if err := administrationBy(t, h, cia).AnswerSearch(ctx, id, true); !errors.Is(err, vault.ErrNoRole) {
		t.Errorf("cia, who has no role, approves: %v", err)
	}
	must(t, bos.AnswerSearch(ctx, id, true))
	if err := bos.AnswerSearch(ctx, id, false); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("an answer counts twice: %v", err)
	}
	if _, err := bos.Find(ctx, id, 0, 10); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("bo sees what anna searched for: %v", err)
	}
	f, err := annas.Find(ctx, id, 0, 100)
	must(t, err)
	if f.Masked != 0 || len(f.Events) < all || f.Events[len(f.Events)-1].Actor == "" {
		t.Errorf("approved: %+v", f)
	}
	clock.set(clock.now().Add(25 * time.Hour))
	if f, err = annas.Find(ctx, id, 0, 100); err != nil || f.Masked == 0 {
		t.Errorf("a day later: %+v, %v", f, err)
	}
	must(t, h.Maintain(ctx, nil))
	if report, err := h.Verify(ctx, nil); err != nil || len(report.Faults) > 0 {
		t.Errorf("%v, %v", report.Faults, err)
	}
	clock.set(clock.now().Add(7 * 24 * time.Hour))
	find(vault.AuditQuery{})
	if _, err := annas.Search(ctx, id); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("a search of last week is still there: %v", err)
	}
}

func TestReasonsOfSearches(t *testing.T) {
	t.Parallel()
	h, _ := protectedHouse(t, time.Now)
	for reason, good := range map[string]bool{
		"Dnr 2026-118": true, "": false, "   x   ": false, "Begäran från IVO\nden 3 maj": false, "om 19900101-9802": false, "om 900101 9802": false,
		strings.Repeat("å", 200): true, strings.Repeat("å", 201): false,
	} {
		_, err := administrationBy(t, h, bo).SearchAudit(t.Context(), vault.AuditQuery{}, reason)
		if good != (err == nil) || err != nil && !errors.Is(err, vault.ErrReason) {
			t.Errorf("%q: %v", reason, err)
		}
	}
	if got := h.events("search audit"); len(got) != 2 {
		t.Errorf("the audit tells %q", got)
	}
}

// TestPagesOfASearch come to the same as one page.
func TestPagesOfASearch(t *testing.T) {
	t.Parallel()
	h, _ := protectedHouse(t, time.Now)
	bos := administrationBy(t, h, bo)
	id, err := bos.SearchAudit(t.Context(), vault.AuditQuery{}, "Stickprov")
	must(t, err)
	whole, err := bos.Find(t.Context(), id, 0, 1000)
	must(t, err)
	var paged []vault.FoundEvent
	for before := uint64(0); ; {
		f, err := bos.Find(t.Context(), id, before, 2)
		must(t, err)
		paged = append(paged, f.Events...)
		if before = f.Before; before == 0 {
			break
		}
	}
	if len(whole.Events) < 5 || len(paged) != len(whole.Events) || whole.Before != 0 {
		t.Fatalf("%d on one page, %d on many, before %d", len(whole.Events), len(paged), whole.Before)
	}
	for i := range paged {
		if paged[i] != whole.Events[i] {
			t.Errorf("number %d differs", i)
		}
	}
}

// askedSearch is a search as the model knows it.
type askedSearch struct {
	id       vault.SearchID
	owner    policy.Address
	waits    bool
	approver policy.Address // zero if nobody approved
	at       time.Time
}

// TestFourEyes: whatever three people with changing roles do, nobody sees what is masked unless somebody else who had a role
// then has approved it within a day.
func TestFourEyes(t *testing.T) {
	t.Parallel()
	var clock atomicTime
	clock.set(time.Now())
	h, kims := protectedHouse(t, clock.now)
	ctx, people := t.Context(), []policy.Address{anna, bo, cia}
	roles := map[policy.Address]vault.StaffRoles{anna: vault.Administrator, bo: vault.Auditor}
	rapid.Check(t, func(rt *rapid.T) {
		var all []*askedSearch
		passed := 0
		who := func() policy.Address { return rapid.SampledFrom(people).Draw(rt, "who") }
		one := func() *askedSearch {
			if len(all) == 0 {
				rt.Skip("no search yet")
			}
			return rapid.SampledFrom(all).Draw(rt, "search")
		}
		wants := func(what string, err, want error) {
			if !errors.Is(err, want) || (err == nil) != (want == nil) {
				rt.Fatalf("%s: %v, want %v", what, err, want)
			}
		}
		refusal := func(a policy.Address, otherwise error) error {
			if roles[a] == 0 {
				return vault.ErrNoRole
			}
			return otherwise
		}
		rt.Repeat(map[string]func(*rapid.T){
			"search": func(*rapid.T) {
				by := who()
				id, err := administrationBy(t, h, by).SearchAudit(ctx, vault.AuditQuery{Message: kims}, "Dnr 2026-118")
				wants("search", err, refusal(by, nil))
				if err == nil {
					all = append(all, &askedSearch{id: id, owner: by})
				}
			},
			"ask": func(*rapid.T) {
				by, s := who(), one()
				want := error(nil)
				if by != s.owner {
					want = vault.ErrNotFound
				}
				err := administrationBy(t, h, by).AskSecond(ctx, s.id)
				wants("ask", err, refusal(by, want))
				if err == nil {
					s.waits, s.approver = true, policy.Address{}
				}
			},
			"answer": func(rt *rapid.T) {
				by, s, yes := who(), one(), rapid.Bool().Draw(rt, "yes")
				want := error(nil)
				switch {
				case by == s.owner:
					want = vault.ErrOwnAccess
				case !s.waits:
					want = vault.ErrNotFound
				}
				err := administrationBy(t, h, by).AnswerSearch(ctx, s.id, yes)
				wants("answer", err, refusal(by, want))
				if err == nil {
					s.waits, s.at = false, clock.now()
					if yes {
						s.approver = by
					}
				}
			},
			"roles": func(rt *rapid.T) {
				of := who()
				roles[of] = vault.StaffRoles(rapid.IntRange(0, 3).Draw(rt, "roles"))
				must(t, h.Administration("root").SetRoles(ctx, of, roles[of]))
			},
			"time": func(rt *rapid.T) {
				if passed++; passed > 12 {
					rt.Skip("a search is forgotten after a week")
				}
				clock.set(clock.now().Add(11 * time.Hour))
			},
			"": func(*rapid.T) {
				for _, s := range all {
					for _, by := range people {
						f, err := administrationBy(t, h, by).Find(ctx, s.id, 0, 10)
						want := error(nil)
						if by != s.owner {
							want = vault.ErrNotFound
						}
						wants("find", err, refusal(by, want))
						open := !s.approver.IsZero() && s.approver != s.owner && clock.now().Sub(s.at) < 24*time.Hour
						if err == nil && open != (f.Masked == 0) {
							rt.Fatalf("%s sees %d masked events; approved by %q", by, f.Masked, s.approver)
						}
					}
				}
			},
		})
	})
}
