package smtpd

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

// counted is a listener that counts what its connections write.
type counted struct {
	net.Listener
	writes atomic.Int64
}

func (c *counted) Accept() (net.Conn, error) {
	under, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &countedConn{under.(*net.TCPConn), &c.writes}, nil
}

type countedConn struct {
	*net.TCPConn
	writes *atomic.Int64
}

func (c *countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.TCPConn.Write(p)
}

// TestRepliesTogether: who pipelines its commands is answered at once, and who waits for each reply gets it.
func TestRepliesTogether(t *testing.T) {
	t.Parallel()
	l := &counted{Listener: listen(t)}
	g := start(t, func(o *setup) {
		for i := range o.Listeners {
			if o.Listeners[i].Kind == Connector {
				o.Listeners[i].Net.Close()
				o.Listeners[i].Net = l
			}
		}
	})
	g.addr[Connector] = l.Addr().String()
	w := g.wire(Connector)
	w.talk("", "220", "EHLO client.example", "250")
	if n := l.writes.Load(); n != 2 {
		t.Errorf("a greeting and a reply were %d writes", n)
	}
	fmt.Fprint(w, "MAIL FROM:<anna@kommun.example>\r\nRCPT TO:<cecil@ut.example>\r\nRCPT TO:<dag@ut.example>\r\nDATA\r\n")
	w.talk("", "250", "", "250", "", "250", "", "354")
	if n := l.writes.Load(); n > 4 { // one, unless the network cut it in two
		t.Errorf("the replies to four commands were %d writes", n-2)
	}
	w.talk("Subject: a\r\n\r\n.\r\nQUIT", "250", "", "221")
	w.gone()

	// More than is gathered is sent all the same, and what is left at the end too.
	w = g.wire(Connector)
	w.talk("", "220")
	const many = 300
	fmt.Fprint(w, "EHLO client.example\r\n"+strings.Repeat("VRFY a\r\n", many)+"QUIT\r\n")
	w.talk("", "250")
	for range many {
		w.talk("", "252")
	}
	w.talk("", "221")
	w.gone()
}
