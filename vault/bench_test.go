package vault_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"sigill/policy"
	"sigill/vault"
	"sigill/vault/internal/kv"
)

// BenchmarkDeposit seals mails of 10 KB with index, audit and notice, fsync on. It compares with a bare commit of the
// same octets: the very keys and values a deposit writes, put by as many goroutines into the engine below, already sealed.
// And with the disk's own rate of appending and syncing the mail.
func BenchmarkDeposit(b *testing.B) {
	raw := append(mail("x@x", "Beslut"), bytes.Repeat([]byte("Handläggningstiden är fyra veckor.\r\n"), 280)...)
	for _, depositors := range []int{1, 10, 50, 200} {
		b.Run(fmt.Sprintf("depositors=%d", depositors), func(b *testing.B) {
			h := newHouse(b)
			kinds, err := h.Directory().Classify(b.Context(), []policy.Address{kim})
			must(b, err)
			deposit := func() error {
				w := h.Depositor().Begin(vault.Deposit{From: anna, Recipients: kinds})
				w.Write(raw) // the error is Commit's too
				_, err := w.Commit(b.Context())
				return err
			}
			bare := bareRate(b, h, deposit, depositors)
			disk := fsyncRate(b, raw)
			b.SetBytes(int64(len(raw)))
			b.ResetTimer()
			rate := rateOf(b, b.N, depositors, deposit)
			b.ReportMetric(rate, "mails/s")
			b.ReportMetric(rate/bare, "of-bare")
			b.ReportMetric(rate/disk, "of-fsync")
		})
	}
}

// rateOf is how many times a second fn runs, in so many goroutines.
func rateOf(b *testing.B, n, goroutines int, fn func() error) float64 {
	start := time.Now()
	var left atomic.Int64
	left.Store(int64(n))
	var wg errgroup.Group
	for range goroutines {
		wg.Go(func() error {
			for left.Add(-1) >= 0 {
				if err := fn(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	must(b, wg.Wait())
	return float64(n) / time.Since(start).Seconds()
}

// put is a record a deposit writes; fresh tells that its key is the deposit's own.
type put struct {
	table      kv.Table
	key, value []byte
	fresh      bool
}

// bareRate is the rate of the writes of one deposit, without all the work that leads to them.
func bareRate(b *testing.B, h *house, deposit func() error, goroutines int) float64 {
	must(b, deposit())
	before := vault.DumpForTest(h.Vault)
	must(b, deposit())
	var puts []put
	for table, records := range vault.DumpForTest(h.Vault) {
		for key, value := range records {
			if old, known := before[table][key]; !known || old != value {
				puts = append(puts, put{kv.Table(table), []byte(key), []byte(value), !known})
			}
		}
	}
	engine, err := kv.OpenBolt(filepath.Join(b.TempDir(), "bare"), vault.BoltOptionsForTest())
	must(b, err)
	defer engine.Close()
	var number atomic.Uint64
	return rateOf(b, 2000+200*goroutines, goroutines, func() error {
		n := number.Add(1)
		return engine.Update(b.Context(), func(w kv.Writer) error {
			for _, p := range puts {
				if err := w.Put(p.table, p.anew(n), p.value); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// anew is the key of another deposit: ids grow, digests scatter, entries and events count.
func (p put) anew(n uint64) []byte {
	key := bytes.Clone(p.key)
	switch {
	case !p.fresh:
	case p.table == "messageid" || p.table == "link":
		rand.Read(key)
	case p.table == "audit" || p.table == "entry":
		binary.BigEndian.PutUint32(key[len(key)-4:], uint32(n))
	default:
		binary.BigEndian.PutUint64(key, n)
	}
	return key
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
