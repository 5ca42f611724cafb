package imapd

import (
	"io"
	"log/slog"
	"testing"

	"github.com/emersion/go-imap/v2"

	"sigill/vault"
)

// TestExpungedWhileRead: a message that another client expunges after it was opened is gone, not a mailbox.
func TestExpungedWhileRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("ett"))
	account, err := f.vault.Directory().Account(t.Context(), anna)
	f.must(err)
	reader, err := f.vault.Reader(t.Context(), account.Principal(), vault.DoorIMAP)
	f.must(err)
	defer reader.Close()
	boxes, err := reader.Mailboxes(t.Context())
	f.must(err)
	entries, err := reader.Entries(t.Context(), boxes[0].ID, 0, 0)
	f.must(err)
	s := &session{
		log: slog.New(slog.DiscardHandler), ctx: t.Context(), reader: reader, conn: &conn{Conn: &sink{}, output: &output{to: &sink{}}},
		selected: &selected{id: boxes[0].ID, view: newView(entries, nil)},
	}
	read := &fetch{
		session: s, names: names{sections: []string{"BODY[]"}},
		options: &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{}}},
	}
	contents, err := read.open(entries)
	f.must(err)
	defer closeAll(contents)

	w := f.login(anna)
	w.ok("SELECT INBOX")
	w.ok(`STORE 1 +FLAGS (\Deleted)`)
	w.ok("EXPUNGE")
	if _, err := io.ReadAll(contents[0].Section(contents[0].Index().Root.Body)); err == nil {
		t.Skip("its octets are still there")
	}
	whole, err := read.body(entries[0], contents[0])
	if whole || err != nil || !read.missing || read.failed != nil {
		t.Errorf("whole: %v, %v; missing: %v, failed: %v", whole, err, read.missing, read.failed)
	}
}
