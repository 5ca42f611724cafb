package policy

import (
	"strings"
	"testing"
	"time"
)

func TestNumberInTag(t *testing.T) {
	t.Parallel()
	const number = "196408233234"
	rules := Rules{NumberTags: true, TestNumbers: true}
	for _, tt := range []struct {
		reason   string
		subjects []string
		kinds    []RecipientKind
		rules    Rules
		route    Route
		rule     string
		left     string // of the subject that was cut
	}{
		{"a number", []string{"[säkert 196408233234] Beslut"}, []RecipientKind{Unknown}, rules, Seal, RuleNumber, "Beslut"},
		{"with its hyphen", []string{"SV: [säkert 19640823-3234] Beslut"}, []RecipientKind{Unknown}, rules, Seal, RuleNumber, "SV: Beslut"},
		{"with a colon and spaces", []string{"[ Säkert  19640823 3234 ]"}, []RecipientKind{Unknown}, rules, Seal, RuleNumber, ""},
		{"without a space", []string{"[secure19640823-3234] x"}, []RecipientKind{Known}, rules, Seal, RuleNumber, "x"},
		{"decomposed", []string{"[sa\u0308kert 196408233234] x"}, []RecipientKind{Known}, rules, Seal, RuleNumber, "x"},
		{"beside a tag without one: the number goes", []string{"[säkert] [säkert 196408233234] x"}, []RecipientKind{Known}, rules, Seal, RuleNumber, "[säkert] x"},
		{"in the second of two subjects", []string{"x", "[säkert 196408233234] y"}, []RecipientKind{Known}, rules, Seal, RuleNumber, "y"},
		{"colleagues read too", []string{"[säkert 196408233234]"}, []RecipientKind{Colleague, Unknown, Function}, rules, Seal, RuleNumber, ""},
		{"two outside: whose is it?", []string{"[säkert 196408233234]"}, []RecipientKind{Unknown, Unknown}, rules, Refuse, RuleNumber, ""},
		{"nobody outside", []string{"[säkert 196408233234]"}, []RecipientKind{Colleague}, rules, Refuse, RuleNumber, ""},
		{"two numbers", []string{"[säkert 196408233234] [säkert 197010632391]"}, []RecipientKind{Unknown}, rules, Refuse, RuleNumber, ""},
		{"one in each subject", []string{"[säkert 196408233234]", "[säkert 196408233234]"}, []RecipientKind{Unknown}, rules, Refuse, RuleNumber, ""},
		{"a wrong check digit", []string{"[säkert 196408233235]"}, []RecipientKind{Unknown}, rules, Refuse, RuleNumber, ""},
		{"ten digits: two people may have it", []string{"[säkert 640823-3234]"}, []RecipientKind{Unknown}, rules, Refuse, RuleNumber, ""},
		{"an organisation", []string{"[säkert 212000-0142]"}, []RecipientKind{Unknown}, rules, Refuse, RuleNumber, ""},
		{"something that is no number", []string{"[säkert 2024]"}, []RecipientKind{Unknown}, rules, Refuse, RuleNumber, ""},
		{"a bracket that is not closed", []string{"[säkert 196408233234 Beslut"}, []RecipientKind{Unknown}, rules, Refuse, RuleNumber, ""},
		{"nor ever", []string{"[säkert1"}, []RecipientKind{Unknown}, rules, Refuse, RuleNumber, ""},
		{"where none is taken: not in clear either", []string{"[säkert 196408233234] x"}, []RecipientKind{Unknown}, Rules{}, Refuse, RuleNumber, ""},
		{"a century too late", []string{"[säkert 206408233234]"}, []RecipientKind{Unknown}, rules, Refuse, RuleNumber, ""},
		{"a test number, outside the demo", []string{"[säkert 196408233234]"}, []RecipientKind{Unknown}, Rules{NumberTags: true}, Refuse, RuleNumber, ""},
		{"from outside", []string{"[säkert 196408233234]"}, nil, rules, Refuse, RuleSender, ""},
		{"another word", []string{"[säkerhet 196408233234]"}, []RecipientKind{Unknown}, rules, Pass, RuleNone, ""},
		{"no digit", []string{"[säkert internt]"}, []RecipientKind{Unknown}, rules, Pass, RuleNone, ""},
		{"a number after the tag is of the subject", []string{"[säkert] 196408233234"}, []RecipientKind{Unknown}, rules, Hold, RuleTag, "196408233234"},
	} {
		f := facts(subject(tt.subjects...), to(tt.kinds...))
		f.Today = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		if tt.kinds == nil {
			f.Sender.Kind = Unknown
		}
		d := Decide(f, tt.rules)
		if d.Route != tt.route || d.Rule != tt.rule {
			t.Errorf("%s: %+v", tt.reason, d)
		}
		if (d.Person == MustPersonID(number)) != (d.Route == Seal) {
			t.Errorf("%s: the person is %v", tt.reason, d.Person)
		}
		if strings.Contains(d.Advice+d.Why, "6408") || strings.Contains(d.Advice+d.Why, "2120") {
			t.Errorf("%s: digits are repeated: %q %q", tt.reason, d.Why, d.Advice)
		}
		if d.Route != Seal && d.Route != Hold {
			continue
		}
		s := []rune(tt.subjects[d.Cut.Subject])
		if left := string(s[:d.Cut.Start]) + string(s[d.Cut.End:]); left != tt.left {
			t.Errorf("%s: leaves %q", tt.reason, left)
		}
	}
}

func FuzzNumberInTag(f *testing.F) {
	for _, s := range []string{"[säkert 19640823-3234]", "[säkert1", "[secure [säkert 1]]", "［säkert　１９］", "[sa\u0308kert\u200b 1 ] x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := Decide(facts(subject(s)), Rules{NumberTags: true, TestNumbers: true})
		runes := []rune(s)
		if d.Cut.Start < 0 || d.Cut.End > len(runes) || d.Cut.Start > d.Cut.End {
			t.Fatalf("%q: %v", s, d.Cut)
		}
		if !d.Person.IsZero() && strings.Contains(string(runes[:d.Cut.Start])+string(runes[d.Cut.End:]), d.Person.Digits()) &&
			!strings.Contains(strings.Replace(s, d.Person.Digits(), "", 1), d.Person.Digits()) {
			t.Fatalf("%q: the number stays", s)
		}
	})
}
