package config

import (
	"testing"

	"sigill/policy"
	"sigill/smtpd/facts"
	"sigill/vault/message"
)

// Every key of a rule comes to the decision.
func TestRulesOfAFile(t *testing.T) {
	t.Parallel()
	text := inPlaceOf(t, read(t, "testdata/good.toml"), `
[rules]
number_tags = true
beyond = "refuse"
[[rules.rule]]
name = "all"
action = "seal"
header = "X-Sakert"
pattern = "^[0-9]$"
sensitivity = ["Private"]
label = "0c2222cc-c70c-4072-8fb2-5cc19dd07ce9"
tenant = "3f2a1b00-1111-4222-8333-944445555666"
from = ["kommun.se"]
to = ["bo@example.se", ".region.se"]
numbers = true
words = ["orosanmälan"]
at_least = 2
expression = 'subject == "Hej"'
`)
	c, err := Parse(text, surroundings(t))
	must(t, err)
	rules := c.Rules.policy()
	gatherer, err := facts.New(rules)
	must(t, err)
	const header = "Subject: Hej\r\nX-Sakert: 1\r\nSensitivity: private\r\n" +
		"msip_labels: MSIP_Label_0c2222cc-c70c-4072-8fb2-5cc19dd07ce9_SiteId=3f2a1b00-1111-4222-8333-944445555666\r\n\r\n"
	for _, row := range []struct {
		why, mail, to string
		rule          string
	}{
		{"all holds", header + "640823-3234 orosanm=C3=A4lan", "a@x.region.se", "all"},
		{"one finding is too few", header + "640823-3234", "a@x.region.se", policy.RuleNone},
		{"another recipient", header + "640823-3234 640823-3234", "a@x.se", policy.RuleNone},
	} {
		f := policy.Facts{Sender: policy.Recipient{Address: policy.MustAddress("anna@kommun.se"), Kind: policy.Colleague},
			Recipients: []policy.Recipient{{Address: policy.MustAddress(row.to), Kind: policy.Known}}}
		mail := "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n" + row.mail
		gatherer.Header(&f, message.ParseHeader([]byte(mail)))
		gatherer.Outcomes(&f)
		if rules.LookInside(f) {
			gatherer.Content(&f, []byte(mail))
		}
		if d := policy.Decide(f, rules); d.Rule != row.rule {
			t.Errorf("%s: %+v", row.why, d)
		}
	}
	if !rules.NumberTags || rules.Beyond != policy.Refuse {
		t.Errorf("%+v", rules)
	}
}
