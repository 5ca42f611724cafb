package vault_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"sigill/vault"
	"sigill/vault/message"
)

// virus is what the scanner of these tests finds, in a mail by its base64 and in an attachment itself.
const virus = "this is the malware of the test"

// guard is a scanner that can be away, and counts what it was given.
type guard struct {
	away   atomic.Bool
	octets atomic.Int64
}

func (g *guard) Scan(_ context.Context, r io.Reader) (string, error) {
	if g.away.Load() {
		return "", errors.New("connection refused")
	}
	b, err := io.ReadAll(r)
	g.octets.Add(int64(len(b)))
	if err != nil {
		return "", err
	}
	if bytes.Contains(b, []byte(virus)) || bytes.Contains(b, []byte(base64.StdEncoding.EncodeToString([]byte(virus)))) {
		return "Test.Virus", nil
	}
	return "", nil
}

// letterWith is a mail with a text and files.
func letterWith(files ...string) []byte {
	var b strings.Builder
	b.WriteString("From: kim@medborgare.example\r\nTo: omsorg@kommun.example\r\nSubject: Sv: Beslut\r\nMessage-ID: <svar@medborgare.example>\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHej!\r\n")
	for i, f := range files {
		fmt.Fprintf(&b, "--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"+
			"Content-Disposition: attachment; filename=%d.bin\r\n\r\n%s\r\n", i, base64.StdEncoding.EncodeToString([]byte(f)))
	}
	b.WriteString("--b--\r\n")
	return []byte(b.String())
}

// guarded is a house with a scanner, and a message to Kim from the function address.
func guarded(t *testing.T, fenceUnscanned bool) (h *house, g *guard, to vault.MessageID) {
	g = &guard{}
	h = newHouseWith(t, vault.Options{Scanner: g, FenceUnscanned: fenceUnscanned})
	return h, g, h.deposit(mail("a@x", "Beslut"), omsorg, false, kim).ID
}

func (h *house) replyWith(to vault.MessageID, raw []byte) (vault.Receipt, error) {
	w, _, err := h.reader(vault.Person(kimsID)).Reply(h.t.Context(), to)
	must(h.t, err)
	_, err = w.Write(raw)
	must(h.t, err)
	return w.Commit(h.t.Context())
}

// parts reads each part of an opened message, and gives what it says or why not.
func parts(t *testing.T, c *vault.Content) (out []string) {
	for _, p := range c.Index().Walk() {
		if p.Type == "multipart" {
			continue
		}
		b, err := io.ReadAll(message.Body(p, c.Section(p.Body)))
		switch {
		case errors.Is(err, vault.ErrFenced) && len(b) == 0:
			out = append(out, "fenced")
		case err != nil:
			t.Errorf("%q, %v", b, err)
		default:
			out = append(out, string(b))
		}
	}
	return out
}

func verified(t *testing.T, h *house) {
	t.Helper()
	report, err := h.Verify(t.Context(), nil)
	if must(t, err); len(report.Faults) > 0 {
		t.Error(report.Faults)
	}
}

func TestSuspectReplyIsDeliveredAndFenced(t *testing.T) {
	t.Parallel()
	h, _, to := guarded(t, false)
	receipt, err := h.replyWith(to, letterWith("kvitto", virus, "intyg"))
	must(t, err)
	if receipt.At.IsZero() || !slices.ContainsFunc(jobs(t, h), func(j vault.Job) bool { return j.Kind == vault.NoticeReceipt && j.Message == receipt.ID }) {
		t.Error("no receipt")
	}
	h.restart()
	for _, who := range []vault.Principal{vault.Staff(anna), vault.Person(kimsID)} {
		r := h.reader(who)
		contents, err := r.Open(t.Context(), receipt.ID)
		must(t, err)
		if got := parts(t, contents[0]); !slices.Equal(got, []string{"Hej!", "kvitto", "fenced", "intyg"}) {
			t.Errorf("%q", got)
		}
		raw, err := io.ReadAll(io.NewSectionReader(contents[0], 0, contents[0].Size()))
		if !errors.Is(err, vault.ErrFenced) || bytes.Contains(raw, []byte("dGhpcyBp")) {
			t.Errorf("the whole mail: %d octets, %v", len(raw), err)
		}
		info, err := r.Info(t.Context(), receipt.ID)
		must(t, err)
		if info.Fence == nil || info.Fence.Found != "Test.Virus" || !info.Fence.At.Equal(receipt.At) {
			t.Errorf("%+v", info.Fence)
		}
		var covered []bool
		for _, p := range contents[0].Index().Attachments(nil) {
			covered = append(covered, contents[0].Fenced(p))
		}
		if !slices.Equal(covered, []bool{false, true, false}) {
			t.Error(covered)
		}
	}
	if e := entries(t, h.reader(vault.Staff(bo)), omsorg, vault.Inbox)[0]; !e.Suspect() {
		t.Error(e.Keywords)
	}
	if !slices.ContainsFunc(events(t, h), func(e vault.Event) bool {
		return e.Action == "scan" && e.Result == "suspect" && e.Detail == "Test.Virus" && e.Message == receipt.ID
	}) {
		t.Error("not in the audit")
	}
	verified(t, h)
}

func TestWhoMayLookBehindTheFence(t *testing.T) {
	t.Parallel()
	h, _, to := guarded(t, false)
	receipt, err := h.replyWith(to, letterWith(virus))
	must(t, err)
	for _, row := range []struct {
		why  string
		who  vault.Principal
		want error
	}{
		{"a member of the function address it came to", vault.Staff(bo), nil},
		{"staff it did not come to", vault.Staff(cia), vault.ErrNotFound},
		{"its own writer", vault.Person(kimsID), vault.ErrFenced},
		{"another person", vault.Person(otherID), vault.ErrFenced},
	} {
		c, err := h.reader(row.who).OpenFenced(t.Context(), receipt.ID)
		if !errors.Is(err, row.want) {
			t.Errorf("%s: %v", row.why, err)
		}
		if err == nil && !slices.Equal(parts(t, c), []string{"Hej!", virus}) {
			t.Errorf("%s: %q", row.why, parts(t, c))
		}
	}
	n := 0
	for _, e := range events(t, h) {
		if e.Action == "open suspect" && e.Actor == bo.Key() && e.Detail == "Test.Virus" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d lines in the audit", n)
	}
	// The next reader meets the fence again.
	contents, err := h.reader(vault.Staff(bo)).Open(t.Context(), receipt.ID)
	must(t, err)
	if got := parts(t, contents[0]); got[1] != "fenced" {
		t.Error(got)
	}
}

// What staff send is not taken, so that they still have it and hear of it.
func TestSuspectMailOfStaffIsNotTaken(t *testing.T) {
	t.Parallel()
	h, g, _ := guarded(t, true)
	big := letterWith(strings.Repeat("x", 5<<20), virus) // much of it is staged before it is scanned
	var suspect *vault.SuspectError
	if _, err := h.tryDeposit(big, anna, false, kim); !errors.As(err, &suspect) || suspect.Found != "Test.Virus" {
		t.Error(err)
	}
	box := box(t, h.reader(vault.Staff(anna)), anna, vault.Drafts).ID
	appending := func() error {
		w, err := h.reader(vault.Staff(anna)).Append(box, 0, nil, vault.Entry{}.Date)
		must(t, err)
		_, err = w.Write(big)
		must(t, err)
		_, err = w.Commit(t.Context())
		return err
	}
	if err := appending(); !errors.As(err, &suspect) {
		t.Error(err)
	}
	g.away.Store(true)
	if _, err := h.tryDeposit(mail("b@x", "Beslut"), anna, false, kim); !errors.Is(err, vault.ErrUnscanned) {
		t.Errorf("without a scanner: %v", err)
	}
	if err := appending(); !errors.Is(err, vault.ErrUnscanned) {
		t.Errorf("without a scanner: %v", err)
	}
	if n := len(entries(t, h.reader(vault.Staff(anna)), anna, vault.Sent)); n != 0 {
		t.Errorf("%d messages lie in Sent", n)
	}
	verified(t, h)
}

// The scanner is given every octet as it is, staged ones and those of the last chunk.
func TestAllOfAMessageIsScanned(t *testing.T) {
	t.Parallel()
	h, g, _ := guarded(t, false)
	for _, size := range []int{0, 1000, 300 << 10, 1 << 20, 5<<20 + 17} {
		before := g.octets.Load()
		raw := mail("a@x", "Beslut", strings.Repeat("x", size))
		h.deposit(raw, anna, false, kim)
		if n := g.octets.Load() - before; n != int64(len(raw)) {
			t.Errorf("%d octets of %d", n, len(raw))
		}
	}
}

func TestUnscannedReply(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		reason string
		fences bool
		file   string
		after  []string
	}{
		{"refused: its writer tries again", false, "kvitto", nil},
		{"fenced, and clean when the scanner is back", true, "kvitto", []string{"Hej!", "kvitto"}},
		{"fenced, and malware when the scanner is back", true, virus, []string{"Hej!", "fenced"}},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			h, g, to := guarded(t, row.fences)
			g.away.Store(true)
			receipt, err := h.replyWith(to, letterWith(row.file))
			if !row.fences {
				if !errors.Is(err, vault.ErrUnscanned) {
					t.Error(err)
				}
				return
			}
			must(t, err)
			r := h.reader(vault.Staff(anna))
			opened := func() []string {
				contents, err := r.Open(t.Context(), receipt.ID)
				must(t, err)
				defer contents[0].Close()
				return parts(t, contents[0])
			}
			if got := opened(); !slices.Equal(got, []string{"Hej!", "fenced"}) {
				t.Errorf("unscanned: %q", got)
			}
			inbox := box(t, r, omsorg, vault.Inbox).ID
			must(t, r.MarkSeen(t.Context(), receipt.ID))
			before := entries(t, r, omsorg, vault.Inbox)[0]
			_, err = h.LegalHolds().Place(t.Context(), vault.LegalHold{Message: receipt.ID, Reason: "a case", By: bo})
			must(t, err) // a hold does not keep the entry from being renewed
			if h.ScanFenced(t.Context()) == nil {
				t.Error("a verdict of nobody")
			}
			verified(t, h)
			g.away.Store(false)
			must(t, h.ScanFenced(t.Context()))
			if got := opened(); !slices.Equal(got, row.after) {
				t.Errorf("%q", got)
			}
			all := entries(t, r, omsorg, vault.Inbox)
			clean := row.file != virus
			if after := all[0]; len(all) != 1 || after.Suspect() == clean || (after.UID != before.UID) != clean || after.Flags != vault.Seen {
				t.Errorf("%+v became %+v in %d", before, all, inbox)
			}
			info, err := r.Info(t.Context(), receipt.ID)
			if must(t, err); (info.Fence == nil) != clean {
				t.Errorf("%+v", info.Fence)
			}
			verified(t, h)
		})
	}
}

func TestErasedWhileItWaits(t *testing.T) {
	t.Parallel()
	h, g, to := guarded(t, true)
	g.away.Store(true)
	receipt, err := h.replyWith(to, letterWith("kvitto"))
	must(t, err)
	var copied bytes.Buffer
	must(t, h.Backup(t.Context(), &copied))
	must(t, vault.Restore(t.Context(), filepath.Join(t.TempDir(), "restored"), &copied))
	must(t, h.reader(vault.Staff(anna)).Delete(t.Context(), receipt.ID))
	must(t, h.reader(vault.Person(kimsID)).Delete(t.Context(), receipt.ID))
	g.away.Store(false)
	must(t, h.ScanFenced(t.Context()))
	verified(t, h)
}

// Nobody but the vault takes the mark away by which mail programs are kept from the message, wherever it is copied.
func TestSuspectMarkStays(t *testing.T) {
	t.Parallel()
	h, _, to := guarded(t, false)
	_, err := h.replyWith(to, letterWith(virus))
	must(t, err)
	r := h.reader(vault.Staff(anna))
	inbox := box(t, r, omsorg, vault.Inbox).ID
	e := entries(t, r, omsorg, vault.Inbox)[0]
	for _, how := range []vault.FlagChange{vault.SetFlags, vault.RemoveFlags} {
		after, err := r.StoreFlags(t.Context(), inbox, []vault.UID{e.UID}, how, vault.Seen, []string{"$SigillSuspect", "$sigillsuspect", "other"})
		if must(t, err); !after[0].Suspect() {
			t.Errorf("%s: %v", how, after[0].Keywords)
		}
	}
	_, err = r.Copy(t.Context(), inbox, []vault.UID{e.UID}, box(t, r, anna, vault.Archive).ID)
	must(t, err)
	if copied := entries(t, r, anna, vault.Archive)[0]; !copied.Suspect() {
		t.Error(copied.Keywords)
	}
}
