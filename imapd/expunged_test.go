package imapd

import (
	"log/slog"
	"testing"

	"github.com/emersion/go-imap/v2"

	"sigill/vault"
)

// TestExpungedWhileRead: a message that another client expunges after it was opened, or listed for a search, is gone.
func TestExpungedWhileRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.login(anna)
	raw := mail("ett")
	w.ok("APPEND INBOX {%d+}\r\n%s", len(raw), raw) // it lies nowhere else
	reader, err := f.vault.Reader(t.Context(), vault.Staff(anna), vault.DoorIMAP)
	f.must(err)
	defer reader.Close()
	box := f.inbox(anna)
	entries, err := reader.Entries(t.Context(), box, 0, 0)
	f.must(err)
	s := &session{
		log: slog.New(slog.DiscardHandler), ctx: t.Context(), reader: reader, conn: &conn{Conn: &sink{}, output: &output{to: &sink{}}},
		selected: &selected{id: box, view: newView(entries, nil)},
	}
	read := &fetch{
		session: s, names: names{sections: []string{"BODY[]"}},
		options: &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{}}},
	}
	contents, err := read.open(entries)
	f.must(err)
	defer closeAll(contents)

	w.ok("SELECT INBOX")
	w.ok(`STORE 1 +FLAGS (\Deleted)`)
	w.ok("EXPUNGE")
	whole, err := read.body(entries[0], contents[0])
	if whole || err != nil || !read.missing || read.failed != nil {
		t.Errorf("whole: %v, %v; missing: %v, failed: %v", whole, err, read.missing, read.failed)
	}
	q := &query{session: s, ctx: t.Context(), left: 1 << 20}
	test, err := q.compile(&imap.SearchCriteria{Body: []string{"Hej"}})
	f.must(err)
	if found, err := q.run(entries, test); len(found) > 0 || err != nil || !q.gone {
		t.Errorf("found %v, %v; gone: %v", found, err, q.gone)
	}
}
