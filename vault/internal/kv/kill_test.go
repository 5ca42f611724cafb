package kv_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sigill/vault/internal/kv"
)

// childEnv makes the test binary a child that writes to the store of that path until it is killed.
const childEnv = "SIGILL_TEST_KV_CHILD"

// child updates counters from some goroutines and says on standard output what it got acknowledged.
func child(path string) int {
	b, err := kv.OpenBolt(path, kv.BoltOptions{})
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	var out sync.Mutex
	for g := range 8 {
		go func() {
			for {
				var n uint64
				err := b.Update(context.Background(), func(w kv.Writer) error {
					key := fmt.Append(nil, g)
					n = next(w.Get("counter", key))
					if err := w.Put("log", fmt.Appendf(nil, "%d %08d", g, n), make([]byte, 100*(n%50))); err != nil {
						return err
					}
					return w.Put("counter", key, binary.BigEndian.AppendUint64(nil, n))
				})
				out.Lock()
				if err != nil {
					fmt.Println("error", err)
				}
				fmt.Println(g, n)
				out.Unlock()
			}
		}()
	}
	select {}
}

func next(counter []byte) uint64 {
	if counter == nil {
		return 1
	}
	return binary.BigEndian.Uint64(counter) + 1
}

func TestKilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store")
	acknowledged := map[string]uint64{}
	for round := range 15 {
		runAndKill(t, path, round, acknowledged)
		wantAcknowledged(t, path, acknowledged)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	total := uint64(0)
	for _, n := range acknowledged {
		total += n
	}
	t.Logf("%d acknowledged updates", total)
	if total < 50 {
		t.Errorf("only %d updates were acknowledged", total)
	}
}

// runAndKill kills the child while it opens the store in the first rounds, some time after its first answer in the others.
func runAndKill(t *testing.T, path string, round int, acknowledged map[string]uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func(after time.Duration) {
		timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
		t.Cleanup(func() { timer.Stop() })
	}
	if round < 5 {
		kill(time.Duration(round) * 8 * time.Millisecond)
	}
	answered := false
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // the last line may be cut off
		}
		if strings.HasPrefix(line, "error") {
			t.Error(line)
			continue
		}
		if !answered && round >= 5 {
			kill(time.Duration(round) * 5 * time.Millisecond)
		}
		answered = true
		var g string
		var n uint64
		if _, err := fmt.Sscan(line, &g, &n); err != nil {
			t.Fatal(line, err)
		}
		acknowledged[g] = max(acknowledged[g], n)
	}
	cmd.Wait()
}

// wantAcknowledged opens what the child left: each counter is at least what was acknowledged, and its log has no gap.
func wantAcknowledged(t *testing.T, path string, acknowledged map[string]uint64) {
	t.Helper()
	if _, err := os.Stat(path); err != nil && len(acknowledged) == 0 {
		return // killed before there was a store
	}
	b, err := kv.OpenBolt(path, kv.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	err = b.View(context.Background(), func(r kv.Reader) error {
		for g, n := range acknowledged {
			if got := next(r.Get("counter", []byte(g))) - 1; got < n {
				t.Errorf("%s: %d were acknowledged, %d are there", g, n, got)
			}
		}
		for g, counter := range r.Range("counter", kv.Span{}) {
			n := uint64(0)
			for range r.Range("log", kv.Prefix(append([]byte(string(g)), ' '))) {
				n++
			}
			if want := binary.BigEndian.Uint64(counter); n != want {
				t.Errorf("%s: counted %d, %d in the log", g, want, n)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
