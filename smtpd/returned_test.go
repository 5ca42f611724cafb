package smtpd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

var (
	noticeFrom = policy.MustAddress("sakert@kommun.example")
	returnPath = policy.MustAddress("retur@kommun.example")
	contact    = policy.MustAddress("kontakt@kommun.example")
)

// withNotices is a gateway that knows the addresses of notices, with one notice sent and the token of it.
func withNotices(t *testing.T, change func(*Notices)) (g *gateway, token string) {
	t.Helper()
	g = start(t, func(o *setup) {
		o.Notices = Notices{From: noticeFrom, ReturnPath: returnPath, Where: "https://www.kommun.example",
			Bounced: func(ctx context.Context, token, code string) error { return g.vault.Outbox().Bounced(ctx, token, code) }}
		if change != nil {
			change(&o.Notices)
		}
	})
	if _, err := g.send("From: anna@kommun.example\r\nSubject: [secure] a\r\n\r\nb\r\n", cecil); err != nil {
		t.Fatal(err)
	}
	due, _, err := g.vault.Outbox().Due(t.Context(), time.Now(), 10)
	if err != nil || len(due) != 1 {
		t.Fatal(due, err)
	}
	if err := g.vault.Outbox().Sent(t.Context(), due[0]); err != nil {
		t.Fatal(err)
	}
	return g, due[0].Return
}

func bounceOf(action string) string {
	return strings.ReplaceAll("From: MAILER-DAEMON@mx.example\nSubject: [secure] Undelivered\n"+
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\nno\n--b\n"+
		"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; cecil@ut.example\n"+
		"Action: "+action+"\nStatus: 5.1.1\n\n--b--\n.", "\n", "\r\n")
}

func (g *gateway) recipientStatus() vault.Status {
	g.t.Helper()
	r, err := g.vault.Reader(g.t.Context(), vault.Staff(anna), vault.DoorWeb)
	if err != nil {
		g.t.Fatal(err)
	}
	defer r.Close()
	boxes, err := r.Mailboxes(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	for _, b := range boxes {
		entries, err := r.Entries(g.t.Context(), b.ID, 0, 0)
		if err != nil {
			g.t.Fatal(err)
		}
		for _, e := range entries {
			info, err := r.Info(g.t.Context(), e.Message)
			if err != nil {
				g.t.Fatal(err)
			}
			return info.Recipients[0].Status
		}
	}
	return ""
}

func TestBounceComesBack(t *testing.T) {
	t.Parallel()
	for why, row := range map[string]struct {
		mail   string
		reply  string
		status vault.Status
		told   string
	}{
		"failed":              {bounceOf("failed"), "250 2.0.0", vault.Bounced, "[failed]"},
		"delayed":             {bounceOf("delayed"), "250 2.0.0", vault.Notified, "[]"},
		"an automatic answer": {"From: cecil@ut.example\r\nSubject: [secure] away\r\nAuto-Submitted: auto-replied\r\n\r\nI am away\r\n.", "250 2.0.0", vault.Notified, "[]"},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			g, token := withNotices(t, nil)
			w := g.wire(Connector)
			w.talk("", "220", "EHLO mx", "250", "MAIL FROM:<>", "250", fmt.Sprintf("RCPT TO:<retur+%s@kommun.example>", token), "250",
				"RCPT TO:<cecil@ut.example>", "452", "DATA", "354", row.mail, row.reply,
				// and the connection is good for another
				"MAIL FROM:<anna@kommun.example>", "250", "RCPT TO:<cecil@ut.example>", "250", "DATA", "354", "Subject: a\r\n\r\n.", "250")
			if got := g.recipientStatus(); got != row.status || fmt.Sprint(g.jobs()) != row.told {
				t.Errorf("status %s, notices %v", got, g.jobs())
			}
			if n := len(g.upstream.Mails()); n != 1 {
				t.Errorf("%d mails passed on", n)
			}
			if strings.Contains(g.log.String(), "cecil@ut.example") {
				t.Error("the log tells whose notice came back")
			}
		})
	}
}

func TestBounceIsNotTaken(t *testing.T) {
	t.Parallel()
	g, token := withNotices(t, nil)
	forged := strings.Repeat("a", len(token))
	for why, talk := range map[string][]string{
		"forged":                    {"MAIL FROM:<>", "250", "RCPT TO:<retur+" + forged + "@kommun.example>", "250", "DATA", "354", bounceOf("failed"), "550 5.1.1"},
		"with a sender":             {"MAIL FROM:<anna@kommun.example>", "250", "RCPT TO:<retur+" + token + "@kommun.example>", "550 5.7.1"},
		"to the bare path":          {"MAIL FROM:<>", "250", "RCPT TO:<retur@kommun.example>", "550 5.7.1"},
		"after another":             {"MAIL FROM:<>", "250", "RCPT TO:<cecil@ut.example>", "250", "RCPT TO:<retur+" + token + "@kommun.example>", "452 4.5.3"},
		"a foreigner elsewhere":     {"MAIL FROM:<eva@ut.example>", "250", "RCPT TO:<cecil@ut.example>", "550 5.7.1 the sender is not"},
		"a foreigner with a bounce": {"MAIL FROM:<eva@ut.example>", "250", "RCPT TO:<retur+" + token + "@kommun.example>", "550 5.7.1"},
	} {
		t.Log(why)
		g.wire(Connector).talk(append([]string{"", "220", "EHLO mx", "250"}, talk...)...)
	}
	if got := g.recipientStatus(); got != vault.Notified || len(g.upstream.Mails()) != 0 {
		t.Error(got, len(g.upstream.Mails()))
	}
	broken, token := withNotices(t, func(n *Notices) {
		n.Bounced = func(context.Context, string, string) error { return errors.New("the vault is away at /secret") }
	})
	broken.wire(Connector).talk("", "220", "EHLO mx", "250", "MAIL FROM:<>", "250", "RCPT TO:<retur+"+token+"@kommun.example>", "250",
		"DATA", "354", bounceOf("failed"), "451 4.3.0 temporary fault")
}

func TestAnswerToANotice(t *testing.T) {
	t.Parallel()
	g, _ := withNotices(t, nil)
	g.wire(Connector).talk("", "220", "EHLO mx", "250", "MAIL FROM:<cecil@ut.example>", "250",
		"RCPT TO:<sakert@kommun.example>", "550 5.7.1 this address takes no mail, your answer was NOT delivered; log in at https://www.kommun.example")

	g, _ = withNotices(t, func(n *Notices) { n.AnswersTo = contact })
	g.wire(Connector).talk("", "220", "EHLO mx", "250", "MAIL FROM:<cecil@ut.example>", "250",
		"RCPT TO:<Sakert@kommun.example>", "250", "DATA", "354", "From: cecil@ut.example\r\nSubject: Re: notice\r\n\r\nhello\r\n.", "250")
	got := g.upstream.Mails()
	if len(got) != 1 || len(got[0].To) != 1 || got[0].To[0] != contact.String() || got[0].From != "cecil@ut.example" || !strings.Contains(string(got[0].Data), "hello") {
		t.Errorf("%+v", got)
	}
}
