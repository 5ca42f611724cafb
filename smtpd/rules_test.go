package smtpd

import (
	"regexp"
	"strings"
	"testing"

	"sigill/policy"
	"sigill/vault"
)

// What rules ask of a header is found in a real mail, and the decision is carried out.
func TestRulesOnTheWire(t *testing.T) {
	t.Parallel()
	const label = "0c2222cc-c70c-4072-8fb2-5cc19dd07ce9"
	const site = "3f2a1b00-1111-4222-8333-944445555666"
	g := start(t, func(o *setup) {
		o.Rules.List = []policy.Rule{
			{Name: "x-sakert", Action: policy.ActionSeal, When: []policy.Condition{policy.Header{Name: "X-Sakert", Pattern: regexp.MustCompile("^ja, å$")}}},
			{Name: "private", Action: policy.ActionSeal, When: []policy.Condition{policy.Sensitivity{"private"}}},
			{Name: "label", Action: policy.ActionSeal, When: []policy.Condition{policy.HasLabel{GUID: label, Site: site}}},
			{Name: "authorities", Action: policy.ActionRefuseSealed, Advice: "this authority takes secure messages in SDK", When: []policy.Condition{
				policy.To{policy.MustPattern(".myndighet.example")}}},
			{Name: "expression", Action: policy.ActionSeal, When: []policy.Condition{
				policy.Expression{Source: `sender == "anna@kommun.example" && header["subject"][0].startsWith("Remiss")`}}},
			{Name: "seen", Action: policy.ActionLog, When: []policy.Condition{policy.From{policy.MustPattern("kommun.example")}}},
		}
	})
	labels := "msip_labels: MSIP_Label_" + label + "_Enabled=true;\r\n\tMSIP_Label_" + label + "_SiteId=" + site + ";\r\n MSIP_Label_" + label + "_ContentBits="
	for _, row := range []struct {
		why, header string
		to          policy.Address
		want        string
	}{
		{"an encoded header", "X-Sakert: =?utf-8?q?ja=2C_=C3=A5?=\r\n", cecil, "sealed as (rule: x-sakert)"},
		{"Sensitivity", "Sensitivity: Private\r\n", cecil, "sealed as (rule: private)"},
		{"a folded label", labels + "2\r\n", cecil, "sealed as (rule: label)"},
		{"a label that encrypts", labels + "8\r\n", cecil, "550 5.7.1 (rule: already encrypted)"},
		{"another authority", "Sensitivity: private\r\n", policy.MustAddress("a@x.myndighet.example"), "this authority takes secure messages in SDK (rule: authorities)"},
		{"an expression", "", bo, "sealed as (rule: expression)"},
		{"nothing of the kind", "Sensitivity: Personal\r\n", cecil, "queued"},
	} {
		subject := "Subject: Hej\r\n"
		if row.header == "" {
			subject = "Subject: Remiss\r\n"
		}
		reply, err := g.send(subject+row.header+"\r\nText\r\n", row.to)
		got := code(err)
		if err != nil {
			got += " " + err.Error()
		} else {
			got = reply.StatusText
		}
		for part := range strings.SplitSeq(row.want, " (") {
			if !strings.Contains(got, part) && row.want != "queued" || row.want == "queued" && (err != nil || strings.Contains(got, "sealed")) {
				t.Errorf("%s: %q, want %q", row.why, got, row.want)
			}
		}
	}
	if n := len(g.sealed(vault.Person(person))); n != 3 {
		t.Errorf("%d messages are sealed", n)
	}
	if n := len(g.upstream.Mails()); n != 1 {
		t.Errorf("%d mails passed on", n)
	}
	if n := strings.Count(g.log.String(), "rule=seen"); n != 7 {
		t.Errorf("%d mails were noted", n)
	}
}

func TestSecureConnector(t *testing.T) {
	t.Parallel()
	g := start(t, func(o *setup) {
		for i := range o.Listeners {
			o.Listeners[i].Secure = o.Listeners[i].Kind == Connector
		}
	})
	if _, err := g.send("Subject: Hej\r\n\r\nText\r\n", cecil); err != nil {
		t.Fatal(err)
	}
	if _, err := submit(g.client(Submissions), anna.String(), "Subject: Hej\r\n\r\nText\r\n", cecil); err != nil {
		t.Fatal(err)
	}
	if sealed, passed := len(g.sealed(vault.Person(person))), len(g.upstream.Mails()); sealed != 1 || passed != 1 {
		t.Errorf("%d sealed, %d passed on; only what came by the secure connector is to be sealed", sealed, passed)
	}
}

func TestNumberInTag(t *testing.T) {
	t.Parallel()
	g := start(t, func(o *setup) { o.Rules.NumberTags, o.Rules.TestNumbers = true, true })
	const mail = "Subject: SV: [=?utf-8?q?s=C3=A4kert_19640823-3234=5D?= Beslut\r\nThread-Topic: [secure 19640823-3234] Beslut\r\n" +
		"X-Other: 6408233234\r\nX-Kept: 1964\r\n\r\nText\r\n"
	other := policy.MustPersonID("196408233234")
	if _, err := g.send(mail, dag, bo); err != nil {
		t.Fatal(err)
	}
	for _, who := range []vault.Principal{vault.Staff(anna), vault.Person(other)} {
		raw := g.sealed(who)
		if len(raw) != 1 || raw[0] != "Subject: SV: Beslut\r\nX-Kept: 1964\r\n\r\nText\r\n" {
			t.Errorf("stored: %q", raw)
		}
	}
	if kinds := g.jobs(); len(kinds) != 2 {
		t.Errorf("notices: %v; the number is known, so nothing waits", kinds)
	}
	for _, row := range []struct {
		why, subject string
		to           []policy.Address
		says         string
	}{
		{"another person's address", "[secure 19640823-3234]", []policy.Address{cecil}, "another person"},
		{"two outside", "[secure 19640823-3234]", []policy.Address{cecil, dag}, "exactly one outside recipient"},
		{"a century too late", "[secure 20640823-3234]", []policy.Address{dag}, "check the century"},
		{"a wrong digit", "[secure 19640823-3235]", []policy.Address{dag}, "check digit"},
	} {
		_, err := g.send("Subject: "+row.subject+"\r\n\r\nText\r\n", row.to...)
		if code(err) != "550 5.7.1" || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "323") {
			t.Errorf("%s: %v", row.why, err)
		}
	}
	if strings.Contains(g.log.String(), "323") && strings.Contains(g.log.String(), "640823") {
		t.Error("the number is in the log")
	}
	if n := len(g.upstream.Mails()); n != 0 {
		t.Errorf("%d mails passed on", n)
	}
}

// What is in the text decides, wherever it stands, and a mail that passes is still octet for octet what came in.
func TestContentOnTheWire(t *testing.T) {
	t.Parallel()
	g := start(t, func(o *setup) {
		o.Limits.Inside, o.Limits.InsideAll = 100<<10, 100<<10 // one at a time
		o.Rules.List = []policy.Rule{
			{Name: "personal numbers", Action: policy.ActionSeal, When: []policy.Condition{policy.Contains{Numbers: true}}},
			{Name: "words", Action: policy.ActionRefuse, Advice: "tag it as secure", When: []policy.Condition{policy.Contains{Words: []string{"orosanmälan"}}}},
		}
	})
	plain := "Subject: Hej\r\n\r\n" + strings.Repeat("En rad till.\r\n", 3000)
	for _, row := range []struct{ why, mail, want string }{
		{"nothing in it", plain, "passed"},
		{"a number at its end", plain + "640823-3234\r\n", "sealed"},
		{"a word", "Content-Type: text/plain; charset=utf-8\r\n" + plain + "Orosanmälan\r\n", "rule: words"},
		{"a word, but sealed: it is safe", "Content-Type: text/plain; charset=utf-8\r\nSubject: [secure] x\r\n" + plain + "Orosanmälan\r\n", "sealed"},
		{"too long to look through", plain + plain + plain + plain, "sealed"},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			reply, err := g.send(row.mail, cecil)
			switch got := g.upstream.Mails(); {
			case err != nil && !strings.Contains(err.Error(), row.want):
				t.Error(err)
			case err == nil && row.want == "sealed" && !strings.Contains(reply.StatusText, "sealed as"):
				t.Errorf("%q", reply.StatusText)
			case row.want == "passed" && (err != nil || len(got) == 0):
				t.Errorf("%v, %d passed on", err, len(got))
			}
		})
	}
	t.Cleanup(func() {
		if log := g.log.String(); strings.Contains(log, "640823") || strings.Contains(log, "-3234") || strings.Contains(strings.ToLower(log), "orosanm") || !strings.Contains(log, `kind="identity numbers" count=1`) {
			t.Errorf("the log: %s", log)
		}
		for _, m := range g.upstream.Mails() {
			if !strings.HasSuffix(string(m.Data), plain) {
				t.Errorf("passed on: %d octets, changed", len(m.Data))
			}
		}
	})
}

// A mail that no rule about content waits for is not held in memory.
func TestWithoutContentRuleMailStreams(t *testing.T) {
	t.Parallel()
	g := start(t, func(o *setup) {
		o.Limits.Inside, o.Limits.InsideAll = 1, 1
		o.Rules.List = []policy.Rule{{Name: "n", Action: policy.ActionSeal, When: []policy.Condition{
			policy.Contains{Numbers: true}, policy.To{policy.MustPattern("other.example")}}}}
	})
	if reply, err := g.send("Subject: x\r\n\r\n640823-3234\r\n", cecil); err != nil || strings.Contains(reply.StatusText, "sealed") {
		t.Errorf("%v %v", reply, err)
	}
}
