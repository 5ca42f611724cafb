package vault_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

var (
	anna   = policy.MustAddress("anna@kommun.example")
	bo     = policy.MustAddress("bo@kommun.example")
	cia    = policy.MustAddress("cia@kommun.example")
	omsorg = policy.MustAddress("omsorg@kommun.example")
	kim    = policy.MustAddress("kim@medborgare.example")
	new_   = policy.MustAddress("nykund@medborgare.example")

	kimsID  = policy.MustPersonID("199908072391")
	otherID = policy.MustPersonID("197010632391")
)

// cheapPasswords spares the time of Argon2id, which the race detector makes tenfold.
const cheapPasswords = 8

// house is a vault with people in it: Anna and Bo belong to the function address omsorg, Cia does not; kim is bound.
type house struct {
	*vault.Vault
	t    testing.TB
	dir  string
	opts vault.Options
}

func newHouse(t testing.TB) *house { return newHouseWith(t, vault.Options{}) }

func newHouseWith(t testing.TB, o vault.Options) *house {
	t.Helper()
	o.PasswordMemory = cheapPasswords
	h := &house{t: t, dir: t.TempDir(), opts: o}
	must(t, vault.CreateKeyFile(h.keyFile()))
	h.open()
	t.Cleanup(func() { must(t, h.Close()) })
	d := h.Directory()
	for _, a := range []policy.Address{anna, bo, cia} {
		must(t, d.PutAccount(t.Context(), vault.Account{Address: a, Name: a.Local}, "secret "+a.Local))
	}
	must(t, d.PutFunctionAddress(t.Context(), vault.FunctionAddress{Address: omsorg, Name: "Omsorg", Members: []policy.Address{anna, bo}}))
	must(t, d.PutBinding(t.Context(), vault.Binding{Address: kim, Person: kimsID, Verified: time.Now()}))
	return h
}

func (h *house) keyFile() string { return filepath.Join(h.dir, "vault.key") }
func (h *house) folder() string  { return filepath.Join(h.dir, "vault") }

func (h *house) open() {
	h.t.Helper()
	keys, err := vault.OpenKeyFile(h.keyFile())
	must(h.t, err)
	h.Vault, err = vault.Open(h.t.Context(), h.folder(), keys, h.opts)
	must(h.t, err)
}

func (h *house) restart() {
	h.t.Helper()
	must(h.t, h.Close())
	h.open()
}

func (h *house) reader(p vault.Principal) *vault.Reader {
	h.t.Helper()
	r, err := h.Reader(h.t.Context(), p, vault.DoorWeb)
	must(h.t, err)
	h.t.Cleanup(r.Close)
	return r
}

// deposit seals a mail from one address to others and gives its receipt.
func (h *house) deposit(raw []byte, from policy.Address, hold bool, to ...policy.Address) vault.Receipt {
	h.t.Helper()
	receipt, err := h.tryDeposit(raw, from, hold, to...)
	must(h.t, err)
	return receipt
}

func (h *house) tryDeposit(raw []byte, from policy.Address, hold bool, to ...policy.Address) (vault.Receipt, error) {
	kinds, err := h.Directory().Classify(h.t.Context(), to)
	must(h.t, err)
	w := h.Depositor().Begin(vault.Deposit{From: from, Account: anna, Recipients: kinds, Hold: hold, Rule: policy.RuleTag})
	if _, err := w.Write(raw); err != nil {
		w.Abort()
		return vault.Receipt{}, err
	}
	return w.Commit(h.t.Context())
}

// depositMany seals many small mails side by side, which share commits.
func (h *house) depositMany(n int, from, to policy.Address) {
	h.t.Helper()
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			for range (n + i) / 10 {
				if _, err := h.tryDeposit(mail("", "Beslut"), from, false, to); err != nil {
					h.t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func mail(id, subject string, body ...string) []byte {
	return fmt.Appendf(nil, "From: Anna <anna@kommun.example>\r\nTo: kim@medborgare.example\r\nSubject: %s\r\nMessage-ID: <%s>\r\n"+
		"Date: Tue, 24 Nov 2026 10:00:00 +0100\r\n\r\n%s", subject, id, strings.Join(body, ""))
}

func read(t testing.TB, r *vault.Reader, id vault.MessageID) []byte {
	t.Helper()
	contents, err := r.Open(t.Context(), id)
	must(t, err)
	defer contents[0].Close()
	raw, err := io.ReadAll(io.NewSectionReader(contents[0], 0, contents[0].Size()))
	must(t, err)
	return raw
}

func box(t testing.TB, r *vault.Reader, owner policy.Address, role vault.Role) vault.Mailbox {
	t.Helper()
	all, err := r.Mailboxes(t.Context())
	must(t, err)
	for _, m := range all {
		if m.Owner.Key() == owner.Key() && m.Role == role {
			return m
		}
	}
	t.Fatalf("no mailbox %s of %s", role, owner)
	return vault.Mailbox{}
}

func entries(t testing.TB, r *vault.Reader, owner policy.Address, role vault.Role) []vault.Entry {
	t.Helper()
	out, err := r.Entries(t.Context(), box(t, r, owner, role).ID, 0, 0)
	must(t, err)
	return out
}

func jobs(t testing.TB, h *house) []vault.Job {
	t.Helper()
	due, _, err := h.Outbox().Due(t.Context(), time.Now().Add(time.Hour), 100)
	must(t, err)
	return due
}

func linkOf(t testing.TB, h *house, id vault.MessageID) string {
	t.Helper()
	for _, j := range jobs(t, h) {
		if j.Message == id && j.Kind == vault.NoticeMessage {
			return j.Link
		}
	}
	t.Fatal("no notice to a person is queued")
	return ""
}

func events(t testing.TB, h *house) (out []vault.Event) {
	t.Helper()
	must(t, h.Audit().Events(t.Context(), 0, func(e vault.Event) bool { out = append(out, e); return true }))
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func logTo(b *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
