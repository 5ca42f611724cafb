package facts

import (
	"errors"
	"strings"
	"testing"

	"sigill/policy"
	"sigill/smtpd/expr"
	"sigill/vault/message"
)

func TestGather(t *testing.T) {
	t.Parallel()
	g, err := New(policy.Rules{List: []policy.Rule{
		{Name: "n", Action: policy.ActionLog, When: []policy.Condition{policy.Contains{Numbers: true}}},
		{Name: "e", Action: policy.ActionLog, When: []policy.Condition{policy.Expression{Source: `subject == "å å b"`}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	const mail = "Subject: =?utf-8?q?=C3=A5?=\r\n =?utf-8?q?_=C3=A5?=\r\nX-A: =?utf-8?q?=C3=B6?=\r\nSubject: b\r\n" +
		"msip_labels: MSIP_Label_0c2222cc-c70c-4072-8fb2-5cc19dd07ce9_ContentBits=8\r\n\r\n640823-3234\r\n"
	var f policy.Facts
	g.Header(&f, message.ParseHeader([]byte(mail)))
	g.Outcomes(&f)
	g.Content(&f, []byte(mail))
	if strings.Join(f.Subjects, "|") != "å å|b" || len(f.Header) != 4 || f.Header[1] != (policy.Field{Name: "X-A", Value: "ö"}) {
		t.Errorf("%q %q", f.Subjects, f.Header)
	}
	if len(f.Labels) != 1 || !f.Labels[0].Encrypts() || !f.Outcomes["e"] {
		t.Errorf("%+v %v", f.Labels, f.Outcomes)
	}
	if len(f.Content.Findings) != 1 || f.Content.Findings[0].Rule != "n" {
		t.Errorf("%+v", f.Content)
	}
}

func TestNewNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := New(policy.Rules{List: []policy.Rule{{Name: "x", When: []policy.Condition{policy.Expression{Source: "1"}}}}})
	if !errors.Is(err, policy.ErrRules) || !errors.Is(err, expr.ErrExpression) {
		t.Error(err)
	}
}
