package imapd

import (
	"bytes"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// TestDamage breaks stored chunks. What is broken is answered NO, or the connection ends if octets were promised; what is
// whole is served.
func TestDamage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("helt"))
	small := f.deposit(mail("litet"))
	large := mail("stort") + strings.Repeat("0123456789abcde\n", 40_000) // three chunks
	big := f.deposit(large)
	f.deposit(mail("helt igen"))
	lost := f.deposit(mail("nyckel"))
	f.stop()
	f.damage("chunk", small.ID[:], 0)
	f.damage("chunk", big.ID[:], 2)
	f.damage("message+", append(lost.ID[:], 2), 0) // its content key: docs/format.md
	f.openVault(false)
	f.serve()

	w := f.login(anna)
	w.ok("SELECT INBOX")
	w.ok("FETCH 1:4 (FLAGS ENVELOPE BODYSTRUCTURE)")
	if got := w.fails("NO [CORRUPTION]", "FETCH 1:5 ENVELOPE"); strings.Count(got, "FETCH") != 4 {
		t.Errorf("envelopes: %q", got)
	}
	for _, set := range []string{"2", "5"} {
		if got := w.fails("NO [CORRUPTION]", "FETCH %s BODY[]", set); strings.Contains(got, "BODY") {
			t.Errorf("of a damaged message: %q", got)
		}
	}
	got := w.fails("NO [CORRUPTION]", "FETCH 1,2,4 (BODY[] BODY[HEADER])")
	if !strings.Contains(got, "helt") || !strings.Contains(got, "helt igen") || strings.Contains(got, "litet") {
		t.Errorf("whole ones among damaged ones: %q", got)
	}
	w.ok("NOOP")
	if got := w.ok("FETCH 2:3 FLAGS"); got != "* 2 FETCH (FLAGS (\\Recent))\n* 3 FETCH (FLAGS (\\Recent))" {
		t.Errorf("a message that was not read is marked so: %q", got)
	}
	w.ok("SEARCH BODY hej")
	w.ok("FETCH 3 BODY.PEEK[]<0.1000>")
	untagged, status := w.do("FETCH 3 BODY.PEEK[]")
	if all := strings.Join(untagged, ""); status != "" || !strings.Contains(all, "BODY[] {") || len(all) > len(large) {
		t.Errorf("octets were promised: the connection must end, got %d octets and %q", len(all), status)
	}
	if s := f.log.String(); !strings.Contains(s, "incident=") || strings.Contains(s, "litet") {
		t.Errorf("log:\n%s", s)
	}
}

// damage changes an octet of the nth value of a table whose key begins so.
func (f *fixture) damage(table string, prefix []byte, n int) {
	f.Helper()
	var files []string
	f.must(filepath.WalkDir(filepath.Join(f.dir, "vault"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	}))
	done := false
	for _, path := range files {
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{})
		if err != nil {
			continue
		}
		f.must(db.Update(func(tx *bbolt.Tx) error {
			return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
				if !strings.HasPrefix(string(name), table) {
					return nil
				}
				c, i := b.Cursor(), 0
				for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
					if i == n {
						v = bytes.Clone(v)
						v[len(v)/2] ^= 1
						done = true
						return b.Put(bytes.Clone(k), v)
					}
					i++
				}
				return nil
			})
		}))
		f.must(db.Close())
	}
	if !done {
		f.Fatalf("nothing to damage in %s", table)
	}
}
