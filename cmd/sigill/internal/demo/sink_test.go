package demo

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
)

func startSink(t *testing.T, dir string) (s *Sink, address string, stop func()) {
	t.Helper()
	s, err := OpenSink(dir)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	return s, l.Addr().String(), stop
}

func send(address, from string, to []string, data string) error {
	c, err := smtp.Dial(address)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.SendMail(from, to, strings.NewReader(data))
}

const oddMail = "Subject: =?utf-8?q?Hej?=\r\n\r\n.punkt f\xf6rst\r\n..tv\xc3\xa5\r\n \r\n"

func TestSinkKeepsWholeMails(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "outgoing")
	s, address, stop := startSink(t, dir)
	if err := send(address, "a@b.example", []string{"c@d.example", "e@f.example"}, oddMail); err != nil {
		t.Fatal(err)
	}
	m, err := s.Await(t.Context(), 0, func(m Mail) bool { return m.From == "a@b.example" })
	if err != nil {
		t.Fatal(err)
	}
	if string(m.Data) != oddMail {
		t.Errorf("memory: %q", m.Data)
	}
	stop()
	if b, _ := os.ReadFile(filepath.Join(dir, "000001.eml")); string(b) != oddMail {
		t.Errorf("file: %q", b)
	}
	b, _ := os.ReadFile(filepath.Join(dir, "000001.json"))
	if got := string(bytes.TrimSpace(b)); got != `{"from":"a@b.example","to":["c@d.example","e@f.example"]}` {
		t.Errorf("envelope: %s", got)
	}

	s, address, stop = startSink(t, dir)
	defer stop()
	if got := s.Mails(); len(got) != 1 || string(got[0].Data) != oddMail {
		t.Errorf("after a restart: %v", got)
	}
	if err := send(address, "", []string{"c@d.example"}, oddMail); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "000002.json")); err != nil {
		t.Errorf("numbers do not go on after a restart: %v", err)
	}
}

func TestSinkFaults(t *testing.T) {
	t.Parallel()
	s, address, stop := startSink(t, "")
	defer stop()
	for _, f := range []Fault{{Stage: AtMail, Code: 421}, {Stage: AtRcpt, Code: 550}, {Stage: AtRcpt, Code: 550, To: "c@d.example"}, {Stage: AtData, Code: 451}} {
		s.SetFault(f)
		var answer *smtp.SMTPError
		if err := send(address, "a@b.example", []string{"c@d.example"}, oddMail); !errors.As(err, &answer) || answer.Code != f.Code {
			t.Errorf("%v: got %v", f, err)
		}
	}
	s.SetFault(Fault{Stage: AtRcpt, Code: 550, To: "e@d.example"}) // somebody else
	if err := s.SetDown(true); err != nil {
		t.Fatal(err)
	}
	if err := send(address, "a@b.example", []string{"c@d.example"}, oddMail); err == nil {
		t.Error("taken while down")
	}
	if err := s.SetDown(false); err != nil {
		t.Fatal(err)
	}
	if err := send(address, "a@b.example", []string{"c@d.example"}, oddMail); err != nil {
		t.Error(err)
	}
	if got := len(s.Mails()); got != 1 {
		t.Errorf("kept %d mails, want 1", got)
	}
}
