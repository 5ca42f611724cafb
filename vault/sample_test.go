package vault_test

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"sigill/policy"
	"sigill/vault"
)

// A sample is a small vault of one schema with its key file, and contents.txt, which says what is in it. Each schema leaves
// one behind, for the versions after it to be tested on:
//
//	go test ./vault -run TestSamples -store-sample
//
// stores that of today's schema, if there is none.
var storeSample = flag.Bool("store-sample", false, "store a sample of today's schema in testdata")

func sampleFolder(schema int) string {
	return filepath.Join("testdata", fmt.Sprintf("schema-%d", schema))
}

// TestSamples opens the sample of every schema, with the steps to today's, reads it message by message, and uses it.
func TestSamples(t *testing.T) {
	t.Parallel()
	if *storeSample {
		store(t, vault.NewestSchemaForTest())
	}
	for schema := 1; schema <= vault.NewestSchemaForTest(); schema++ {
		h := &house{t: t, dir: t.TempDir()}
		must(t, os.Mkdir(h.folder(), 0o700))
		for _, name := range []string{"vault.db", "keyring.json"} {
			copyFile(t, filepath.Join(sampleFolder(schema), name), filepath.Join(h.folder(), name))
		}
		copyFile(t, filepath.Join(sampleFolder(schema), "vault.key"), h.keyFile())
		want, err := os.ReadFile(filepath.Join(sampleFolder(schema), "contents.txt"))
		must(t, err)
		h.open()
		if got := contents(t, h); got != string(want) {
			t.Errorf("schema %d: got\n%s\nwant\n%s", schema, got, want)
		}
		must(t, h.Maintain(t.Context(), nil))
		id := h.deposit(mail("new@x", "Beslut"), anna, false, kim).ID
		h.restart()
		read(t, h.reader(vault.Person(kimsID)), id)
		if r, err := h.Verify(t.Context(), nil); err != nil || len(r.Faults) > 0 {
			t.Errorf("schema %d: %v, %v", schema, r.Faults, err)
		}
		must(t, h.Close())
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, b, 0o600))
}

// store makes a vault in which something of everything lies, in more than one epoch and under the second version of the
// key.
func store(t *testing.T, schema int) {
	t.Helper()
	to := sampleFolder(schema)
	must(t, os.Mkdir(to, 0o755)) // fails if there is one: what was stored once stays
	h := newHouse(t)
	d, ctx := h.Directory(), t.Context()
	_, _, err := d.AddDevice(ctx, anna, "Outlook", anna)
	must(t, err)
	h.deposit(mail("first@kommun.example", "Beslut om bygglov", "Hej Kim!\r\n"), anna, false, kim, cia)
	h.deposit(mail("omsorg@kommun.example", "=?utf-8?q?Din_ans=C3=B6kan?=", "Hej!\r\n"), omsorg, false, kim)
	h.rotate()
	must(t, h.Maintain(ctx, nil)) // the new epoch is under version 2
	person := h.reader(vault.Person(kimsID))
	followed, err := person.FollowLink(ctx, linkOf(t, h, inbox(t, h)))
	must(t, err)
	w, _, err := person.Reply(ctx, followed)
	must(t, err)
	_, err = w.Write(mail("reply@medborgare.example", "Re: Beslut om bygglov", "Tack.\r\n"))
	must(t, err)
	_, err = w.Commit(ctx)
	must(t, err)
	large := mail("large@kommun.example", "Bilagor", strings.Repeat("En rad till.\r\n", 19000)) // two chunks
	h.deposit(large, anna, false, bo)
	h.deposit(mail("held@kommun.example", "Underlag", "Hej!\r\n"), anna, true, new_)
	h.stored(mail("draft@kommun.example", "Utkast", "Inte klart."))
	_, err = h.LegalHolds().Place(ctx, vault.LegalHold{Address: omsorg, Reason: "Utlämnande begärt", By: anna})
	must(t, err)
	_, err = h.reader(vault.Staff(anna)).CreateFolder(ctx, anna, "Ärenden/2026", vault.Folder)
	must(t, err)
	marked := h.reader(vault.Staff(bo))
	_, err = marked.StoreFlags(ctx, box(t, marked, bo, vault.Inbox).ID, []vault.UID{1}, vault.AddFlags, vault.Seen|vault.Flagged, []string{"$Label1"})
	must(t, err)
	_, err = h.Audit().Checkpoint(ctx)
	must(t, err)
	must(t, h.Close())
	compact(t, filepath.Join(h.folder(), "vault.db"), filepath.Join(to, "vault.db"))
	copyFile(t, filepath.Join(h.folder(), "keyring.json"), filepath.Join(to, "keyring.json"))
	copyFile(t, h.keyFile(), filepath.Join(to, "vault.key"))
	h.open() // after the copy: reading leaves events behind
	must(t, os.WriteFile(filepath.Join(to, "contents.txt"), []byte(contents(t, h)), 0o644))
}

func inbox(t *testing.T, h *house) vault.MessageID {
	return entries(t, h.reader(vault.Person(kimsID)), policy.Address{}, vault.Inbox)[0].Message
}

// compact leaves out free pages, which would be most of so small a file.
func compact(t *testing.T, from, to string) {
	t.Helper()
	src, err := bbolt.Open(from, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	must(t, err)
	dst, err := bbolt.Open(to, 0o600, nil)
	must(t, err)
	must(t, bbolt.Compact(dst, src, 1<<20))
	must(t, dst.Close())
	must(t, src.Close())
}

// contents is what is in a house's vault, in words, as far as its interfaces tell.
func contents(t *testing.T, h *house) string {
	t.Helper()
	var out strings.Builder
	ctx := t.Context()
	for _, e := range events(t, h) { // first, since reading adds to them
		fmt.Fprintf(&out, "event %d %s %s %s %s %q %q\n", e.Seq, e.At.Format(time.RFC3339Nano), e.Actor, e.Action, e.Message, e.Result, e.Detail)
	}
	_, err := h.Audit().Verify(ctx)
	must(t, err)
	for _, j := range jobs(t, h) {
		fmt.Fprintf(&out, "job %s to %s of %s link %q created %s\n", j.Kind, j.To, j.Message, j.Link, j.Created.Format(time.RFC3339Nano))
	}
	holds, err := h.LegalHolds().List(ctx)
	must(t, err)
	for _, l := range holds {
		fmt.Fprintf(&out, "legal hold of %s: %s\n", l.Address, l.Reason)
	}
	functions, err := h.Directory().FunctionAddresses(ctx, anna)
	must(t, err)
	for _, f := range functions {
		fmt.Fprintf(&out, "function address %s %q %v\n", f.Address, f.Name, f.Members)
	}
	devices, err := h.Directory().Devices(ctx, anna)
	must(t, err)
	for _, d := range devices {
		fmt.Fprintf(&out, "device %q\n", d.Name)
	}
	for _, p := range []vault.Principal{vault.Staff(anna), vault.Staff(bo), vault.Staff(cia), vault.Person(kimsID)} {
		r := h.reader(p)
		waiting, err := r.Holds(ctx)
		must(t, err)
		for _, w := range waiting {
			fmt.Fprintf(&out, "held %s of %s\n", w.ID, w.From)
		}
		boxes, err := r.Mailboxes(ctx)
		must(t, err)
		slices.SortFunc(boxes, func(a, b vault.Mailbox) int { return int(a.ID) - int(b.ID) })
		for _, b := range boxes {
			fmt.Fprintf(&out, "%s: mailbox %d of %q %s %q next %d\n", h.Audit().Actor(p), b.ID, b.Owner, b.Role, b.Name, b.UIDNext)
			all, err := r.Entries(ctx, b.ID, 0, 0)
			must(t, err)
			for _, e := range all {
				fmt.Fprint(&out, entryText(t, r, e))
			}
		}
	}
	return out.String()
}

func entryText(t *testing.T, r *vault.Reader, e vault.Entry) string {
	t.Helper()
	opened, err := r.Open(t.Context(), e.Message)
	must(t, err)
	defer opened[0].Close()
	raw, err := io.ReadAll(io.NewSectionReader(opened[0], 0, opened[0].Size()))
	must(t, err)
	index := opened[0].Index()
	var from []string
	for _, m := range index.Envelope.From {
		from = append(from, fmt.Sprintf("{%s %s %s}", m.Name, m.Local, m.Host))
	}
	text := fmt.Sprintf("\tUID %d flags %d %q date %s message %s\n\t\tsubject %q from %v sha256 %x\n", e.UID, e.Flags, e.Keywords, e.Date.Format(time.RFC3339),
		e.Message, index.Envelope.Subject, from, sha256.Sum256(raw))
	if len(raw) < 1000 {
		text += "\t\t| " + string(bytes.ReplaceAll(bytes.TrimSuffix(raw, []byte("\r\n")), []byte("\r\n"), []byte("\n\t\t| "))) + "\n"
	}
	return text
}
