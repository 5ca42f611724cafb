package vault_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// asked is a held message whose unknown recipient was asked to identify, and the link that went out.
func asked(t *testing.T, h *house) (id vault.MessageID, link string) {
	t.Helper()
	id = h.deposit(mail("a@x", "Kallelse"), anna, true, new_, kim).ID
	must(t, h.reader(vault.Staff(anna)).Complete(t.Context(), id, nil, new_))
	return id, linkTo(t, h, new_, vault.NoticeIdentify)
}

func linkTo(t *testing.T, h *house, to policy.Address, kind vault.JobKind) string {
	t.Helper()
	for _, j := range jobs(t, h) {
		if j.To.Key() == to.Key() && j.Kind == kind {
			return j.Link
		}
	}
	t.Fatalf("no notice of kind %s to %s", kind, to)
	return ""
}

func holdOf(t *testing.T, h *house) vault.Info {
	t.Helper()
	holds, err := h.reader(vault.Staff(anna)).Holds(t.Context())
	must(t, err)
	if len(holds) != 1 {
		t.Fatalf("%d holds", len(holds))
	}
	return holds[0]
}

func TestARecipientIdentifies(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id, link := asked(t, h)
	me := h.reader(vault.Person(otherID).Named("Nils Norén"))

	for range 2 { // a second visit tells nothing new
		if _, err := me.FollowLink(t.Context(), link); !errors.Is(err, vault.ErrAwaitsApproval) {
			t.Fatalf("before approval: %v", err)
		}
	}
	if _, err := me.Open(t.Context(), id); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("readable before approval: %v", err)
	}
	if kinds := kindsOf(jobs(t, h)); kinds["identified"] != 1 || kinds["message"] != 0 {
		t.Errorf("notices before approval: %v", kinds)
	}
	info := holdOf(t, h)
	claims := info.Recipients[0].Claims
	if len(claims) != 1 || claims[0].Name != "Nils Norén" || claims[0].Masked != otherID.Masked() || info.Recipients[0].Asked.IsZero() {
		t.Fatalf("the sender sees %+v", info.Recipients[0])
	}
	h.restart()
	if err := h.reader(vault.Staff(cia)).Approve(t.Context(), id, new_, claims[0].ID); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("somebody else approves: %v", err)
	}
	must(t, h.reader(vault.Staff(anna)).Approve(t.Context(), id, new_, claims[0].ID))
	read(t, h.reader(vault.Person(otherID)), id)
	read(t, h.reader(vault.Person(kimsID)), id)
	if kinds := kindsOf(jobs(t, h)); kinds["message"] != 2 {
		t.Errorf("notices after approval: %v", kinds)
	}
	if b, err := h.Directory().Classify(t.Context(), []policy.Address{new_}); err != nil || b[0].Kind != policy.Known {
		t.Errorf("the address is %v: %v", b, err)
	}
	if err := h.reader(vault.Staff(anna)).Approve(t.Context(), id, new_, claims[0].ID); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("approved twice: %v", err)
	}
	if r := verify(t, h.Vault); len(r.Faults) != 0 {
		t.Errorf("verify: %q", r.Faults)
	}
}

func kindsOf(all []vault.Job) map[vault.JobKind]int {
	kinds := map[vault.JobKind]int{}
	for _, j := range all {
		kinds[j.Kind]++
	}
	return kinds
}

func TestARejectedClaimOpensNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id, link := asked(t, h)
	wrong := h.reader(vault.Person(otherID))
	_, err := wrong.FollowLink(t.Context(), link)
	if !errors.Is(err, vault.ErrAwaitsApproval) {
		t.Fatal(err)
	}
	claim := holdOf(t, h).Recipients[0].Claims[0].ID
	must(t, h.reader(vault.Staff(anna)).Reject(t.Context(), id, new_, claim))
	// The rejected one is told what everybody is told, and does not come back as a new claim.
	if _, err := wrong.FollowLink(t.Context(), link); !errors.Is(err, vault.ErrAwaitsApproval) {
		t.Errorf("after rejection: %v", err)
	}
	if got := holdOf(t, h).Recipients[0].Claims; len(got) != 0 {
		t.Errorf("claims %+v", got)
	}
	if err := h.reader(vault.Staff(anna)).Approve(t.Context(), id, new_, claim); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("a rejected claim is approved: %v", err)
	}
	// The number can still be given.
	must(t, h.reader(vault.Staff(anna)).Complete(t.Context(), id, map[string]policy.PersonID{new_.Key(): kimsID}))
	if _, err := wrong.FollowLink(t.Context(), link); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("after all: %v", err)
	}
}

func TestClaimsAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, link := asked(t, h)
	for _, digits := range []string{"199001012385", "197711032396", "200109172387", "198000602394", "198506142382", "199203082392", "197412772381"} {
		if _, err := h.reader(vault.Person(policy.MustPersonID(digits))).FollowLink(t.Context(), link); !errors.Is(err, vault.ErrAwaitsApproval) {
			t.Fatal(err)
		}
	}
	if got := holdOf(t, h).Recipients[0].Claims; len(got) != 5 {
		t.Errorf("%d claims", len(got))
	}
	if got := kindsOf(jobs(t, h))["identified"]; got != 5 {
		t.Errorf("the sender gets %d notices", got)
	}
}

func TestCompletingNeedsAnIdentityOrAQuestionForEach(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	third := policy.MustAddress("tredje@medborgare.example")
	id := h.deposit(mail("a@x", "Kallelse"), anna, true, new_, third).ID
	r := h.reader(vault.Staff(anna))
	if err := r.Complete(t.Context(), id, nil, new_); !errors.Is(err, vault.ErrIncomplete) {
		t.Errorf("one of two: %v", err)
	}
	if got := kindsOf(jobs(t, h))["identify"]; got != 0 {
		t.Errorf("%d notices of a completion that failed", got)
	}
	must(t, r.Complete(t.Context(), id, map[string]policy.PersonID{third.Key(): otherID}, new_))
	must(t, r.Complete(t.Context(), id, nil)) // asked before: nothing is asked twice
	if got := kindsOf(jobs(t, h)); got["identify"] != 1 || got["message"] != 0 {
		t.Errorf("notices %v", got)
	}
	if !slices.ContainsFunc(holdOf(t, h).Recipients, func(s vault.RecipientState) bool { return s.Masked == otherID.Masked() }) {
		t.Error("the number that was given is forgotten")
	}
}

func TestAnotherByTheLinkIsToldToTheSenderOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.deposit(mail("a@x", "Beslut"), anna, false, kim)
	link := linkTo(t, h, kim, vault.NoticeMessage)
	for range 3 {
		if _, err := h.reader(vault.Person(otherID)).FollowLink(t.Context(), link); !errors.Is(err, vault.ErrNotFound) {
			t.Fatal(err)
		}
	}
	if got := kindsOf(jobs(t, h))["mismatch"]; got != 1 {
		t.Errorf("%d notices", got)
	}
	r := h.reader(vault.Staff(anna))
	info, err := r.Info(t.Context(), entries(t, r, anna, vault.Sent)[0].Message)
	must(t, err)
	if info.Recipients[0].Mismatch.IsZero() || strings.Contains(info.Recipients[0].Masked, otherID.Digits()) {
		t.Errorf("the sender sees %+v", info.Recipients[0])
	}
	mine, err := h.reader(vault.Person(kimsID)).Info(t.Context(), info.ID)
	must(t, err)
	if !mine.Recipients[0].Mismatch.IsZero() {
		t.Error("the recipient sees it")
	}
}

// TestNumberAgainstBinding: the number that a sender types does not win over what was verified since the message was held.
func TestNumberAgainstBinding(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Kallelse"), anna, true, new_).ID
	must(t, h.Directory().PutBinding(t.Context(), vault.Binding{Address: new_, Person: otherID, Verified: time.Now()}))
	sender := h.reader(vault.Staff(anna))
	if err := sender.Complete(t.Context(), id, map[string]policy.PersonID{new_.Key(): kimsID}); !errors.Is(err, vault.ErrOtherPerson) {
		t.Errorf("another person's number: %v", err)
	}
	if _, err := h.reader(vault.Person(kimsID)).Open(t.Context(), id); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("that person reads it: %v", err)
	}
	must(t, sender.Complete(t.Context(), id, map[string]policy.PersonID{new_.Key(): otherID}))
	read(t, h.reader(vault.Person(otherID)), id)
}

// TestClaimAgainstBinding: nor does whoever came by the link win over it, though the sender says yes.
func TestClaimAgainstBinding(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id, link := asked(t, h)
	if _, err := h.reader(vault.Person(otherID)).FollowLink(t.Context(), link); !errors.Is(err, vault.ErrAwaitsApproval) {
		t.Fatal(err)
	}
	claim, sender := holdOf(t, h).Recipients[0].Claims[0].ID, h.reader(vault.Staff(anna))
	bind := func(to policy.PersonID) {
		must(t, h.Directory().PutBinding(t.Context(), vault.Binding{Address: new_, Person: to, Verified: time.Now()}))
	}
	bind(kimsID)
	if err := sender.Approve(t.Context(), id, new_, claim); !errors.Is(err, vault.ErrOtherPerson) {
		t.Errorf("the address is another's: %v", err)
	}
	if _, err := h.reader(vault.Person(otherID)).Open(t.Context(), id); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("it can be read: %v", err)
	}
	bind(otherID)
	must(t, sender.Approve(t.Context(), id, new_, claim))
	read(t, h.reader(vault.Person(otherID)), id)
}

// TestAnAskedRecipientIsNotReached: the address may be wrong, and its message would wait for ever.
func TestAnAskedRecipientIsNotReached(t *testing.T) {
	t.Parallel()
	for why, what := range map[string]func(h *house, j vault.Job) error{
		"refused":    func(h *house, j vault.Job) error { return h.Outbox().Fail(t.Context(), j, "550 nobody") },
		"comes back": func(h *house, j vault.Job) error { return h.Outbox().Bounced(t.Context(), j.Return, "5.1.1") },
	} {
		h := newHouse(t)
		id := h.deposit(mail("a@x", "Kallelse"), anna, true, new_, kim).ID
		sender := h.reader(vault.Staff(anna))
		must(t, sender.Complete(t.Context(), id, nil, new_))
		for _, j := range jobs(t, h) {
			if j.Kind == vault.NoticeIdentify {
				must(t, what(h, j))
			}
		}
		if kinds := kindsOf(jobs(t, h)); kinds["failed"] != 1 {
			t.Errorf("%s: the sender is not told: %v", why, kinds)
		}
		if got := h.status(id, 0); got != vault.Failed && got != vault.Bounced {
			t.Errorf("%s: the status is %s", why, got)
		}
		if err := sender.NotifyAgain(t.Context(), id, new_); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("%s: a notice of a message that is held: %v", why, err)
		}
		must(t, sender.Complete(t.Context(), id, map[string]policy.PersonID{new_.Key(): otherID}))
		if got := h.status(id, 0); got != vault.Queued {
			t.Errorf("%s: then the number is given, and the status is %s", why, got)
		}
		read(t, h.reader(vault.Person(otherID)), id)
	}
}
