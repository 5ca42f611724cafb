package smtpd

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// fsyncs measures how many 16 KiB writes with fsync the disk of the vault does in a second, one after the other.
func fsyncs(b *testing.B) float64 {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "fsync"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	block, n, begin := make([]byte, 16<<10), 0, time.Now()
	for ; time.Since(begin) < 500*time.Millisecond; n++ {
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	return float64(n) / time.Since(begin).Seconds()
}

// BenchmarkDeposit seals 10 KB mails over SMTP, each durable before its 250, from a number of sessions at one time.
func BenchmarkDeposit(b *testing.B) {
	for _, sessions := range []int{1, 10, 50, 200} {
		b.Run(fmt.Sprint(sessions), func(b *testing.B) { load(b, sessions, "[secure] a", 10<<10) })
	}
}

// BenchmarkPass passes mails of 10 KB and 10 MB on to a sink in the same process.
func BenchmarkPass(b *testing.B) {
	b.Run("10KB/1", func(b *testing.B) { load(b, 1, "a", 10<<10) })
	b.Run("10KB/50", func(b *testing.B) { load(b, 50, "a", 10<<10) })
	b.Run("10MB/1", func(b *testing.B) { load(b, 1, "a", 10<<20) })
}

func load(b *testing.B, sessions int, subject string, size int) {
	g := start(b, func(o *setup) {
		o.Log = slog.New(slog.DiscardHandler)
		o.Limits.PerAddress, o.Limits.Connections = 1000, 1000
	})
	g.upstream.Forget = true
	body := bytes.Repeat([]byte(strings.Repeat("x", 76)+"\r\n"), size/78+1)[:size-2]
	m := "From: anna@kommun.example\r\nSubject: " + subject + "\r\n\r\n" + string(body) + "\r\n"
	var clients []*wire
	for range sessions {
		w := g.wire(Connector)
		_ = w.SetDeadline(time.Time{})
		w.talk("", "220", "EHLO a.example", "250")
		clients = append(clients, w)
	}
	bare := fsyncs(b)
	b.SetBytes(int64(len(m)))
	b.ResetTimer()
	turns := make(chan bool, b.N)
	for range b.N {
		turns <- true
	}
	close(turns)
	var all sync.WaitGroup
	for _, w := range clients {
		all.Go(func() {
			for range turns {
				w.talk("MAIL FROM:<"+anna.String()+">", "250", "RCPT TO:<"+cecil.String()+">", "250", "DATA", "354", m+".", "250")
			}
		})
	}
	all.Wait()
	b.StopTimer()
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "msgs/s")
	b.ReportMetric(bare, "fsync/s")
	b.ReportMetric(rate/bare, "msgs/fsync")
}
