package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigill/cmd/sigill/internal/client"
)

// need skips a test whose program is not installed, and names the package that has it.
func need(t *testing.T, program, debian string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed: apt-get install %s", program, debian)
	}
	return path
}

// runIn runs a program and gives what it wrote.
func runIn(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, args...)
	c.Dir, c.Env = dir, append(os.Environ(), "HOME="+dir)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return string(out)
}

// foreignScene is a running stage, and a folder for a foreign program.
func foreignScene(t *testing.T) (s *scene, dir string) {
	t.Helper()
	s = newScene(filepath.Join(t.TempDir(), "the demo's state"))
	if err := s.start(0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s, t.TempDir()
}

func sample(t *testing.T) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/mail/outlook.eml")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// pythonScript submits a mail by STARTTLS and fetches it from Sent, as Python's own library does.
const pythonScript = `
import imaplib, smtplib, ssl, sys
smtp, imap, ca, user, password, to, mail, out = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
with smtplib.SMTP(*smtp.split(":")) as s:
    s.starttls(context=context)
    s.login(user, password)
    s.sendmail(user, [to], open(mail, "rb").read())
host, port = imap.split(":")
with imaplib.IMAP4_SSL(host, int(port), ssl_context=context) as m:
    m.login(user, password)
    kind, count = m.select("Sent", readonly=True)
    assert kind == "OK" and count == [b"1"], (kind, count)
    kind, found = m.uid("search", None, "HEADER", "Message-ID", "AM0PR01MB4711F00D")
    kind, data = m.uid("fetch", found[0].split()[0], "(BODYSTRUCTURE BODY.PEEK[])")
    # Flags of a status that changed just now may come along.
    open(out, "wb").write([d for d in data if isinstance(d, tuple)][0][1])
`

func TestPython(t *testing.T) {
	t.Parallel()
	python := need(t, "python3", "python3")
	s, dir := foreignScene(t)
	p, anna := s.stage.places, s.stage.places.Staff[0]
	mail, got := mustAbs("testdata/mail/outlook.eml"), filepath.Join(dir, "got.eml")
	runIn(t, dir, python, "-c", pythonScript, p.Submission, p.IMAP, p.CA, anna.Address, anna.Password, p.Persons[0].Address, mail, got)
	raw, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.SameLessTag(sample(t), raw); err != nil {
		t.Error(err)
	}
}

func TestCurl(t *testing.T) {
	t.Parallel()
	curl := need(t, "curl", "curl")
	s, dir := foreignScene(t)
	p, anna := s.stage.places, s.stage.places.Staff[0]
	common := []string{"--silent", "--show-error", "--cacert", p.CA, "--user", anna.Address + ":" + anna.Password}
	for _, way := range [][]string{{"--ssl-reqd", "smtp://" + p.Submission}, {"smtps://" + p.Submissions}} {
		args := append(append(common[:len(common):len(common)], way...),
			"--mail-from", anna.Address, "--mail-rcpt", p.Persons[0].Address, "--upload-file", mustAbs("testdata/mail/outlook.eml"))
		runIn(t, dir, curl, args...)
		if _, err := s.next(p.Persons[0].Address); err != nil {
			t.Fatal(err)
		}
	}
	var told strings.Builder
	if err := p.writeText(&told); err != nil {
		t.Fatal(err)
	}
	if want := "Anna Andersson (admin), Bo Berg (auditor). Their pages: " + p.Web + "/admin"; !strings.Contains(told.String(), want) {
		t.Errorf("the demo does not tell %q", want)
	}
	_, try, _ := strings.Cut(told.String(), "Try it:\n")
	try, _, _ = strings.Cut(try, "\n\n  Then")
	runIn(t, dir, "sh", "-ec", try)
	if _, err := s.next(p.Persons[0].Address); err != nil {
		t.Fatalf("what the demo tells to try: %v", err)
	}
	got := runIn(t, dir, curl, append(common[:len(common):len(common)], "imaps://"+p.IMAP+"/Sent;MAILINDEX=1")...)
	if err := client.SameLessTag(sample(t), []byte(got)); err != nil {
		t.Error(err)
	}
}

// mbsyncConfig mirrors a mailbox to files and back.
const mbsyncConfig = `IMAPAccount demo
Host %s
Port %s
User %s
Pass %s
SSLType IMAPS
CertificateFile "%s"

IMAPStore far
Account demo

MaildirStore near
Path %s/
Inbox %s/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Near
Sync All
SyncState *
`

func TestMbsync(t *testing.T) {
	t.Parallel()
	mbsync := need(t, "mbsync", "isync")
	s, dir := foreignScene(t)
	p, anna := s.stage.places, s.stage.places.Staff[0]
	if code, text, err := s.submit("anna", "testdata/mail/outlook.eml", "", nil); err != nil || code != 250 {
		t.Fatal(code, text, err)
	}
	_, port, _ := strings.Cut(p.IMAP, ":") // mbsync knows names in certificates only
	config := fmt.Sprintf(mbsyncConfig, "localhost", port, anna.Address, anna.Password, p.CA, dir, dir)
	rc := filepath.Join(dir, "mbsyncrc")
	if err := os.WriteFile(rc, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	runIn(t, dir, mbsync, "--config", rc, "--all")
	files, err := filepath.Glob(filepath.Join(dir, "Sent", "*", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("mirrored: %v %v", files, err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	// A maildir has line ends of its own, and mbsync notes the UID in a header field.
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	var kept []byte
	for line := range bytes.Lines(raw) {
		if !bytes.HasPrefix(line, []byte("X-TUID: ")) {
			kept = append(kept, line...)
		}
	}
	if err := client.SameLessTag(sample(t), client.Canonical(kept)); err != nil {
		t.Error(err)
	}
	shared := filepath.Join(dir, "Shared", p.FunctionAddresses[0].Address)
	if _, err := os.Stat(shared); err != nil {
		t.Errorf("the function address is not mirrored: %v", err)
	}
}
