package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"sigill/smtpd/internal/sink"
)

const sample = "A: b\r\n\r\nc\r\n"

// peer is an upstream that answers by hand, one call for each connection, counted from 0.
func peer(t *testing.T, serve func(n int, c net.Conn, in *bufio.Reader)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(10 * time.Second))
				fmt.Fprintf(c, "220 hello\r\n")
				serve(n, c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return l.Addr().String()
}

// hear reads a line and answers; "" does not.
func hear(c io.Writer, in *bufio.Reader, answer string) (line string) {
	line, _ = in.ReadString('\n')
	if answer != "" {
		fmt.Fprintf(c, "%s\r\n", answer)
	}
	return strings.TrimSpace(line)
}

// message reads to the line with the dot and answers.
func message(c io.Writer, in *bufio.Reader, answer string) {
	for line := ""; line != ".\r\n"; {
		var err error
		if line, err = in.ReadString('\n'); err != nil {
			return
		}
	}
	fmt.Fprintf(c, "%s\r\n", answer)
}

func send(t *testing.T, c *Client) (Reply, error) {
	t.Helper()
	return c.Send(t.Context(), mail("b@ut.example"), strings.NewReader(sample))
}

func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	up, conns := counted(t)
	c := client(t, up.Addr, nil)
	up.OnRcpt = func(to string) error {
		if strings.HasPrefix(to, "nobody") {
			return says(550, 5, 1, 1)
		}
		return nil
	}
	for i := range 20 {
		to := "b@ut.example"
		if i%4 == 1 {
			to = "nobody@ut.example" // a refusal is no reason to go
		}
		if _, err := c.Send(t.Context(), mail(to), strings.NewReader(sample)); (err != nil) != (i%4 == 1) {
			t.Fatal(i, err)
		}
	}
	if n := conns.Load(); n != 1 || len(up.Mails()) != 15 {
		t.Errorf("%d connections for %d mails", n, len(up.Mails()))
	}
}

// counted is a sink that counts its connections.
func counted(t *testing.T) (*sink.Sink, *atomic.Int64) {
	var n atomic.Int64
	up := sink.Start(t, func(s *smtp.Server) {
		under := s.Backend
		s.Backend = smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { n.Add(1); return under.NewSession(c) })
	})
	return up, &n
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	var open, most atomic.Int64
	addr := peer(t, func(_ int, c net.Conn, in *bufio.Reader) {
		most.Store(max(most.Load(), open.Add(1)))
		defer open.Add(-1)
		hear(c, in, "250 me")
		for hear(c, in, "250 ok") != "QUIT" { // MAIL
			hear(c, in, "250 ok")
			hear(c, in, "354 go")
			message(c, in, "250 ok")
		}
	})
	c := client(t, addr, func(c *Config) { c.Pool.Connections = 3 })
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			if _, err := send(t, c); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := most.Load(); n > 3 {
		t.Errorf("%d connections at one time", n)
	}
	c.Close()
	busy := client(t, addr, func(c *Config) { c.Pool.Connections, c.Timeouts.Dial = 1, 20*time.Millisecond })
	pr, pw := io.Pipe()
	all.Go(func() { busy.Send(t.Context(), mail("b@ut.example"), pr) })
	io.WriteString(pw, "A: b\r\n") // now the only connection is in use
	if _, err := send(t, busy); !errors.Is(err, errBusy) {
		t.Error(err)
	}
	pw.Close()
	all.Wait()
}

// TestStale tells what becomes of a mail on a connection that the upstream closed while it was parked.
func TestStale(t *testing.T) {
	t.Parallel()
	for why, end := range map[string]func(net.Conn){
		"closed":               func(net.Conn) {},
		"closed with a word":   func(c net.Conn) { fmt.Fprintf(c, "421 4.4.2 timeout\r\n") },
		"reset":                func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) },
		"something else first": func(c net.Conn) { fmt.Fprintf(c, "hello?\r\n") },
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			gone := make(chan bool, 10)
			addr := peer(t, func(n int, c net.Conn, in *bufio.Reader) {
				hear(c, in, "250-me\r\n250 PIPELINING")
				hear(c, in, "250 ok")
				hear(c, in, "250 ok")
				hear(c, in, "354 go")
				message(c, in, fmt.Sprintf("250 2.0.0 taken by %d", n))
				end(c)
				c.Close()
				gone <- true
			})
			c := client(t, addr, nil)
			for n := range 3 {
				r, err := send(t, c)
				if err != nil || r.Text != fmt.Sprint("taken by ", n) {
					t.Fatal(r, err)
				}
				<-gone
			}
		})
	}
}

// TestNeverTwice cuts the connection after the message has begun: whether it was taken nobody knows, so it is not sent
// again, here or elsewhere.
func TestNeverTwice(t *testing.T) {
	t.Parallel()
	var begun atomic.Int64
	addr := peer(t, func(_ int, c net.Conn, in *bufio.Reader) {
		hear(c, in, "250 me")
		hear(c, in, "250 ok")
		hear(c, in, "250 ok")
		hear(c, in, "354 go")
		message(io.Discard, in, "")
		begun.Add(1)
	})
	other, conns := counted(t)
	c := client(t, addr, func(c *Config) { c.Upstreams = append(c.Upstreams, Upstream{Addr: other.Addr, Security: Cleartext}) })
	_, err := send(t, c)
	var no *Error
	if !errors.As(err, &no) || no.Code != 451 || begun.Load() != 1 || conns.Load() != 0 {
		t.Error(err, begun.Load(), conns.Load())
	}
}

func TestFailover(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for why, addr := range map[string]string{
		"nobody listens":   closed.Addr().String(),
		"a refusal":        script(t, "554 go away"),
		"it is going down": script(t, "220 hello", "250 me", "421 4.3.2 going down"),
		"break after MAIL": script(t, "220 hello", "250 me", "250 ok"),
		"we should log in": script(t, "220 hello", "250 me", "530 5.7.0 who are you"),
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			second := sink.Start(t, nil)
			c := client(t, addr, func(c *Config) { c.Upstreams = append(c.Upstreams, Upstream{Addr: second.Addr, Security: Cleartext}) })
			if _, err := send(t, c); err != nil || len(second.Mails()) != 1 {
				t.Fatal(err)
			}
			if o := c.order(); o[0].Addr != second.Addr {
				t.Error("the one that failed is not put last")
			}
		})
	}
	t.Run("a word on the mail is no fault of the upstream", func(t *testing.T) {
		t.Parallel()
		first, second := sink.Start(t, nil), sink.Start(t, nil)
		first.OnRcpt = func(string) error { return says(450, 4, 2, 1) }
		c := client(t, first.Addr, func(c *Config) { c.Upstreams = append(c.Upstreams, Upstream{Addr: second.Addr, Security: Cleartext}) })
		if _, err := send(t, c); err == nil || len(second.Mails()) != 0 || c.order()[0].Addr != first.Addr {
			t.Error(err)
		}
	})
}

func TestCoolDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{Upstreams: []Upstream{{Addr: "a.example:25"}, {Addr: "b.example:25"}}, Hello: "me"})
		if err != nil {
			t.Fatal(err)
		}
		order := func() (names []string) {
			for _, u := range c.order() {
				names = append(names, u.Addr[:1])
			}
			return names
		}
		c.upstreams[0].rest()
		if got := order(); !slices.Equal(got, []string{"b", "a"}) {
			t.Error(got)
		}
		if got := c.States(); !got[0].Failed.Equal(time.Now()) || !got[1].Failed.IsZero() || got[0].Addr != "a.example:25" {
			t.Errorf("states: %+v", got)
		}
		time.Sleep(coolDown / 2)
		c.upstreams[1].rest()
		if got := order(); !slices.Equal(got, []string{"a", "b"}) {
			t.Error(got, "both rest")
		}
		time.Sleep(coolDown/2 + 1)
		if got := order(); !slices.Equal(got, []string{"a", "b"}) {
			t.Error(got, "only b rests")
		}
	})
}

func TestPipelining(t *testing.T) {
	t.Parallel()
	for why, row := range map[string]struct {
		answers []string // to MAIL, two RCPT and DATA
		want    string
		reused  bool
	}{
		"taken":                      {[]string{"250 ok", "250 ok", "250 ok", "354 go"}, "", true},
		"MAIL refused":               {[]string{"550 5.7.1 not you", "503 no", "503 no", "503 no"}, "550 5.7.1", true},
		"one recipient refused":      {[]string{"250 ok", "250 ok", "550 5.1.1 who", "354 go"}, "550 5.1.1", false},
		"all recipients refused":     {[]string{"250 ok", "550 5.1.1 who", "550 5.1.2 who", "554 5.5.1 nobody"}, "550 5.1.1", true},
		"DATA refused":               {[]string{"250 ok", "250 ok", "250 ok", "452 4.3.1 full"}, "452 4.3.1", true},
		"going down in between":      {[]string{"250 ok", "421 4.3.2 bye"}, "451 4.3.2", false},
		"not an answer to RCPT":      {[]string{"250 ok", "334 what", "250 ok", "354 go"}, "451 4.4.1", false},
		"not an answer to DATA":      {[]string{"250 ok", "250 ok", "250 ok", "250 ok"}, "451 4.4.1", false},
		"first refusal is the reply": {[]string{"250 ok", "450 4.2.1 later", "550 5.1.1 who", "354 go"}, "450 4.2.1", false},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			var first bool
			addr := peer(t, func(n int, c net.Conn, in *bufio.Reader) {
				hear(c, in, "250-me\r\n250-PIPELINING\r\n250 8BITMIME")
				if n > 0 {
					return
				}
				in.Peek(1)
				first = in.Buffered() > 60 // all four came at once
				for _, a := range row.answers {
					hear(c, in, a)
				}
				if row.want == "" {
					message(c, in, "250 ok")
				}
				if hear(c, in, "250 reset") == "RSET" {
					hear(c, in, "221 bye")
				}
			})
			c := client(t, addr, nil)
			_, err := c.Send(t.Context(), mail("b@ut.example", "c@ut.example"), strings.NewReader(sample))
			if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
				t.Errorf("got %v, want %q", err, row.want)
			}
			if parked := len(c.upstreams[0].parked) == 1; parked != row.reused {
				t.Errorf("parked is %v", parked)
			}
			c.Close()
			if !first {
				t.Error("the commands did not come at once")
			}
		})
	}
}

func TestIdleConnectionsEnd(t *testing.T) {
	t.Parallel()
	quit := make(chan string, 1)
	addr := peer(t, func(_ int, c net.Conn, in *bufio.Reader) {
		hear(c, in, "250 me")
		hear(c, in, "250 ok")
		hear(c, in, "250 ok")
		hear(c, in, "354 go")
		message(c, in, "250 ok")
		quit <- hear(c, in, "221 bye")
	})
	c := client(t, addr, func(c *Config) { c.Pool.Idle = 10 * time.Millisecond })
	if _, err := send(t, c); err != nil {
		t.Fatal(err)
	}
	if said := <-quit; said != "QUIT" {
		t.Errorf("it said %q", said)
	}
	aged := client(t, addr, func(c *Config) { c.Pool.Age = time.Nanosecond })
	if _, err := send(t, aged); err != nil {
		t.Fatal(err)
	}
	if said := <-quit; said != "QUIT" || len(aged.upstreams[0].parked) != 0 {
		t.Errorf("it said %q", said)
	}
}

func TestHostileUpstream(t *testing.T) {
	t.Parallel()
	for why, row := range map[string]struct {
		serve func(net.Conn, *bufio.Reader)
		want  string
	}{
		"it talks without end": {func(c net.Conn, in *bufio.Reader) {
			for {
				if _, err := fmt.Fprintf(c, "250-%s\r\n", strings.Repeat("x", 1000)); err != nil {
					return
				}
			}
		}, "EHLO"},
		"a reply before TLS begins": {func(c net.Conn, in *bufio.Reader) {
			hear(c, in, "250-me\r\n250 STARTTLS")
			hear(c, in, "220 go\r\n250 injected")
		}, "before TLS"},
		"no mechanism of ours": {func(c net.Conn, in *bufio.Reader) { hear(c, in, "250-me\r\n250 AUTH GSSAPI") }, "neither"},
		"nonsense for a challenge": {func(c net.Conn, in *bufio.Reader) {
			hear(c, in, "250-me\r\n250 AUTH LOGIN")
			hear(c, in, "334 ###")
		}, "base64"},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			addr := peer(t, func(_ int, c net.Conn, in *bufio.Reader) { row.serve(c, in) })
			c := client(t, addr, func(c *Config) {
				if u := &c.Upstreams[0]; row.want == "before TLS" {
					u.Security = StartTLS
				} else {
					u.Auth = &Credentials{"u", "p"}
				}
			})
			if _, err := send(t, c); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q", err, row.want)
			}
		})
	}
}

func TestAuthLogin(t *testing.T) {
	t.Parallel()
	var said []string
	done := make(chan bool)
	addr := peer(t, func(_ int, c net.Conn, in *bufio.Reader) {
		hear(c, in, "250-me\r\n250 AUTH LOGIN")
		for _, a := range []string{"334 UGFzc3dvcmQ6", "235 2.7.0 welcome"} {
			said = append(said, hear(c, in, a))
		}
		defer close(done)
		hear(c, in, "550 5.7.1 enough")
		hear(c, in, "250 reset")
		hear(c, in, "221 bye")
	})
	c := client(t, addr, func(c *Config) { c.Upstreams[0].Auth = &Credentials{"gateway", "hemligt"} })
	_, err := send(t, c)
	c.Close()
	<-done
	if want := []string{"AUTH LOGIN Z2F0ZXdheQ==", "aGVtbGlndA=="}; !slices.Equal(said, want) {
		t.Errorf("said %q, %v", said, err)
	}
}

// TestUpstreamWillNotHearAll gives the reply of an upstream that refuses in the middle of a message and goes.
func TestUpstreamWillNotHearAll(t *testing.T) {
	t.Parallel()
	addr := peer(t, func(_ int, c net.Conn, in *bufio.Reader) {
		hear(c, in, "250 me")
		hear(c, in, "250 ok")
		hear(c, in, "250 ok")
		hear(c, in, "354 go")
		hear(c, in, "552 5.3.4 too much")
		_ = c.(*net.TCPConn).CloseRead()
		io.Copy(io.Discard, io.LimitReader(c, 1<<20))
		c.(*net.TCPConn).CloseWrite()
	})
	c := client(t, addr, nil)
	_, err := c.Send(t.Context(), mail("b@ut.example"), strings.NewReader(strings.Repeat(sample, 10<<20/len(sample))))
	var no *Error
	if !errors.As(err, &no) || !no.Temporary() && no.Code != 552 {
		t.Errorf("got %v", err)
	}
}

// TestBackPressure has an upstream that reads slowly: the reader is not asked for more than fits on the way.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	release := make(chan bool)
	addr := peer(t, func(_ int, c net.Conn, in *bufio.Reader) {
		hear(c, in, "250 me")
		hear(c, in, "250 ok")
		hear(c, in, "250 ok")
		hear(c, in, "354 go")
		<-release
		message(c, in, "250 ok")
	})
	var read atomic.Int64
	c := client(t, addr, nil)
	done := make(chan error)
	total := int64(64 << 20)
	go func() {
		_, err := c.Send(t.Context(), mail("b@ut.example"), &meter{io.LimitReader(lineReader{}, total), &read})
		done <- err
	}()
	for last := int64(-1); last != read.Load() || last == 0; time.Sleep(50 * time.Millisecond) {
		last = read.Load()
	}
	if n := read.Load(); n > total/2 {
		t.Errorf("%d octets were read for an upstream that takes none", n)
	}
	close(release)
	if err := <-done; err != nil || read.Load() != total {
		t.Error(err, read.Load())
	}
}

// lineReader is lines without end.
type lineReader struct{}

func (lineReader) Read(p []byte) (int, error) {
	line := strings.Repeat("x", 1022) + "\r\n"
	n := 0
	for len(p)-n >= len(line) {
		n += copy(p[n:], line)
	}
	return n, nil
}

type meter struct {
	r io.Reader
	n *atomic.Int64
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.n.Add(int64(n))
	return n, err
}

func TestResumesTLS(t *testing.T) {
	t.Parallel()
	cert, roots := sink.Certificate(t)
	up := sink.Start(t, func(s *smtp.Server) { s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}} })
	c := client(t, up.Addr, func(c *Config) {
		c.Upstreams[0].Security, c.Upstreams[0].TLS = StartTLS, &tls.Config{RootCAs: roots}
		c.Pool.Age = time.Nanosecond
	})
	for range 2 {
		if _, err := send(t, c); err != nil {
			t.Fatal(err)
		}
	}
	l, err := c.upstreams[0].connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer l.quit()
	if !l.tls.DidResume {
		t.Error("a third connection begins anew")
	}
}

// FuzzStream holds what an SMTP server reads of a message against what was written.
func FuzzStream(f *testing.F) {
	for _, s := range []string{"", ".", "a\r\n.\r\n", "\r\n..\r\n", "\r", "\n", "\r\r\n", "a\r\n.b", "\n.\n"} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		var wire strings.Builder
		w := bufio.NewWriterSize(&wire, 16)
		cut = max(0, min(cut, len(text)))
		err := stream(w, io.MultiReader(strings.NewReader(string(text[:cut])), strings.NewReader(string(text[cut:]))))
		w.WriteString(".\r\n")
		w.Flush()
		clean := strings.ReplaceAll(string(text), "\r\n", "")
		if bare := strings.ContainsAny(clean, "\r\n"); bare != errors.Is(err, ErrBareLine) {
			t.Fatalf("bare %v: %v", bare, err)
		}
		if err != nil {
			return
		}
		want := string(text)
		if want != "" && !strings.HasSuffix(want, "\r\n") {
			want += "\r\n"
		}
		lines := strings.SplitAfter(wire.String(), "\r\n")
		var got strings.Builder
		for i, line := range lines {
			if line == ".\r\n" {
				if i != len(lines)-2 {
					t.Fatalf("the end comes early in %q", wire.String())
				}
				break
			}
			got.WriteString(strings.TrimPrefix(line, "."))
		}
		if got.String() != want {
			t.Fatalf("%q became %q", want, got.String())
		}
	})
}
