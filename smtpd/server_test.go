package smtpd

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigill/policy"
	"sigill/vault"
)

const plainMail = "From: anna@kommun.example\r\nSubject: lunch\r\n\r\nTacos p\xe5 fredag\r\n"

const secureMail = "From: anna@kommun.example\r\nMessage-ID: <1@kommun.example>\r\nSubject: =?utf-8?q?=5Bs=C3=A4kert=5D_beslut?=\r\n\r\nSekretess\r\n"
const secureLess = "From: anna@kommun.example\r\nMessage-ID: <1@kommun.example>\r\nSubject: =?utf-8?q?beslut?=\r\n\r\nSekretess\r\n"

func TestRoutes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why      string
		from     policy.Address
		to       []policy.Address
		message  string
		want     string // code, or the start of the 250's text
		sealed   string
		upstream int
		jobs     []vault.JobKind
	}{
		{"plain mail passes; the upstream's words are ours", anna, []policy.Address{cecil}, plainMail, "queued upstream as 4711", "", 1, nil},
		{"a tag seals for somebody known", anna, []policy.Address{cecil}, secureMail, "sealed as ", secureLess, 0, []vault.JobKind{vault.NoticeMessage}},
		{"a tag seals for a colleague", anna, []policy.Address{bo}, secureMail, "sealed as ", secureLess, 0, []vault.JobKind{vault.NoticeStaff}},
		{"a recipient named twice gets one", anna, []policy.Address{bo, bo, policy.MustAddress("BO@Kommun.Example")}, secureMail, "sealed as ", secureLess, 0, []vault.JobKind{vault.NoticeStaff}},
		{"one unknown recipient holds for all", anna, []policy.Address{cecil, dag}, secureMail, "held as ", secureLess, 0, []vault.JobKind{vault.NoticeHold}},
		{"a function address may seal", family, []policy.Address{cecil}, secureMail, "sealed as ", secureLess, 0, []vault.JobKind{vault.NoticeMessage}},
		{"a sender without account may not", policy.MustAddress("printer@kommun.example"), []policy.Address{cecil}, secureMail, "550 5.7.1", "", 0, nil},
		{"a bounce that quotes the tag is not passed on", policy.Address{}, []policy.Address{cecil}, secureMail, "550 5.7.1", "", 0, nil},
		{"a bounce passes", policy.Address{}, []policy.Address{cecil}, plainMail, "queued upstream", "", 1, nil},
		{"a tag in the second subject counts", anna, []policy.Address{cecil}, "Subject: a\r\nSubject: b [secure]\r\n\r\n", "sealed as ", "Subject: a\r\nSubject: b\r\n\r\n", 0, []vault.JobKind{vault.NoticeMessage}},
		{"a header without end is the message", anna, []policy.Address{cecil}, "Subject: [secure] b\r\n", "sealed as ", "Subject: b\r\n", 0, []vault.JobKind{vault.NoticeMessage}},
		{"a header past the limit is refused", anna, []policy.Address{cecil}, "A: " + strings.Repeat(strings.Repeat("x", 900)+"\r\n ", 300) + "\r\n\r\nb", "550 5.7.1", "", 0, nil},
		{"nobody sees who else got it", anna, []policy.Address{cecil}, "Bcc: dag@ut.example,\r\n eva@ut.example\r\nSubject: [secure] b\r\nbcc:\r\n\r\nBcc: x\r\n", "sealed as ", "Subject: b\r\n\r\nBcc: x\r\n", 0, []vault.JobKind{vault.NoticeMessage}},
		{"a mail that passes keeps its Bcc", anna, []policy.Address{cecil}, "Bcc: dag@ut.example\r\n\r\n", "queued upstream", "", 1, nil},
		{"a mail that goes round", anna, []policy.Address{cecil}, strings.Repeat("Received: from a by b with SMTP; x\r\n", 101) + plainMail, "554 5.4.6", "", 0, nil},
		{"a mail that goes round here", anna, []policy.Address{cecil}, strings.Repeat("Received: from a\r\n\tby Gateway.Example (Sigill) with ESMTP id 1; x\r\n", 3) + secureMail, "554 5.4.6", "", 0, nil},
		{"a mail that came by here for another recipient, and for one who sends it on", anna, []policy.Address{cecil}, strings.Repeat("Received: from a\r\n\tby gateway.example (Sigill) with ESMTP id 1; x\r\n", 2) + plainMail, "queued upstream", "", 1, nil},
		{"a mail that came by other programs of our name", anna, []policy.Address{cecil}, strings.Repeat("Received: from a\r\n\tby gateway.example (Postfix) with ESMTP id 1; x\r\n", 9) + plainMail, "queued upstream", "", 1, nil},
		{"our name and mark elsewhere in the field", anna, []policy.Address{cecil}, strings.Repeat("Received: from gateway.example (Sigill) by b with ESMTP id 1; x\r\n", 9) + plainMail, "queued upstream", "", 1, nil},
		{"a mail that came a long way", anna, []policy.Address{cecil}, strings.Repeat("Received: from a by b with SMTP; x\r\n", 100) + plainMail, "queued upstream", "", 1, nil},
		{"a long header is read", anna, []policy.Address{cecil}, "A: " + strings.Repeat(strings.Repeat("x", 900)+"\r\n ", 280) + "\r\nSubject: [secure]\r\n\r\nb\r\n", "sealed as ", "-", 0, []vault.JobKind{vault.NoticeMessage}},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			g := start(t, nil)
			r, err := submit(g.client(Connector), row.from.String(), row.message, row.to...)
			got := code(err)
			if r != nil {
				_, got, _ = strings.Cut(r.StatusText, " ")
			}
			if !strings.HasPrefix(got, row.want) {
				t.Errorf("answered %q, want %q", got, row.want)
			}
			all := g.sealed(vault.Staff(anna))
			if row.sealed == "" && len(all) > 0 || row.sealed != "" && (len(all) != 1 || row.sealed != "-" && all[0] != row.sealed) {
				t.Errorf("sealed %q, want %q", all, row.sealed)
			}
			if n := len(g.upstream.Mails()); n != row.upstream {
				t.Errorf("%d mails upstream, want %d", n, row.upstream)
			}
			if jobs := g.jobs(); !slices.Equal(jobs, row.jobs) {
				t.Errorf("notices %v, want %v", jobs, row.jobs)
			}
		})
	}
}

// TestMailThatComesBack sends what came out of the gateway in again, as a rule of the organisation's mail system would that
// sends everything here.
func TestMailThatComesBack(t *testing.T) {
	t.Parallel()
	for _, rounds := range []int{0, 1} {
		g := start(t, func(o *setup) { o.Limits.Rounds = rounds })
		mail, times := plainMail, 0
		var err error
		for ; err == nil && times < 10; times++ {
			if _, err = g.send(mail, cecil); err == nil {
				mails := g.upstream.Mails()
				mail = string(mails[len(mails)-1].Data)
			}
		}
		want := map[int]int{0: 3, 1: 1}[rounds]
		if passed := len(g.upstream.Mails()); code(err) != "554 5.4.6" || !strings.Contains(err.Error(), "goes round") || passed != want {
			t.Errorf("limit %d: %d passed on, then %v", rounds, passed, err)
		}
	}
}

func TestConversationStaysSealed(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	if _, err := g.send(secureMail, cecil); err != nil {
		t.Fatal(err)
	}
	const answer = "Message-ID: <2@kommun.example>\r\n%s\r\nSubject: Sv: beslut\r\n\r\nMer\r\n"
	for _, row := range []struct {
		why, field, from string
		want             string
	}{
		{"an answer", "In-Reply-To: <1@kommun.example>", anna.String(), "sealed as"},
		{"an answer further on", "References: <0@x.example>\r\n <1@kommun.example>", anna.String(), "sealed as"},
		{"an answer by the function address", "In-Reply-To: <1@kommun.example>", family.String(), "sealed as"},
		{"an answer to something else", "In-Reply-To: <9@kommun.example>", anna.String(), "queued upstream"},
		{"an answer by one without account", "In-Reply-To: <1@kommun.example>", "printer@kommun.example", "550 5.7.1"},
		{"an automatic reply", "In-Reply-To: <1@kommun.example>", "", "550 5.7.1"},
	} {
		r, err := submit(g.client(Connector), row.from, fmt.Sprintf(answer, row.field), cecil)
		got := code(err)
		if r != nil {
			got = r.StatusText
		}
		if !strings.Contains(got, row.want) {
			t.Errorf("%s: %q, want %q", row.why, got, row.want)
		}
	}
}
