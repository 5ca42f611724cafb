package imapd

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigill/vault"
)

// TestUIDsStay does to a vault all that is done to one in its life. A client that comes back finds under each UID what it
// left there, and the same UIDVALIDITY (RFC 3501 section 2.3.1.1), so it fetches nothing anew.
func TestUIDsStay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 5 {
		f.deposit(mail(fmt.Sprintf("brev %d", i)))
	}
	w := f.login(anna)
	w.ok("CREATE Projekt")
	w.ok("SELECT INBOX")
	w.ok("COPY 2:4 Projekt")
	w.ok(`STORE 2 +FLAGS.SILENT (\Deleted)`)
	w.ok("EXPUNGE") // a gap, which must stay one
	w.ok(`STORE 1 +FLAGS.SILENT (\Flagged $Viktigt)`)
	folder := "Projekt"
	seen := func() string {
		w := f.login(anna)
		var out strings.Builder
		for _, name := range []string{"INBOX", folder} {
			for line := range strings.Lines(w.ok("EXAMINE %s", name)) {
				if strings.Contains(line, "UIDVALIDITY") || strings.Contains(line, "UIDNEXT") {
					out.WriteString(line)
				}
			}
			out.WriteString(w.ok("UID FETCH 1:* (FLAGS INTERNALDATE ENVELOPE BODY.PEEK[])"))
		}
		w.ok("LOGOUT")
		return out.String()
	}
	data, key := filepath.Join(f.dir, "vault"), filepath.Join(f.dir, "key")
	offline := func(do func()) {
		f.stop()
		do()
		f.openVault(false)
		f.serve()
	}
	want := seen()
	for _, step := range []struct {
		why string
		do  func()
	}{
		{"a restart", func() { offline(func() {}) }},
		{"another name", func() { folder = "Arkiverat"; f.login(anna).ok("RENAME Projekt Arkiverat") }},
		{"maintenance, which seals all anew", func() { f.must(f.vault.Maintain(t.Context(), nil)) }},
		{"a new key", func() {
			keys, err := vault.OpenKeyFile(key)
			f.must(err)
			_, err = vault.RotateKey(t.Context(), data, keys)
			f.must(err)
			f.must(f.vault.RewrapKeyring(t.Context()))
			offline(func() {})
		}},
		{"a restored backup", func() {
			var backup bytes.Buffer
			f.must(f.vault.Backup(t.Context(), &backup))
			offline(func() {
				f.must(os.RemoveAll(data))
				f.must(vault.Restore(t.Context(), data, &backup))
			})
		}},
	} {
		step.do()
		if got := seen(); got != want {
			t.Fatalf("after %s:\n%s\nwant\n%s", step.why, got, want)
		}
	}
	f.deposit(mail("till"))
	w = f.login(anna)
	w.ok("SELECT INBOX")
	if got := w.ok("UID FETCH 6:* UID"); got != "* 5 FETCH (UID 6)" {
		t.Errorf("the next one: %s", got)
	}
}
