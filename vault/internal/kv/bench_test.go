package kv_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"sigill/vault/internal/kv"
)

const benchValue = 10_000

// BenchmarkUpdate writes values of 10 KB from some goroutines. "of-disk" is the rate in appends of 10 KB with a sync each,
// one after the other, that the same disk did just before; "of-batch" in as many updates by bbolt's Batch with a delay of 1 ms.
func BenchmarkUpdate(b *testing.B) {
	for _, goroutines := range []int{1, 10, 50, 200} {
		b.Run(fmt.Sprintf("%d", goroutines), func(b *testing.B) {
			disk, batch := diskRate(b), batchRate(b, goroutines)
			disk = (disk + diskRate(b)) / 2
			store := openBolt(b, kv.BoltOptions{})
			before := kv.CommitsOf(store)
			value := make([]byte, benchValue)
			b.ResetTimer()
			spread(b, goroutines, b.N, func(i int) error { return put(store, fmt.Sprintf("%012d", i), value) })
			rate := float64(b.N) / b.Elapsed().Seconds()
			b.StopTimer()
			b.ReportMetric(rate, "updates/s")
			b.ReportMetric(rate/disk, "of-disk")
			b.ReportMetric(rate/batch, "of-batch")
			b.ReportMetric(float64(b.N)/float64(kv.CommitsOf(store)-before), "updates/commit")
		})
	}
}

// spread does n things from some goroutines.
func spread(b testing.TB, goroutines, n int, do func(i int) error) {
	var i atomic.Int64
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for at := i.Add(1); at <= int64(n); at = i.Add(1) {
				if err := do(int(at)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

func diskRate(b *testing.B) float64 {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "append"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	const n = 200
	value, start := make([]byte, benchValue), time.Now()
	for range n {
		if _, err := f.Write(value); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	return n / time.Since(start).Seconds()
}

func batchRate(b *testing.B, goroutines int) float64 {
	b.Helper()
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "batch"), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoFreelistSync: true,
		InitialMmapSize: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.MaxBatchDelay = time.Millisecond
	n := b.N
	value, start := make([]byte, benchValue), time.Now()
	spread(b, goroutines, n, func(i int) error {
		return db.Batch(func(tx *bbolt.Tx) error {
			t, err := tx.CreateBucketIfNotExists([]byte("t"))
			if err != nil {
				return err
			}
			return t.Put(fmt.Appendf(nil, "%012d", i), value)
		})
	})
	return float64(n) / time.Since(start).Seconds()
}
