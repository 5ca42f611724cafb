// Package sink is the upstream mail relay of this tree's tests: it takes mail over real sockets, keeps it, and answers
// what a test tells it to.
package sink

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Mail is one mail that came in.
type Mail struct {
	From    string
	To      []string
	Options smtp.MailOptions
	Data    []byte
}

// Sink is an SMTP server. The hooks are set before the first mail; nil ones accept.
type Sink struct {
	Addr   string
	OnMail func(from string) error
	OnRcpt func(to string) error
	OnData func(io.Reader) error // in place of keeping the mail
	OnAuth func(username, password string) error
	Forget bool // takes mails and keeps none

	mu    sync.Mutex
	mails []Mail
}

// Start listens on a loopback port until the test ends. Change may alter the server before it does; nil does not.
func Start(t testing.TB, change func(*smtp.Server)) *Sink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &Sink{Addr: l.Addr().String()}
	server := k.Server()
	if change != nil {
		change(server)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return k
}

// Server is the sink as a server that does not listen yet.
func (k *Sink) Server() *smtp.Server {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{sink: k}, nil }))
	s.ErrorLog = log.New(io.Discard, "", 0)
	s.Domain = "upstream.example"
	s.MaxLineLength = 1 << 20
	s.EnableSMTPUTF8 = true
	s.AllowInsecureAuth = true
	return s
}

// Mails are those that came in whole.
func (k *Sink) Mails() []Mail {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.mails)
}

type session struct {
	sink *Sink
	mail Mail
}

func (s *session) Reset()        { s.mail = Mail{} }
func (s *session) Logout() error { return nil }

func (s *session) AuthMechanisms() []string {
	if s.sink.OnAuth == nil {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error { return s.sink.OnAuth(username, password) }), nil
}

func (s *session) Mail(from string, o *smtp.MailOptions) error {
	s.mail = Mail{From: from, Options: *o}
	if s.sink.OnMail != nil {
		return s.sink.OnMail(from)
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.sink.OnRcpt != nil {
		if err := s.sink.OnRcpt(to); err != nil {
			return err
		}
	}
	s.mail.To = append(s.mail.To, to)
	return nil
}

func (s *session) Data(r io.Reader) (err error) {
	if s.sink.OnData != nil {
		return s.sink.OnData(r)
	}
	if s.sink.Forget {
		_, err = io.Copy(io.Discard, r)
		return err
	}
	if s.mail.Data, err = io.ReadAll(r); err != nil {
		return err
	}
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	s.sink.mails = append(s.sink.mails, s.mail)
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 6, 0}, Message: "queued upstream as 4711"}
}

// Certificate makes a certificate for 127.0.0.1 and localhost, and the roots that trust it.
func Certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots
}

// PEM is a certificate as clients read it.
func PEM(c tls.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})
}
