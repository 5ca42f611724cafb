package expr

import (
	"errors"
	"strings"
	"testing"

	"sigill/policy"
)

func rules(sources ...string) (out []policy.Rule) {
	for i, s := range sources {
		out = append(out, policy.Rule{Name: string(rune('a' + i)), Action: policy.ActionSeal, When: []policy.Condition{policy.Expression{Source: s}}})
	}
	return out
}

func facts() policy.Facts {
	return policy.Facts{
		Sender:     policy.Recipient{Address: policy.MustAddress("Anna@Kommun.se"), Kind: policy.Colleague},
		Recipients: []policy.Recipient{{Address: policy.MustAddress("bo@example.se"), Kind: policy.Known}, {Address: policy.MustAddress("cia@kommun.se"), Kind: policy.Colleague}},
		Subjects:   []string{"Ärende 2026/17"},
		Header:     []policy.Field{{Name: "X-Sakert", Value: "1"}, {Name: "x-sakert", Value: "2"}},
		Labels:     []policy.Label{{GUID: "0c2222cc-c70c-4072-8fb2-5cc19dd07ce9"}},
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]bool{
		`sender == "anna@kommun.se"`:                                             true,
		`sender_domain.endsWith("mun.se")`:                                       true,
		`sender_kind == "colleague"`:                                             true,
		`sender.startsWith("noreply")`:                                           false,
		`size(recipients) == 2`:                                                  true,
		`recipients.exists(r, r == "bo@example.se")`:                             true,
		`recipient_domains.all(d, d in ["kommun.se"])`:                           false,
		`recipient_kinds.exists(k, k == "known")`:                                true,
		`subject.matches("(?i)^ärende [0-9]{4}/")`:                               true,
		`"x-sakert" in header && header["x-sakert"][1] == "2"`:                   true,
		`"x-other" in header`:                                                    false,
		`labels.exists(l, l == "0c2222cc-c70c-4072-8fb2-5cc19dd07ce9")`:          true,
		`answers || subject == ""`:                                               false,
		`"from" in header || recipients.filter(r, r.contains("@x.")).size() > 0`: false,
	} {
		s, err := New(rules(source))
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, ok := s.Outcomes(facts())["a"]; got != want || !ok {
			t.Errorf("%s is %v (computed: %v)", source, got, ok)
		}
	}
	s, err := New(rules(`sender == "" && sender_kind == "unknown" && size(recipients) == 0 && size(header) == 0 && size(labels) == 0`))
	if err != nil || !s.Outcomes(policy.Facts{})["a"] {
		t.Errorf("no facts: %v", err)
	}
}

// One that fails when it is computed has no outcome, and tells nobody of the mail.
func TestOutcomeIsMissing(t *testing.T) {
	t.Parallel()
	long := facts()
	for range 3000 {
		long.Recipients = append(long.Recipients, long.Recipients[0])
	}
	for _, row := range []struct {
		reason, source string
		facts          policy.Facts
	}{
		{"a field that is not there", `header["x-other"][0] == ""`, facts()},
		{"an index beyond the end", `recipients[7] == ""`, facts()},
		{"a pattern of the mail that is none", `"x".matches(header["x-sakert"][0] + "(")`, facts()},
		{"more steps than may be", `recipients.all(a, recipients.all(b, a + b != ""))`, long},
	} {
		s, err := New(rules(row.source, "true"))
		if err != nil {
			t.Errorf("%s: %v", row.reason, err)
			continue
		}
		out := s.Outcomes(row.facts)
		if _, computed := out["a"]; computed || !out["b"] {
			t.Errorf("%s: %v", row.reason, out)
		}
	}
}

func TestBadExpressions(t *testing.T) {
	t.Parallel()
	for reason, source := range map[string]string{
		"no sense":           `sender ==`,
		"an unknown name":    `sendr == ""`,
		"another type":       `sender == 1`,
		"no truth":           `size(recipients)`,
		"a bad pattern":      `subject.matches("(")`,
		"too long":           `true` + strings.Repeat(" || true", 1000),
		"too deep":           strings.Repeat("(", 500) + "true" + strings.Repeat(")", 500),
		"too many loops":     `recipients.all(a, recipients.all(b, recipients.all(c, a == b && b == c)))`,
		"a word of the text": `body.contains("x")`,
	} {
		if _, err := New(rules("true", source)); !errors.Is(err, ErrExpression) || !strings.Contains(err.Error(), `"b"`) {
			t.Errorf("%s: %v", reason, err)
		}
	}
	two := rules("true")
	two[0].When = append(two[0].When, two[0].When[0])
	if _, err := New(two); !errors.Is(err, ErrExpression) {
		t.Errorf("two in one rule: %v", err)
	}
}

func FuzzExpression(f *testing.F) {
	f.Add(`recipients.exists(r, r.matches("a+"))`)
	f.Add(`header["x"][0] == subject`)
	f.Fuzz(func(t *testing.T, source string) {
		if s, err := New(rules(source)); err == nil {
			s.Outcomes(facts())
		}
	})
}

func BenchmarkOutcomes(b *testing.B) {
	s, err := New(rules(`recipient_domains.exists(d, d == "region.se") && subject.matches("(?i)remiss")`))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s.Outcomes(facts())
	}
}
