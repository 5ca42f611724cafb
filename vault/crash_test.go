package vault_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"sigill/policy"
	"sigill/vault"
	"sigill/vault/internal/kv"
)

// crashes is a house that is looked at in each step of each commit. What a process leaves behind that ends there is what
// its files hold then: they are copied, and the work goes on.
type crashes struct {
	*house
	files  map[string][]byte // the last ones, to keep what is the same once
	states []crashed

	mu       sync.Mutex
	promised map[vault.MessageID][]byte // acknowledged
	going    map[vault.MessageID]bool   // being deleted, or deleted
}

// crashed is what a crash leaves, and what must be in it.
type crashed struct {
	files    map[string][]byte
	promised []vault.MessageID
}

// stopping is an engine that tells of a commit's steps, all of which are taken by one goroutine.
type stopping struct {
	kv.Engine
	step func()
}

func (s stopping) Update(ctx context.Context, fn func(kv.Writer) error) error {
	return s.Engine.Update(ctx, func(w kv.Writer) error {
		s.step() // before the first job, or between two
		w.OnCommit(s.step)
		err := fn(w)
		s.step() // before the next job, or before the commit
		return err
	})
}

func newCrashes(t *testing.T) *crashes {
	c := &crashes{house: newHouse(t), files: map[string][]byte{}, promised: map[vault.MessageID][]byte{}, going: map[vault.MessageID]bool{}}
	vault.WrapEngineForTest(c.Vault, func(e kv.Engine) kv.Engine { return stopping{e, c.step} })
	return c
}

const vaultFile = "vault/vault.db"

var vaultFiles = []string{"vault.key", "vault/keyring.json", vaultFile}

// step keeps the files as they are, if they or what is promised changed since the last step.
func (c *crashes) step() {
	now := crashed{files: map[string][]byte{}}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.promised {
		if !c.going[id] {
			now.promised = append(now.promised, id)
		}
	}
	changed := len(c.states) == 0 || len(c.states[len(c.states)-1].promised) != len(now.promised)
	for _, name := range vaultFiles {
		b, err := os.ReadFile(filepath.Join(c.dir, name))
		if err != nil {
			c.t.Error(err)
		}
		if !bytes.Equal(b, c.files[name]) {
			c.files[name], changed = b, true
		}
		now.files[name] = c.files[name]
	}
	if changed {
		c.states = append(c.states, now)
	}
}

// send deposits and counts on it from then on.
func (c *crashes) send(name string, size int) vault.MessageID {
	raw := append(mail(name+"@x", "Beslut"), bytes.Repeat([]byte{'x'}, size)...)
	receipt, err := depositAs(c.t.Context(), c.Vault, raw)
	if err != nil {
		c.t.Error(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.promised[receipt.ID] = raw
	return receipt.ID
}

func (c *crashes) erase(id vault.MessageID) {
	c.mu.Lock()
	c.going[id] = true
	c.mu.Unlock()
	for _, at := range []struct {
		p    vault.Principal
		who  policy.Address
		role vault.Role
	}{
		{vault.Staff(anna), anna, vault.Sent}, {vault.Staff(cia), cia, vault.Inbox},
		{vault.Person(kimsID), policy.Address{}, vault.Inbox},
	} {
		r := c.reader(at.p)
		for _, e := range entries(c.t, r, at.who, at.role) {
			if e.Message == id {
				_, err := r.StoreFlags(c.t.Context(), box(c.t, r, at.who, at.role).ID, []vault.UID{e.UID}, vault.AddFlags, vault.Deleted, nil)
				must(c.t, err)
			}
		}
		_, err := r.Expunge(c.t.Context(), box(c.t, r, at.who, at.role).ID, nil)
		must(c.t, err)
	}
}

// TestACrashInEveryStep does some of everything that writes, and opens what a crash would have left at each step: between
// the jobs of a commit, before and after it, while bbolt writes it, in the transactions that stage a large mail, between
// those of maintenance, and between a keyring or key file and the vault. All that was acknowledged is there, once and
// whole, and what is left of the rest is cleared away.
func TestACrashInEveryStep(t *testing.T) {
	t.Parallel()
	c := newCrashes(t)
	c.send("first", 10)
	var together sync.WaitGroup
	for i := range 3 {
		together.Go(func() { c.send(fmt.Sprint("together", i), 5000) })
	}
	together.Wait()
	c.send("large", 1_200_000)
	c.erase(c.send("erased", 300_000))
	must(t, c.Maintain(t.Context(), nil))
	c.rotate()
	must(t, c.RewrapKeyring(t.Context()))
	c.send("last", 10)
	c.step()
	if len(c.states) < 30 {
		t.Errorf("%d states", len(c.states))
	}
	for i, now := range c.states {
		t.Run(fmt.Sprint("state ", i), func(t *testing.T) {
			t.Parallel()
			c.look(t, now)
			if i > 0 {
				c.look(t, tearings[i%len(tearings)].of(c.states[i-1], now))
			}
		})
	}
}

const page = 4096

// tearing is what a commit leaves that was cut off on its way to the disk: bbolt writes new pages, and then one of the
// two metas, pages 0 and 1, that leads to them.
type tearing func(before, after []byte) []byte

var tearings = []tearing{
	func(before, after []byte) []byte { // all is written but the meta
		return append(bytes.Clone(before[:2*page]), after[2*page:]...)
	},
	func(before, after []byte) []byte { // half of the pages are
		out := bytes.Clone(before)
		for at := 2 * page; at < len(before); at += 2 * page {
			copy(out[at:at+page], after[at:])
		}
		return out
	},
	func(before, after []byte) []byte { // all are, and half of the meta
		out := bytes.Clone(after)
		for at := 0; at < 2*page; at += page {
			copy(out[at+48:at+page], before[at+48:at+page])
		}
		return out
	},
}

// of is what is left of the commit between two states, with what was promised before it.
func (tear tearing) of(before, after crashed) crashed {
	torn := crashed{maps.Clone(after.files), before.promised}
	torn.files[vaultFile] = tear(before.files[vaultFile], after.files[vaultFile])
	return torn
}

// look opens what a crash left and wants all that was promised.
func (c *crashes) look(t *testing.T, left crashed) {
	t.Helper()
	h := &house{t: t, dir: t.TempDir()}
	must(t, os.Mkdir(h.folder(), 0o700))
	for name, b := range left.files {
		must(t, os.WriteFile(filepath.Join(h.dir, name), b, 0o600))
	}
	keys, err := vault.OpenKeyFile(h.keyFile())
	must(t, err)
	if h.Vault, err = vault.Open(t.Context(), h.folder(), keys, h.opts); err != nil {
		t.Error(err)
		return
	}
	defer func() { must(t, h.Close()) }()
	must(t, vault.CollectOrphansForTest(h.Vault, t.Context()))
	if n := vault.CountForTest(h.Vault, "staging"); n > 0 {
		t.Errorf("%d mails are half there", n)
	}
	if r := verify(t, h.Vault); len(r.Faults) > 0 {
		t.Errorf("%q", r.Faults)
	}
	all := map[string][]byte{}
	for _, id := range left.promised {
		all[id.String()] = c.promised[id]
	}
	wantAcknowledged(t, h, all)
}

// TestWhatWasHalfWrittenIsNotTaken: a new keyring lies beside the one it was to replace, as do a key file and a restored vault.
func TestWhatWasHalfWrittenIsNotTaken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.deposit(mail("a@x", "Beslut"), anna, false, kim).ID
	must(t, h.Close())
	for _, name := range []string{"vault.key", "vault/keyring.json", "vault/vault.db"} {
		whole, err := os.ReadFile(filepath.Join(h.dir, name))
		must(t, err)
		for _, suffix := range []string{".new", ".restoring"} {
			must(t, os.WriteFile(filepath.Join(h.dir, name+suffix), whole[:len(whole)/2], 0o600))
		}
	}
	h.open()
	h.rotate()
	must(t, h.Maintain(t.Context(), nil))
	must(t, h.RewrapKeyring(t.Context()))
	h.restart()
	read(t, h.reader(vault.Person(kimsID)), id)
}
