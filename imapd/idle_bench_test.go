package imapd

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"
)

// BenchmarkIdle is how long after the commit a client in IDLE is told of a delivery.
func BenchmarkIdle(b *testing.B) {
	f := newFixture(b, func(c *Config) { c.Log = slog.New(slog.DiscardHandler) })
	w := f.login(anna)
	w.ok("SELECT INBOX")
	w.send("i IDLE\r\n")
	w.response()
	var took []time.Duration
	for b.Loop() {
		f.deposit(mail(fmt.Sprint("nr ", len(took))))
		committed := time.Now()
		if got, want := w.response(), fmt.Sprintf("* %d EXISTS\r\n", len(took)+1); got != want {
			b.Fatalf("told %q, want %q", got, want)
		}
		took = append(took, time.Since(committed))
	}
	slices.Sort(took)
	for _, p := range []int{50, 99, 100} {
		b.ReportMetric(float64(took[(len(took)-1)*p/100].Microseconds())/1e3, fmt.Sprintf("p%d-ms", p))
	}
}
