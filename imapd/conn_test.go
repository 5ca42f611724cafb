package imapd

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRollingDeadlines: a literal may come slowly but not stop; after the first error nothing is read.
func TestRollingDeadlines(t *testing.T) {
	t.Parallel()
	f := &fixture{TB: t, dir: t.TempDir()}
	config := f.certificate()
	synctest.Test(t, func(t *testing.T) {
		released := 0
		secure, client := securePipe(t, config)
		c := newConn(secure, func() { released++ })
		c.loggedIn()
		go func() {
			io.WriteString(client, "a APPEND x {20}\r\n")
			for range 10 {
				time.Sleep(90 * time.Second)
				io.WriteString(client, "x")
			}
			time.Sleep(4 * time.Minute)
			io.WriteString(client, "x NOOP\r\n")
		}()
		buf := make([]byte, 100)
		c.SetReadDeadline(time.Now().Add(30 * time.Second))
		if n, err := c.Read(buf); err != nil || n != 17 {
			t.Fatalf("line: %d, %v", n, err)
		}
		c.input.answered([]byte("+"))
		c.SetReadDeadline(time.Now().Add(literalDeadline))
		start := time.Now()
		for i := range 10 {
			if n, err := c.Read(buf); err != nil || n != 1 {
				t.Fatalf("octet %d: %d, %v", i, n, err)
			}
		}
		if d := time.Since(start); d != 15*time.Minute {
			t.Errorf("took %v", d)
		}
		if _, err := c.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a literal that stops: %v", err)
		}
		if d := time.Since(start); d != 15*time.Minute+stallLimit {
			t.Errorf("cut off after %v", d)
		}
		time.Sleep(5 * time.Minute)
		c.SetReadDeadline(time.Now().Add(time.Hour))
		if n, err := c.Read(buf); n != 0 || err == nil {
			t.Errorf("after an error: %q, %v", buf[:n], err)
		}
		client.NetConn().Close()
		c.Close()
		c.Close()
		if released != 1 {
			t.Errorf("released %d times", released)
		}
	})
}

// securePipe is the two ends of a TLS connection without a network.
func securePipe(t *testing.T, config *tls.Config) (server, client *tls.Conn) {
	t.Helper()
	near, far := net.Pipe()
	// The clock of a bubble begins in 2000, before the certificate.
	client = tls.Client(far, &tls.Config{InsecureSkipVerify: true})
	go io.Copy(io.Discard, client)
	server = tls.Server(near, config)
	if err := server.Handshake(); err != nil {
		t.Fatal(err)
	}
	return server, client
}

// TestLoginLimit: who does not log in is cut off, however busy.
func TestLoginLimit(t *testing.T) {
	t.Parallel()
	f := &fixture{TB: t, dir: t.TempDir()}
	config := f.certificate()
	synctest.Test(t, func(t *testing.T) {
		secure, client := securePipe(t, config)
		c := newConn(secure, func() {})
		go func() {
			for {
				if _, err := io.WriteString(client, "a NOOP\r\n"); err != nil {
					return
				}
				time.Sleep(20 * time.Second)
			}
		}()
		start, buf := time.Now(), make([]byte, 100)
		var err error
		for err == nil {
			c.SetReadDeadline(time.Now().Add(30 * time.Second))
			_, err = c.Read(buf)
		}
		if d := time.Since(start); d != loginLimit {
			t.Errorf("cut off after %v: %v", d, err)
		}
		client.NetConn().Close()
		time.Sleep(time.Minute)
	})
}

// TestLargeMessage appends a message of many chunks and fetches it.
func TestLargeMessage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.login(anna)
	const size = 24 << 20
	head := "Subject: stort\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhej\r\n--b\r\nContent-Type: application/x\r\n\r\n"
	pattern := make([]byte, 1<<20)
	rand.Read(pattern)
	for i := range pattern {
		pattern[i] |= 1 // no NUL
	}
	want := sha256.New()
	w.send("a APPEND Drafts {%d}\r\n", size)
	w.response()
	both := io.MultiWriter(w, want)
	io.WriteString(both, head)
	for left := size - len(head); left > 0; left -= len(pattern) {
		both.Write(pattern[:min(left, len(pattern))])
	}
	w.send("\r\n")
	if got := w.response(); !strings.HasPrefix(got, "a OK [APPENDUID") {
		t.Fatalf("append: %q", got)
	}
	w.ok("SELECT Drafts")
	w.send("b FETCH 1 BODY[]\r\n")
	line, err := w.in.ReadString('\n')
	f.must(err)
	if !strings.HasSuffix(line, fmt.Sprintf(" BODY[] {%d}\r\n", size)) {
		t.Fatalf("fetch: %q", line)
	}
	got := sha256.New()
	_, err = io.CopyN(got, w.in, size)
	f.must(err)
	if !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Error("not what was appended")
	}
	for got := ""; !strings.HasPrefix(got, "b OK"); {
		got = w.response()
	}
	from := size - len(pattern)
	w.send("c UID FETCH 1 BODY.PEEK[2]<%d.100>\r\n", from)
	if got := w.response(); len(literalOf(got)) != 100 {
		t.Errorf("a part of a part: %q", got)
	}
}
