package imapd

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// imaptestFails are those of imaptest's scripted tests that this server does not pass and advertises what they are about.
// One that passes after all is a fault of this table. Tests of capabilities that are not advertised imaptest leaves out itself.
var imaptestFails = map[string]string{
	"append-binary": "NUL octets are refused: RFC 3516 section 4.4 lets a server, with UNKNOWN-CTE",
}

// TestImaptest lets Dovecot's imaptest judge: its stress, which keeps track of what each client was told and compares it at
// checkpoints, and its scripted tests, for which IMAPTEST_TESTS is their folder. docs/develop.md says how to get it.
func TestImaptest(t *testing.T) {
	t.Parallel()
	imaptest := imaptestProgram(t)
	f := newFixture(t)
	_, device, err := f.vault.Directory().AddDevice(t.Context(), anna, "imaptest", anna)
	f.must(err)
	w := f.login(anna)
	for i := range 3 {
		w.ok("CREATE stress%d", i) // imaptest crashes where there is mail at the beginning
	}
	// A keyword that a client does not know yet it sets, whoever's it is; while this one has the mailbox open, all know them.
	w.ok("APPEND stress1 ($Label1 $Label2 $Label3 $Label4 $Label5) {%d+}\r\n%s", len(mail("x")), mail("x"))
	w.ok("SELECT stress1")
	varied, ascii := filepath.Join(f.dir, "varied.mbox"), filepath.Join(f.dir, "ascii.mbox")
	plain := func(subject string) string { return strings.NewReplacer("Ä", "A", "ä", "a").Replace(mail(subject)) }
	f.must(os.WriteFile(varied, []byte(mbox(slices.Collect(maps.Values(goodMails)), 300)), 0o600))
	f.must(os.WriteFile(ascii, []byte(mbox([]string{plain("ett"), plain("bygglov i byn")}, 300)), 0o600))
	judge := func(addr string, args ...string) (string, error) {
		_, port, err := net.SplitHostPort(addr)
		f.must(err)
		args = append([]string{"host=127.0.0.1", "port=" + port, "user=" + anna.String(), "pass=" + device}, args...)
		out, err := exec.CommandContext(t.Context(), imaptest, args...).CombinedOutput()
		return string(out), err
	}
	loose := f.literalPlus()
	for i, c := range []struct {
		why, addr string
		args      []string
		tried     []string // as imaptest's table has their names
	}{
		// At a checkpoint it must not end: it does so in an assertion of its own, whichever server it talks to.
		{"what clients were told is the same", f.implicit, []string{"mbox=" + varied, "ssl=any-cert", "secs=5", "checkpoint=2", "copybox=Archive"}, []string{"ChkP", "Copy", "Dele"}},
		{"flags that only one client changes", f.implicit, []string{"mbox=" + varied, "ssl=any-cert", "secs=3", "own_flags"}, []string{"Stor"}},
		// It looks for pieces of encoded bodies, which RFC 3501 section 6.4.4 wants decoded before, and of characters.
		{"searches", loose, []string{"mbox=" + ascii, "secs=3", "search=100", "store=100"}, []string{"Sear"}},
	} {
		out, err := judge(c.addr, append(c.args, "clients=10", "seed=1", fmt.Sprintf("box=stress%d", i))...)
		if faults := imaptestFaults.FindAllString(out, 10); err != nil || faults != nil {
			t.Errorf("%s: %v\n%s", c.why, err, strings.Join(faults, "\n"))
		}
		totals := imaptestTotals(t, out)
		for _, name := range append(c.tried, "Logi", "Sele", "Fetc", "Fet2", "Appe", "Expu", "Logo") {
			if totals[name] == 0 {
				t.Errorf("%s: %s was not tried:\n%s", c.why, name, out)
			}
		}
	}
	scripts := os.Getenv("IMAPTEST_TESTS")
	if scripts == "" {
		t.Skip("needs the folder of imaptest's scripted tests, src/tests of its source, in IMAPTEST_TESTS")
	}
	names, err := filepath.Glob(scripts + "/*")
	f.must(err)
	for _, name := range names {
		info, err := os.Stat(name)
		f.must(err)
		if info.IsDir() || strings.HasSuffix(name, ".mbox") {
			continue
		}
		out, err := judge(loose, "test="+alone(f, name))
		f.judgeScript(filepath.Base(name), out, err)
	}
}

// judgeScript holds what imaptest says of one script against the table.
func (f *fixture) judgeScript(name, out string, err error) {
	f.Helper()
	why, may := imaptestFails[name]
	switch passed := err == nil && strings.Contains(out, "1 test groups: 0 failed"); {
	case passed && strings.Contains(out, " 1 skipped"):
		f.Logf("%s: not advertised", name)
	case passed && may:
		f.Errorf("%s passes, and the table says it does not: %s", name, why)
	case !passed && !may:
		f.Errorf("%s: %v\n%s", name, err, out)
	}
}

var imaptestFaults = regexp.MustCompile(`(?m)^(?:Error|Warning|Panic|Fatal):.*`)

// imaptestProgram finds it or skips the test.
func imaptestProgram(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("imaptest")
	if err != nil {
		t.Skip("needs imaptest, which is made from its source: docs/develop.md says how")
	}
	return path
}

// imaptestTotals are how often each command was done, by its name in imaptest's table.
func imaptestTotals(t testing.TB, out string) map[string]int {
	t.Helper()
	_, table, ok := strings.Cut(out, "Totals:\n")
	lines := strings.Split(strings.TrimSpace(table), "\n")
	names, counts := strings.Fields(lines[0]), strings.Fields(lines[len(lines)-1])
	if !ok || len(names) != len(counts) {
		t.Fatalf("no totals:\n%s", out)
	}
	all := map[string]int{}
	for i, s := range counts {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("no totals: %v\n%s", err, out)
		}
		all[names[i]] = n
	}
	return all
}

// mbox is n mails, each one of those with a Message-ID of its own: imaptest knows messages by it.
func mbox(mails []string, n int) string {
	slices.Sort(mails)
	var out strings.Builder
	for i := range n {
		m := strings.ReplaceAll(mails[i%len(mails)], "\r\n", "\n")
		header, body, _ := strings.Cut(m, "\n\n")
		header = ownID.ReplaceAllString(header+"\n", "")
		fmt.Fprintf(&out, "From bo@kommun.example Tue Nov 24 10:00:00 2026\nMessage-ID: <%d.box@kommun.example>\n%s\n", i, header)
		out.WriteString(strings.ReplaceAll("\n"+body, "\nFrom ", "\n>From ")[1:])
		out.WriteString("\n\n")
	}
	return out.String()
}

var ownID = regexp.MustCompile(`(?mi)^Message-ID:.*\n(?:[ \t].*\n)*`)

// alone is a folder with one script and its mails: in a folder with others one that imaptest cannot do would end all.
func alone(f *fixture, script string) string {
	f.Helper()
	dir := filepath.Join(f.dir, "script "+filepath.Base(script))
	f.must(os.Mkdir(dir, 0o700))
	for from, to := range map[string]string{
		script: filepath.Base(script), script + ".mbox": filepath.Base(script) + ".mbox", filepath.Dir(script) + "/default.mbox": "default.mbox",
	} {
		if b, err := os.ReadFile(from); err == nil {
			f.must(os.WriteFile(filepath.Join(dir, to), b, 0o600))
		}
	}
	return dir
}

// literalPlus is the server as one that takes literals without waiting, and without TLS: imaptest sends none to others and
// ends. Those it sends are so short that LITERAL- lets them.
func (f *fixture) literalPlus() (addr string) {
	l := f.listen()
	var all sync.WaitGroup
	f.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := tls.Dial("tcp", f.implicit, f.clientTLS())
			if err != nil {
				client.Close()
				return
			}
			all.Go(func() {
				io.Copy(server, client)
				server.Close()
			})
			all.Go(func() {
				defer client.Close()
				piece := make([]byte, 64<<10)
				for {
					n, err := server.Read(piece)
					client.Write(bytes.ReplaceAll(piece[:n], []byte(" LITERAL- "), []byte(" LITERAL+ ")))
					if err != nil {
						return
					}
				}
			})
		}
	})
	return l.Addr().String()
}
