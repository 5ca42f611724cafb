package vault_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"sigill/policy"
	"sigill/vault"
)

// BenchmarkFlat compares deposit, page of a listing and fetch by UID in a vault of 10,000 messages and in a large one,
// which take turns. The numbers are how many times as long it takes in the large one. It takes -messages of some size:
//
//	go test -run '^$' -bench Flat -benchtime 200x -timeout 2h ./vault -messages 1000000
func BenchmarkFlat(b *testing.B) {
	small, large := newHouse(b), newHouse(b)
	small.grow(0, min(10_000, *messages))
	start := time.Now()
	large.grow(0, *messages)
	b.Logf("%d messages deposited in %v", *messages, time.Since(start).Round(time.Second))
	var n atomic.Int64
	n.Store(int64(*messages))
	uid := func(sent vault.Mailbox, i int64) vault.UID { // here and there
		return vault.UID(uint64(i)*2654435761%uint64(sent.Messages)) + 1
	}
	fetch := func(r *vault.Reader, sent vault.Mailbox, uid vault.UID) {
		e, err := r.Entries(b.Context(), sent.ID, uid, uid)
		must(b, err)
		read(b, r, e[0].Message)
	}
	for _, row := range []struct {
		name string
		do   func(h *house, r *vault.Reader, sent vault.Mailbox)
	}{
		{"deposit", func(h *house, _ *vault.Reader, _ vault.Mailbox) { must(b, h.depositNumber(n.Add(1), nil)) }},
		{"page", func(_ *house, r *vault.Reader, sent vault.Mailbox) { listing(b, r, sent.ID, sent.UIDNext-50, 0) }},
		{"first-fetch", func(_ *house, r *vault.Reader, sent vault.Mailbox) { fetch(r, sent, uid(sent, n.Add(1))) }}, // writes audit
		{"fetch", func(_ *house, r *vault.Reader, sent vault.Mailbox) { fetch(r, sent, uid(sent, n.Add(1)%64)) }},
	} {
		b.Run(row.name, func(b *testing.B) {
			houses := []*house{small, large}
			var readers [2]*vault.Reader
			var boxes [2]vault.Mailbox
			for i, h := range houses {
				readers[i] = h.reader(vault.Staff(anna))
				boxes[i] = box(b, readers[i], anna, vault.Sent)
				for range 64 {
					row.do(h, readers[i], boxes[i])
				}
			}
			var times [2]time.Duration
			for range b.N {
				for i, h := range houses {
					start := time.Now()
					row.do(h, readers[i], boxes[i])
					times[i] += time.Since(start)
				}
			}
			b.ReportMetric(float64(times[1])/float64(times[0]), "of-small")
		})
	}
}

// BenchmarkMemory deposits and reads mails of 150 MB, one and eight at once, and gives the most memory the process took
// above what it took idle: of its own, without the file's pages, which the system keeps or drops as it likes.
func BenchmarkMemory(b *testing.B) {
	const size = 150 << 20
	part := bytes.Repeat([]byte("Handläggningstiden är fyra veckor.\r\n"), 1000)
	for _, atOnce := range []int{1, 8} {
		b.Run(fmt.Sprintf("at-once=%d", atOnce), func(b *testing.B) {
			h := newHouse(b)
			r := func() *vault.Reader { return h.reader(vault.Person(kimsID)) }
			for range b.N {
				var ids [8]vault.MessageID
				deposits := peak(b, atOnce, func(i int) error {
					w := h.Depositor().Begin(vault.Deposit{From: anna, Recipients: []policy.Recipient{{Address: kim, Kind: policy.Known}}})
					w.Write(mail(fmt.Sprintf("%d@x", i), "Beslut")) // the error is Commit's too
					for wrote := 0; wrote < size; wrote += len(part) {
						w.Write(part)
					}
					receipt, err := w.Commit(b.Context())
					ids[i] = receipt.ID
					return err
				})
				reads := peak(b, atOnce, func(i int) error {
					contents, err := r().Open(b.Context(), ids[i])
					if err != nil {
						return err
					}
					_, err = io.Copy(io.Discard, io.NewSectionReader(contents[0], 0, contents[0].Size()))
					return err
				})
				b.ReportMetric(deposits, "MB-deposit")
				b.ReportMetric(reads, "MB-read")
			}
		})
	}
}

// peak runs fn at once so many times and gives the most MB the process took above idle.
func peak(b *testing.B, atOnce int, fn func(i int) error) float64 {
	debug.FreeOSMemory()
	idle := resident(b)
	var most atomic.Int64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(2 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				most.Store(max(most.Load(), resident(b)))
			}
		}
	}()
	var wg errgroup.Group
	for i := range atOnce {
		wg.Go(func() error { return fn(i) })
	}
	must(b, wg.Wait())
	close(done)
	<-ended
	return float64(most.Load()-idle) / (1 << 10)
}

// resident is the KB of memory of the process's own (proc_pid_status(5), RssAnon).
func resident(b *testing.B) (kb int64) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		b.Skip("needs Linux's /proc: ", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "RssAnon:"); ok {
			fmt.Sscanf(value, "%d kB", &kb)
		}
	}
	return kb
}
