package imapd

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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
				if strings.Contains(line, "UIDVALIDITY") {
					out.WriteString(line)
				}
			}
			got := w.ok("UID FETCH 1:* (FLAGS INTERNALDATE ENVELOPE BODY.PEEK[])")
			out.WriteString(recentFlag.ReplaceAllString(got, "")) // which goes with the process
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
	if got := w.ok("UID FETCH 6:* UID"); got != "* 5 FETCH (UID 1048582)" {
		t.Errorf("the next one after a restore: %s", got)
	}
}

// TestUIDsAreGivenOnce: a mail program that remembers what came after the backup must not take another message for it.
func TestUIDsAreGivenOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(mail("ett"))
	w := f.login(anna)
	w.ok("CREATE Nytt")
	w.ok("DELETE Nytt")
	var backup bytes.Buffer
	f.must(f.vault.Backup(t.Context(), &backup))
	f.deposit(mail("efter"))
	w.ok("CREATE Nytt")
	known := func() (validity, uids string) {
		w := f.login(anna)
		validity = w.ok("STATUS Nytt (UIDVALIDITY)")
		w.ok("EXAMINE INBOX")
		return validity, w.ok("UID SEARCH ALL")
	}
	validity, uids := known()
	if uids != "* SEARCH 1 2" {
		t.Fatalf("before: %s", uids)
	}
	f.stop()
	data := filepath.Join(f.dir, "vault")
	f.must(os.RemoveAll(data))
	f.must(vault.Restore(t.Context(), data, &backup))
	f.openVault(false)
	f.must(f.vault.Close())
	f.openVault(false) // the second opening leaves nothing out
	f.serve()
	f.deposit(mail("annat"))
	f.login(anna).ok("CREATE Nytt")
	again, uids := known()
	if uids != "* SEARCH 1 1048578" {
		t.Errorf("after: %s", uids)
	}
	if again == validity {
		t.Errorf("another folder of the name: %s as before", again)
	}
}

var recentFlag = regexp.MustCompile(`\\Recent ?`)
