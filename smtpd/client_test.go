package smtpd

import (
	"net"
	netsmtp "net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"

	"sigill/smtpd/internal/sink"
	"sigill/vault"
)

func TestGoSMTPClient(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	for _, kind := range []Kind{Submission, Submissions} {
		c := g.connect(kind)
		if err := c.Auth(sasl.NewPlainClient("", anna.String(), password)); err != nil {
			t.Fatal(kind, err)
		}
		for range 2 {
			if err := c.SendMail(anna.String(), []string{cecil.String()}, strings.NewReader(secureMail)); err != nil {
				t.Fatal(kind, err)
			}
		}
		if err := c.Quit(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(g.sealed(vault.Person(person))); n != 4 {
		t.Errorf("%d sealed", n)
	}
}

func TestNetSMTPClient(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	conn, err := net.Dial("tcp", g.addr[Submission])
	if err != nil {
		t.Fatal(err)
	}
	c, err := netsmtp.NewClient(conn, "localhost")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	step := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	step(c.StartTLS(g.tls()))
	step(c.Auth(netsmtp.PlainAuth("", anna.String(), password, "localhost")))
	step(c.Mail(anna.String()))
	step(c.Rcpt(cecil.String()))
	w, err := c.Data()
	step(err)
	_, err = w.Write([]byte(secureMail))
	step(err)
	step(w.Close())
	step(c.Quit())
	if n := len(g.sealed(vault.Person(person))); n != 1 {
		t.Errorf("%d sealed", n)
	}
}

func TestPythonClient(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3 (Debian package python3)")
	}
	g := start(t, nil)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, sink.PEM(g.server.config.TLS.Certificates[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(g.addr[Submission])
	_, ports, _ := net.SplitHostPort(g.addr[Submissions])
	script := `
import smtplib, ssl, sys
from email.message import EmailMessage
host, port, ports, ca, user, password = sys.argv[1:]
tls = ssl.create_default_context(cafile=ca)
m = EmailMessage()
m['From'], m['To'], m['Subject'] = user, 'cecil@ut.example', 'Angående [Säkert] ärendet'
m.set_content('Hej på dig')
a = smtplib.SMTP('localhost', int(port)); a.starttls(context=tls)
b = smtplib.SMTP_SSL('localhost', int(ports), context=tls)
for c, login in ((a, 'auth_plain'), (b, 'auth_login')):
    c.ehlo_or_helo_if_needed()
    c.user, c.password = user, password
    c.auth(login[5:].upper(), getattr(c, login))
    assert c.send_message(m) == {}
    c.quit()
`
	out, err := exec.CommandContext(t.Context(), python, "-c", script, host, port, ports, ca, anna.String(), password).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	all := g.sealed(vault.Person(person))
	if len(all) != 2 || strings.Contains(all[0], "kert]") {
		t.Errorf("%q", all)
	}
}
