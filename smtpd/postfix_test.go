package smtpd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sigill/smtpd/internal/sink"
)

// postfix is a Postfix of its own on loopback, with its own configuration, queue and processes.
type postfix struct {
	store string // takes mail and stores it, on hold
	proxy string // passes mail on while it comes in (smtpd_proxy_filter)
	relay string // takes mail and sends it on to the next hop by itself
	pid   int
}

const postfixMain = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination =
local_recipient_maps =
alias_maps =
default_transport = discard:
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
default_process_limit = 300
in_flow_delay = 0
smtputf8_enable = no
`

const postfixMaster = `%[1]s inet n - n - - smtpd -o { smtpd_client_restrictions = check_client_access static:HOLD }
%[2]s inet n - n - - smtpd -o smtpd_proxy_filter=%[4]s
%[3]s inet n - n - - smtpd -o content_filter=smtp:%[5]s
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
discard unix - - n - - discard
smtp unix - - n - - smtp
anvil unix - - n - 1 anvil
error unix - - n - - error
retry unix - - n - - error
`

// startPostfix runs Postfix until the test ends. Next is where proxy and relay send to.
func startPostfix(t testing.TB, next string) *postfix {
	t.Helper()
	program := "/usr/lib/postfix/sbin/master"
	if _, err := os.Stat(program); err != nil {
		t.Skip("needs postfix (Debian package postfix)")
	}
	if os.Getuid() != 0 {
		t.Skip("needs postfix (Debian package postfix), which only root can start")
	}
	// The names of Unix sockets are short, and those of test folders are not.
	dir, err := os.MkdirTemp("", "postfix")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &postfix{store: sink.FreeAddr(t), proxy: sink.FreeAddr(t), relay: sink.FreeAddr(t)}
	owner, err := user.Lookup("postfix")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(owner.Uid)
	host, port, _ := net.SplitHostPort(next)
	err = errors.Join(
		os.Chmod(dir, 0o755), os.Mkdir(dir+"/conf", 0o755), os.Mkdir(dir+"/queue", 0o755), os.Mkdir(dir+"/data", 0o700),
		os.Chown(dir+"/data", uid, -1),
		os.WriteFile(dir+"/conf/main.cf", fmt.Appendf(nil, postfixMain, dir), 0o644),
		os.WriteFile(dir+"/conf/master.cf", fmt.Appendf(nil, postfixMaster, p.store, p.proxy, p.relay, next, "["+host+"]:"+port), 0o644),
	)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("postfix", "-c", dir+"/conf", "check").CombinedOutput(); err != nil {
		t.Fatalf("postfix check: %v\n%s", err, out)
	}
	cmd := exec.Command(program, "-c", dir+"/conf", "-d")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.pid = cmd.Process.Pid
	endWithTest(t, cmd, dir)
	for _, addr := range []string{p.store, p.proxy, p.relay} { // it opens one after the other
		awaitAddr(t, addr)
	}
	return p
}

// endWithTest ends a process group and removes its folder with the test. A shell does it when the pipe it reads from is
// closed, so also when this process is killed. A signal for that (PR_SET_PDEATHSIG) Postfix forgets as it changes users.
func endWithTest(t testing.TB, leader *exec.Cmd, dir string) {
	t.Helper()
	watch := exec.Command("sh", "-c", `read _
kill -s TERM -- "-$1"
while kill -s 0 -- "-$1"; do sleep 0.1; done
rm -rf "$2"`, "sh", strconv.Itoa(leader.Process.Pid), dir)
	watch.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // out of reach of the terminal
	pipe, err := watch.StdinPipe()
	if err == nil {
		err = watch.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pipe.Close()
		_ = leader.Wait()
		_ = watch.Wait()
	})
}

// awaitAddr waits until somebody listens, of whom one can only see that they do.
func awaitAddr(t testing.TB, addr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("nobody listens on %s: %v", addr, err)
		}
	}
}

// used is the processor time and the memory of all processes of Postfix: memory of their own, and what several share
// once. What is mapped of files is left out, here and in ownUse: the kernel may take it back at any time.
func (p *postfix) used(t testing.TB) (cpu time.Duration, octets int64) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range stats {
		raw, err := os.ReadFile(name)
		if err != nil {
			continue // it ended
		}
		// After the program's name in parentheses: state, parent, group, … (proc(5)).
		words := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
		if group, _ := strconv.Atoi(words[2]); group != p.pid {
			continue
		}
		for _, ticks := range words[11:15] { // its own and those of children it has seen end
			n, _ := strconv.Atoi(ticks)
			cpu += time.Duration(n) * 10 * time.Millisecond
		}
		octets += kilobytes(strings.TrimSuffix(name, "stat")+"smaps_rollup", "Pss_Anon:")
	}
	return cpu, octets
}

// ownUse is the processor time and the memory of this process.
func ownUse(t testing.TB) (cpu time.Duration, octets int64) {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), kilobytes("/proc/self/smaps_rollup", "Pss_Anon:")
}

func kilobytes(file, field string) int64 {
	raw, _ := os.ReadFile(file)
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, field); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n << 10
		}
	}
	return 0
}
