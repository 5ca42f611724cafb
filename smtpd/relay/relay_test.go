package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"sigill/policy"
	"sigill/smtpd/internal/sink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func mail(to ...string) Mail {
	m := Mail{Envelope: policy.Envelope{From: policy.MustAddress("anna@kommun.example")}}
	for _, a := range to {
		m.To = append(m.To, policy.MustAddress(a))
	}
	return m
}

func client(t *testing.T, addr string, change func(*Config)) *Client {
	t.Helper()
	c := Config{Upstreams: []Upstream{{Addr: addr, Security: Cleartext}}, Hello: "gateway.example",
		Timeouts: Timeouts{Dial: 5 * time.Second, Command: 5 * time.Second, Write: 5 * time.Second, Final: 5 * time.Second}}
	if change != nil {
		change(&c)
	}
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func says(code int, e ...int) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode(e), Message: "upstream's own words"}
}

func TestSendKeepsEveryOctet(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 60000)
	for name, message := range map[string]string{
		"plain":             "Subject: a\r\n\r\nb\r\n",
		"dots":              "Subject: a\r\n\r\n.\r\n..\r\n.a\r\n",
		"8-bit":             "Subject: \xe5\xe4\xf6\r\n\r\n\xff\x80\r\n",
		"long line":         "Subject: a\r\n\r\n" + long + "\r\n",
		"many blocks":       strings.Repeat("0123456789abcde\r\n", 9000),
		"a body of lines":   "\r\n\r\n\r\n",
		"only a dot":        ".\r\n",
		"header only":       "Subject: a\r\n",
		"NUL":               "Subject: a\r\n\r\n\x00\r\n",
		"CRLF across block": strings.Repeat("y", 32<<10-1) + "\r\nz\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := sink.Start(t, nil)
			r, err := client(t, up.Addr, nil).Send(t.Context(), mail("b@ut.example", "c@ut.example"), strings.NewReader(message))
			if err != nil {
				t.Fatal(err)
			}
			if want := (Reply{250, [3]int{2, 6, 0}, "queued upstream as 4711"}); r != want {
				t.Errorf("reply %+v, want %+v", r, want)
			}
			got := up.Mails()
			if len(got) != 1 || string(got[0].Data) != message {
				t.Fatalf("message changed on the way")
			}
			if got[0].From != "anna@kommun.example" || fmt.Sprint(got[0].To) != "[b@ut.example c@ut.example]" {
				t.Errorf("envelope %s %v", got[0].From, got[0].To)
			}
		})
	}
}

func TestUpstreamRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why  string
		set  func(*sink.Sink)
		want Reply
	}{
		{"MAIL is answered as it was", func(k *sink.Sink) { k.OnMail = func(string) error { return says(550, 5, 7, 1) } },
			Reply{550, [3]int{5, 7, 1}, "upstream's own words"}},
		{"one recipient refused refuses the mail", func(k *sink.Sink) {
			k.OnRcpt = func(to string) error {
				if to == "c@ut.example" {
					return says(550, 5, 1, 1)
				}
				return nil
			}
		}, Reply{550, [3]int{5, 1, 1}, "upstream's own words"}},
		{"a temporary refusal stays temporary", func(k *sink.Sink) { k.OnRcpt = func(string) error { return says(450, 4, 2, 1) } },
			Reply{450, [3]int{4, 2, 1}, "upstream's own words"}},
		{"DATA is answered as it was", func(k *sink.Sink) {
			k.OnData = func(r io.Reader) error { io.Copy(io.Discard, r); return says(554, 5, 6, 0) }
		}, Reply{554, [3]int{5, 6, 0}, "upstream's own words"}},
		{"421 is about the upstream's connection, not ours", func(k *sink.Sink) { k.OnMail = func(string) error { return says(421, 4, 3, 2) } },
			Reply{451, [3]int{4, 3, 2}, "upstream's own words"}},
		{"that we should log in is no fault of the sender's", func(k *sink.Sink) { k.OnMail = func(string) error { return says(530, 5, 7, 0) } },
			unreachable(nil).Reply},
		{"an unknown code is a break", func(k *sink.Sink) { k.OnMail = func(string) error { return says(399, 0, 0, 0) } },
			dropped(nil).Reply},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			up := sink.Start(t, nil)
			row.set(up)
			_, err := client(t, up.Addr, nil).Send(t.Context(), mail("b@ut.example", "c@ut.example"), strings.NewReader("A: b\r\n\r\n"))
			var got *Error
			if !errors.As(err, &got) || got.Reply != row.want {
				t.Fatalf("got %v, want %+v", err, row.want)
			}
			if got.Temporary() != (row.want.Code < 500) {
				t.Errorf("Temporary is %v for %d", got.Temporary(), got.Code)
			}
			if strings.Contains(got.Error(), "upstream's own words") && got.Cause == nil {
				t.Error("the error text quotes the upstream")
			}
			if len(up.Mails()) != 0 {
				t.Error("a mail got through")
			}
		})
	}
}

func TestUpstreamTakesWithAnother2xx(t *testing.T) {
	t.Parallel()
	up := sink.Start(t, nil)
	up.OnData = func(r io.Reader) error { io.Copy(io.Discard, r); return says(252, 2, 0, 0) }
	r, err := client(t, up.Addr, nil).Send(t.Context(), mail("b@ut.example"), strings.NewReader("A: b\r\n\r\n"))
	if err != nil || r.Code != 252 {
		t.Fatal(r, err)
	}
}

func TestExtensionsAreHonest(t *testing.T) {
	t.Parallel()
	up := sink.Start(t, nil)
	m := mail("b@ut.example")
	m.Size, m.EightBit, m.UTF8 = 17, true, true
	if _, err := client(t, up.Addr, nil).Send(t.Context(), m, strings.NewReader("A: b\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if o := up.Mails()[0].Options; o.Size != 17 || o.Body != smtp.Body8BitMIME || !o.UTF8 {
		t.Errorf("MAIL said %+v", o)
	}

	old := script(t, "220 old", "250 old.example", "221")
	for why, m := range map[string]Mail{"553 5.6.7": mail("å@ut.example"), "554 5.6.3": {Envelope: mail("b@ut.example").Envelope, EightBit: true}} {
		_, err := client(t, old, nil).Send(t.Context(), m, strings.NewReader(""))
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("got %v, want %s", err, why)
		}
	}
}

// script is an upstream that says its lines one after the other, the first on connection, and then closes.
func script(t *testing.T, lines ...string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(c)
			for i, line := range lines {
				if i > 0 {
					if _, err := in.ReadString('\n'); err != nil {
						break
					}
				}
				fmt.Fprintf(c, "%s\r\n", line)
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func TestUpstreamUnreachable(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for why, addr := range map[string]string{
		"nobody listens":            closed.Addr().String(),
		"it closes at once":         script(t),
		"it will not talk to us":    script(t, "554 go away"),
		"it refuses EHLO":           script(t, "220 hello", "550 no"),
		"it breaks off after MAIL":  script(t, "220 hello", "250 me", "250 ok"),
		"it breaks off after RCPT":  script(t, "220 hello", "250 me", "250 ok", "250 ok"),
		"it breaks off in the data": script(t, "220 hello", "250 me", "250 ok", "250 ok", "354 go"),
		"it talks nonsense":         script(t, "bonjour"),
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			_, err := client(t, addr, nil).Send(t.Context(), mail("b@ut.example"), strings.NewReader("A: b\r\n\r\n"))
			var got *Error
			if !errors.As(err, &got) || got.Code != 451 || got.Enhanced != [3]int{4, 4, 1} || got.Cause == nil {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestReaderFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the client is gone")
	for why, row := range map[string]struct {
		message io.Reader
		want    error
	}{
		"the reader's error comes back": {io.MultiReader(strings.NewReader("A: b\r\n\r\n"), iotest.ErrReader(broken)), broken},
		"a cut-off is an error":         {io.MultiReader(strings.NewReader("A: b"), iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF},
		"bare CR":                       {strings.NewReader("A: b\r\n\r\na\rb\r\n"), ErrBareLine},
		"bare CR at the end":            {strings.NewReader("A: b\r\n\r\na\r"), ErrBareLine},
		"bare CR across reads":          {iotest.OneByteReader(strings.NewReader("A: b\r\n\r\n\r.\r\n")), ErrBareLine},
		"CR CR LF":                      {strings.NewReader("A: b\r\r\n\r\n"), ErrBareLine},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			up := sink.Start(t, nil)
			_, err := client(t, up.Addr, nil).Send(t.Context(), mail("b@ut.example"), row.message)
			if !errors.Is(err, row.want) {
				t.Fatalf("got %v, want %v", err, row.want)
			}
			if len(up.Mails()) != 0 {
				t.Error("half a mail got through")
			}
		})
	}
}

func TestContextEndsSend(t *testing.T) {
	t.Parallel()
	up := sink.Start(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	pr, pw := io.Pipe()
	go func() {
		io.WriteString(pw, "A: b\r\n\r\n")
		cancel()
		io.WriteString(pw, strings.Repeat("x", 1<<20))
		pw.Close()
	}()
	_, err := client(t, up.Addr, nil).Send(ctx, mail("b@ut.example"), pr)
	pr.Close()
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}

	silent := script(t, "220 hello") // answers nothing after the greeting
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	l, _ := net.Listen("tcp", "127.0.0.1:0") // never accepts
	defer l.Close()
	for _, addr := range []string{silent, l.Addr().String()} {
		if _, err := client(t, addr, nil).Send(ctx, mail("b@ut.example"), strings.NewReader("")); err == nil {
			t.Error("sent to a silent upstream")
		}
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel and never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := client(t, l.Addr().String(), func(c *Config) { c.Timeouts.Command = 30 * time.Millisecond })
	if _, err := c.Send(t.Context(), mail("b@ut.example"), strings.NewReader("")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	cert, roots := sink.Certificate(t)
	withTLS := func(s *smtp.Server) {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
		s.AllowInsecureAuth = false
	}
	up := sink.Start(t, withTLS)
	up.OnAuth = func(username, password string) error {
		if username != "gateway" || password != "hemligt" {
			return smtp.ErrAuthFailed
		}
		return nil
	}
	good := func(c *Config) {
		u := &c.Upstreams[0]
		u.Security, u.TLS, u.Auth = StartTLS, &tls.Config{RootCAs: roots}, &Credentials{"gateway", "hemligt"}
	}
	for why, row := range map[string]struct {
		addr   string
		change func(*Config)
		want   string // part of the error; "" is success
	}{
		"STARTTLS and AUTH":               {up.Addr, good, ""},
		"unknown root":                    {up.Addr, func(c *Config) { good(c); c.Upstreams[0].TLS = nil }, "certificate"},
		"wrong name":                      {up.Addr, func(c *Config) { good(c); c.Upstreams[0].TLS.ServerName = "annan.example" }, "annan.example"},
		"wrong password is our fault":     {up.Addr, func(c *Config) { good(c); c.Upstreams[0].Auth.Password = "x" }, "451 4.4.1"},
		"never in clear by default":       {sink.Start(t, nil).Addr, func(c *Config) { good(c); c.Upstreams[0].Auth = nil }, "STARTTLS"},
		"implicit TLS to a STARTTLS port": {up.Addr, func(c *Config) { good(c); c.Upstreams[0].Security = ImplicitTLS }, "451 4.4.1"},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			_, err := client(t, row.addr, row.change).Send(t.Context(), mail("b@ut.example"), strings.NewReader("A: b\r\n\r\n"))
			if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
				t.Fatalf("got %v, want %q", err, row.want)
			}
			var e *Error
			if err != nil && (!errors.As(err, &e) || !e.Temporary()) {
				t.Errorf("not temporary: %v", err)
			}
		})
	}
}

func TestImplicitTLS(t *testing.T) {
	t.Parallel()
	cert, roots := sink.Certificate(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	k := &sink.Sink{}
	s := k.Server()
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	defer func() { s.Close(); <-done }()
	c := client(t, l.Addr().String(), func(c *Config) {
		c.Upstreams[0].Security, c.Upstreams[0].TLS = ImplicitTLS, &tls.Config{RootCAs: roots}
	})
	if _, err := c.Send(t.Context(), mail("b@ut.example"), strings.NewReader("A: b\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for why, u := range map[string]Upstream{
		"no port":                         {Addr: "mail.example"},
		"unknown security":                {Addr: "mail.example:25", Security: "maybe"},
		"cleartext beyond loopback":       {Addr: "192.0.2.1:25", Security: Cleartext},
		"cleartext to a name":             {Addr: "mail.example:25", Security: Cleartext},
		"TLS without checking anybody":    {Addr: "mail.example:25", TLS: &tls.Config{InsecureSkipVerify: true}},
		"a password over an open network": {Addr: "192.0.2.1:25", Security: Unprotected, Auth: &Credentials{"u", "p"}},
		"a name not checked, without TLS": {Addr: "127.0.0.1:25", Security: Cleartext, TLS: &tls.Config{InsecureSkipVerify: true}},
	} {
		if _, err := New(Config{Upstreams: []Upstream{{Addr: "mail.example:25"}, u}, Hello: "a"}); err == nil {
			t.Errorf("%s: accepted", why)
		}
	}
	for why, c := range map[string]Config{"no name": {Upstreams: []Upstream{{Addr: "mail.example:25"}}}, "no upstream": {Hello: "a"}} {
		if _, err := New(c); err == nil {
			t.Errorf("%s: accepted", why)
		}
	}
	if _, err := New(Config{Upstreams: []Upstream{{Addr: "192.0.2.1:25", Security: Unprotected}}, Hello: "a"}); err != nil {
		t.Error(err) // asked for by name
	}
	if s := fmt.Sprintf("%v %+v %#v", Credentials{"u", "hemligt"}, Credentials{"u", "hemligt"}, Credentials{"u", "hemligt"}); strings.Contains(s, "hemligt") {
		t.Errorf("password printed: %s", s)
	}
}

func TestReply(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Reply{
		"2.0.0 OK queued":                {250, [3]int{2, 0, 0}, "OK queued"},
		"OK queued":                      {250, [3]int{}, "OK queued"},
		"2.1.5 one\n2.1.5 two":           {250, [3]int{2, 1, 5}, "one\ntwo"},
		"one\n2.1.5 two":                 {250, [3]int{2, 1, 5}, "one\ntwo"},
		"5.1.1 is not ours":              {250, [3]int{}, "5.1.1 is not ours"},
		"2.0.x a":                        {250, [3]int{}, "2.0.x a"},
		"2.0.0":                          {250, [3]int{2, 0, 0}, ""},
		"2.0.0 a\x07b\x1b[31m":           {250, [3]int{2, 0, 0}, "ab[31m"},
		"192.0.2.1 greets":               {250, [3]int{}, "192.0.2.1 greets"},
		"2.99999999999999999999999.0 no": {250, [3]int{}, "2.99999999999999999999999.0 no"},
	} {
		if got := newReply(250, text); got != want {
			t.Errorf("%q is %+v, want %+v", text, got, want)
		}
	}
}
