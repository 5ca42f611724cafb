package vault

import (
	"context"
	"iter"
	"sync"

	"sigill/vault/internal/kv"
)

// StatsForTest are those of the store below.
func StatsForTest(v *Vault) (kv.Stats, error) { return v.kv.(*kv.Bolt).Stats() }

// CountReadsForTest counts from now on how many records of each table are read. Call stop before anything else is done
// with the vault.
func CountReadsForTest(v *Vault) (reads func(table string) int, stop func()) {
	c := &counter{Engine: v.kv, reads: map[kv.Table]int{}}
	v.kv = c
	reads = func(table string) int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.reads[kv.Table(table)]
	}
	return reads, func() { v.kv = c.Engine }
}

// counter is an engine that counts the records it gives.
type counter struct {
	kv.Engine
	mu    sync.Mutex
	reads map[kv.Table]int
}

func (c *counter) View(ctx context.Context, fn func(kv.Reader) error) error {
	return c.Engine.View(ctx, func(r kv.Reader) error { return fn(countingReader{r, c}) })
}

func (c *counter) Update(ctx context.Context, fn func(kv.Writer) error) error {
	return c.Engine.Update(ctx, func(w kv.Writer) error { return fn(countingWriter{w, countingReader{w, c}}) })
}

func (c *counter) count(t kv.Table) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads[t]++
}

type countingReader struct {
	r kv.Reader
	c *counter
}

func (r countingReader) Get(t kv.Table, key []byte) []byte {
	r.c.count(t)
	return r.r.Get(t, key)
}

func (r countingReader) Range(t kv.Table, s kv.Span) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		for k, v := range r.r.Range(t, s) {
			if r.c.count(t); !yield(k, v) {
				return
			}
		}
	}
}

type countingWriter struct {
	kv.Writer
	r countingReader
}

func (w countingWriter) Get(t kv.Table, key []byte) []byte { return w.r.Get(t, key) }

func (w countingWriter) Range(t kv.Table, s kv.Span) iter.Seq2[[]byte, []byte] {
	return w.r.Range(t, s)
}
