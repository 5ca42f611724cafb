package smtpd

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"syscall"
	"testing"
	"time"

	"sigill/smtpd/internal/sink"
)

// BenchmarkPostfix holds this server against Postfix on the same machine, in turns: taking in and keeping mails of 10 KB,
// sealed here and in the queue there, and passing them on while they come in. The client is smtp-source for both, and
// what is passed on ends in the same smtp-sink; they are processes of their own, so what is counted is only the servers'.
//
// Both are without TLS, which smtp-source does not know, write no log, sync to the same disk before each 250, and have
// taken some mails from as many sessions before they are measured: Postfix starts its processes then. Postfix keeps what
// it stored on hold, so that no processor time goes into delivering it. By its design Postfix connects to smtp-sink anew
// for each mail. The collector runs as cmd/sigill has it.
func BenchmarkPostfix(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(300))
	sink := startSink(b)
	p := startPostfix(b, sink)
	g := start(b, func(o *setup) {
		o.Log = slog.New(slog.DiscardHandler)
		o.Limits.PerAddress, o.Limits.Connections = 1000, 1000
		o.upstreamAddr = sink
	})
	ours := g.addr[Connector]
	for _, sessions := range []int{1, 50, 200} {
		b.Run(fmt.Sprintf("keep/%d", sessions), func(b *testing.B) { compare(b, p, p.store, ours, "[secure] a", sessions) })
	}
	for _, sessions := range []int{1, 10, 50} {
		b.Run(fmt.Sprintf("pass/%d", sessions), func(b *testing.B) { compare(b, p, p.proxy, ours, "a", sessions) })
	}
}

// startSink runs smtp-sink until the test ends.
func startSink(t testing.TB) (addr string) {
	t.Helper()
	path, err := exec.LookPath("smtp-sink")
	if err != nil {
		t.Skip("needs smtp-sink (Debian package postfix)")
	}
	addr = sink.FreeAddr(t)
	cmd := exec.Command(path, addr, "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Getuid() == 0 { // it does not run as root; told to change by itself it would no longer end with this process
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	awaitAddr(t, addr)
	return addr
}

// nobody is the user and group of that name in every Debian, nogroup there.
const nobody = 65534

// compare sends as many mails to each and reports both, and the first's rate by the second's.
func compare(b *testing.B, p *postfix, theirs, ours, subject string, sessions int) {
	mails := max(b.N, 10*sessions)
	measure := func(name, addr string, used func(testing.TB) (time.Duration, int64)) (rate float64) {
		flood(b, addr, subject, sessions, 2*sessions)
		before, _ := used(b)
		took := flood(b, addr, subject, sessions, mails)
		after, octets := used(b)
		rate = float64(mails) / took.Seconds()
		b.ReportMetric(rate, name+"/s")
		b.ReportMetric(float64((after-before).Microseconds())/float64(mails), name+"-µs")
		b.ReportMetric(float64(octets)/(1<<20), name+"-MB")
		return rate
	}
	postfix := measure("postfix", theirs, p.used)
	b.ReportMetric(measure("sigill", ours, ownUse)/postfix, "times")
	b.ReportMetric(0, "ns/op")
}

// flood sends mails of 10 KB from a number of sessions at one time, each of which keeps its connection.
func flood(b *testing.B, addr, subject string, sessions, mails int) time.Duration {
	b.Helper()
	begin := time.Now()
	out, err := exec.Command("smtp-source", "-d", "-s", strconv.Itoa(sessions), "-m", strconv.Itoa(mails), "-l", "10240",
		"-f", anna.String(), "-t", cecil.String(), "-S", subject, addr).CombinedOutput()
	if err != nil {
		b.Fatalf("smtp-source: %v\n%s", err, out)
	}
	return time.Since(begin)
}
