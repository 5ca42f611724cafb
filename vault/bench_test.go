package vault_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// BenchmarkDeposit seals mails of 10 KB with index, audit and notice, fsync on, and compares with the disk's own rate of
// writing and syncing as many octets.
func BenchmarkDeposit(b *testing.B) {
	raw := append(mail("x@x", "Beslut"), bytes.Repeat([]byte("Handläggningstiden är fyra veckor.\r\n"), 280)...)
	for _, depositors := range []int{1, 10, 50, 200} {
		b.Run(fmt.Sprintf("depositors=%d", depositors), func(b *testing.B) {
			h := newHouse(b)
			kinds, err := h.Directory().Classify(b.Context(), []policy.Address{kim})
			must(b, err)
			bare := fsyncRate(b, raw)
			b.SetBytes(int64(len(raw)))
			b.ResetTimer()
			start := time.Now()
			var left atomic.Int64
			left.Store(int64(b.N))
			done := make(chan error, depositors)
			for range depositors {
				go func() {
					for left.Add(-1) >= 0 {
						w := h.Depositor().Begin(vault.Deposit{From: anna, Recipients: kinds})
						w.Write(raw) // the error is Commit's too
						if _, err := w.Commit(b.Context()); err != nil {
							done <- err
							return
						}
					}
					done <- nil
				}()
			}
			for range depositors {
				must(b, <-done)
			}
			rate := float64(b.N) / time.Since(start).Seconds()
			b.ReportMetric(rate, "mails/s")
			b.ReportMetric(rate/bare, "x-fsync")
		})
	}
}

// fsyncRate is how many times a second this disk appends raw to a file and syncs.
func fsyncRate(b *testing.B, raw []byte) float64 {
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	must(b, err)
	defer f.Close()
	const n = 300
	start := time.Now()
	for range n {
		_, err := f.Write(raw)
		must(b, err)
		must(b, f.Sync())
	}
	return n / time.Since(start).Seconds()
}

// BenchmarkRead reads sealed content from the page cache.
func BenchmarkRead(b *testing.B) {
	h := newHouse(b)
	raw := append(mail("x@x", "Beslut"), make([]byte, 32<<20)...)
	id := h.deposit(raw, anna, false, kim).ID
	r := h.reader(vault.Person(kimsID))
	contents, err := r.Open(b.Context(), id)
	must(b, err)
	p := make([]byte, 1<<20)
	b.SetBytes(int64(len(p)))
	b.ResetTimer()
	for i := range b.N {
		_, err := contents[0].ReadAt(p, int64(i%31)<<20)
		must(b, err)
	}
}
