package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// greet serves a listener that tells each client where it comes from, and what it said first.
func greet(t *testing.T, trusted string) (addr string, l net.Listener) {
	t.Helper()
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l = Listen(raw, []netip.Prefix{netip.MustParsePrefix(trusted)})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				if !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
				return
			}
			go func() {
				defer c.Close()
				line, _ := bufio.NewReader(c).ReadString('\n')
				fmt.Fprintf(c, "%s said %s", c.RemoteAddr(), line)
			}()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return raw.Addr().String(), l
}

func v2(t *testing.T, h proxyproto.Header) string {
	t.Helper()
	h.Version = 2
	b, err := h.Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestListen(t *testing.T) {
	t.Parallel()
	trusting, _ := greet(t, "127.0.0.0/8")
	wary, _ := greet(t, "192.0.2.0/24")
	client := &net.TCPAddr{IP: net.ParseIP("198.51.100.7"), Port: 4711}
	server := &net.TCPAddr{IP: net.ParseIP("198.51.100.1"), Port: 587}
	client6 := &net.TCPAddr{IP: net.ParseIP("2001:db8::7"), Port: 4711}
	server6 := &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 587}
	for _, row := range []struct{ why, addr, says, want string }{
		{"version 1", trusting, "PROXY TCP4 198.51.100.7 198.51.100.1 4711 587\r\nhello\n", "198.51.100.7:4711 said hello\n"},
		{"version 1 of IPv6", trusting, "PROXY TCP6 2001:db8::7 2001:db8::1 4711 587\r\nhello\n", "[2001:db8::7]:4711 said hello\n"},
		{"version 2", trusting, v2(t, proxyproto.Header{Command: proxyproto.PROXY, TransportProtocol: proxyproto.TCPv4, SourceAddr: client, DestinationAddr: server}) + "hello\n", "198.51.100.7:4711 said hello\n"},
		{"version 2 of IPv6", trusting, v2(t, proxyproto.Header{Command: proxyproto.PROXY, TransportProtocol: proxyproto.TCPv6, SourceAddr: client6, DestinationAddr: server6}) + "hello\n", "[2001:db8::7]:4711 said hello\n"},
		{"the balancer's own look at us", trusting, v2(t, proxyproto.Header{Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}) + "hello\n", "127.0.0.1:"},
		{"a trusted network that does not say who", trusting, "hello there, this is no header\n", ""},
		{"half a header and then nothing", trusting, "PROXY TCP4 198.51", ""},
		{"a header that is none", trusting, "PROXY TCP4 x y 1 2\r\nhello\n", ""},
		{"anybody else is not believed", wary, "PROXY TCP4 198.51.100.7 198.51.100.1 4711 587\r\nhello\n", "127.0.0.1:"},
		{"and is served as who he is", wary, "hello\n", "127.0.0.1:"},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", row.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			io.WriteString(c, row.says)
			if strings.HasPrefix(row.why, "half") {
				c.(*net.TCPConn).CloseWrite()
			}
			c.SetReadDeadline(time.Now().Add(20 * time.Second))
			got, _ := io.ReadAll(c)
			if row.want == "" && len(got) > 0 || !strings.HasPrefix(string(got), row.want) {
				t.Errorf("answered %q, want %q", got, row.want)
			}
		})
	}
}

func TestSilenceKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	addr, l := greet(t, "127.0.0.0/8")
	for range waiting / 2 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "PROXY TCP4 198.51.100.7 198.51.100.1 4711 587\r\nhello\n")
	c.SetReadDeadline(time.Now().Add(headerLimit / 2))
	if got, _ := io.ReadAll(c); string(got) != "198.51.100.7:4711 said hello\n" {
		t.Errorf("behind silent ones: %q", got)
	}
	begin := time.Now()
	l.Close() // waits for nobody who is silent
	if took := time.Since(begin); took > headerLimit/2 {
		t.Errorf("closing took %s", took)
	}
}

// FuzzHeader: whatever comes first, a connection is closed or has an address.
func FuzzHeader(f *testing.F) {
	f.Add([]byte("PROXY TCP4 198.51.100.7 198.51.100.1 4711 587\r\n"))
	f.Add([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x00\x01\x00\x02"))
	f.Fuzz(func(t *testing.T, first []byte) {
		us, them := net.Pipe()
		go func() { them.Write(first); them.Close() }()
		p := &listener{closed: make(chan struct{})}
		if c := p.header(us); c != nil {
			if c.RemoteAddr() == nil {
				t.Error("no address")
			}
			c.Close()
		}
		us.Close()
	})
}
