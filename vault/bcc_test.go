package vault_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
	"sigill/vault/message"
)

// TestNobodySeesWhoGotItByBcc: a recipient whom the header does not name, be it a person, a colleague or a function address,
// shows to no other recipient in anything a reader gives, before and after it has read, answered and marked the message, and
// after a recall. Pages, PDF, case export and IMAP are made of what a reader gives and of nothing else.
func TestNobodySeesWhoGotItByBcc(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, d := t.Context(), h.Directory()
	eva, social, miljo := policy.MustAddress("eva@kommun.example"), policy.MustAddress("socialen@kommun.example"), policy.MustAddress("miljo@kommun.example")
	must(t, d.PutAccount(ctx, vault.Account{Address: eva, Name: "Eva"}, "secret eva"))
	must(t, d.PutFunctionAddress(ctx, vault.FunctionAddress{Address: social, Name: "Socialen", Members: []policy.Address{eva}}))
	must(t, d.PutFunctionAddress(ctx, vault.FunctionAddress{Address: miljo, Name: "Miljö", Members: []policy.Address{bo}}))
	must(t, d.PutBinding(ctx, vault.Binding{Address: new_, Person: otherID, Verified: time.Now()}))
	id := h.deposit(mail("a@x", "Beslut", "Hej!"), anna, false, kim, bo, miljo, new_, cia, social).ID
	hidden := map[policy.Address][]string{
		new_: {new_.String(), otherID.Masked(), "Tack, säger den nya"},
		cia:  {cia.String(), "Tack, säger Cia"}, social: {social.String(), "Tack, säger socialen"},
	}
	who := map[string]struct {
		principal vault.Principal
		address   []policy.Address // own ones
	}{
		"kim": {vault.Person(kimsID), []policy.Address{kim}}, "bo": {vault.Staff(bo), []policy.Address{bo, miljo}},
		"the new one": {vault.Person(otherID), []policy.Address{new_}}, "cia": {vault.Staff(cia), []policy.Address{cia}},
		"eva": {vault.Staff(eva), []policy.Address{social}},
	}
	look := func(when string) {
		t.Helper()
		for name, one := range who {
			seen := h.everything(one.principal, id)
			for address, tells := range hidden {
				for _, tell := range tells {
					if strings.Contains(seen, tell) && !slices.Contains(one.address, address) {
						t.Errorf("%s: %s sees %q:\n%s", when, name, tell, seen)
					}
				}
			}
		}
		for _, j := range jobs(t, h) {
			for address := range hidden {
				if told := fmt.Sprintf("%+v", j); j.To != address && j.To != anna && strings.Contains(told, address.String()) {
					t.Errorf("%s: the notice to %s tells of %s: %s", when, j.To, address, told)
				}
			}
		}
		if all := h.everything(vault.Staff(anna), id); !strings.Contains(all, new_.String()) || !strings.Contains(all, cia.String()) || !strings.Contains(all, social.String()) {
			t.Errorf("%s: the sender does not see all recipients; the test looks at the wrong thing", when)
		}
	}
	look("sent")

	for _, p := range []vault.Principal{vault.Person(otherID), vault.Staff(cia), vault.Staff(eva)} {
		r := h.reader(p)
		read(t, r, id)
		must(t, r.MarkSeen(ctx, id))
		must(t, r.Mark(ctx, id, vault.AddFlags, vault.Flagged, []string{"$viktigt"}))
	}
	reply, _, err := h.reader(vault.Person(otherID)).Reply(ctx, id)
	must(t, err)
	_, err = reply.Write([]byte("From: nykund@medborgare.example\r\nMessage-ID: <b@x>\r\nIn-Reply-To: <a@x>\r\n\r\nTack, säger den nya\r\n"))
	must(t, err)
	_, err = reply.Commit(ctx)
	must(t, err)
	h.deposit([]byte("From: cia@kommun.example\r\nMessage-ID: <c@x>\r\nIn-Reply-To: <a@x>\r\n\r\nTack, säger Cia\r\n"), cia, false, anna)
	h.deposit([]byte("From: socialen@kommun.example\r\nMessage-ID: <d@x>\r\nReferences: <a@x> <c@x>\r\n\r\nTack, säger socialen\r\n"), social, false, anna)
	look("read and answered")
	if talk, err := h.reader(vault.Staff(anna)).Conversation(ctx, id); err != nil || len(talk) != 4 {
		t.Errorf("the sender has a conversation of %d messages, %v", len(talk), err)
	}

	must(t, h.reader(vault.Person(otherID)).NotMine(ctx, id))
	_, err = h.reader(vault.Staff(anna)).Recall(ctx, id)
	must(t, err)
	look("recalled")
}

// everything is what a reader gives of its mailboxes and of a message's conversation, written out.
func (h *house) everything(p vault.Principal, id vault.MessageID) string {
	h.t.Helper()
	r, ctx := h.reader(p), h.t.Context()
	var b strings.Builder
	say := func(what string, v any, err error) { fmt.Fprintf(&b, "%s: %+v %v\n", what, v, err) }
	boxes, err := r.Mailboxes(ctx)
	say("mailboxes", boxes, err)
	ids := []vault.MessageID{id}
	for _, m := range boxes {
		entries, err := r.Entries(ctx, m.ID, 0, 0)
		say("entries", entries, err)
		latest, err := r.Latest(ctx, m.ID, 0, 100)
		say("latest", latest, err)
		both := vault.Wanted{Index: true, Header: vault.WholeHeader}
		say("each", nil, r.Each(ctx, m.ID, entries, both, func(e vault.Entry, ix *message.Index, header []byte, err error) bool {
			say("index", e, err)
			if err == nil {
				say("index", *ix, nil)
				say("header", string(header), nil)
			}
			return true
		}))
		for _, e := range entries {
			ids = append(ids, e.Message)
		}
	}
	search, err := r.SearchTexts(ctx)
	must(h.t, err)
	for _, id := range ids {
		info, err := r.Info(ctx, id)
		say("info", info, err)
		talk, err := r.Conversation(ctx, id)
		say("conversation", talk, err)
		taker, shared, err := r.Taker(ctx, id)
		say("taker", fmt.Sprint(taker, shared), err)
		draft, err := r.ReplyDraft(ctx, id)
		say("reply draft", draft, err)
		if p.IsPerson() {
			draft, to, err := r.Reply(ctx, id)
			if say("reply", to, err); err == nil {
				draft.Abort()
			}
		}
		for _, open := range []func() ([]*vault.Content, error){
			func() ([]*vault.Content, error) { return r.Headers(ctx, id) },
			func() ([]*vault.Content, error) { return search.Open(ctx, id) },
			func() ([]*vault.Content, error) { return r.Open(ctx, id) },
		} {
			contents, err := open()
			for _, c := range contents {
				raw, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
				say("index", *c.Index(), nil)
				say("content", string(raw), err)
				c.Close()
			}
			say("open", len(contents), err)
		}
	}
	holds, err := r.Holds(ctx)
	say("holds", holds, err)
	return b.String()
}
