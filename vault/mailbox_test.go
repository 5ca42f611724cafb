package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sigill/policy"
	"sigill/vault"
	"sigill/vault/internal/kv"
	"sigill/vault/message"
)

func TestMailboxesOfPrincipals(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.deposit(mail("a@x", "Beslut"), anna, false, kim)
	names := func(p vault.Principal) (out []string) {
		all, err := h.reader(p).Mailboxes(t.Context())
		must(t, err)
		for _, m := range all {
			out = append(out, fmt.Sprint(m.Owner, " ", m.Role, " ", m.Shared))
			if m.UIDValidity == 0 || m.UIDNext == 0 {
				t.Errorf("mailbox %+v", m)
			}
		}
		return out
	}
	a, o := anna.String(), omsorg.String()
	want := []string{a + " inbox false", a + " sent false", a + " drafts false", a + " trash false", a + " archive false", o + " inbox true", o + " sent true"}
	if got := names(vault.Staff(anna)); !slices.Equal(got, want) {
		t.Errorf("anna has %q", got)
	}
	if got := names(vault.Person(kimsID)); !slices.Equal(got, []string{" inbox false"}) {
		t.Errorf("kim has %q", got)
	}
	if got := names(vault.Person(otherID)); len(got) != 0 {
		t.Errorf("a person nobody wrote to has %q", got)
	}
}

func TestNobodyReachesAnothersMailbox(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, r := t.Context(), h.reader(vault.Staff(cia))
	theirs := box(t, h.reader(vault.Staff(anna)), anna, vault.Inbox).ID
	mine := box(t, r, cia, vault.Inbox).ID
	for name, call := range map[string]func() error{
		"Mailbox":    func() error { _, err := r.Mailbox(ctx, theirs); return err },
		"Entries":    func() error { _, err := r.Entries(ctx, theirs, 0, 0); return err },
		"Latest":     func() error { _, err := r.Latest(ctx, theirs, 0, 1); return err },
		"StoreFlags": func() error { _, err := r.StoreFlags(ctx, theirs, nil, vault.AddFlags, 0, nil); return err },
		"Expunge":    func() error { _, err := r.Expunge(ctx, theirs, nil); return err },
		"Copy from":  func() error { _, err := r.Copy(ctx, theirs, []vault.UID{1}, mine); return err },
		"Copy to":    func() error { _, err := r.Copy(ctx, mine, []vault.UID{1}, theirs); return err },
		"Watch":      func() error { _, err := r.Watch(ctx, theirs); return err },
		"Append": func() error {
			w, err := r.Append(theirs, 0, nil, time.Time{})
			must(t, err)
			_, err = w.Commit(ctx)
			return err
		},
	} {
		if err := call(); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEach: one entry after the other as Indexes has them, those that are gone told apart, nobody else's mailbox, and
// an end where it is asked for.
func TestEach(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i, subject := range []string{"ett", "två", "tre"} {
		h.deposit(mail(fmt.Sprint(i, "@x"), subject), anna, false, cia)
	}
	r := h.reader(vault.Staff(cia))
	inbox := box(t, r, cia, vault.Inbox)
	all := entries(t, r, cia, vault.Inbox)
	list := func(among []vault.Entry, most int) (out []string) {
		t.Helper()
		must(t, r.Each(t.Context(), inbox.ID, among, vault.Wanted{Index: true}, func(e vault.Entry, ix *message.Index, header []byte, err error) bool {
			switch {
			case errors.Is(err, vault.ErrNotFound):
				out = append(out, "gone")
			case err != nil || header != nil:
				t.Errorf("%q, %v", header, err)
			default:
				out = append(out, fmt.Sprint(strings.Clone(ix.Envelope.Subject), len(ix.Envelope.To), ix.Size == e.Size))
			}
			return len(out) < most
		}))
		return out
	}
	stranger := vault.Entry{UID: 1, Message: all[1].Message}
	got := list(append(all, vault.Entry{UID: 99, Message: all[0].Message}, stranger, vault.Entry{UID: 2}), 10)
	if want := []string{"ett1 true", "två1 true", "tre1 true", "gone", "gone", "gone"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := list(all, 2); len(got) != 2 {
		t.Errorf("%q after the second was the last", got)
	}
	other := h.reader(vault.Staff(bo))
	err := other.Each(t.Context(), inbox.ID, all, vault.Wanted{Index: true}, func(vault.Entry, *message.Index, []byte, error) bool {
		t.Error("another's index")
		return true
	})
	if !errors.Is(err, vault.ErrNotFound) {
		t.Error(err)
	}
}

// TestListingsAtOnce: what a reader remembers of function addresses is not written to by two of its listings at once.
func TestListingsAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	inbox := box(t, h.reader(vault.Staff(anna)), omsorg, vault.Inbox)
	r := h.reader(vault.Staff(anna)) // it remembers nothing yet
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			_, err := r.Entries(t.Context(), inbox.ID, 0, 0)
			if err := errors.Join(err, r.Each(t.Context(), inbox.ID, nil, vault.Wanted{}, nil)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

// TestEachHeader: headers as Headers has them, or what is left of them without clutter, by several goroutines at once, whether
// they lie beside the index or in the first chunk alone, with the structure and without; none of a message that is gone, of
// one whose header is longer than a chunk, nor of another's. None is a read.
func TestEachHeader(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	long := func(lines int) []byte {
		return []byte("X-Long: " + strings.Repeat(strings.Repeat("y", 96)+"\r\n ", lines) + "\r\n")
	}
	for _, raw := range [][]byte{
		mail("a@x", "ett"),
		append(long(3000), mail("b@x", "två")...), // longer than a chunk
		append(long(50), mail("c@x", "tre")...),   // too long to be sealed by itself
		append(long(36), mail("c2@x", "tre")...),  // just not
		append([]byte(strings.Repeat("x-ms-exchange-trace: y\r\n\tz\r\n", 300)), mail("c3@x", "tre")...), // but for clutter
		mail("d@x", "fyra", strings.Repeat("text ", 100_000)),
		[]byte("Subject: fem\r\n"),         // no end
		[]byte("\r\nutan huvud\r\n"),       // an empty one
		[]byte("bara text\r\n\r\nmer\r\n"), // none, where there seems to be one
		[]byte("bara text\r\n"),
		mail("h@x", "åtta"), // of a time when headers lay in chunks alone
	} {
		h.deposit(raw, anna, false, cia)
	}
	r := h.reader(vault.Staff(cia))
	inbox := box(t, r, cia, vault.Inbox)
	all := entries(t, r, cia, vault.Inbox)
	must(t, vault.EngineForTest(h.Vault).Update(t.Context(), func(w kv.Writer) error {
		return w.Delete("header", all[10].Message[:])
	}))
	if n := len(vault.DumpForTest(h.Vault)["header"]); n != 5 {
		t.Errorf("%d headers by themselves", n)
	}
	var want [][]byte
	for i, e := range all {
		c, err := r.Headers(t.Context(), e.Message)
		must(t, err)
		octets, err := io.ReadAll(c[0].Section(c[0].Index().Root.Header))
		must(t, err)
		if i == 1 {
			octets = nil
		}
		want = append(want, octets)
	}
	all = append(all, vault.Entry{UID: 99})
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			wanted, n := vault.Wanted{Index: i%2 == 0, Header: vault.WholeHeader}, 0
			if i > 1 {
				wanted.Header = vault.Uncluttered
			}
			err := r.Each(t.Context(), inbox.ID, all, wanted, func(e vault.Entry, ix *message.Index, header []byte, err error) bool {
				switch {
				case n == len(want):
					if !errors.Is(err, vault.ErrNotFound) || header != nil {
						t.Errorf("of a message that is not there: %.50q, %v", header, err)
					}
				case wanted.Header == vault.Uncluttered && n == 4 && len(header) == len(want[n])-8_400 && bytes.HasSuffix(want[n], header):
				case err != nil || !bytes.Equal(header, want[n]) || (header == nil) != (want[n] == nil):
					t.Errorf("message %d: %.50q, %v, want %.50q", n, header, err, want[n])
				case wanted.Index && ix.Size != e.Size:
					t.Errorf("message %d: %+v", n, ix)
				}
				n++
				return true
			})
			if err != nil || n != len(all) {
				t.Errorf("%d messages, %v", n, err)
			}
		})
	}
	wait.Wait()
	err := h.reader(vault.Staff(bo)).Each(t.Context(), inbox.ID, all, vault.Wanted{Header: vault.Uncluttered}, func(vault.Entry, *message.Index, []byte, error) bool {
		t.Error("another's header")
		return true
	})
	if !errors.Is(err, vault.ErrNotFound) {
		t.Error(err)
	}
	if slices.ContainsFunc(events(t, h), func(e vault.Event) bool { return e.Action == "read" }) {
		t.Error("a header is taken for a read")
	}
}

func TestLatestPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i := range 7 {
		h.deposit(mail(fmt.Sprint(i, "@x"), "Beslut"), anna, false, kim)
	}
	r := h.reader(vault.Staff(anna))
	id := box(t, r, anna, vault.Sent).ID
	var got []vault.UID
	before := vault.UID(0)
	for {
		page, err := r.Latest(t.Context(), id, before, 3)
		must(t, err)
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			got = append(got, e.UID)
			before = e.UID
		}
	}
	if !slices.Equal(got, []vault.UID{7, 6, 5, 4, 3, 2, 1}) {
		t.Errorf("pages give %v", got)
	}
}

func TestAppendDoesNotDoubleWhatWasSent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.deposit(mail("a@x", "Beslut"), anna, false, kim)
	r := h.reader(vault.Staff(anna))
	sent := box(t, r, anna, vault.Sent).ID
	store := func(id vault.MailboxID, raw []byte) vault.Receipt {
		w, err := r.Append(id, vault.Seen, []string{"$Forwarded"}, time.Unix(1_700_000_000, 0))
		must(t, err)
		_, err = w.Write(raw)
		must(t, err)
		receipt, err := w.Commit(t.Context())
		must(t, err)
		return receipt
	}
	if got := store(sent, mail("a@x", "[säkert] Beslut")); got.UID != 1 {
		t.Errorf("the client's copy got UID %d, want that of the sealed message", got.UID)
	}
	if got := store(sent, mail("other@x", "Annat")); got.UID != 2 {
		t.Errorf("another mail got UID %d", got.UID)
	}
	list := entries(t, r, anna, vault.Sent)
	if len(list) != 2 || list[1].Flags != vault.Seen || !slices.Equal(list[1].Keywords, []string{"$Forwarded"}) || list[1].Date.Unix() != 1_700_000_000 {
		t.Errorf("entries %+v", list)
	}
	if got := read(t, r, list[1].Message); !bytes.Equal(got, mail("other@x", "Annat")) {
		t.Error("an appended message reads otherwise")
	}
	if got := store(sent, mail("a@x", "Beslut", "a longer body")); got.UID != 3 {
		t.Errorf("a mail with another body was taken for the copy of UID %d", got.UID)
	}
	if got := store(box(t, r, anna, vault.Drafts).ID, mail("a@x", "Beslut")); got.UID != 1 {
		t.Errorf("a draft got UID %d", got.UID)
	}
	if answers, err := h.Directory().Answers(t.Context(), []string{"other@x"}); err != nil || answers {
		t.Errorf("what a client stores begins a sealed conversation: %v, %v", answers, err)
	}
}

// TestAppendOfWhatWasSentByAFunctionAddress: the sealed message lies in the address's Sent, and mail programs file their copy
// in their user's own.
func TestAppendOfWhatWasSentByAFunctionAddress(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), omsorg, false, kim).ID
	r := h.reader(vault.Staff(anna))
	for range 2 {
		w, err := r.Append(box(t, r, anna, vault.Sent).ID, vault.Seen, []string{"$Forwarded"}, time.Unix(1_700_000_000, 0))
		must(t, err)
		_, err = w.Write(mail("a@x", "[säkert] Beslut"))
		must(t, err)
		receipt, err := w.Commit(t.Context())
		must(t, err)
		if receipt.ID != id || receipt.UID != 1 {
			t.Errorf("stored as %v under UID %d, want an entry of %v under 1", receipt.ID, receipt.UID, id)
		}
	}
	list, theirs := entries(t, r, anna, vault.Sent), entries(t, r, omsorg, vault.Sent)
	if len(list) != 1 || len(theirs) != 1 {
		t.Fatalf("entries %+v and %+v", list, theirs)
	}
	if e := list[0]; e.Message != id || e.Size != theirs[0].Size || e.Flags != vault.Seen || !slices.Equal(e.Keywords, []string{"$Forwarded"}) || e.Date.Unix() != 1_700_000_000 {
		t.Errorf("entry %+v", e)
	}
	if report := verify(t, h.Vault); len(report.Faults) > 0 {
		t.Error(report.Faults)
	}
}

func TestExpungeErasesWhatLiesNowhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	alone := h.deposit(mail("a@x", "Beslut"), anna, false).ID
	both := h.deposit(mail("b@x", "Beslut"), anna, false, kim).ID
	r := h.reader(vault.Staff(anna))
	id := box(t, r, anna, vault.Sent).ID
	if gone, err := r.Expunge(t.Context(), id, nil); err != nil || len(gone) != 0 {
		t.Fatalf("expunge without the flag: %v, %v", gone, err)
	}
	_, err := r.StoreFlags(t.Context(), id, []vault.UID{1, 2}, vault.AddFlags, vault.Deleted, nil)
	must(t, err)
	if gone, err := r.Expunge(t.Context(), id, []vault.UID{1, 7}); err != nil || !slices.Equal(gone, []vault.UID{1}) {
		t.Fatalf("expunge of some: %v, %v", gone, err)
	}
	if gone, err := r.Expunge(t.Context(), id, nil); err != nil || !slices.Equal(gone, []vault.UID{2}) {
		t.Fatalf("expunge of the rest: %v, %v", gone, err)
	}
	for _, m := range []vault.MessageID{alone, both} {
		if _, err := r.Open(t.Context(), m); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("an expunged message opens: %v", err)
		}
	}
	read(t, h.reader(vault.Person(kimsID)), both) // the person keeps it
	for table, want := range map[string]int{"key": 1, "message": 1, "index": 1, "chunk": 1, "hold": 0, "conversation": 1} {
		if n := vault.CountForTest(h.Vault, table); n != want {
			t.Errorf("%d records in table %s, want %d", n, table, want)
		}
	}
	if m, err := r.Mailbox(t.Context(), id); err != nil || m.Messages != 0 || m.Size != 0 || m.UIDNext != 3 {
		t.Errorf("mailbox %+v, %v", m, err)
	}
}

// TestAHeldMessageStaysWithItsSender: it got its 250, and nobody else could complete it.
func TestAHeldMessageStaysWithItsSender(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	held := h.deposit(mail("a@x", "Beslut"), omsorg, true, new_, cia).ID
	r := h.reader(vault.Staff(anna))
	sent, own := box(t, r, omsorg, vault.Sent).ID, box(t, r, anna, vault.Trash).ID
	_, err := r.StoreFlags(t.Context(), sent, []vault.UID{1}, vault.AddFlags, vault.Deleted, nil)
	must(t, err)
	if gone, err := r.Expunge(t.Context(), sent, nil); !errors.Is(err, vault.ErrHeld) || len(gone) != 0 {
		t.Errorf("expunge: %v, %v", gone, err)
	}
	if _, err := r.Move(t.Context(), sent, []vault.UID{1}, own); !errors.Is(err, vault.ErrHeld) {
		t.Errorf("move to where the function address does not see it: %v", err)
	}
	if _, err := h.reader(vault.Staff(cia)).Open(t.Context(), held); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("a colleague reads what waits: %v", err)
	}
	must(t, h.reader(vault.Staff(bo)).Complete(t.Context(), held, map[string]policy.PersonID{new_.Key(): otherID}))
	read(t, h.reader(vault.Staff(cia)), held)
	if gone, err := r.Expunge(t.Context(), sent, nil); err != nil || len(gone) != 1 {
		t.Errorf("expunge after completing: %v, %v", gone, err)
	}
}

func TestErasingAMessageEndsItsNotices(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, false, cia).ID
	h.deposit(mail("b@x", "Beslut"), anna, false, cia)
	for _, at := range []struct {
		who  policy.Address
		role vault.Role
	}{{anna, vault.Sent}, {cia, vault.Inbox}} {
		r := h.reader(vault.Staff(at.who))
		b := box(t, r, at.who, at.role).ID
		_, err := r.StoreFlags(t.Context(), b, []vault.UID{1}, vault.AddFlags, vault.Deleted, nil)
		must(t, err)
		_, err = r.Expunge(t.Context(), b, nil)
		must(t, err)
	}
	if due := jobs(t, h); len(due) != 1 || due[0].Message == id {
		t.Errorf("jobs %+v", due)
	}
	if n := vault.CountForTest(h.Vault, "messagejob"); n != 1 {
		t.Errorf("%d records in table messagejob", n)
	}
}

func TestWatchTellsOfChangesInOrder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.reader(vault.Staff(cia))
	id := box(t, r, cia, vault.Inbox).ID
	w, err := r.Watch(t.Context(), id)
	must(t, err)
	h.deposit(mail("a@x", "Beslut"), anna, false, cia)
	h.deposit(mail("b@x", "Beslut"), anna, false, cia)
	_, err = r.StoreFlags(t.Context(), id, []vault.UID{1}, vault.AddFlags, vault.Deleted, nil)
	must(t, err)
	_, err = r.Expunge(t.Context(), id, nil)
	must(t, err)
	select {
	case <-w.C():
	default:
		t.Fatal("nothing was told")
	}
	changes, overflow := w.Take()
	var got []string
	for _, c := range changes {
		got = append(got, fmt.Sprint(c.Kind, c.Entry.UID, c.Entry.Flags))
	}
	want := []string{"added1 0", "added2 0", fmt.Sprint("flags1 ", vault.Deleted), "expunged1 0"}
	if overflow || !slices.Equal(got, want) {
		t.Errorf("changes %q, overflow %v, want %q", got, overflow, want)
	}
	w.Close()
	h.deposit(mail("c@x", "Beslut"), anna, false, cia)
	if changes, _ := w.Take(); len(changes) != 0 {
		t.Error("a closed watch is told")
	}
}

// model is what a mailbox should hold.
type model struct {
	next    vault.UID
	entries map[vault.UID]vault.Flags
}

func (m *model) add(f vault.Flags) vault.UID {
	m.next++
	m.entries[m.next] = f
	return m.next
}

func (m *model) uids() []vault.UID { return slices.Sorted(maps.Keys(m.entries)) }

// TestMailboxModel does at random what mail clients do, in two mailboxes, and compares with maps after each step.
func TestMailboxModel(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	rapid.Check(t, func(rt *rapid.T) {
		owner := policy.MustAddress(fmt.Sprintf("m%s@kommun.example", rapid.StringMatching(`[a-z]{20}`).Draw(rt, "owner")))
		must(t, h.Directory().PutAccount(t.Context(), vault.Account{Address: owner}, "x"))
		r, err := h.Reader(t.Context(), vault.Staff(owner), vault.DoorIMAP)
		must(t, err)
		defer r.Close()
		ids := []vault.MailboxID{box(t, r, owner, vault.Inbox).ID, box(t, r, owner, vault.Trash).ID}
		models := []*model{{entries: map[vault.UID]vault.Flags{}}, {entries: map[vault.UID]vault.Flags{}}}
		which := func() int { return rapid.IntRange(0, 1).Draw(rt, "mailbox") }
		some := func(m *model) []vault.UID {
			return slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(rapid.Map(rapid.IntRange(1, int(m.next)+1),
				func(n int) vault.UID { return vault.UID(n) }), 0, 4).Draw(rt, "uids"))))
		}
		ctx := t.Context()
		rt.Repeat(map[string]func(*rapid.T){
			"deposit": func(*rapid.T) {
				h.deposit(mail("m@x", "Beslut"), anna, false, owner)
				models[0].add(0)
			},
			"flags": func(rt *rapid.T) {
				i, flags := which(), vault.Flags(rapid.IntRange(0, 31).Draw(rt, "flags"))
				uids := some(models[i])
				how := rapid.SampledFrom([]vault.FlagChange{vault.SetFlags, vault.AddFlags, vault.RemoveFlags}).Draw(rt, "how")
				_, err := r.StoreFlags(ctx, ids[i], uids, how, flags, nil)
				must(t, err)
				for _, uid := range uids {
					if old, ok := models[i].entries[uid]; ok {
						models[i].entries[uid] = map[vault.FlagChange]vault.Flags{
							vault.SetFlags: flags, vault.AddFlags: old | flags, vault.RemoveFlags: old &^ flags}[how]
					}
				}
			},
			"expunge": func(*rapid.T) {
				i := which()
				_, err := r.Expunge(ctx, ids[i], nil)
				must(t, err)
				maps.DeleteFunc(models[i].entries, func(_ vault.UID, f vault.Flags) bool { return f&vault.Deleted != 0 })
			},
			"copy or move": func(rt *rapid.T) {
				from, to, move := which(), which(), rapid.Bool().Draw(rt, "move")
				call := r.Copy
				if move {
					call = r.Move
				}
				uids := some(models[from])
				copied, err := call(ctx, ids[from], uids, ids[to])
				must(t, err)
				n := 0
				for _, uid := range uids {
					flags, ok := models[from].entries[uid]
					if !ok {
						continue
					}
					if got := models[to].add(flags); n >= len(copied) || copied[n] != (vault.Copied{From: uid, To: got}) {
						rt.Fatalf("copied %v, want %d to %d", copied, uid, got)
					}
					n++
					if move {
						delete(models[from].entries, uid)
					}
				}
			},
			"": func(rt *rapid.T) {
				for i, m := range models {
					compare(rt, ctx, r, ids[i], m)
				}
			},
		})
	})
}

func compare(rt *rapid.T, ctx context.Context, r *vault.Reader, id vault.MailboxID, m *model) {
	list, err := r.Entries(ctx, id, 0, 0)
	if err != nil {
		rt.Fatal(err)
	}
	box, err := r.Mailbox(ctx, id)
	if err != nil {
		rt.Fatal(err)
	}
	var unseen uint32
	var uids []vault.UID
	for _, e := range list {
		uids = append(uids, e.UID)
		if e.Flags&vault.Seen == 0 {
			unseen++
		}
		if want, ok := m.entries[e.UID]; !ok || e.Flags != want {
			rt.Fatalf("UID %d has flags %d, want %d (known: %v)", e.UID, e.Flags, want, ok)
		}
	}
	if !slices.Equal(uids, m.uids()) {
		rt.Fatalf("UIDs %v, want %v", uids, m.uids())
	}
	if box.Messages != uint32(len(list)) || box.Unseen != unseen || box.UIDNext != m.next+1 {
		rt.Fatalf("mailbox %+v for %d messages, %d unseen, next %d", box, len(list), unseen, m.next+1)
	}
}
