package demo

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Mail is a mail that left the gateway, byte for byte as it came out of DATA.
type Mail struct {
	Number int
	From   string
	To     []string
	Data   []byte
	At     time.Time
}

// Stage is a place in an SMTP transaction where a fault can be.
type Stage string

// The stages.
const (
	AtMail Stage = "MAIL"
	AtRcpt Stage = "RCPT"
	AtData Stage = "DATA"
)

// Fault is what the world answers instead of 250. The zero value is no fault.
type Fault struct {
	Stage Stage
	Code  int // 4xx or 5xx
	Text  string
	To    string // at RCPT, the one recipient it is for; "" for all
}

// Sink is the world outside: an SMTP server that takes every mail from everybody and sends it nowhere. A mail it said 250
// to is kept in memory and, if it has a folder, in NNNNNN.eml with its envelope in NNNNNN.json; the envelope appears
// last, so who sees it has the whole mail.
type Sink struct {
	// TLS, if it is set before Serve, is offered by STARTTLS.
	TLS *tls.Config

	dir string

	mu      sync.Mutex
	mails   []Mail
	last    int
	fault   Fault
	address string
	isDown  bool         // as SetDown said
	server  *smtp.Server // nil while it is down, or does not serve
	listens net.Listener
	arrived chan struct{}
	serving sync.WaitGroup
}

// OpenSink reads the mails an earlier run left in dir; "" keeps them in memory only.
func OpenSink(dir string) (*Sink, error) {
	s := &Sink{dir: dir, arrived: make(chan struct{})}
	if dir == "" {
		return s, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("demo: outgoing mail: %w", err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "[0-9]*.json"))
	if err != nil {
		return nil, fmt.Errorf("demo: outgoing mail: %w", err)
	}
	slices.Sort(names)
	for _, name := range names {
		m, err := readMail(name)
		if err != nil {
			return nil, fmt.Errorf("demo: outgoing mail: %w", err)
		}
		s.mails, s.last = append(s.mails, m), max(s.last, m.Number)
	}
	return s, nil
}

// Serve takes mail on l until ctx ends.
func (s *Sink) Serve(ctx context.Context, l net.Listener) error {
	s.mu.Lock()
	s.address = l.Addr().String()
	if s.isDown {
		l.Close()
	} else {
		s.up(l)
	}
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()
	s.down()
	s.mu.Unlock()
	s.serving.Wait()
	return nil
}

// SetDown makes the world unreachable, its port closed and its connections cut, or reachable again.
func (s *Sink) SetDown(down bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isDown = down
	if down {
		s.down()
		return nil
	}
	if s.server != nil || s.address == "" {
		return nil
	}
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	s.up(l)
	return nil
}

// SetFault makes the world refuse mail from now on; the zero value ends it.
func (s *Sink) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Mails are those that came so far, oldest first.
func (s *Sink) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Await gives the first mail after number that matches, waiting for it if need be.
func (s *Sink) Await(ctx context.Context, after int, matches func(Mail) bool) (Mail, error) {
	for {
		s.mu.Lock()
		mails, arrived := slices.Clone(s.mails), s.arrived
		s.mu.Unlock()
		for _, m := range mails {
			if m.Number > after && matches(m) {
				return m, nil
			}
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return Mail{}, fmt.Errorf("demo: the mail did not come: %w", ctx.Err())
		}
	}
}

func (s *Sink) up(l net.Listener) {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &sinkSession{sink: s}, nil }))
	server.Domain = "varlden.example"
	server.EnableSMTPUTF8, server.EnableDSN, server.EnableREQUIRETLS = true, true, true
	server.MaxLineLength = 1 << 20
	server.ReadTimeout, server.WriteTimeout = 5*time.Minute, time.Minute
	server.ErrorLog, server.TLSConfig = silent{}, s.TLS
	s.server, s.listens = server, l
	s.serving.Go(func() { _ = server.Serve(l) })
}

func (s *Sink) down() {
	if s.server != nil {
		_ = s.server.Close()
		_ = s.listens.Close() // the server knows it only once it serves
		s.server = nil
	}
}

func (s *Sink) faultAt(stage Stage, to string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault.Stage != stage || s.fault.Code == 0 || s.fault.To != "" && s.fault.To != to {
		return nil
	}
	return &smtp.SMTPError{Code: s.fault.Code, EnhancedCode: smtp.EnhancedCode{s.fault.Code / 100, 0, 0}, Message: s.fault.Text}
}

func (s *Sink) keep(m Mail) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.Number, m.At = s.last+1, time.Now()
	if s.dir != "" {
		if err := m.write(s.dir); err != nil {
			return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "The mail could not be kept"}
		}
	}
	s.mails, s.last = append(s.mails, m), m.Number
	close(s.arrived)
	s.arrived = make(chan struct{})
	return nil
}

// envelope is the form of NNNNNN.json.
type envelope struct {
	From string   `json:"from"`
	To   []string `json:"to"`
}

func (m Mail) write(dir string) error {
	base := filepath.Join(dir, fmt.Sprintf("%06d", m.Number))
	text, err := json.Marshal(envelope{m.From, m.To})
	if err != nil {
		return err
	}
	if err := writeWhole(base+".eml", m.Data, 0o600); err != nil {
		return err
	}
	return writeWhole(base+".json", append(text, '\n'), 0o600)
}

func readMail(name string) (m Mail, err error) {
	base := name[:len(name)-len(".json")]
	if _, err := fmt.Sscanf(filepath.Base(base), "%d", &m.Number); err != nil {
		return m, fmt.Errorf("%s: %w", name, err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return m, err
	}
	var e envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return m, fmt.Errorf("%s: %w", name, err)
	}
	info, err := os.Stat(name)
	if err != nil {
		return m, err
	}
	m.From, m.To, m.At = e.From, e.To, info.ModTime()
	m.Data, err = os.ReadFile(base + ".eml")
	return m, err
}

// sinkSession is one connection's transaction.
type sinkSession struct {
	sink *Sink
	mail Mail
}

func (s *sinkSession) Mail(from string, _ *smtp.MailOptions) error {
	s.mail = Mail{From: from, To: []string{}}
	return s.sink.faultAt(AtMail, "")
}

func (s *sinkSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := s.sink.faultAt(AtRcpt, to); err != nil {
		return err
	}
	s.mail.To = append(s.mail.To, to)
	return nil
}

func (s *sinkSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return errors.New("cut off")
	}
	if err := s.sink.faultAt(AtData, ""); err != nil {
		return err
	}
	s.mail.Data = data
	return s.sink.keep(s.mail)
}

func (s *sinkSession) Reset() { s.mail = Mail{} }

func (s *sinkSession) Logout() error { return nil }

type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}
