package imapd

import (
	"bytes"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sigill/vault"
)

// thunderbirdEnv names the file a screenshot of Thunderbird goes to; without it TestThunderbird does not run.
const thunderbirdEnv = "SIGILL_THUNDERBIRD"

// TestThunderbird sets up an account in Thunderbird and lets it fetch mail, on a screen of its own. It is run by hand, and
// the screenshot looked at:
//
//	SIGILL_THUNDERBIRD=/tmp/thunderbird.png go test -run Thunderbird -v ./imapd
func TestThunderbird(t *testing.T) {
	t.Parallel()
	picture := os.Getenv(thunderbirdEnv)
	if picture == "" {
		t.Skip("run by hand, with " + thunderbirdEnv)
	}
	for program, where := range map[string]string{"thunderbird": "thunderbird", "Xvfb": "xvfb", "xdotool": "xdotool", "import": "imagemagick"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s, in the Debian package %s", program, where)
		}
	}
	f := newFixture(t)
	receipt := f.deposit(mail("Beslut om insats"))
	f.deposit(goodMails["alternative with attachment"], omsorg)
	profile := f.thunderbirdProfile()
	screen := f.screen()
	bird := f.program(screen, "thunderbird", "--profile", profile, "--no-remote", "-mail")

	f.until("the password is asked for", func() bool { return screen.enter("Password", password) })
	f.until("it has logged in", func() bool { return strings.Contains(f.log.String(), "imap login") })
	f.until("the folders are listed", func() bool {
		found, _ := filepath.Glob(filepath.Join(profile, "ImapMail/*/*.msf"))
		return slices.ContainsFunc(found, func(p string) bool { return filepath.Base(p) == "Archive.msf" })
	})
	f.until("the message is read", func() bool { return f.wasRead(receipt.ID) })
	time.Sleep(5 * time.Second) // until it has drawn; only the picture depends on it
	if out, err := screen.command("import", "-window", "root", picture).CombinedOutput(); err != nil {
		t.Errorf("import: %v\n%s", err, out)
	}
	bird.Process.Signal(syscall.SIGTERM)
}

// thunderbirdProfile has an account for Anna and trusts the server's certificate.
func (f *fixture) thunderbirdProfile() string {
	f.Helper()
	dir := f.TempDir()
	host, port, err := net.SplitHostPort(f.implicit)
	f.must(err)
	var prefs strings.Builder
	for _, p := range [][2]string{
		{"mail.accountmanager.accounts", `"account1"`}, {"mail.accountmanager.defaultaccount", `"account1"`},
		{"mail.account.account1.server", `"server1"`}, {"mail.account.account1.identities", `"id1"`},
		{"mail.identity.id1.fullName", `"Anna"`}, {"mail.identity.id1.useremail", `"` + anna.String() + `"`}, {"mail.identity.id1.valid", "true"},
		{"mail.server.server1.type", `"imap"`}, {"mail.server.server1.hostname", `"` + host + `"`}, {"mail.server.server1.port", port},
		{"mail.server.server1.socketType", "3"}, {"mail.server.server1.authMethod", "3"}, {"mail.server.server1.userName", `"` + anna.String() + `"`},
		{"mail.server.server1.name", `"Sigill"`}, {"mail.server.server1.login_at_startup", "true"}, {"mail.server.server1.check_new_mail", "true"},
		{"mail.server.server1.offline_download", "true"}, {"mail.server.server1.autosync_offline_stores", "true"},
		// Nothing else on the screen, and nothing fetched from elsewhere.
		{"mailnews.start_page.enabled", "false"}, {"mailnews.start_page_override.mstone", `"ignore"`}, {"mail.rights.version", "1"},
		{"app.donation.eoy.version.viewed", "999"}, {"datareporting.policy.dataSubmissionEnabled", "false"},
		{"datareporting.policy.dataSubmissionPolicyBypassNotification", "true"}, {"mail.shell.checkDefaultClient", "false"},
		{"mail.inappnotifications.enabled", "false"}, {"app.update.auto", "false"}, {"network.captive-portal-service.enabled", "false"},
		{"network.connectivity-service.enabled", "false"}, {"mail.provider.enabled", "false"},
	} {
		fmt.Fprintf(&prefs, "user_pref(%q, %s);\n", p[0], p[1])
	}
	f.must(os.WriteFile(filepath.Join(dir, "prefs.js"), []byte(prefs.String()), 0o600))
	text, err := os.ReadFile(f.caFile)
	f.must(err)
	block, _ := pem.Decode(text)
	sum := sha256.Sum256(block.Bytes)
	octets := make([]string, len(sum))
	for i, b := range sum {
		octets[i] = fmt.Sprintf("%02X", b)
	}
	override := fmt.Sprintf("%s:%s:\tOID.2.16.840.1.101.3.4.2.1\t%s\t\n", host, port, strings.Join(octets, ":"))
	f.must(os.WriteFile(filepath.Join(dir, "cert_override.txt"), []byte(override), 0o600))
	return dir
}

// display is an X server of its own.
type display struct{ name, home string }

func (f *fixture) screen() display {
	f.Helper()
	r, w, err := os.Pipe()
	f.must(err)
	c := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1400x900x24", "-nolisten", "tcp")
	c.ExtraFiles = []*os.File{w}
	f.must(c.Start())
	w.Close()
	f.Cleanup(func() { c.Process.Kill(); c.Wait() })
	var line bytes.Buffer
	one := make([]byte, 1)
	for one[0] != '\n' {
		if _, err := r.Read(one); err != nil {
			f.Fatalf("Xvfb: %v", err)
		}
		line.Write(one)
	}
	r.Close()
	return display{":" + strings.TrimSpace(line.String()), f.TempDir()}
}

func (d display) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "DISPLAY="+d.name, "HOME="+d.home, "LANG=C.UTF-8")
	return c
}

// enter types into the window whose title has that in it, if there is one.
func (d display) enter(title, words string) bool {
	found, err := d.command("xdotool", "search", "--name", title).Output()
	id, _, _ := strings.Cut(string(found), "\n")
	if err != nil || id == "" {
		return false
	}
	// The button can be pressed after a second only, lest somebody does it by mistake.
	return d.command("xdotool", "windowfocus", "--sync", id, "sleep", "1", "type", "--delay", "60", words).Run() == nil &&
		d.command("xdotool", "sleep", "3", "key", "Return").Run() == nil
}

// program runs until the end of the test.
func (f *fixture) program(d display, name string, args ...string) *exec.Cmd {
	f.Helper()
	c := d.command(name, args...)
	var out syncBuffer
	c.Stdout, c.Stderr = &out, &out
	f.must(c.Start())
	f.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		if f.Failed() {
			f.Logf("%s:\n%s\nlog:\n%s", name, out.String(), f.log.String())
		}
	})
	return c
}

// until waits for another program.
func (f *fixture) until(what string, done func() bool) {
	f.Helper()
	for end := time.Now().Add(2 * time.Minute); !done(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			f.Errorf("waited in vain until %s", what)
			return
		}
	}
}

// wasRead tells whether Anna's reading is in the audit.
func (f *fixture) wasRead(id vault.MessageID) bool {
	f.Helper()
	found := false
	f.must(f.vault.Audit().Events(f.Context(), 0, func(e vault.Event) bool {
		found = found || e.Action == "read" && e.Message == id && e.Result == "ok"
		return !found
	}))
	return found
}
