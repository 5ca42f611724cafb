package vault_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"sigill/policy"
	"sigill/vault"
	"sigill/vault/internal/kv"
)

// BenchmarkDeposit seals mails of 10 KB with index, audit and notice, fsync on. It compares with a bare commit of the
// same octets: the very keys and values a deposit writes, put by as many goroutines into the engine below, already sealed.
// And with the disk's own rate of appending and syncing the mail. The three take turns, so that whatever else the machine
// does slows all of them. "µs" is the processor time of a deposit, "bare-µs" that of a bare commit. The collector runs as
// cmd/sigill has it.
func BenchmarkDeposit(b *testing.B) {
	body := bytes.Repeat([]byte("Handläggningstiden är fyra veckor.\r\n"), 280)
	for _, depositors := range []int{1, 10, 50, 200} {
		b.Run(fmt.Sprintf("depositors=%d", depositors), func(b *testing.B) { benchDeposit(b, body, depositors) })
	}
}

// BenchmarkDepositLarge is BenchmarkDeposit with mails of 1 MB.
func BenchmarkDepositLarge(b *testing.B) {
	body := bytes.Repeat([]byte("Handläggningstiden är fyra veckor.\r\n"), 27_000)
	for _, depositors := range []int{1, 10} {
		b.Run(fmt.Sprintf("depositors=%d", depositors), func(b *testing.B) { benchDeposit(b, body, depositors) })
	}
}

func benchDeposit(b *testing.B, body []byte, depositors int) {
	defer debug.SetGCPercent(debug.SetGCPercent(300))
	h := newHouse(b)
	kinds, err := h.Directory().Classify(b.Context(), []policy.Address{kim})
	must(b, err)
	var number atomic.Uint64
	deposit := func() error {
		w := h.Depositor().Begin(vault.Deposit{From: anna, Recipients: kinds})
		w.Write(mail(fmt.Sprintf("%d@kommun.example", number.Add(1)), "Beslut")) // the error is Commit's too
		w.Write(body)
		_, err := w.Commit(b.Context())
		return err
	}
	bare, disk := newBare(b, h, deposit), newDisk(b, body)
	b.SetBytes(int64(len(body)))
	const turns = 8
	each := max(b.N/turns, depositors)
	var deposits, bares, syncs, cpu, bareCPU time.Duration
	b.ResetTimer()
	for range turns {
		b.StopTimer()
		before := cpuTime(b)
		bares += timeOf(b, each, depositors, bare.deposit)
		bareCPU += cpuTime(b) - before
		syncs += timeOf(b, 50, 1, disk.sync)
		before = cpuTime(b)
		b.StartTimer()
		deposits += timeOf(b, each, depositors, deposit)
		cpu += cpuTime(b) - before
	}
	b.ReportMetric(float64(cpu.Microseconds())/float64(turns*each), "µs")
	b.ReportMetric(float64(bareCPU.Microseconds())/float64(turns*each), "bare-µs")
	rate := turns * float64(each) / deposits.Seconds()
	b.ReportMetric(rate, "mails/s")
	b.ReportMetric(bares.Seconds()/deposits.Seconds(), "of-bare")
	b.ReportMetric(rate*syncs.Seconds()/(50*turns), "of-fsync")
}

// timeOf is how long it takes to run fn n times, in so many goroutines.
func timeOf(b *testing.B, n, goroutines int, fn func() error) time.Duration {
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
	return time.Since(start)
}

// put is a record a deposit writes; fresh tells that its key is the deposit's own.
type put struct {
	table      kv.Table
	key, value []byte
	fresh      bool
}

// bare is a store that gets the writes of deposits without all the work that leads to them.
type bare struct {
	b      *testing.B
	engine kv.Engine
	puts   []put
	number atomic.Uint64
}

func newBare(b *testing.B, h *house, deposit func() error) *bare {
	must(b, deposit())
	before := vault.DumpForTest(h.Vault)
	must(b, deposit())
	out := &bare{b: b}
	for table, records := range vault.DumpForTest(h.Vault) {
		for key, value := range records {
			if old, known := before[table][key]; !known || old != value {
				out.puts = append(out.puts, put{kv.Table(table), []byte(key), []byte(value), !known})
			}
		}
	}
	engine, err := kv.OpenBolt(filepath.Join(b.TempDir(), "bare"), vault.BoltOptionsForTest())
	must(b, err)
	b.Cleanup(func() { must(b, engine.Close()) })
	out.engine = engine
	return out
}

func (s *bare) deposit() error {
	n := s.number.Add(1)
	return s.engine.Update(s.b.Context(), func(w kv.Writer) error {
		for _, p := range s.puts {
			if err := w.Put(p.table, p.anew(n), p.value); err != nil {
				return err
			}
		}
		return nil
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

// disk is a file that the mail is appended to.
type disk struct {
	file *os.File
	raw  []byte
}

func newDisk(b *testing.B, raw []byte) *disk {
	f, err := os.Create(filepath.Join(b.TempDir(), "disk"))
	must(b, err)
	b.Cleanup(func() { f.Close() })
	return &disk{f, raw}
}

func (d *disk) sync() error {
	if _, err := d.file.Write(d.raw); err != nil {
		return err
	}
	return d.file.Sync()
}

// BenchmarkRead reads sealed content from the page cache. "cpu-MB/s" is what one core does whatever else the machine does.
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
	before := cpuTime(b)
	for i := range b.N {
		_, err := contents[0].ReadAt(p, int64(i%31)<<20)
		must(b, err)
	}
	b.ReportMetric(float64(len(p)*b.N)/1e6/(cpuTime(b)-before).Seconds(), "cpu-MB/s")
}

// cpuTime is the processor time of the process.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
