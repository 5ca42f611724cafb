package imapd

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"sigill/vault"
	"sigill/vault/message"
)

// TestListing: a mailbox of some pages comes in order and whole, as its messages come one by one, whatever is asked for; a
// header too long for memory among them, and a damaged message that is left out.
func TestListing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("Ärende 1"))
	f.deposit(longHeader(280<<10) + mail("Ärende 2"))
	damaged := f.deposit(mail("Ärende 3"))
	for i := range 4 {
		f.deposit(mail(fmt.Sprint("Ärende ", i+4)))
	}
	f.stop()
	f.damage("message+", append(damaged.ID[:], 9), 0) // its header: docs/format.md
	f.damage("chunk", damaged.ID[:], 0)
	f.openVault(false)
	f.serve()
	w := f.login(anna)
	w.SetDeadline(time.Now().Add(time.Minute))
	w.ok("SELECT INBOX")
	n := w.multiply(7, 2*pageful)
	for _, row := range []struct{ items, status string }{
		{"(UID FLAGS ENVELOPE BODYSTRUCTURE)", "OK"},
		{"(UID BODY.PEEK[HEADER.FIELDS (From Subject)] RFC822.SIZE)", "NO [CORRUPTION]"},
		{"(UID ENVELOPE BODY.PEEK[HEADER.FIELDS.NOT (Subject X-Long)]<3.40> BODY.PEEK[HEADER]<7.90>)", "NO [CORRUPTION]"},
	} {
		got, status := w.do("FETCH 1:* %s", row.items)
		if !strings.HasPrefix(status, row.status) {
			t.Errorf("%s: %s", row.items, status)
		}
		for i := range n {
			want, _ := w.do("FETCH %d %s", i+1, row.items)
			if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
				t.Fatalf("%s: %.300q, want %.300q", row.items, got, want)
			}
			got = got[len(want):]
		}
		if len(got) != 0 {
			t.Errorf("%s: %.300q is too much", row.items, got)
		}
	}
	if n := f.reads(); n != 0 {
		t.Errorf("%d reads by listing", n)
	}
}

func longHeader(size int) string {
	line := strings.Repeat("y", 70) + "\r\n "
	return "X-Long: " + strings.Repeat(line, size/len(line)) + "\r\n"
}

// multiply copies the messages of a mailbox until there are so many.
func (w *wire) multiply(n, want int) int {
	w.Helper()
	for ; n < want; n *= 2 {
		w.ok("COPY 1:* INBOX")
		w.ok("NOOP")
	}
	return n
}

// TestListingForNobody: a client that takes nothing and goes leaves nothing behind that Serve would wait for.
func TestListingForNobody(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(longHeader(200<<10) + mail("långt"))
	w := f.login(anna)
	w.ok("SELECT INBOX")
	w.multiply(1, 2*pageful)
	w.send("a FETCH 1:* BODY.PEEK[HEADER]\r\n")
	if _, err := w.in.ReadByte(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	f.stop()
}

// TestListingPanics: a panic of a goroutine that the library does not know of is caught by it all the same.
func TestListingPanics(t *testing.T) {
	t.Parallel()
	s := &session{log: slog.New(slog.DiscardHandler), ctx: t.Context()}
	f := &fetch{session: s}
	pages, panics := make(chan page, 1), make(chan any, 1)
	pages <- page{entries: make([]vault.Entry, 1), turn: ready()} // there is no reader
	if err := f.work(t.Context(), pages, panics); err != errPanic || <-panics == nil {
		t.Error(err)
	}
}

// FuzzShortWord: it is what mime makes.
func FuzzShortWord(f *testing.F) {
	for _, s := range []string{"Ärende", "a b=c?d_e", "å\tä", "\xff", "\r\n", strings.Repeat("å", 21), strings.Repeat("å", 20) + "abc", strings.Repeat("å", 20) + "abcd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if printable(s) {
			return
		}
		if got, ok := shortWord(s); ok && got != mime.QEncoding.Encode("utf-8", s) {
			t.Errorf("%q is %s", s, got)
		}
	})
}

// FuzzRegular: what is taken for a date without being read is one.
func FuzzRegular(f *testing.F) {
	for _, s := range []string{
		"Tue, 24 Nov 2026 10:00:00 +0100", "tue, 24 Nov 2026 10:00:00 +0100", "Tue, 00 Nov 2026 10:00:00 +0100", "Tue, 29 Feb 2026 10:00:00 +0100",
		"Tue, 24 Nov 2026 24:00:00 +0100", "Tue, 24 onT 2026 10:60:00 +0100", "Tue, 24 Nov 2026 10:00:60 -2400", "Tue, 24 Nov 2026 10:00:59 -2360",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := time.Parse(dateLayout, s); err != nil && regular(s) {
			t.Errorf("%q: %v", s, err)
		}
	})
	if !regular("Tue, 24 Nov 2026 10:00:00 +0100") {
		f.Error("an ordinary date is not known")
	}
}

// FuzzFields: fields of a header in memory are those of one that is read, if no line is longer than the reader's buffer; and
// those of what is left of it without clutter, unless they are clutter.
func FuzzFields(f *testing.F) {
	f.Add("Subject: a\r\n b\r\nTo : c\r\nno colon\r\n\r\n", "subject", false)
	f.Add(" folded\n\nTo:x", "To", true)
	f.Add("dkim-signature: a\r\n To: b\r\nX-MS-To: c\r\nX-MSMail-Priority: d\r\nTo: e\r\n\r\n", "X-MSMail-Priority", false)
	f.Fuzz(func(t *testing.T, header, name string, not bool) {
		item := &imap.FetchItemBodySection{HeaderFields: []string{name, "To"}}
		if not {
			item = &imap.FetchItemBodySection{HeaderFieldsNot: []string{name, "To"}}
		}
		want, err := io.ReadAll(newFields(strings.NewReader(header), item))
		if got := appendFields(nil, []byte(header), item); len(header) < 4096 && (err != nil || !bytes.Equal(got, want)) {
			t.Errorf("%q, want %q, %v", got, want, err)
		}
		if got, want := appendFields(nil, message.AppendUncluttered(nil, []byte(header)), item), appendFields(nil, []byte(header), item); !not && !message.Clutter(name) && !bytes.Equal(got, want) {
			t.Errorf("without clutter %q, want %q", got, want)
		}
	})
}

// TestRepeatedAddresses: who did not say Sender and Reply-To is told by From (RFC 3501 section 7.4.2).
func TestRepeatedAddresses(t *testing.T) {
	t.Parallel()
	from := []message.Mailbox{{Name: "Bo \"B\" Ek", Local: "bo", Host: "x"}}
	reply := []message.Mailbox{{Local: "svar", Host: "x"}}
	for _, row := range []struct {
		e    message.Envelope
		want string
	}{
		{message.Envelope{From: from}, `(NIL NIL (("Bo \"B\" Ek" NIL "bo" "x")) (("Bo \"B\" Ek" NIL "bo" "x")) (("Bo \"B\" Ek" NIL "bo" "x")) NIL NIL NIL NIL NIL)`},
		{message.Envelope{From: from, ReplyTo: reply}, `(NIL NIL (("Bo \"B\" Ek" NIL "bo" "x")) (("Bo \"B\" Ek" NIL "bo" "x")) ((NIL NIL "svar" "x")) NIL NIL NIL NIL NIL)`},
		{message.Envelope{Sender: []message.Mailbox{{Local: "svar", Host: "x", Route: "@a,@b"}}}, `(NIL NIL NIL ((NIL "@a,@b" "svar" "x")) NIL NIL NIL NIL NIL NIL)`},
		{message.Envelope{Sender: reply}, `(NIL NIL NIL ((NIL NIL "svar" "x")) NIL NIL NIL NIL NIL NIL)`},
	} {
		var got text
		if got.envelope(&row.e); string(got.b) != row.want {
			t.Errorf("%s, want %s", got.b, row.want)
		}
	}
}
