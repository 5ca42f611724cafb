package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"sigill/policy"
	"sigill/smtpd/internal/sink"
	"sigill/smtpd/outbox"
	"sigill/smtpd/partner"
	"sigill/vault"
)

const secret = "From: anna@kommun.example\r\nTo: asa@region.example\r\nSubject: [secure] Provsvar\r\n\r\nhemligt\r\n"

// region is a partner of the gateway with a server on loopback.
type region struct {
	*gateway
	mx *sink.Sink
}

func withPartner(t *testing.T, change func(*sink.Sink)) *region {
	t.Helper()
	g := &region{gateway: start(t, func(o *setup) { o.Rules.Partners = []string{"region.example"} })}
	g.mx = sink.Start(t, func(s *smtp.Server) { s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{g.cert}} })
	if change != nil {
		change(g.mx)
	}
	return g
}

// work runs the outbox as it would so much later, until nothing is due or what was tried is put off.
func (g *region) work(later time.Duration) {
	g.t.Helper()
	partners, err := partner.New(partner.Config{Hello: "gateway.example", Partners: []partner.Partner{{
		Domains: []string{"region.example"}, Hosts: []string{g.mx.Addr}, Name: "localhost", Roots: g.roots,
	}}})
	now := func() time.Time { return time.Now().Add(later) }
	w, err2 := outbox.New(outbox.Config{
		Outbox: g.vault.Outbox(), Courier: g.vault.Courier(), Partners: partners, Hostname: "gateway.example", Sender: g.server.config.Relay,
		From: noticeFrom, ReturnPath: returnPath, Now: now,
		Notices: outbox.Notices{Organisation: "Kommun", BaseURL: "https://s.kommun.example", MunicipalityURL: "https://kommun.example", Phone: "0",
			Retention: outbox.Text{Swedish: "x", English: "x"}},
	})
	if err := errors.Join(err, err2); err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Minute)
	var done sync.WaitGroup
	done.Go(func() { _ = w.Run(ctx) })
	for ctx.Err() == nil {
		if due, _, err := g.vault.Outbox().Due(ctx, now(), 100); err != nil || len(due) == 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if ctx.Err() != nil {
		g.t.Error("jobs stay due")
	}
	cancel()
	done.Wait()
}

func TestPartnerGetsTheMessage(t *testing.T) {
	t.Parallel()
	g := withPartner(t, nil)
	asa := policy.MustAddress("asa@region.example")
	if _, err := g.send(secret, asa, bo); err != nil {
		t.Fatal(err)
	}
	if jobs := g.jobs(); !slices.Contains(jobs, vault.Delivery) || slices.Contains(jobs, vault.NoticeHold) || len(jobs) != 2 {
		t.Fatal(jobs)
	}
	g.work(time.Second)
	mails := g.mx.Mails()
	if len(mails) != 1 || !slices.Equal(mails[0].To, []string{"asa@region.example"}) {
		t.Fatalf("%+v", mails)
	}
	local, _, _ := strings.Cut(mails[0].From, "+")
	raw := string(mails[0].Data)
	if local != "retur" || !strings.HasPrefix(raw, "Received: by gateway.example (Sigill) id ") || !strings.Contains(raw, "\r\nSubject: Provsvar\r\n\r\nhemligt\r\n") {
		t.Errorf("from %s:\n%s", mails[0].From, raw)
	}
	for _, m := range g.upstream.Mails() {
		if strings.Contains(string(m.Data), "hemligt") || slices.Contains(m.To, "asa@region.example") {
			t.Errorf("the upstream got what was for the partner, or a notice to it: %v", m.To)
		}
	}
	if g.recipientStatus() != vault.Delivered {
		t.Error(g.recipientStatus())
	}
	var evidence string
	if err := g.vault.Audit().Events(t.Context(), 0, func(e vault.Event) bool {
		if e.Action == "deliver" {
			evidence = e.Result + ": " + e.Detail
		}
		return true
	}); err != nil || !strings.HasPrefix(evidence, "ok: to asa@region.example, by 127.0.0.1:") || !strings.Contains(evidence, "as localhost, TLS 1.3") {
		t.Errorf("evidence %q, %v", evidence, err)
	}
}

func TestPartnerLaterOrNever(t *testing.T) {
	t.Parallel()
	asa := policy.MustAddress("asa@region.example")
	for _, row := range []struct {
		reason string
		code   int
		after  []vault.JobKind // what is left after the first attempt
		status vault.Status
	}{
		{"4xx, then 250", 451, []vault.JobKind{vault.Delivery}, vault.Delivered},
		{"5xx: the sender is told", 550, nil, vault.Failed},
	} {
		t.Run(row.reason, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Bool
			g := withPartner(t, func(k *sink.Sink) {
				k.OnRcpt = func(string) error {
					if !asked.Swap(true) {
						return &smtp.SMTPError{Code: row.code, EnhancedCode: smtp.EnhancedCode{row.code / 100, 0, 0}, Message: "no"}
					}
					return nil
				}
			})
			if _, err := g.send(secret, asa); err != nil {
				t.Fatal(err)
			}
			g.work(time.Second)
			if jobs := g.jobs(); !slices.Equal(jobs, row.after) || len(g.mx.Mails()) != 0 {
				t.Errorf("after the first attempt: %v, %d mails", jobs, len(g.mx.Mails()))
			}
			g.work(10 * time.Minute)
			if g.recipientStatus() != row.status || len(g.jobs()) != 0 {
				t.Error(g.recipientStatus(), g.jobs())
			}
			told := slices.ContainsFunc(g.upstream.Mails(), func(m sink.Mail) bool {
				return slices.Equal(m.To, []string{anna.String()}) && strings.Contains(string(m.Data), "could not be delivered")
			})
			if told != (row.status == vault.Failed) {
				t.Errorf("the sender is told: %v", told)
			}
		})
	}
}

func TestPartnerBesideOthers(t *testing.T) {
	t.Parallel()
	g := withPartner(t, nil)
	asa := policy.MustAddress("asa@region.example")
	for _, row := range []struct {
		reason string
		to     []policy.Address
		jobs   []vault.JobKind
	}{
		{"a private person beside: held for all, since nobody knows who asa is", []policy.Address{asa, cecil}, []vault.JobKind{vault.NoticeHold}},
		{"a private person alone", []policy.Address{cecil}, []vault.JobKind{vault.NoticeHold, vault.NoticeMessage}},
	} {
		if _, err := g.send(secret, row.to...); err != nil {
			t.Fatal(err)
		}
		if jobs := g.jobs(); !slices.Equal(jobs, row.jobs) {
			t.Errorf("%s: %v", row.reason, jobs)
		}
	}
	off := start(t, nil)
	if _, err := off.send(secret, asa); err != nil {
		t.Fatal(err)
	}
	if jobs := off.jobs(); !slices.Equal(jobs, []vault.JobKind{vault.NoticeHold}) {
		t.Errorf("without partners: %v", jobs)
	}
}
