package vault_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

func TestHoldWaitsForIdentities(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	receipt := h.deposit(mail("a@x", "Beslut"), omsorg, true, kim, new_)
	if !receipt.Held {
		t.Error("the receipt does not say it is held")
	}
	if got := jobs(t, h); len(got) != 1 || got[0].Kind != vault.NoticeHold || got[0].To != anna {
		t.Fatalf("only the sender is to be told while identities are missing: %+v", got)
	}
	kims := h.reader(vault.Person(kimsID))
	if _, err := kims.Open(t.Context(), receipt.ID); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("a known recipient reads a held message: %v", err)
	}

	bos := h.reader(vault.Staff(bo))
	holds, err := bos.Holds(t.Context())
	must(t, err)
	if len(holds) != 1 || holds[0].ID != receipt.ID || !holds[0].Held {
		t.Fatalf("a member of the function address sees holds %+v", holds)
	}
	cias := h.reader(vault.Staff(cia))
	if err := cias.Complete(t.Context(), receipt.ID, map[string]policy.PersonID{new_.Key(): otherID}); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("a stranger completes: %v", err)
	}
	if err := bos.Complete(t.Context(), receipt.ID, nil); !errors.Is(err, vault.ErrIncomplete) {
		t.Errorf("complete with nothing: %v", err)
	}
	must(t, bos.Complete(t.Context(), receipt.ID, map[string]policy.PersonID{new_.Key(): otherID}))
	if err := bos.Complete(t.Context(), receipt.ID, nil); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("complete again: %v", err)
	}
	notices := 0
	for _, j := range jobs(t, h) {
		if j.Kind == vault.NoticeMessage {
			notices++
		}
	}
	if notices != 2 {
		t.Errorf("%d notices to persons after completing, want 2", notices)
	}
	read(t, kims, receipt.ID)
	read(t, h.reader(vault.Person(otherID)), receipt.ID)
	if holds, err := bos.Holds(t.Context()); err != nil || len(holds) != 0 {
		t.Errorf("still on hold: %+v, %v", holds, err)
	}
}

func TestBindingIsRememberedOnceThePersonHasComeByTheLink(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, true, new_).ID
	must(t, h.reader(vault.Staff(anna)).Complete(t.Context(), id, map[string]policy.PersonID{new_.Key(): otherID}))
	kind := func() policy.RecipientKind {
		kinds, err := h.Directory().Classify(t.Context(), []policy.Address{new_})
		must(t, err)
		return kinds[0].Kind
	}
	if kind() != policy.Unknown {
		t.Error("the sender's word alone made a binding")
	}
	link := linkOf(t, h, id)
	for _, row := range []struct {
		why  string
		who  vault.Principal
		link string
	}{
		{"another person", vault.Person(kimsID), link},
		{"a staff member", vault.Staff(anna), link},
		{"a link that does not exist", vault.Person(otherID), link + "x"},
	} {
		if got, err := h.reader(row.who).FollowLink(t.Context(), row.link); !errors.Is(err, vault.ErrNotFound) || !got.IsZero() {
			t.Errorf("%s: %v, %v", row.why, got, err)
		}
	}
	if kind() != policy.Unknown {
		t.Error("a wrong visitor made a binding")
	}
	got, err := h.reader(vault.Person(otherID)).FollowLink(t.Context(), link)
	must(t, err)
	if got != id || kind() != policy.Known {
		t.Errorf("link gives %v, want %v; address is %s", got, id, kind())
	}
	refused := 0
	for _, e := range events(t, h) {
		if e.Action == "link" && e.Result == "refused" {
			refused++
		}
	}
	if refused != 3 {
		t.Errorf("%d refused links in the audit, want 3", refused)
	}
}

func TestReplyStaysInTheConversation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), omsorg, false, kim).ID
	person := h.reader(vault.Person(kimsID))

	w, to, err := person.Reply(t.Context(), id)
	must(t, err)
	if to.From != kim || to.To != omsorg || to.Subject != "Beslut" || to.InReplyTo != "a@x" {
		t.Errorf("reply to %+v", to)
	}
	raw := []byte("From: kim@medborgare.example\r\nMessage-ID: <b@x>\r\nIn-Reply-To: <a@x>\r\n\r\nTack!\r\n")
	_, err = w.Write(raw)
	must(t, err)
	receipt, err := w.Commit(t.Context())
	must(t, err)

	staff := h.reader(vault.Staff(bo))
	inbox := entries(t, staff, omsorg, vault.Inbox)
	if len(inbox) != 1 || inbox[0].Message != receipt.ID || inbox[0].Flags&vault.Seen != 0 {
		t.Fatalf("inbox of the function address: %+v", inbox)
	}
	if got := read(t, staff, receipt.ID); !bytes.Equal(got, raw) {
		t.Error("staff read something else than was written")
	}
	conversation, err := staff.Conversation(t.Context(), receipt.ID)
	must(t, err)
	if len(conversation) != 2 || conversation[0].ID != id || conversation[1].ID != receipt.ID || !conversation[1].FromPerson {
		t.Errorf("conversation %+v", conversation)
	}
	if conversation[0].Recipients[0].Status != vault.Replied {
		t.Errorf("status %s, want replied", conversation[0].Recipients[0].Status)
	}
	if sent := entries(t, person, policy.Address{}, vault.Sent); len(sent) != 1 || sent[0].Message != receipt.ID {
		t.Errorf("the person's own sent: %+v", sent)
	}
	notice := false
	for _, j := range jobs(t, h) {
		notice = notice || j.Kind == vault.NoticeStaff && j.To == omsorg && j.Message == receipt.ID
	}
	if !notice {
		t.Error("staff get no notice")
	}
	answers, err := h.Directory().Answers(t.Context(), []string{"unknown@x", "b@x"})
	must(t, err)
	if !answers {
		t.Error("an answer to the reply is not seen to belong to the conversation")
	}
}

func TestWhoMayReply(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, false, kim, cia).ID
	w, _, err := h.reader(vault.Person(kimsID)).Reply(t.Context(), id)
	must(t, err)
	own, err := w.Commit(t.Context())
	must(t, err)
	for _, row := range []struct {
		why  string
		who  vault.Principal
		to   vault.MessageID
		want error
	}{
		{"staff answer by mail, not here", vault.Staff(cia), id, vault.ErrNoReply},
		{"nobody answers oneself", vault.Person(kimsID), own.ID, vault.ErrNoReply},
		{"not hers", vault.Person(otherID), id, vault.ErrNotFound},
		{"no such message", vault.Person(kimsID), vault.MessageID{1}, vault.ErrNotFound},
	} {
		if _, _, err := h.reader(row.who).Reply(t.Context(), row.to); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", row.why, err, row.want)
		}
	}
}

func TestAnAnswerJoinsTheConversationByItsHeader(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
	raw := []byte("Message-ID: <c@x>\r\nReferences: <a@x> <b@nowhere>\r\nIn-Reply-To: <b@nowhere>\r\n\r\nMer.\r\n")
	second := h.deposit(raw, anna, false, kim).ID
	alone := h.deposit(mail("d@x", "Annat"), anna, false, kim).ID
	got, err := h.reader(vault.Person(kimsID)).Conversation(t.Context(), second)
	must(t, err)
	if len(got) != 2 || got[0].ID != first || got[1].ID != second {
		t.Errorf("conversation %+v, want %s and %s, not %s", got, first, second, alone)
	}
}

func TestOutbox(t *testing.T) {
	t.Parallel()
	now := time.Now()
	h := newHouseWith(t, vault.Options{Now: func() time.Time { return now }})
	box, ctx := h.Outbox(), t.Context()
	id := h.deposit(mail("a@x", "Beslut"), anna, false, kim, cia).ID
	select {
	case <-box.Wake():
	default:
		t.Error("the worker was not woken")
	}
	due, next, err := box.Due(ctx, now, 10)
	must(t, err)
	if len(due) != 2 || !next.IsZero() {
		t.Fatalf("due %+v, next %v", due, next)
	}
	toPerson, toStaff := due[0], due[1]
	if toPerson.Kind != vault.NoticeMessage {
		toPerson, toStaff = toStaff, toPerson
	}
	if len(toPerson.Link) < 26 || toStaff.Link != "" || toPerson.To != kim || toStaff.To != cia {
		t.Fatalf("jobs %+v", due)
	}

	status := func() vault.Status {
		info, err := h.reader(vault.Staff(anna)).Info(ctx, id)
		must(t, err)
		return info.Recipients[0].Status
	}
	must(t, box.Retry(ctx, toPerson, now.Add(time.Minute), "451 later"))
	must(t, box.Sent(ctx, toStaff))
	h.restart()
	box = h.Outbox()
	if due, next, err = box.Due(ctx, now, 10); err != nil || len(due) != 0 || !next.Equal(now.Add(time.Minute)) {
		t.Fatalf("after a restart: due %+v, next %v, %v", due, next, err)
	}
	if due, _, err = box.Due(ctx, now.Add(time.Minute), 10); err != nil || len(due) != 1 {
		t.Fatalf("a minute later: due %+v, %v", due, err)
	}
	if j := due[0]; j.Attempts != 1 || j.LastError != "451 later" || j.Link != toPerson.Link || status() != vault.Queued {
		t.Errorf("job %+v, status %s", j, status())
	}
	must(t, box.Sent(ctx, due[0]))
	must(t, box.Sent(ctx, due[0])) // recorded twice is recorded once
	if status() != vault.Notified || len(jobs(t, h)) != 0 {
		t.Errorf("status %s, jobs %+v", status(), jobs(t, h))
	}
}

func TestAFailedNoticeIsToldToTheSender(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.deposit(mail("a@x", "Beslut"), omsorg, false, kim)
	must(t, h.Outbox().Fail(t.Context(), jobs(t, h)[0], "550 no such user"))
	got := jobs(t, h)
	if len(got) != 1 || got[0].Kind != vault.NoticeFailed || got[0].To != omsorg {
		t.Fatalf("jobs %+v", got)
	}
	must(t, h.Outbox().Fail(t.Context(), got[0], "550 no such user"))
	if got := jobs(t, h); len(got) != 0 {
		t.Errorf("a notice about a notice: %+v", got)
	}
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, row := range []struct {
		why, address, password string
		want                   error
	}{
		{"right", "anna@kommun.example", "secret anna", nil},
		{"the address in other case", "Anna@KOMMUN.example", "secret anna", nil},
		{"wrong password", "anna@kommun.example", "secret Anna", vault.ErrBadCredentials},
		{"empty password", "anna@kommun.example", "", vault.ErrBadCredentials},
		{"unknown address", "dag@kommun.example", "secret dag", vault.ErrBadCredentials},
		{"a function address has no login", "omsorg@kommun.example", "", vault.ErrBadCredentials},
		{"not an address", "\x00", "secret anna", vault.ErrBadCredentials},
	} {
		a, err := h.Directory().Authenticate(t.Context(), vault.Login{Address: row.address, Password: row.password, Door: vault.DoorWeb})
		if !errors.Is(err, row.want) || (err == nil) != (a.Address == anna) {
			t.Errorf("%s: %+v, %v", row.why, a, err)
		}
	}
}

func TestMaySendAs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, row := range []struct {
		account, from policy.Address
		want          bool
	}{{anna, anna, true}, {anna, omsorg, true}, {cia, omsorg, false}, {anna, bo, false}, {anna, kim, false}} {
		if got, err := h.Directory().MaySendAs(t.Context(), vault.Staff(row.account), row.from); err != nil || got != row.want {
			t.Errorf("%s as %s: %v, %v", row.account, row.from, got, err)
		}
	}
}

func TestANoticeThatMissedAFunctionAddressGoesToItsMembers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), cia, false, omsorg).ID
	must(t, h.Outbox().Fail(t.Context(), jobs(t, h)[0], "550 no such mailbox"))
	to := map[policy.Address]bool{}
	for _, j := range jobs(t, h) {
		if j.Kind == vault.NoticeStaff && j.Message == id {
			to[j.To] = true
		}
	}
	if len(to) != 2 || !to[anna] || !to[bo] {
		t.Errorf("notices to %v, want the members", to)
	}
}

func TestIdentityGivenByTheSender(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why    string
		to     []policy.Address
		person policy.PersonID
		err    error
	}{
		{"nobody knew the recipient", []policy.Address{new_}, otherID, nil},
		{"beside a colleague", []policy.Address{bo, new_}, otherID, nil},
		{"the recipient is bound to that person", []policy.Address{kim}, kimsID, nil},
		{"the recipient is bound to another", []policy.Address{kim}, otherID, vault.ErrOtherPerson},
		{"a number for one is not for two", []policy.Address{new_, policy.MustAddress("x@example.org")}, otherID, vault.ErrUnknownRecipient},
	} {
		h := newHouse(t)
		kinds, err := h.Directory().Classify(t.Context(), row.to)
		must(t, err)
		draft := h.Depositor().Begin(vault.Deposit{From: anna, Recipients: kinds, Rule: "tag", Account: anna, Person: row.person})
		_, err = draft.Write([]byte(mail("a@x", "Beslut")))
		must(t, err)
		receipt, err := draft.Commit(t.Context())
		if !errors.Is(err, row.err) {
			t.Errorf("%s: %v, want %v", row.why, err, row.err)
		}
		if row.err == nil {
			read(t, h.reader(vault.Person(row.person)), receipt.ID)
		}
	}
}
