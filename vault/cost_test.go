package vault_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"sigill/policy"
	"sigill/vault"
	"sigill/vault/message"
)

// What a vault costs is counted here, in records, pages and octets. How long it takes is for the benchmarks.

// messages is how many a large mailbox has; by hand, a million.
var messages = flag.Int("messages", 800, "how many messages the large mailbox of cost tests and benchmarks has")

// grow deposits small mails, from many goroutines, until there are n.
func (h *house) grow(from, n int) {
	h.t.Helper()
	var number atomic.Int64
	number.Store(int64(from))
	var wg errgroup.Group
	for range 100 {
		wg.Go(func() error {
			for i := number.Add(1); i <= int64(n); i = number.Add(1) {
				if err := h.depositNumber(i, nil); err != nil {
					return err
				}
			}
			return nil
		})
	}
	must(h.t, wg.Wait())
}

// depositNumber seals a mail from Anna to Kim.
func (h *house) depositNumber(n int64, body []byte) error {
	w := h.Depositor().Begin(vault.Deposit{From: anna, Recipients: []policy.Recipient{{Address: kim, Kind: policy.Known}}})
	w.Write(mail(fmt.Sprintf("%d@kommun.example", n), "Beslut", "Hej!\r\n")) // the error is Commit's too
	w.Write(body)
	_, err := w.Commit(h.t.Context())
	return err
}

// listing is what a client asks of a page of a mailbox.
func listing(t testing.TB, r *vault.Reader, box vault.MailboxID, from, to vault.UID) int {
	page, err := r.Entries(t.Context(), box, from, to)
	must(t, err)
	ids := make([]vault.MessageID, 0, len(page))
	for _, e := range page {
		ids = append(ids, e.Message)
	}
	indexes, err := r.Indexes(t.Context(), ids...)
	must(t, err)
	for i, ix := range indexes {
		if ix == nil || ix.Envelope.Subject != "Beslut" {
			t.Fatalf("message %s has no index", ids[i])
		}
	}
	return len(page)
}

func TestListingOpensNoBodies(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.grow(0, *messages)
	r := h.reader(vault.Staff(anna))
	sent := box(t, r, anna, vault.Sent)
	reads, stop := vault.CountReadsForTest(h.Vault)
	defer stop()
	all, err := r.Entries(t.Context(), sent.ID, 0, 0)
	must(t, err)
	if len(all) != *messages || reads("entry") < *messages {
		t.Fatalf("%d entries listed, %d read, of %d", len(all), reads("entry"), *messages)
	}
	if reads("key")+reads("index")+reads("chunk") != 0 {
		t.Errorf("a listing of flags reads %d content keys, %d indexes, %d chunks", reads("key"), reads("index"), reads("chunk"))
	}
	listing(t, r, sent.ID, 0, 0)
	if reads("index") != *messages || reads("chunk") != 0 {
		t.Errorf("a listing of envelopes reads %d indexes of %d, %d chunks", reads("index"), *messages, reads("chunk"))
	}
	list := func(e vault.Entry, _ *message.Index, header []byte, err error) bool {
		if err != nil || len(header) == 0 {
			t.Errorf("header of %d: %q, %v", e.UID, header, err)
		}
		return true
	}
	must(t, r.Each(t.Context(), sent.ID, all, vault.Wanted{Header: vault.Uncluttered}, list))
	if reads("header") != *messages || reads("index") != *messages || reads("chunk") != 0 {
		t.Errorf("a listing of headers reads %d of %d, %d indexes, %d chunks", reads("header"), *messages, reads("index")-*messages, reads("chunk"))
	}
	contents, err := r.Open(t.Context(), all[0].Message)
	must(t, err)
	if _, err := io.ReadAll(contents[0].Section(contents[0].Index().Root.Body)); err != nil || reads("chunk") != 1 {
		t.Errorf("a body is read in %d chunks (%v)", reads("chunk"), err)
	}
}

// cost is what three things done to a mailbox touch.
type cost struct{ deposit, page, fetch int }

var allTables = []string{
	"meta", "key", "chunk", "index", "header", "message", "staging", "conversation", "messageid", "mailbox", "owner", "entry", "flags", "where", "opened",
	"account", "function", "member", "binding", "link", "hold", "job", "messagejob", "audit", "legalhold",
}

// costs counts, at the present size, the pages of a lone deposit, and the records that a page of a listing and a fetch by
// UID read.
func (h *house) costs(n int) (c cost) {
	const deposits = 20
	before, err := vault.StatsForTest(h.Vault)
	must(h.t, err)
	for i := range deposits {
		must(h.t, h.depositNumber(int64(n+1+i), nil))
	}
	after, err := vault.StatsForTest(h.Vault)
	must(h.t, err)
	c.deposit = int(after.PagesWritten-before.PagesWritten) / deposits

	r := h.reader(vault.Staff(anna))
	sent := box(h.t, r, anna, vault.Sent)
	counted := func(fn func()) (sum int) {
		reads, stop := vault.CountReadsForTest(h.Vault)
		defer stop()
		fn()
		for _, table := range allTables {
			sum += reads(table)
		}
		return sum
	}
	c.page = counted(func() {
		if got := listing(h.t, r, sent.ID, sent.UIDNext-50, 0); got != 50 {
			h.t.Fatalf("%d entries in a page", got)
		}
	})
	c.fetch = counted(func() {
		middle := sent.UIDNext / 2
		e, err := r.Entries(h.t.Context(), sent.ID, middle, middle)
		must(h.t, err)
		read(h.t, r, e[0].Message)
	})
	return c
}

func TestCostStaysFlat(t *testing.T) {
	t.Parallel()
	h, small := newHouse(t), *messages/10
	h.grow(0, small)
	few := h.costs(small)
	h.grow(small+20, *messages)
	many := h.costs(*messages)
	t.Logf("of %d and %d messages: %+v, %+v", small, *messages, few, many)
	if many.page != few.page || many.fetch != few.fetch {
		t.Errorf("a page and a fetch read %d and %d records of %d messages, %d and %d of %d", few.page, few.fetch, small,
			many.page, many.fetch, *messages)
	}
	// A tree of ten times as many records may be one level deeper.
	if 2*many.deposit > 3*few.deposit {
		t.Errorf("a lone deposit writes %d pages among %d messages, %d among %d", few.deposit, small, many.deposit, *messages)
	}
}

// TestFlagsCost: to set what is set already writes nothing; a flag that no counter counts does not write the mailbox's
// record, and with it the pages above.
func TestFlagsCost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.grow(0, 3)
	r := h.reader(vault.Staff(anna))
	sent := box(t, r, anna, vault.Sent)
	pages := func(how vault.FlagChange, f vault.Flags) int64 {
		before, err := vault.StatsForTest(h.Vault)
		must(t, err)
		_, err = r.StoreFlags(t.Context(), sent.ID, []vault.UID{1}, how, f, nil)
		must(t, err)
		after, err := vault.StatsForTest(h.Vault)
		must(t, err)
		return after.PagesWritten - before.PagesWritten
	}
	flagged, again := pages(vault.AddFlags, vault.Flagged), pages(vault.AddFlags, vault.Flagged)
	seen := max(pages(vault.RemoveFlags, vault.Seen), pages(vault.AddFlags, vault.Seen))
	if again != 0 || flagged == 0 || flagged >= seen {
		t.Errorf("Flagged writes %d pages, again %d, Seen %d", flagged, again, seen)
	}
	if got := entries(t, r, anna, vault.Sent)[0].Flags; got != vault.Flagged|vault.Seen {
		t.Errorf("flags %b", got)
	}
}

func TestTheFileIsHardlyLargerThanItsContent(t *testing.T) {
	t.Parallel()
	const mails, size, most = 200, 100_000, 1.15
	h := newHouse(t)
	before, err := vault.StatsForTest(h.Vault)
	must(t, err)
	for i := range mails {
		must(t, h.depositNumber(int64(i), bytes.Repeat([]byte{'x'}, size)))
	}
	after, err := vault.StatsForTest(h.Vault)
	must(t, err)
	overhead := float64(after.Size-before.Size) / (mails * size)
	t.Logf("%.3f times the content, free pages included; %d octets free", overhead, after.Free)
	if overhead > most {
		t.Errorf("the file is %.3f times its content, at most %v wanted", overhead, most)
	}
}

// TestMemoryOfALongMail cannot be parallel: it counts what lives in the whole process.
func TestMemoryOfALongMail(t *testing.T) {
	const size, most = 24 << 20, 6 << 20
	h := newHouse(t)
	idle := living()
	w := h.Depositor().Begin(vault.Deposit{From: anna, Recipients: []policy.Recipient{{Address: kim, Kind: policy.Known}}})
	w.Write(mail("1@kommun.example", "Beslut")) // the error is Commit's too
	part := bytes.Repeat([]byte("Handläggningstiden är fyra veckor.\r\n"), 30_000)
	for wrote := 0; wrote < size; wrote += len(part) {
		w.Write(part)
		if more := living() - idle; more > most {
			t.Fatalf("%d octets live after %d of a mail", more, wrote)
		}
	}
	receipt, err := w.Commit(t.Context())
	must(t, err)
	contents, err := h.reader(vault.Person(kimsID)).Open(t.Context(), receipt.ID)
	must(t, err)
	for off := int64(0); off < contents[0].Size(); off += int64(len(part)) {
		_, err := contents[0].ReadAt(part[:min(int64(len(part)), contents[0].Size()-off)], off)
		must(t, err)
		if more := living() - idle; more > most {
			t.Fatalf("%d octets live when %d of a mail were read", more, off)
		}
	}
}

func living() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
