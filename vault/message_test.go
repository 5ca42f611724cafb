package vault_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

func TestMessageComesBackByteForByte(t *testing.T) {
	t.Parallel()
	chunk := 256 << 10
	for name, size := range map[string]int{
		"empty":                         0,
		"one octet":                     1,
		"a small mail":                  10_000,
		"about one chunk":               chunk,
		"some chunks, one transaction":  3 * chunk,
		"more than is staged at once":   9*chunk + 17,
		"many stagings, not a multiple": 33*chunk - 1,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			raw := mail("a@x", "Beslut")
			if size == 0 {
				raw = nil
			}
			filler := make([]byte, max(0, size-len(raw)))
			rng := rand.NewChaCha8([32]byte{byte(size)})
			rng.Read(filler)
			raw = append(raw, filler...)
			receipt := h.deposit(raw, anna, false, kim)
			h.restart()
			if got := read(t, h.reader(vault.Person(kimsID)), receipt.ID); !bytes.Equal(got, raw) {
				t.Fatalf("the person reads %d octets that differ from the %d deposited", len(got), len(raw))
			}
			if got := read(t, h.reader(vault.Staff(anna)), receipt.ID); !bytes.Equal(got, raw) {
				t.Fatal("the sender reads something else")
			}
		})
	}
}

func TestRandomRangesOfAContent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	raw := append(mail("a@x", "Beslut"), bytes.Repeat([]byte("0123456789abcdef\r\n"), 60_000)...)
	receipt := h.deposit(raw, anna, false, kim)
	contents, err := h.reader(vault.Person(kimsID)).Open(t.Context(), receipt.ID)
	must(t, err)
	for range 200 {
		from := rand.IntN(len(raw))
		p := make([]byte, rand.IntN(len(raw)-from+1))
		if n, err := contents[0].ReadAt(p, int64(from)); err != nil || n != len(p) || !bytes.Equal(p, raw[from:from+n]) {
			t.Fatalf("ReadAt(%d octets, %d) = %d, %v", len(p), from, n, err)
		}
	}
}

func TestWhoMayRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), omsorg, false, kim, cia).ID
	for _, row := range []struct {
		why  string
		who  vault.Principal
		want error
	}{
		{"it is to her", vault.Person(kimsID), nil},
		{"a colleague it is to", vault.Staff(cia), nil},
		{"a member of the sending function address", vault.Staff(anna), nil},
		{"the other member", vault.Staff(bo), nil},
		{"another person", vault.Person(otherID), vault.ErrNotFound},
	} {
		t.Run(row.why, func(t *testing.T) {
			r := h.reader(row.who)
			if _, err := r.Open(t.Context(), id); !errors.Is(err, row.want) {
				t.Errorf("Open: %v, want %v", err, row.want)
			}
			if _, err := r.Info(t.Context(), id); !errors.Is(err, row.want) {
				t.Errorf("Info: %v, want %v", err, row.want)
			}
			ix, err := r.Indexes(t.Context(), id)
			must(t, err)
			if (ix[0] == nil) != (row.want != nil) {
				t.Errorf("Indexes gives %v", ix[0])
			}
		})
	}
	refused := slices.ContainsFunc(events(t, h), func(e vault.Event) bool {
		return e.Action == "read" && e.Result == "refused" && e.Message == id && e.Actor == h.Audit().Actor(vault.Person(otherID))
	})
	if !refused {
		t.Error("the refused read is not in the audit")
	}
}

func TestMembershipEndsAccess(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), omsorg, false, kim).ID
	r := h.reader(vault.Staff(bo))
	read(t, r, id)
	must(t, h.Directory().PutFunctionAddress(t.Context(), vault.FunctionAddress{Address: omsorg, Name: "Omsorg", Members: []policy.Address{anna}}))
	if _, err := r.Open(t.Context(), id); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("an open reader still opens after membership ended: %v", err)
	}
	all, err := r.Mailboxes(t.Context())
	must(t, err)
	if slices.ContainsFunc(all, func(m vault.Mailbox) bool { return m.Shared }) {
		t.Error("the function address is still listed")
	}
}

func TestFirstReadIsAuditedOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
	r := h.reader(vault.Person(kimsID))
	read(t, r, id)
	read(t, r, id)
	n := 0
	for _, e := range events(t, h) {
		if e.Action == "read" && e.Result == "ok" {
			n++
			if e.Message != id || e.Detail != string(vault.DoorWeb) {
				t.Errorf("event %+v", e)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d reads in the audit, want 1", n)
	}
	info, err := h.reader(vault.Staff(anna)).Info(t.Context(), id)
	must(t, err)
	if s := info.Recipients[0].Status; s != vault.Opened {
		t.Errorf("the sender sees status %s, want opened", s)
	}
}

func TestRecipientsStaySecretFromEachOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	must(t, h.Directory().PutBinding(t.Context(), vault.Binding{Address: new_, Person: otherID, Verified: time.Now()}))
	id := h.deposit(mail("a@x", "Beslut"), anna, false, kim, new_, cia).ID
	for _, who := range []struct {
		principal vault.Principal
		sees      int
	}{{vault.Staff(anna), 3}, {vault.Person(kimsID), 1}, {vault.Person(otherID), 1}, {vault.Staff(cia), 1}} {
		info, err := h.reader(who.principal).Info(t.Context(), id)
		must(t, err)
		if len(info.Recipients) != who.sees {
			t.Errorf("sees %d recipients, want %d", len(info.Recipients), who.sees)
		}
	}
}

func TestAClosedReaderAndContentOpenNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
	r, err := h.Reader(t.Context(), vault.Person(kimsID), vault.DoorWeb)
	must(t, err)
	contents, err := r.Open(t.Context(), id)
	must(t, err)
	r.Close()
	if _, err := contents[0].ReadAt(make([]byte, 1), 0); !errors.Is(err, vault.ErrClosed) {
		t.Errorf("ReadAt after Close: %v", err)
	}
	if _, err := r.Open(t.Context(), id); !errors.Is(err, vault.ErrClosed) {
		t.Errorf("Open after Close: %v", err)
	}
}

func TestADraftThatIsAbortedLeavesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before := entries(t, h.reader(vault.Staff(anna)), anna, vault.Sent)
	w := h.Depositor().Begin(vault.Deposit{From: anna, Recipients: []policy.Recipient{{Address: kim}}})
	_, err := w.Write(make([]byte, 5<<20))
	must(t, err)
	w.Abort()
	if _, err := w.Write([]byte("x")); !errors.Is(err, vault.ErrClosed) {
		t.Errorf("Write after Abort: %v", err)
	}
	if _, err := w.Commit(t.Context()); !errors.Is(err, vault.ErrClosed) {
		t.Errorf("Commit after Abort: %v", err)
	}
	if got := entries(t, h.reader(vault.Staff(anna)), anna, vault.Sent); len(got) != len(before) {
		t.Error("an aborted draft is visible")
	}
	if n := vault.CountForTest(h.Vault, "chunk") + vault.CountForTest(h.Vault, "staging"); n != 0 {
		t.Errorf("%d staged records are left", n)
	}
}

func TestOrphansOfACrashAreCollected(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := h.Depositor().Begin(vault.Deposit{From: anna, Recipients: []policy.Recipient{{Address: kim}}})
	_, err := w.Write(make([]byte, 5<<20))
	must(t, err)
	h.restart() // the draft is lost, as in a crash
	mine := h.Depositor().Begin(vault.Deposit{From: anna, Recipients: []policy.Recipient{{Address: kim}}})
	raw := append(mail("a@x", "Beslut"), make([]byte, 5<<20)...)
	_, err = mine.Write(raw)
	must(t, err)
	must(t, vault.CollectOrphansForTest(h.Vault, t.Context()))
	receipt, err := mine.Commit(t.Context())
	must(t, err)
	if got := read(t, h.reader(vault.Person(kimsID)), receipt.ID); !bytes.Equal(got, raw) {
		t.Error("collecting orphans harmed a draft of this run")
	}
	if n := vault.CountForTest(h.Vault, "staging"); n != 0 {
		t.Errorf("%d staging records are left", n)
	}
	if want := (len(raw)-1)/(256<<10-128) + 1; vault.CountForTest(h.Vault, "chunk") != want {
		t.Errorf("%d chunks, want %d", vault.CountForTest(h.Vault, "chunk"), want)
	}
}

func TestRefusedDeposits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if _, err := h.tryDeposit(mail("a@x", "Beslut"), anna, false, kim, new_); !errors.Is(err, vault.ErrUnknownRecipient) {
		t.Errorf("unknown recipient, no hold: %v", err)
	}
	if _, err := h.tryDeposit(mail("a@x", "Beslut"), new_, false, kim); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("a sender without account: %v", err)
	}
	if got := entries(t, h.reader(vault.Staff(anna)), anna, vault.Sent); len(got) != 0 || len(jobs(t, h)) != 0 {
		t.Error("a refused deposit left something")
	}
}

func TestHeadersAreNotARead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	raw := mail("a@x", "Beslut", "hemlig text")
	id := h.deposit(raw, anna, false, kim).ID
	r := h.reader(vault.Person(kimsID))
	headers, err := r.Headers(t.Context(), id)
	must(t, err)
	p := make([]byte, len(raw))
	n, err := headers[0].ReadAt(p, 0)
	if want := raw[:bytes.Index(raw, []byte("hemlig"))]; err != io.EOF || !bytes.Equal(p[:n], want) {
		t.Errorf("the header reads as %q, %v", p[:n], err)
	}
	if n, err := headers[0].ReadAt(p, int64(n)); n != 0 || err != io.EOF {
		t.Errorf("beyond the header: %d octets, %v", n, err)
	}
	if slices.ContainsFunc(events(t, h), func(e vault.Event) bool { return e.Action == "read" }) {
		t.Error("a header is taken for a read")
	}
	if _, err := h.reader(vault.Person(otherID)).Headers(t.Context(), id); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("another person: %v", err)
	}
}
