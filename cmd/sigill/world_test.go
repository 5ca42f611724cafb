package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sigill/cmd/sigill/internal/client"
	"sigill/cmd/sigill/internal/demo"
)

// Words of testdata/operate for the mail servers around an installation: its upstream relay, and those of partners.

// mailserver is one that takes every mail and keeps it.
type mailserver struct {
	sink *demo.Sink
	at   string
	seen int // the last mail that a script has asked for
	stop func()
}

// mailserver NAME [CERTNAME]: starts one, or starts it anew at the same address, with STARTTLS and a certificate for
// CERTNAME in NAME/chain.pem. $NAME is its address.
func mailserverWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) == 1 || len(args) == 2, "mailserver NAME [CERTNAME]")
	s := siteOf(ts)
	m, at := &mailserver{at: "127.0.0.1:0"}, s.mailservers[args[0]]
	if at != nil {
		at.stop()
		m.at = at.at
	}
	var err error
	m.sink, err = demo.OpenSink("")
	ts.Check(err)
	if len(args) == 2 {
		dir := ts.MkAbs(args[0])
		writeCertificate(ts, dir, args[1])
		own, err := tls.LoadX509KeyPair(filepath.Join(dir, "chain.pem"), filepath.Join(dir, "private.key"))
		ts.Check(err)
		m.sink.TLS = &tls.Config{Certificates: []tls.Certificate{own}}
	}
	l, err := net.Listen("tcp", m.at)
	ts.Check(err)
	m.at = l.Addr().String()
	ctx, end := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.sink.Serve(ctx, l) }()
	stopped := false
	m.stop = func() {
		if end(); !stopped {
			stopped = true
			<-done
		}
	}
	ts.Defer(m.stop)
	if s.mailservers == nil {
		s.mailservers = map[string]*mailserver{}
	}
	s.mailservers[args[0]] = m
	ts.Setenv(strings.ToUpper(args[0]), m.at)
}

// arrives NAME TO [FILE]: waits for the next mail to an address at a mail server. Its envelope and text are on stdout.
func arrivesWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) == 2 || len(args) == 3, "arrives NAME TO [FILE]")
	m := siteOf(ts).mailservers[args[0]]
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	mail, err := m.sink.Await(ctx, m.seen, func(got demo.Mail) bool { return slices.Contains(got.To, args[1]) })
	ts.Check(err)
	m.seen = mail.Number
	if len(args) == 3 {
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), mail.Data, 0o600))
	}
	fmt.Fprintf(ts.Stdout(), "from %s to %s\n%s\n", mail.From, strings.Join(mail.To, " "), strings.Join(client.Texts(mail.Data), "\n"))
}

// nothing NAME [TO]: no more mail, or none to an address, has come to a mail server.
func nothingWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) == 1 || len(args) == 2, "nothing NAME [TO]")
	m := siteOf(ts).mailservers[args[0]]
	for _, mail := range m.sink.Mails() {
		if mail.Number > m.seen && (len(args) == 1 || slices.Contains(mail.To, args[1])) {
			ts.Fatalf("a mail to %s came to %s", mail.To, args[0])
		}
	}
}

// until PATTERN COMMAND…: runs a command until its output matches; what a server does behind its answers takes a moment.
func untilWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) >= 2, "until PATTERN COMMAND…")
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for end := time.Now().Add(time.Minute); ; {
		ts.Check(ts.Exec(args[1], args[2:]...))
		out := ts.ReadFile("stdout")
		if pattern.MatchString(out) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("no match for %q in:\n%s", args[0], out)
		}
	}
}
