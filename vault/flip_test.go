package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"slices"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
	"sigill/vault/internal/kv"
)

// damagedStore is an engine whose disk gives other values than were written.
type damagedStore struct {
	kv.Engine
	gives map[string][]byte // by table, zero octet, key
}

func (d *damagedStore) View(ctx context.Context, fn func(kv.Reader) error) error {
	return d.Engine.View(ctx, func(r kv.Reader) error { return fn(damagedReader{r, d.gives}) })
}

type damagedReader struct {
	kv.Reader
	gives map[string][]byte
}

func at(t kv.Table, key []byte) string { return string(t) + "\x00" + string(key) }

func (d damagedReader) Get(t kv.Table, key []byte) []byte {
	if v, ok := d.gives[at(t, key)]; ok {
		return v
	}
	return d.Reader.Get(t, key)
}

func (d damagedReader) Range(t kv.Table, s kv.Span) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		for k, v := range d.Reader.Range(t, s) {
			if other, ok := d.gives[at(t, k)]; ok {
				v = other
			}
			if !yield(k, v) {
				return
			}
		}
	}
}

// said is what a door of the vault said: lines, and how it ended.
type said struct {
	lines []string
	err   error
}

func (s *said) add(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

// doors asks a vault all that its interfaces tell.
func doors(ctx context.Context, v *vault.Vault, messages []vault.MessageID, until uint64) map[string]said {
	out := map[string]said{}
	ask := func(door string, fn func(s *said) error) {
		var s said
		s.err = fn(&s)
		out[door] = s
	}
	d := v.Directory()
	ask("audit", func(s *said) error {
		return v.Audit().Events(ctx, 0, func(e vault.Event) bool {
			s.add("%+v", e)
			return e.Seq < until
		})
	})
	ask("audit chain", func(s *said) error { _, err := v.Audit().Verify(ctx); return err })
	ask("disposals", func(s *said) error {
		return v.DisposalLog(ctx, 0, func(d vault.Disposal) bool { s.add("%+v", d); return true })
	})
	ask("legal holds", func(s *said) error {
		holds, err := v.LegalHolds().List(ctx)
		for _, l := range holds {
			s.add("%+v", l)
		}
		return err
	})
	ask("jobs", func(s *said) error {
		due, _, err := v.Outbox().Due(ctx, time.Now().Add(24*time.Hour), 100)
		for _, j := range due {
			j.Domain = "" // only for the look of it; none if the message cannot be read
			s.add("%+v", j)
		}
		return err
	})
	for _, a := range []policy.Address{anna, bo, cia, omsorg, kim, new_} {
		ask("classify "+a.Key(), func(s *said) error {
			kinds, err := d.Classify(ctx, []policy.Address{a})
			if err == nil {
				s.add("%+v", kinds)
			}
			return err
		})
		if a.Domain != anna.Domain {
			continue
		}
		ask("devices "+a.Key(), func(s *said) error {
			devices, err := d.Devices(ctx, a)
			for _, one := range devices {
				s.add("%+v", one)
			}
			return err
		})
		ask("functions "+a.Key(), func(s *said) error {
			functions, err := d.FunctionAddresses(ctx, a)
			for _, f := range functions {
				s.add("%+v", f)
			}
			return err
		})
	}
	for _, p := range []vault.Principal{vault.Staff(anna), vault.Staff(bo), vault.Staff(cia), vault.Person(kimsID), vault.Person(otherID)} {
		r, err := v.Reader(ctx, p, vault.DoorWeb)
		name := v.Audit().Actor(p)
		ask("reader "+name, func(*said) error { return err })
		if err != nil {
			continue
		}
		readerDoors(ctx, r, name, messages, ask)
		r.Close()
	}
	return out
}

func readerDoors(ctx context.Context, r *vault.Reader, name string, messages []vault.MessageID, ask func(string, func(*said) error)) {
	ask("mailboxes "+name, func(s *said) error {
		boxes, err := r.Mailboxes(ctx)
		for _, b := range boxes {
			s.add("%+v", b)
		}
		return err
	})
	ask("holds "+name, func(s *said) error {
		holds, err := r.Holds(ctx)
		for _, i := range holds {
			s.add("%+v", i)
		}
		return err
	})
	for box := range vault.MailboxID(20) {
		ask(fmt.Sprint("entries ", name, " ", box), func(s *said) error {
			entries, err := r.Entries(ctx, box, 0, 0)
			for _, e := range entries {
				s.add("%+v", e)
			}
			return err
		})
	}
	for _, id := range messages {
		ask(fmt.Sprint("conversation ", name, " ", id), func(s *said) error {
			infos, err := r.Conversation(ctx, id)
			for _, i := range infos {
				s.add("%+v", i)
			}
			return err
		})
		if _, err := r.Info(ctx, id); errors.Is(err, vault.ErrNotFound) {
			continue // to be refused is an event in the audit, each time
		}
		ask(fmt.Sprint("content ", name, " ", id), func(s *said) error {
			opened, err := r.Open(ctx, id)
			if err != nil {
				return err
			}
			raw := make([]byte, opened[0].Size())
			if _, err := opened[0].ReadAt(raw, 0); err != nil {
				return err
			}
			s.add("%+v %d", opened[0].Index(), crc32.ChecksumIEEE(raw))
			return nil
		})
	}
}

// named tells the errors that name damage.
func named(err error) bool { return errors.Is(err, vault.ErrDamaged) || errors.Is(err, vault.ErrAudit) }

// sameOrNamed wants that each door says what it said before, or less and why.
func sameOrNamed(want, got map[string]said) (wrong []string) {
	for door, g := range got {
		w := want[door]
		for _, line := range g.lines {
			if !slices.Contains(w.lines, line) {
				wrong = append(wrong, fmt.Sprintf("%s says what was never there: %s", door, line))
			}
		}
		switch {
		case g.err == nil && w.err != nil, g.err != nil && !named(g.err) && fmt.Sprint(g.err) != fmt.Sprint(w.err):
			wrong = append(wrong, fmt.Sprintf("%s: %v, before %v", door, g.err, w.err))
		}
	}
	return wrong
}

// TestDamageOfAnyRecord gives records of every table, one after the other, with a flipped octet at the beginning, in the
// middle or at the end, and then in the place of the next one of the table: each of the vault's doors says what it said
// before, or less, and why.
func TestDamageOfAnyRecord(t *testing.T) {
	t.Parallel()
	h, _ := busy(t)
	_, _, err := h.Directory().AddDevice(t.Context(), anna, "Outlook", anna)
	must(t, err)
	h.stored(mail("utkast@x", "Utkast"))
	_, err = h.reader(vault.Staff(anna)).CreateFolder(t.Context(), anna, "Ärenden", vault.Folder)
	must(t, err)
	dump := vault.DumpForTest(h.Vault)
	var messages []vault.MessageID
	for id := range dump["message"] {
		messages = append(messages, vault.MessageID([]byte(id)))
	}
	store := &damagedStore{gives: map[string][]byte{}}
	vault.WrapEngineForTest(h.Vault, func(e kv.Engine) kv.Engine { store.Engine = e; return store })
	doors(t.Context(), h.Vault, messages, 0) // first reads are in the audit
	until := uint64(len(events(t, h)))
	want := doors(t.Context(), h.Vault, messages, until)
	total := 0
	for table, records := range dump {
		var keys []string
		for key, value := range records {
			if len(value) > 0 && table != "meta" { // which holds counters, and what tells whose keyring it is
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		if len(keys) > 4 {
			keys = append(keys[:2], keys[len(keys)-2:]...)
		}
		for i, key := range keys {
			value := []byte(records[key])
			try := func(why string, gives map[string][]byte) {
				total++
				store.gives = gives
				got := doors(t.Context(), h.Vault, messages, until)
				store.gives = nil
				for _, wrong := range sameOrNamed(want, got) {
					t.Errorf("table %s, record %x, %s: %s", table, key, why, wrong)
				}
			}
			flipped := bytes.Clone(value)
			n := []int{0, len(value) / 2, len(value) - 1}[i%3]
			flipped[n] ^= 1
			try(fmt.Sprint("flipped at ", n), map[string][]byte{at(kv.Table(table), []byte(key)): flipped})
			if other := keys[(i+1)%len(keys)]; other != key {
				try("swapped with the next", map[string][]byte{
					at(kv.Table(table), []byte(key)): []byte(records[other]), at(kv.Table(table), []byte(other)): value,
				})
			}
		}
	}
	if total < 80 {
		t.Errorf("%d damages", total)
	}
}

// TestADamagedTableOfOwnersMisleadsNoDeposit: what leads from an owner to the mailbox is not sealed, and what is deposited
// must not come into another's hands by it.
func TestADamagedTableOfOwnersMisleadsNoDeposit(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ids := map[byte]bool{byte(box(t, h.reader(vault.Staff(bo)), bo, vault.Inbox).ID): true, byte(box(t, h.reader(vault.Staff(cia)), cia, vault.Inbox).ID): true}
	sum := byte(0)
	for id := range ids {
		sum ^= id
	}
	damage(t, h, "owner", func(b []byte) {
		if ids[b[7]] {
			b[7] ^= sum // Bo's becomes Cia's
		}
	})
	if _, err := h.tryDeposit(mail("a@x", "Beslut"), anna, false, cia); !errors.Is(err, vault.ErrDamaged) {
		t.Errorf("deposited: %v, want ErrDamaged", err)
	}
	if n := vault.CountForTest(h.Vault, "entry"); n > 0 {
		t.Errorf("%d entries", n)
	}
	if r := verify(t, h.Vault); len(r.Faults) < 2 {
		t.Errorf("verify: %q", r.Faults)
	}
}
