package imapd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run runs a foreign program and gives what it said.
func (f *fixture) run(c *exec.Cmd, home string) string {
	f.Helper()
	c.Env = append(os.Environ(), "HOME="+home, "TERM=xterm", "LC_ALL=C.UTF-8")
	out, err := c.CombinedOutput()
	if err != nil {
		f.Fatalf("%s: %v\n%s\n%s", c.Path, err, out, f.log.String())
	}
	return string(out)
}

func TestCurl(t *testing.T) {
	t.Parallel()
	curl := program(t, "curl", "curl")
	f := newFixture(t)
	raw := mail("brev")
	f.deposit(raw)
	ask := func(path string, args ...string) string {
		t.Helper()
		args = append([]string{"--silent", "--show-error", "--cacert", f.caFile, "--user", anna.String() + ":" + password, "imaps://localhost:" + f.port() + path}, args...)
		return f.run(exec.CommandContext(t.Context(), curl, args...), t.TempDir())
	}
	if got := ask("/"); strings.Count(got, "* LIST") != 8 {
		t.Errorf("list: %s", got)
	}
	if got := ask("/INBOX;UID=1"); got != raw {
		t.Errorf("fetch: %q", got)
	}
	if got := ask("/INBOX;UID=1;SECTION=TEXT"); got != crlf("Hej!\nÄrendet är klart.\n") {
		t.Errorf("section: %q", got)
	}
	if got := ask("/INBOX?SUBJECT%20brev"); strings.TrimSpace(got) != "* SEARCH 1" {
		t.Errorf("search: %q", got)
	}
	file := filepath.Join(t.TempDir(), "new.eml")
	f.must(os.WriteFile(file, []byte(mail("uppladdat")), 0o600))
	ask("/Drafts", "--upload-file", file)
	if got := ask("/Drafts;UID=1"); got != mail("uppladdat") {
		t.Errorf("after APPEND: %q", got)
	}
}

// TestOfflineIMAP pulls everything, and pushes a deletion and a new message.
func TestOfflineIMAP(t *testing.T) {
	t.Parallel()
	offlineimap := program(t, "offlineimap", "offlineimap3")
	f := newFixture(t)
	for i := range 20 {
		f.deposit(mail(fmt.Sprintf("brev %d", i)), anna, omsorg)
	}
	home := t.TempDir()
	rc := filepath.Join(home, "rc")
	f.must(os.WriteFile(rc, fmt.Appendf(nil, `[general]
accounts = a
metadata = %[1]s/meta
ui = quiet
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = %[1]s/mail
sep = /
[Repository far]
type = IMAP
remotehost = localhost
remoteport = %[2]s
remoteuser = %[3]s
remotepass = %[4]s
ssl = yes
sslcacertfile = %[5]s
`, home, f.port(), anna, password, f.caFile), 0o600))
	sync := func() { t.Helper(); f.run(exec.CommandContext(t.Context(), offlineimap, "-c", rc, "-o"), home) }
	sync()
	pulled, err := filepath.Glob(home + "/mail/Shared/omsorg@kommun.example/[cn]??/*")
	f.must(err)
	if len(pulled) != 20 {
		t.Fatalf("%d messages of the function address", len(pulled))
	}
	inbox, err := filepath.Glob(home + "/mail/INBOX/[cn]??/*")
	f.must(err)
	if len(inbox) != 20 {
		t.Fatalf("%d messages", len(inbox))
	}
	f.must(os.Remove(inbox[0]))
	f.must(os.WriteFile(home+"/mail/Drafts/cur/1.2.3:2,D", []byte(strings.ReplaceAll(mail("utkast"), "\r\n", "\n")), 0o600))
	sync()
	w := f.login(anna)
	if got := w.ok("STATUS INBOX (MESSAGES)") + w.ok("STATUS Drafts (MESSAGES)"); got != `* STATUS INBOX (MESSAGES 19)* STATUS "Drafts" (MESSAGES 1)` {
		t.Errorf("after pushing: %s", got)
	}
}

// TestNeomutt opens INBOX in a terminal, saves a copy of the message and moves it to a folder it makes.
func TestNeomutt(t *testing.T) {
	t.Parallel()
	neomutt := program(t, "neomutt", "neomutt")
	script := program(t, "script", "bsdutils")
	f := newFixture(t)
	f.deposit(mail("brev"))
	home := t.TempDir()
	rc := filepath.Join(home, "rc")
	f.must(os.WriteFile(rc, fmt.Appendf(nil, `set imap_user = %[3]q
set imap_pass = %[4]q
set folder = "imaps://localhost:%[2]s/"
set spoolfile = "imaps://localhost:%[2]s/INBOX"
set certificate_file = %[5]q
set ssl_ca_certificates_file = %[5]q
set confirmcreate = no
set confirmappend = no
set move = no
set delete = yes
push "<copy-message>%[1]s/copy<enter><save-message>=Klart<enter><quit>"
`, home, f.port(), anna.String(), password, f.caFile), 0o600))
	f.run(exec.CommandContext(t.Context(), script, "-qec", neomutt+" -n -F "+rc, "/dev/null"), home)
	copied, err := os.ReadFile(home + "/copy")
	f.must(err)
	if !strings.Contains(string(copied), "Ärendet är klart.") {
		t.Errorf("the copy: %q", copied)
	}
	w := f.login(anna)
	if got := w.ok("STATUS INBOX (MESSAGES)") + w.ok("STATUS Klart (MESSAGES)"); got != `* STATUS INBOX (MESSAGES 0)* STATUS "Klart" (MESSAGES 1)` {
		t.Errorf("after the move: %s", got)
	}
}
