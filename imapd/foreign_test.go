package imapd

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// program finds a program or skips the test.
func program(t *testing.T, name, debian string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip("needs " + name + ", in the Debian package " + debian)
	}
	return path
}

func (f *fixture) port() string {
	_, port, err := net.SplitHostPort(f.implicit)
	f.must(err)
	return port
}

func TestPython(t *testing.T) {
	t.Parallel()
	python := program(t, "python3", "python3")
	f := newFixture(t)
	raw := mail("Ärende brev")
	f.deposit(raw)
	c := exec.CommandContext(t.Context(), python, "testdata/client.py", f.port(), f.caFile, anna.String(), password)
	c.Stdin = strings.NewReader(raw)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, f.log.String())
	}
}

// TestMbsync pulls all mailboxes, changes flags, deletes and adds a message, and pushes that back.
func TestMbsync(t *testing.T) {
	t.Parallel()
	mbsync := program(t, "mbsync", "isync")
	f := newFixture(t)
	const n = 50
	for i := range n {
		f.deposit(mail(fmt.Sprintf("brev %d", i)), anna, omsorg)
	}
	home := t.TempDir()
	rc := filepath.Join(home, "rc")
	f.must(os.MkdirAll(filepath.Join(home, "mail"), 0o700))
	f.must(os.WriteFile(rc, fmt.Appendf(nil, `IMAPAccount a
Host localhost
Port %s
User %s
Pass "%s"
SSLType IMAPS
CertificateFile %s

IMAPStore far
Account a

MaildirStore near
Path %s/mail/
Inbox %s/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Near
Expunge Both
SyncState *
`, f.port(), anna, password, f.caFile, home, home), 0o600))
	sync := func() {
		t.Helper()
		c := exec.CommandContext(t.Context(), mbsync, "-c", rc, "-a")
		c.Env = append(os.Environ(), "HOME="+home)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s\n%s", err, out, f.log.String())
		}
	}
	sync()
	files := func(box string) []string {
		t.Helper()
		var all []string
		for _, sub := range []string{"new", "cur"} {
			some, err := filepath.Glob(filepath.Join(home, "mail", box, sub, "*"))
			f.must(err)
			all = append(all, some...)
		}
		return all
	}
	for _, box := range []string{"INBOX", "Shared/omsorg@kommun.example"} {
		if got := files(box); len(got) != n {
			t.Fatalf("%s: %d messages", box, len(got))
		}
	}
	all := files("INBOX")
	first, err := os.ReadFile(all[0])
	f.must(err)
	text := crlf(ownHeader.ReplaceAllString(string(first), ""))
	if text != mail(subject(text)) {
		t.Errorf("not what was deposited: %q", first)
	}
	for i, flags := range []string{"S", "T", "F"} {
		f.must(os.Rename(all[i], filepath.Join(home, "mail/INBOX/cur", strings.TrimSuffix(filepath.Base(all[i]), ":2,")+":2,"+flags)))
	}
	f.must(os.WriteFile(filepath.Join(home, "mail/Drafts/cur/1.2.3:2,D"), []byte(strings.ReplaceAll(mail("utkast"), "\r\n", "\n")), 0o600))
	sync()
	w := f.login(anna)
	if got := w.ok("STATUS INBOX (MESSAGES UNSEEN)"); got != fmt.Sprintf("* STATUS INBOX (MESSAGES %d UNSEEN %d)", n-1, n-2) {
		t.Errorf("after pushing: %s", got)
	}
	w.ok("SELECT Drafts")
	if got := w.ok("FETCH 1:* (FLAGS BODY.PEEK[TEXT])"); !strings.Contains(got, `FLAGS (\Draft)`) || literalOf(got) != crlf("Hej!\nÄrendet är klart.\n") {
		t.Errorf("the draft: %q", got)
	}
	f.deposit(mail("nytt"))
	sync()
	if got := files("INBOX"); len(got) != n {
		t.Errorf("%d messages at the end", len(got))
	}
}

// ownHeader is what mbsync adds.
var ownHeader = regexp.MustCompile(`X-TUID: .*\n`)

func subject(raw string) string {
	_, s, _ := strings.Cut(raw, "Subject: ")
	s, _, _ = strings.Cut(s, "\r\n")
	return s
}

// TestGoClient is the main job with the library's own client, over STARTTLS.
func TestGoClient(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	raw := mail("brev") + strings.Repeat("rad med text\r\n", 100_000)
	f.deposit(raw, anna)
	told := make(chan uint32, 10)
	conn, err := net.Dial("tcp", f.starttls)
	f.must(err)
	c, err := imapclient.NewStartTLS(conn, &imapclient.Options{
		TLSConfig: f.clientTLS(),
		UnilateralDataHandler: &imapclient.UnilateralDataHandler{Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil {
				told <- *d.NumMessages
			}
		}},
	})
	f.must(err)
	defer c.Close()
	f.must(c.Login(anna.String(), password).Wait())
	mailboxes, err := c.List("", "*", &imap.ListOptions{ReturnStatus: &imap.StatusOptions{NumMessages: true}}).Collect()
	f.must(err)
	if len(mailboxes) != 8 {
		t.Errorf("%d mailboxes", len(mailboxes))
	}
	_, err = c.Select("INBOX", nil).Wait()
	f.must(err)
	item := &imap.FetchItemBodySection{}
	got, err := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{item}}).Collect()
	f.must(err)
	if string(got[0].FindBodySection(item)) != raw {
		t.Error("not what was deposited")
	}
	idle, err := c.Idle()
	f.must(err)
	start := time.Now()
	f.deposit(mail("nytt"), anna)
	select {
	case n := <-told:
		if n != 2 {
			t.Errorf("told of %d messages", n)
		}
		t.Logf("a delivery was told of after %v", time.Since(start))
	case <-time.After(10 * time.Second):
		t.Error("a delivery was not told of")
	}
	f.must(idle.Close())
	f.must(idle.Wait())
	moved, err := c.Move(imap.UIDSetNum(2), "Trash").Wait()
	f.must(err)
	if fmt.Sprint(moved.DestUIDs) != "1" {
		t.Errorf("moved: %+v", moved)
	}
	f.must(c.Logout().Wait())
}
