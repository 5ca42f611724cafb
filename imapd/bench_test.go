package imapd

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// BenchmarkFetch reads a mailbox of 5,000 mails of 10 KB over TLS.
func BenchmarkFetch(b *testing.B) {
	const n = 5000
	f := newFixture(b, func(c *Config) { c.Log = slog.New(slog.DiscardHandler) })
	f.fill(n)
	for _, items := range []string{"(FLAGS)", "(FLAGS ENVELOPE BODYSTRUCTURE)", "(FLAGS BODY.PEEK[HEADER.FIELDS (From To Subject Date)])", "(BODY.PEEK[])"} {
		b.Run(items, func(b *testing.B) {
			w := f.login(anna)
			w.SetDeadline(time.Time{})
			w.ok("SELECT INBOX")
			w.in = bufio.NewReaderSize(w.Conn, 64<<10)
			octets, busy := 0, processorTime(b)
			for b.Loop() {
				octets += w.drain("UID FETCH 1:* " + items)
			}
			b.ReportMetric(float64((processorTime(b)-busy).Nanoseconds())/1e3/float64(n*b.N), "cpu-µs/msg")
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "msgs/s")
			b.ReportMetric(float64(octets)/1e6/b.Elapsed().Seconds(), "MB/s")
			w.Close()
		})
	}
}

// processorTime is what this process, server and client, has used.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkFetchLarge reads a mail of 64 MB; B/op tells that it is not held in memory.
func BenchmarkFetchLarge(b *testing.B) {
	f := newFixture(b)
	const size = 64 << 20
	f.deposit(mail("stort") + strings.Repeat("Det här är en rad i ett brev till kommunen.\r\n", size/47))
	w := f.login(anna)
	w.SetDeadline(time.Time{})
	w.ok("SELECT INBOX")
	w.in = bufio.NewReaderSize(w.Conn, 64<<10)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		w.drain("UID FETCH 1 BODY.PEEK[]")
	}
}

// fill deposits mails of 10 KB.
func (f *fixture) fill(n int) {
	work := make(chan int)
	var wait sync.WaitGroup
	for range 32 {
		wait.Go(func() {
			for i := range work {
				d := f.vault.Depositor().Begin(vault.Deposit{
					From: bo, Account: bo, Rule: policy.RuleTag, Recipients: []policy.Recipient{{Address: anna, Kind: policy.Colleague}},
				})
				io.WriteString(d, benchMail(i))
				if _, err := d.Commit(context.Background()); err != nil {
					f.Error(err)
				}
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wait.Wait()
}

// drain sends a command and counts the octets of the answer.
func (w *wire) drain(command string) (octets int) {
	w.Helper()
	w.send("x %s\r\n", command)
	for {
		line, err := w.in.ReadSlice('\n')
		if err != nil { // not must, which looks up its caller
			w.Fatal(err)
		}
		if octets += len(line); bytes.HasPrefix(line, []byte("x ")) {
			if !bytes.HasPrefix(line, []byte("x OK")) {
				w.Fatalf("%s", line)
			}
			return octets
		}
	}
}

// BenchmarkStore sets a flag on 5,000 messages, and takes it away again.
func BenchmarkStore(b *testing.B) {
	const n = 5000
	f := newFixture(b, func(c *Config) { c.Log = slog.New(slog.DiscardHandler) })
	f.fill(n)
	w := f.login(anna)
	w.SetDeadline(time.Time{})
	w.ok("SELECT INBOX")
	w.in = bufio.NewReaderSize(w.Conn, 64<<10)
	b.ReportAllocs()
	busy := processorTime(b)
	for b.Loop() {
		w.drain(`UID STORE 1:* +FLAGS (\Seen)`)
		w.drain(`UID STORE 1:* -FLAGS (\Seen)`)
	}
	b.ReportMetric(float64((processorTime(b)-busy).Nanoseconds())/1e3/float64(2*n*b.N), "cpu-µs/msg")
	b.ReportMetric(float64(2*n*b.N)/b.Elapsed().Seconds(), "msgs/s")
}
