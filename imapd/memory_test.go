package imapd

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestMemory counts what idle sessions and a large message cost a server in a process of its own.
func TestMemory(t *testing.T) {
	t.Parallel()
	r := (&fixture{TB: t, dir: t.TempDir(), log: &syncBuffer{}}).apart()
	each := r.idle(60, r.live)
	t.Logf("%d octets for an idle session", each)
	if each > 64<<10 {
		t.Errorf("an idle session takes %d octets", each)
	}
	if growth := r.large(24 << 20); growth > 16<<20 {
		t.Errorf("a message of 24 MB takes %d octets", growth)
	}
}

// BenchmarkMemory is TestMemory with 2,000 sessions and a message of 150 MB.
func BenchmarkMemory(b *testing.B) {
	r := (&fixture{TB: b, dir: b.TempDir(), log: &syncBuffer{}}).apart()
	for b.Loop() {
		b.ReportMetric(float64(r.idle(2000, r.resident))/1024, "KB/session")
		b.ReportMetric(float64(r.large(150<<20))/1e6, "MB/fetch")
	}
}

// tellMemory prints the octets that are in use, each time it is asked. What the kernel counts holds garbage too, and with
// the race detector on what that keeps.
func tellMemory(ctx context.Context) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		fmt.Println(m.HeapAlloc + m.StackInuse)
	}
}

func (r *rival) live() int64 {
	r.Helper()
	r.f.must(syscall.Kill(r.pid, syscall.SIGUSR1))
	line, err := r.told.ReadString('\n')
	r.f.must(err)
	n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	r.f.must(err)
	return n
}

func (r *rival) resident() int64 { return r.status("VmRSS") }

// idle gives the octets by which the server has grown for each of n sessions in IDLE.
func (r *rival) idle(n int, size func() int64) int64 {
	r.Helper()
	r.selected().Close() // what the first one takes is not each one's
	before := size()
	var all sync.WaitGroup
	room := make(chan struct{}, 8)
	for range n {
		room <- struct{}{}
		all.Go(func() {
			w := r.selected()
			r.f.Cleanup(func() { w.Close() })
			w.send("i IDLE\r\n")
			w.response()
			<-room
		})
	}
	all.Wait()
	return (size() - before) / int64(n)
}

// large gives the octets by which the server has grown at most while it served a message.
func (r *rival) large(size int) int64 {
	r.Helper()
	w := r.login()
	defer w.Close()
	w.SetDeadline(time.Now().Add(5 * time.Minute))
	w.ok("CREATE stort")
	head := crlf("Subject: stort\nContent-Type: application/octet-stream\n\n")
	w.send("a APPEND stort {%d}\r\n", size)
	w.expect("+")
	io.WriteString(w, head)
	line := strings.Repeat("x", 1022) + "\r\n"
	for left := size - len(head); left > 0; left -= len(line) {
		io.WriteString(w, line[:min(left, len(line))])
	}
	w.send("\r\n")
	w.expect("a OK")
	w.ok("SELECT stort")
	r.f.must(os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", r.pid), []byte("5"), 0)) // proc(5): the peak is counted anew
	before := r.resident()
	w.send("b FETCH 1 BODY.PEEK[]\r\n")
	if _, err := io.CopyN(io.Discard, w.in, int64(size)); err != nil {
		r.Fatal(err)
	}
	w.expect("b OK")
	return r.status("VmHWM") - before
}

// status gives one of the octets the kernel counts for the server (proc(5)).
func (r *rival) status(name string) int64 {
	r.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.pid))
	r.f.must(err)
	m := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(text)
	kb, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return kb << 10
}
