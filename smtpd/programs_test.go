package smtpd

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigill/smtpd/internal/sink"
	"sigill/smtpd/relay"
	"sigill/vault"
)

// need gives the path of a foreign program.
func need(t testing.TB, program, pack string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("needs %s (Debian package %s)", program, pack)
	}
	return path
}

// TestForeignClients has programs that others wrote send a tagged mail, each in its own way: it is sealed, and nothing is
// passed on.
func TestForeignClients(t *testing.T) {
	t.Parallel()
	for program, pack := range map[string]string{"swaks": "swaks", "msmtp": "msmtp"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			path := need(t, program, pack)
			g := start(t, nil)
			_, port, _ := net.SplitHostPort(g.addr[Submission])
			ca := g.caFile()
			var cmd *exec.Cmd
			switch program {
			case "swaks":
				cmd = exec.Command(path, "--server", g.addr[Connector], "--pipeline", "--from", anna.String(), "--to", cecil.String(),
					"--header", "Subject: [secure] from swaks", "--body", ".dot\nhemligt")
			case "msmtp":
				cmd = exec.Command(path, "--host=localhost", "--port="+port, "--tls=on", "--tls-starttls=on", "--tls-trust-file="+ca, "--auth=plain",
					"--user="+anna.String(), "--passwordeval=echo '"+password+"'", "--from="+anna.String(), cecil.String())
				cmd.Stdin = strings.NewReader("From: " + anna.String() + "\nTo: " + cecil.String() + "\nSubject: [secure] from msmtp\n\n.dot\nhemligt\n")
			}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			got := g.sealed(vault.Staff(anna))
			if len(got) != 1 || !strings.Contains(got[0], "\r\n.dot\r\nhemligt") || strings.Contains(got[0], "[secure]") {
				t.Errorf("sealed: %q", got)
			}
			if n := len(g.upstream.Mails()); n != 0 {
				t.Errorf("%d mails were passed on", n)
			}
		})
	}
}

// caFile is the roots that trust the gateway, as a file.
func (g *gateway) caFile() string {
	g.t.Helper()
	name := filepath.Join(g.t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, sink.PEM(g.cert), 0o600); err != nil {
		g.t.Fatal(err)
	}
	return name
}

// TestPostfixBothWays has Postfix send mails to the connector by itself, pipelined and over connections it reuses, and
// take over what is passed on. A tagged one goes no further than the vault.
func TestPostfixBothWays(t *testing.T) {
	t.Parallel()
	next := sink.FreeAddr(t) // the connector's, which opens after Postfix
	p := startPostfix(t, next)
	g := start(t, func(o *setup) {
		for i, l := range o.Listeners {
			if l.Kind == Connector {
				l.Net.Close()
				var err error
				if o.Listeners[i].Net, err = net.Listen("tcp", next); err != nil {
					t.Fatal(err)
				}
			}
		}
		o.upstreamAddr = p.store
	})
	g.addr[Connector] = next
	// From Postfix: into its queue, and from there to the connector.
	const mails = 5
	for i := range mails {
		hand(t, p.relay, fmt.Sprintf("From: anna@kommun.example\r\nSubject: [secure] %d\r\n\r\n.dot %d\r\n", i, i))
	}
	for deadline := time.Now().Add(time.Minute); len(g.sealed(vault.Staff(anna))) < mails; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d mails came from Postfix", len(g.sealed(vault.Staff(anna))), mails)
		}
	}
	// To Postfix: its reply is ours, with the name it gave the mail in its queue.
	reply, err := g.send("From: anna@kommun.example\r\nSubject: plain\r\n\r\n.dot\r\n", cecil)
	if err != nil || !strings.Contains(reply.StatusText, "queued as") {
		t.Errorf("Postfix says %+v, %v", reply, err)
	}
}

// hand sends one mail.
func hand(t *testing.T, addr, message string) {
	t.Helper()
	c, err := relay.New(relay.Config{Hello: "test.example", Upstreams: []relay.Upstream{{Addr: addr, Security: relay.Cleartext}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m := relay.Mail{}
	m.From, m.To = anna, append(m.To, cecil)
	if _, err := c.Send(t.Context(), m, strings.NewReader(message)); err != nil {
		t.Fatal(err)
	}
}
