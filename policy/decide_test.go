package policy

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func facts(edit ...func(*Facts)) Facts {
	f := Facts{
		Sender:     Recipient{MustAddress("anna@kommun.se"), Colleague},
		Recipients: []Recipient{{MustAddress("bo@example.se"), Known}},
		Subjects:   []string{"Hej"},
	}
	for _, e := range edit {
		e(&f)
	}
	return f
}

func subject(s ...string) func(*Facts)    { return func(f *Facts) { f.Subjects = s } }
func sender(k RecipientKind) func(*Facts) { return func(f *Facts) { f.Sender.Kind = k } }
func answers(f *Facts)                    { f.Answers = true }
func attached(f *Facts)                   { f.Attached = true }
func tooDeep(f *Facts)                    { f.Unseen = true }
func fault(f *Facts)                      { f.HeaderError = "no empty line" }

func to(kinds ...RecipientKind) func(*Facts) {
	return func(f *Facts) {
		f.Recipients = nil
		for _, k := range kinds {
			f.Recipients = append(f.Recipients, Recipient{MustAddress("x@example.se"), k})
		}
	}
}

func many(n int) func(*Facts) {
	return func(f *Facts) {
		to()(f)
		for range n {
			f.Recipients = append(f.Recipients, Recipient{MustAddress("x@example.se"), Known})
		}
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	tagged := subject("[säkert] Hej")
	for _, tt := range []struct {
		reason string
		facts  Facts
		rules  Rules
		route  Route
		rule   string
		cut    bool // a tag is to be taken away
	}{
		{"no tag: untouched", facts(), Rules{}, Pass, RuleNone, false},
		{"no tag, from outside: untouched", facts(sender(Unknown)), Rules{}, Pass, RuleNone, false},
		{"no tag, to nobody known: untouched", facts(to(Unknown)), Rules{}, Pass, RuleNone, false},
		{"no tag, many recipients: untouched", facts(many(500)), Rules{}, Pass, RuleNone, false},
		{"no tag, null sender: untouched", facts(sender("")), Rules{}, Pass, RuleNone, false},
		{"a tag", facts(tagged), Rules{}, Seal, RuleTag, true},
		{"a tag, from a function address", facts(tagged, sender(Function)), Rules{}, Seal, RuleTag, true},
		{"a tag, to those inside only", facts(tagged, to(Colleague, Function)), Rules{}, Seal, RuleTag, true},
		{"a tag, one recipient of many unknown: all wait", facts(tagged, to(Known, Unknown, Colleague)), Rules{}, Hold, RuleTag, true},
		{"a tag, a recipient of no kind: as unknown", facts(tagged, to("")), Rules{}, Hold, RuleTag, true},
		{"a tag, from outside: citizens answer and do not start", facts(tagged, sender(Known)), Rules{}, Refuse, RuleSender, false},
		{"a tag, from nobody known", facts(tagged, sender(Unknown)), Rules{}, Refuse, RuleSender, false},
		{"a tag, null sender: nobody to tell what became of it", facts(tagged, sender("")), Rules{}, Refuse, RuleSender, false},
		{"an answer to a sealed message, without a tag", facts(answers), Rules{}, Seal, RuleConversation, false},
		{"an answer with a tag", facts(answers, tagged), Rules{}, Seal, RuleTag, true},
		{"an answer to somebody unknown", facts(answers, to(Unknown)), Rules{}, Hold, RuleConversation, false},
		{"an answer by mail from outside", facts(answers, sender(Known)), Rules{}, Refuse, RuleSender, false},
		{"a sealed message attached, without a tag", facts(attached), Rules{}, Seal, RuleAttached, false},
		{"a sealed message attached, for somebody unknown", facts(attached, to(Unknown)), Rules{}, Hold, RuleAttached, false},
		{"a sealed message attached to an answer in its conversation", facts(attached, answers), Rules{}, Seal, RuleConversation, false},
		{"a sealed message attached, with a tag", facts(attached, tagged), Rules{}, Seal, RuleTag, true},
		{"a sealed message attached to a bounce", facts(attached, sender("")), Rules{}, Refuse, RuleSender, false},
		{"what is attached is packed too deep: rather sealed than leaked", facts(tooDeep), Rules{}, Seal, RuleBeyond, false},
		{"packed too deep, and refused by the configuration", facts(tooDeep), Rules{Beyond: Refuse}, Refuse, RuleBeyond, false},
		{"packed too deep, and passed by the configuration", facts(tooDeep), Rules{Beyond: Pass}, Pass, RuleNone, false},
		{"packed too deep, from outside", facts(tooDeep, sender(Unknown)), Rules{}, Refuse, RuleSender, false},
		{"100 recipients (RFC 5321 section 4.5.3.1.8)", facts(tagged, many(100)), Rules{}, Seal, RuleTag, true},
		{"101 recipients", facts(tagged, many(101)), Rules{}, Refuse, RuleRecipients, false},
		{"as many as are configured", facts(tagged, many(2)), Rules{MaxRecipients: 2}, Seal, RuleTag, true},
		{"more than are configured", facts(tagged, many(3)), Rules{MaxRecipients: 2}, Refuse, RuleRecipients, false},
		{"a header that cannot be read", facts(fault), Rules{}, Refuse, RuleHeader, false},
		{"a header that cannot be read, with a tag", facts(fault, tagged), Rules{}, Refuse, RuleHeader, false},
		{"a tag of the configuration", facts(subject("Hej #hemligt")), Rules{Tags: []string{"#hemligt"}}, Seal, RuleTag, true},
		{"default tags do not count beside configured ones", facts(tagged), Rules{Tags: []string{"#hemligt"}}, Pass, RuleNone, false},
	} {
		d := Decide(tt.facts, tt.rules)
		if d.Route != tt.route || d.Rule != tt.rule || (d.Cut != Cut{}) != tt.cut {
			t.Errorf("%s: %+v, want %s by %s", tt.reason, d, tt.route, tt.rule)
		}
		if (d.Route == Refuse) != (d.Advice != "") {
			t.Errorf("%s: route %s with the advice %q", tt.reason, d.Route, d.Advice)
		}
	}
}

func TestOutside(t *testing.T) {
	t.Parallel()
	for kind, want := range map[RecipientKind]bool{Colleague: false, Function: false, Known: true, Unknown: true, "": true, "new": true} {
		if kind.Outside() != want {
			t.Errorf("%q.Outside() is %v", kind, !want)
		}
	}
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	const colleague, known = "bo@kommun.se colleague", "kim@example.se known"
	const partner, other = "asa@region.se unknown", "x@other.se unknown"
	rules := Rules{Partners: []string{"region.se"}}
	for _, tt := range []struct {
		reason string
		rules  Rules
		route  Route
		to     []string
	}{
		{"off by default: as anybody unknown", Rules{}, Hold, []string{partner}},
		{"one at a partner", rules, Deliver, []string{partner}},
		{"beside colleagues and function addresses", rules, Deliver, []string{partner, colleague, "info@kommun.se function"}},
		{"a private person beside it: all go the ordinary way", rules, Hold, []string{partner, known}},
		{"somebody unknown beside it", rules, Hold, []string{other, partner}},
		{"an address at the partner that is bound to a person: a private person", rules, Seal, []string{"asa@region.se known"}},
		{"a domain below the partner's is another", rules, Hold, []string{"asa@x.region.se unknown"}},
		{"one that ends alike is another", rules, Hold, []string{"asa@xregion.se unknown"}},
		{"nobody outside", rules, Seal, []string{colleague}},
		{"one of two partners", Rules{Partners: []string{"a.se", "region.se"}}, Deliver, []string{partner, "x@a.se unknown"}},
		{"refused, if a rule says that it must not be sealed", Rules{Partners: rules.Partners, List: []Rule{{
			Name: "sdk", Action: ActionRefuseSealed, Advice: "use SDK", When: []Condition{To{MustPattern("region.se")}},
		}}}, Refuse, []string{partner}},
	} {
		f := facts(subject("[säkert] Hej"), to())
		for _, s := range tt.to {
			a, kind, _ := strings.Cut(s, " ")
			f.Recipients = append(f.Recipients, Recipient{MustAddress(a), RecipientKind(kind)})
		}
		if d := Decide(f, tt.rules); d.Route != tt.route {
			t.Errorf("%s: %+v, want %s", tt.reason, d, tt.route)
		}
	}
	f := facts(to(), subject("[säkert 19900101-2385] Hej"))
	f.Recipients = []Recipient{{MustAddress("asa@region.se"), Unknown}}
	rules.NumberTags, rules.TestNumbers = true, true
	if d := Decide(f, rules); d.Route != Seal || d.Person.IsZero() {
		t.Errorf("a number makes it a person's: %+v", d)
	}
}

// Whatever the facts are: without a tag or a sealed conversation nothing is sealed, with one nothing passes, nobody
// unknown gets a notice, and advice is free of the subject.
func TestDecideProperty(t *testing.T) {
	t.Parallel()
	kinds := rapid.SampledFrom([]RecipientKind{Colleague, Function, Known, Unknown, ""})
	rapid.Check(t, func(t *rapid.T) {
		tag := rapid.SampledFrom([]string{"", "", "[säkert]", "[SECURE]", "#säkert", "[ Sa\u0308kert ]"}).Draw(t, "tag")
		text := rapid.StringOf(rapid.RuneFrom([]rune("aå –"))).Draw(t, "text")
		f := Facts{
			Sender:   Recipient{Kind: kinds.Draw(t, "sender")},
			Subjects: []string{text + " " + tag + " " + text},
			Answers:  rapid.Bool().Draw(t, "answers"),
			Attached: rapid.Bool().Draw(t, "attached"),
		}
		unknown := false
		for _, k := range rapid.SliceOfN(kinds, 1, 5).Draw(t, "recipients") {
			f.Recipients = append(f.Recipients, Recipient{Kind: k})
			unknown = unknown || k == Unknown || k == ""
		}
		if rapid.IntRange(0, 9).Draw(t, "fault") == 0 {
			f.HeaderError = "x"
		}
		d := Decide(f, Rules{MaxRecipients: rapid.IntRange(0, 4).Draw(t, "max")})
		asked := tag != "" || f.Answers || f.Attached
		switch {
		case !asked && (d.Route == Seal || d.Route == Hold):
			t.Fatalf("sealed unasked: %+v", d)
		case asked && d.Route == Pass:
			t.Fatalf("passed on: %+v", d)
		case d.Route == Seal && unknown:
			t.Fatalf("a notice to somebody unknown: %+v", d)
		case d.Route == Hold && !unknown:
			t.Fatalf("held for nobody: %+v", d)
		case (d.Route == Seal || d.Route == Hold) && f.Sender.Kind.Outside():
			t.Fatalf("sealed for somebody outside: %+v", d)
		case d.Route == Pass && d.Cut != Cut{}:
			t.Fatalf("a mail that passes loses a tag: %+v", d)
		case strings.TrimSpace(text) != "" && strings.Contains(d.Advice, f.Subjects[0]):
			t.Fatalf("the advice tells the subject: %+v", d)
		}
	})
}
