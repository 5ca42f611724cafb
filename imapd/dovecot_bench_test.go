package imapd

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sigill/vault"
)

// BenchmarkDovecot does the same work on this server and on Dovecot, each in a process of its own, over TLS, and prints the
// table of docs/performance.md: the ratio of the rates, and the processor time of the servers and of the client, which reads
// lines and counts octets, whoever it talks to. It needs root, since Dovecot changes user. SIGILL_MESSAGES sets how many
// messages lie in INBOX, 500 or more; 5000 if it is not set. SIGILL_RIVALS names which of dovecot-crypt, dovecot-crypt-fsync
// and dovecot take part; all if it is not set. If tasks are chosen without APPEND, INBOX is filled first; Dovecot's cache has
// what those before asked for.
//
//	go test -run '^$' -bench Dovecot -benchtime 1x ./imapd
//	SIGILL_MESSAGES=20000 SIGILL_RIVALS=dovecot-crypt go test -timeout 20m -run '^$' -bench 'Dovecot/(HEADER|STORE)' -benchtime 1x ./imapd
func BenchmarkDovecot(b *testing.B) {
	n := 5000
	if s := os.Getenv("SIGILL_MESSAGES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil || n < 500 {
			b.Fatalf("SIGILL_MESSAGES=%s: a number from 500 on is wanted", s)
		}
	}
	const envelopes, headers = "(FLAGS ENVELOPE BODYSTRUCTURE)", "(FLAGS BODY.PEEK[HEADER.FIELDS (From To Subject Date)])"
	const bodies, again, rounds = "(BODY.PEEK[])", "the same again", 10 // of what is over soon: the kernel tells processor time by hundredths of a second
	c := newContest(b)
	for _, t := range []task{
		{name: "APPEND, 4 clients", units: n, do: func(r *rival) { r.append(n) }, fills: true},
		{name: envelopes + ", first", units: n, do: func(r *rival) { r.fetch(envelopes, 1) }},
		{name: again, of: envelopes, units: rounds * n, do: func(r *rival) { r.fetch(envelopes, rounds) }},
		{name: headers + ", first", units: n, do: func(r *rival) { r.fetch(headers, 1) }},
		{name: again, of: headers, units: rounds * n, do: func(r *rival) { r.fetch(headers, rounds) }},
		{name: bodies + ", first", units: n, do: func(r *rival) { r.fetch(bodies, 1) }},
		{name: again, of: bodies, units: n, do: func(r *rival) { r.fetch(bodies, 1) }},
		{name: "(FLAGS)", units: rounds * n, do: func(r *rival) { r.fetch("(FLAGS)", rounds) }},
		{name: `STORE 1:* ±FLAGS (\Seen)`, units: 2 * rounds * n, do: func(r *rival) { r.store(rounds) }},
		{name: "STORE of one message, 500 times", units: 500, do: func(r *rival) { r.storeEach(500) }},
		{name: "a mixed load, 10 clients", units: 10 * mixedRounds * mixedOps, do: func(r *rival) { r.mixed(10) }},
		{name: "imaptest's mixed load, 10 clients", do: func(r *rival) { r.imaptest(10) }},
		{name: "first sync by mbsync", units: n, do: func(r *rival) { r.mbsync() }},
	} {
		b.Run(strings.TrimPrefix(t.of+", "+t.name, ", "), func(b *testing.B) {
			for b.Loop() {
				c.run(b, t, n)
			}
		})
	}
	fmt.Println("| | ratio of the rates | and with flags synced there, too | µs, Sigill | µs, Dovecot with mail_crypt | " +
		"µs, Dovecot in clear | µs, client of Sigill | µs, client of Dovecot |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
	for _, row := range c.rows {
		fmt.Println(row)
	}
}

// task is work that is compared.
type task struct {
	name, of string // of the row in the table, and what it repeats
	units    int    // 0: as many as do says
	do       func(*rival)
	fills    bool // INBOX, which others need full
}

// contest is the servers that are compared; the first is ours.
type contest struct {
	rivals []*rival
	rows   []string // of the table
}

// rival is one server.
type rival struct {
	testing.TB
	name, addr string
	pid        int // of its first process
	password   string
	told       *bufio.Reader // what ours says of its memory
	full       bool          // INBOX
	units      int           // done
	f          *fixture
}

var dovecots = []string{"dovecot-crypt", "dovecot-crypt-fsync", "dovecot"}

func newContest(b *testing.B) *contest {
	if os.Getuid() != 0 {
		b.Skip("needs root, to run Dovecot")
	}
	if _, err := exec.LookPath("dovecot"); err != nil {
		b.Skip("needs dovecot, in the Debian package dovecot-imapd")
	}
	names := dovecots
	if s := os.Getenv("SIGILL_RIVALS"); s != "" {
		names = strings.Split(s, ",")
	}
	// No t.TempDir: Dovecot's user must be able to walk to its mail.
	dir, err := os.MkdirTemp("", "sigill-contest-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	f := &fixture{TB: b, dir: dir, log: &syncBuffer{}}
	f.must(os.Chmod(dir, 0o755))
	ours := f.apart("GOGC=300") // as cmd/sigill runs
	c := &contest{rivals: []*rival{ours}}
	for _, name := range names {
		if !slices.Contains(dovecots, name) {
			b.Fatalf("SIGILL_RIVALS: %q is none of %q", name, dovecots)
		}
		r := f.dovecot(name, ours.password, strings.HasPrefix(name, "dovecot-crypt"))
		r.password = ours.password
		c.rivals = append(c.rivals, r)
	}
	return c
}

// apart starts this server, on a new vault, in a process of its own with that in its environment.
func (f *fixture) apart(env ...string) *rival {
	f.Helper()
	f.openVault(true)
	_, device, err := f.vault.Directory().AddDevice(f.Context(), anna, "apart", anna)
	f.must(err)
	f.must(f.vault.Close())
	config := f.certificate()
	key, err := x509.MarshalPKCS8PrivateKey(config.Certificates[0].PrivateKey)
	f.must(err)
	f.must(os.WriteFile(filepath.Join(f.dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	r := f.ours(env...)
	r.password = device
	return r
}

// cost is what a task took on one server.
type cost struct {
	rate           float64 // units a second
	server, client float64 // processor time in µs for each unit
}

// run does the work on each and reports what it took.
func (c *contest) run(b *testing.B, t task, messages int) {
	costs := map[string]cost{}
	for _, name := range dovecots {
		costs[name] = cost{math.NaN(), math.NaN(), math.NaN()}
	}
	for _, r := range c.rivals {
		if r.TB = b; !r.full && !t.fills {
			r.append(messages)
		}
		r.full = true
		busy, own, began := r.processorTime(), processorTime(b), time.Now()
		r.units = t.units
		t.do(r)
		each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(r.units) }
		took := cost{rate: float64(r.units) / time.Since(began).Seconds(), client: each(processorTime(b) - own)}
		took.server = each(r.processorTime() - busy)
		b.ReportMetric(took.rate, r.name+"/s")
		b.ReportMetric(took.server, r.name+"-cpu-µs")
		b.ReportMetric(took.client, r.name+"-client-µs")
		costs[r.name] = took
	}
	ours, crypt := costs["sigill"], costs["dovecot-crypt"]
	b.ReportMetric(ours.rate/crypt.rate, "ratio")
	b.ReportMetric(0, "ns/op")
	row := "| " + t.name
	for _, v := range []float64{
		ours.rate / crypt.rate, ours.rate / costs["dovecot-crypt-fsync"].rate, ours.server, crypt.server, costs["dovecot"].server,
		ours.client, crypt.client,
	} {
		row += " | " + short(v)
	}
	c.rows = append(c.rows, row+" |")
}

// short is a number as tables have it; none if there is none.
func short(v float64) string {
	switch {
	case math.IsNaN(v):
		return ""
	case v < 10:
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// childEnv makes the test's program a server on the vault in that folder.
const childEnv = "SIGILL_IMAPD_CHILD"

// ours starts this server as a process of its own.
func (f *fixture) ours(env ...string) *rival {
	f.Helper()
	self, err := os.Executable()
	f.must(err)
	l := f.listen()
	file, err := l.(*net.TCPListener).File()
	f.must(err)
	addr := l.Addr().String()
	f.must(l.Close())
	c := exec.Command(self)
	c.Env = append(append(os.Environ(), childEnv+"="+f.dir), env...)
	c.ExtraFiles, c.Stderr = []*os.File{file}, os.Stderr
	told, err := c.StdoutPipe()
	f.must(err)
	f.must(c.Start())
	f.must(file.Close())
	f.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil {
			f.Errorf("our server: %v", err)
		}
	})
	r := f.rival("sigill", addr, c.Process.Pid)
	r.told = bufio.NewReader(told)
	return r
}

// child serves until it is told to end. It is what TestMain runs in a process that ours has started.
func child(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	keys, err := vault.OpenKeyFile(filepath.Join(dir, "key"))
	if err != nil {
		return err
	}
	v, err := vault.Open(ctx, filepath.Join(dir, "vault"), keys, vault.Options{})
	if err != nil {
		return err
	}
	defer v.Close()
	go tellMemory(ctx)
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		return err
	}
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	return New(Config{
		TLS: &tls.Config{Certificates: []tls.Certificate{pair}}, Vault: v, Log: slog.New(slog.DiscardHandler), ImplicitTLS: l,
		Limits: Limits{PerAddress: 4000, MessageSize: 200 << 20},
	}).Run(ctx)
}

func (f *fixture) rival(name, addr string, pid int) *rival {
	f.Helper()
	for range 500 { // until it takes connections
		c, err := tls.Dial("tcp", addr, f.clientTLS())
		if err == nil {
			c.Close()
			return &rival{TB: f.TB, name: name, addr: addr, pid: pid, f: f}
		}
		time.Sleep(10 * time.Millisecond)
	}
	f.Fatalf("%s takes no connections", name)
	return nil
}

// dovecot starts a Dovecot of its own, with sdbox, which is its own fast format. It syncs appended mails and no flags; one
// whose name ends in fsync syncs flags too, as our server does.
func (f *fixture) dovecot(name, device string, crypt bool) *rival {
	f.Helper()
	owner, err := user.Lookup("mail")
	f.must(err)
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	dir := filepath.Join(f.dir, name)
	f.must(os.MkdirAll(filepath.Join(dir, "home"), 0o755))
	f.must(os.Chown(filepath.Join(dir, "home"), uid, gid))
	plugins := ""
	if strings.HasSuffix(name, "fsync") {
		plugins = "mail_fsync = always\n"
	}
	if crypt {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		f.must(err)
		private, err := x509.MarshalPKCS8PrivateKey(key)
		f.must(err)
		public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		f.must(err)
		f.must(os.WriteFile(dir+"/private.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
		f.must(os.WriteFile(dir+"/public.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600))
		plugins += fmt.Sprintf("mail_plugins = mail_crypt\nplugin {\nmail_crypt_global_private_key = <%s/private.pem\n"+
			"mail_crypt_global_public_key = <%s/public.pem\nmail_crypt_save_version = 2\n}\n", dir, dir)
	}
	l := f.listen()
	addr := l.Addr().(*net.TCPAddr)
	f.must(l.Close())
	f.must(os.WriteFile(dir+"/conf", fmt.Appendf(nil, `base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <%[2]s/ca.pem
ssl_key = <%[2]s/key.pem
mail_location = sdbox:%%h/mail
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
first_valid_gid = 1
passdb {
  driver = static
  args = password=%[3]s
}
userdb {
  driver = static
  args = home=%[1]s/home/%%n
}
service imap-login {
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = %[4]d
    ssl = yes
  }
}
namespace inbox {
  inbox = yes
}
%[5]s`, dir, f.dir, device, addr.Port, plugins), 0o600))
	c := exec.Command("dovecot", "-F", "-c", dir+"/conf")
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	f.must(c.Start())
	f.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		c.Wait()
		if f.Failed() {
			log, _ := os.ReadFile(dir + "/log")
			f.Logf("%s", log)
		}
	})
	return f.rival(name, addr.String(), c.Process.Pid)
}

// processorTime is what the server's processes have used, ended ones too.
func (r *rival) processorTime() (sum time.Duration) {
	time.Sleep(50 * time.Millisecond) // until those that have ended are reaped
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	r.f.must(err)
	type process struct {
		parent      int
		own, waited time.Duration
	}
	all := map[int]process{}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		field := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:])) // proc(5): from the third on
		ticks := func(i int) time.Duration {
			n, _ := strconv.Atoi(field[i-3])
			return time.Duration(n) * 10 * time.Millisecond
		}
		parent, _ := strconv.Atoi(field[1])
		all[pid] = process{parent, ticks(14) + ticks(15), ticks(16) + ticks(17)}
	}
	for pid, p := range all {
		for up := pid; up > 1; up = all[up].parent {
			if up == r.pid {
				sum += p.own + p.waited
				break
			}
		}
	}
	return sum
}

func (r *rival) login() *wire {
	r.Helper()
	c, err := tls.Dial("tcp", r.addr, r.f.clientTLS())
	r.f.must(err)
	f := *r.f
	f.TB = r.TB // so that faults are this benchmark's
	w := &wire{fixture: &f, Conn: c, in: bufio.NewReaderSize(c, 1<<20)}
	w.response()
	w.ok(`LOGIN %s "%s"`, anna, r.password)
	return w
}

func (r *rival) selected() *wire {
	w := r.login()
	w.ok("SELECT INBOX")
	return w
}

// benchMail is an ordinary mail of 10 KB with an attachment.
func benchMail(i int) string {
	return crlf(fmt.Sprintf(`From: Bo Ek <bo@kommun.example>
To: Anna <anna@kommun.example>
Cc: =?utf-8?q?L=C3=A4nsstyrelsen?= <lst@fjarran.example>
Subject: =?utf-8?q?=C3=84rende?= %d
Date: Tue, 24 Nov 2026 10:00:00 +0100
Message-ID: <%d.bench@kommun.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain; charset=utf-8

%s
--c
Content-Type: text/html; charset=utf-8

<p>%s</p>
--c--
--b
Content-Type: application/pdf; name="beslut.pdf"
Content-Disposition: attachment; filename="beslut.pdf"
Content-Transfer-Encoding: base64

%s
--b--
`, i, i, strings.Repeat("En rad i ett brev.\n", 50), strings.Repeat("En rad i ett brev.\n", 50), strings.Repeat("JVBERi0xLjQKJcfsj6IKNSAwIG9iago8PC9MZW5ndGggNiAwIFIvRmlsdGVyIC9G\n", 110)))
}

func (r *rival) append(n int) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range 4 {
		w := r.login()
		wait.Go(func() {
			defer w.Close()
			for i := next.Add(1); i <= int64(n) && !r.Failed(); i = next.Add(1) {
				m := benchMail(int(i))
				w.send("x APPEND INBOX {%d}\r\n", len(m))
				w.expect("+")
				w.send("%s\r\n", m)
				w.expect("x OK")
			}
		})
	}
	wait.Wait()
}

// expect reads lines until one begins so.
func (w *wire) expect(prefix string) {
	for {
		line, err := w.in.ReadString('\n')
		if err != nil || strings.HasPrefix(line, "x NO") || strings.HasPrefix(line, "x BAD") {
			w.Errorf("%q: %v", line, err)
			return
		}
		if strings.HasPrefix(line, prefix) {
			return
		}
	}
}

func (r *rival) fetch(items string, rounds int) {
	w := r.selected()
	defer w.Close()
	for range rounds {
		w.drain("UID FETCH 1:* " + items)
	}
}

func (r *rival) store(rounds int) {
	w := r.selected()
	defer w.Close()
	for range rounds {
		w.drain(`UID STORE 1:* +FLAGS (\Seen)`)
		w.drain(`UID STORE 1:* -FLAGS (\Seen)`)
	}
}

func (r *rival) storeEach(n int) {
	w := r.selected()
	defer w.Close()
	for i := range n {
		w.drain(fmt.Sprintf(`STORE %d +FLAGS.SILENT (\Flagged)`, i+1))
	}
}

// Each round of mixed does mixedOps commands, as imaptest's default load has them.
const mixedRounds, mixedOps = 20, 8

func (r *rival) mixed(clients int) {
	var wait sync.WaitGroup
	for i := range clients {
		w := r.login()
		w.ok("CREATE mixed%d", i)
		wait.Go(func() {
			defer w.Close()
			for round := range mixedRounds {
				w.drain("SELECT INBOX")
				first := (i*mixedRounds+round)*7%400 + 1
				w.drain(fmt.Sprintf("FETCH %d:%d (FLAGS ENVELOPE)", first, first+20))
				w.drain(fmt.Sprintf("FETCH %d (BODY[])", first))
				w.drain(fmt.Sprintf(`STORE %d -FLAGS (\Seen)`, first))
				w.drain(fmt.Sprintf("UID COPY %d mixed%d", first, i))
				m := benchMail(1_000_000 + i*mixedRounds + round)
				w.send("x APPEND mixed%d {%d}\r\n", i, len(m))
				w.expect("+")
				w.send("%s\r\n", m)
				w.expect("x OK")
				w.drain("SEARCH UNSEEN SINCE 1-Jan-2026")
				w.drain(fmt.Sprintf("STATUS mixed%d (MESSAGES UNSEEN)", i))
			}
		})
	}
	wait.Wait()
}

// imaptest does as much as it can in ten seconds, the same commands for each.
func (r *rival) imaptest(clients int) {
	program := imaptestProgram(r)
	mails := filepath.Join(r.f.dir, "mbox")
	r.f.must(os.WriteFile(mails, []byte(mbox(append(slices.Collect(maps.Values(goodMails)), benchMail(0)), 500)), 0o600))
	w := r.login()
	w.ok("CREATE imaptest")
	w.Close()
	_, port, err := net.SplitHostPort(r.addr)
	r.f.must(err)
	out, err := exec.Command(program, "host=127.0.0.1", "port="+port, "user="+anna.String(), "pass="+r.password, "ssl=any-cert", "mbox="+mails,
		"box=imaptest", "seed=1", "secs=10", fmt.Sprintf("clients=%d", clients)).CombinedOutput()
	if err != nil {
		r.Fatalf("imaptest: %v\n%s", err, out)
	}
	if faults := imaptestFaults.FindAllString(string(out), 3); faults != nil {
		r.Logf("imaptest says of %s: %s", r.name, strings.Join(faults, "\n"))
	}
	for _, n := range imaptestTotals(r, string(out)) {
		r.units += n
	}
}

func (r *rival) mbsync() {
	mbsync, err := exec.LookPath("mbsync")
	if err != nil {
		r.Skip("needs mbsync, in the Debian package isync")
	}
	home, err := os.MkdirTemp(r.f.dir, "mbsync-")
	r.f.must(err)
	_, port, err := net.SplitHostPort(r.addr)
	r.f.must(err)
	rc := filepath.Join(home, "rc")
	r.f.must(os.WriteFile(rc, fmt.Appendf(nil, `IMAPStore far
Host localhost
Port %s
User %s
Pass "%s"
SSLType IMAPS
CertificateFile %s

MaildirStore near
Path %s/
Inbox %s/INBOX

Channel all
Far :far:INBOX
Near :near:INBOX
Create Near
SyncState *
`, port, anna, r.password, r.f.caFile, home, home), 0o600))
	c := exec.Command(mbsync, "-c", rc, "-a")
	c.Env = append(os.Environ(), "HOME="+home)
	if out, err := c.CombinedOutput(); err != nil {
		r.Fatalf("%v\n%s", err, out)
	}
}
