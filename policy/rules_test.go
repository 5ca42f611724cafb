package policy

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const (
	labelID  = "0c2222cc-c70c-4072-8fb2-5cc19dd07ce9"
	tenantID = "3f2a1b00-1111-4222-8333-944445555666"
)

func header(name, value string) func(*Facts) {
	return func(f *Facts) {
		f.Header = append(f.Header, Field{name, value})
		f.Labels = ParseLabels(f.Header)
	}
}

func label(bits string) func(*Facts) {
	return header("msip_labels", "MSIP_Label_"+labelID+"_Enabled=true; MSIP_Label_"+labelID+"_SiteId="+tenantID+"; MSIP_Label_"+labelID+"_ContentBits="+bits)
}

func dedicated(f *Facts) { f.Dedicated = true }
func written(f *Facts)   { f.Written = true }

func outcome(rule string, is bool) func(*Facts) {
	return func(f *Facts) { f.Outcomes = map[string]bool{rule: is} }
}

func found(rule string, n int) func(*Facts) {
	return func(f *Facts) { f.Content = &Content{Findings: []Finding{{rule, FoundNumbers, n}}} }
}

func nothingFound(f *Facts) { f.Content = &Content{} }
func notLooked(f *Facts)    { f.Content = &Content{Beyond: true} }

func sealIf(when ...Condition) Rule { return Rule{Name: "seal it", Action: ActionSeal, When: when} }

func refuseIf(a Action, when ...Condition) Rule {
	return Rule{Name: "refuse it", Action: a, Advice: "do otherwise", When: when}
}

func logIf(when ...Condition) Rule { return Rule{Name: "log it", Action: ActionLog, When: when} }

func list(r ...Rule) Rules { return Rules{List: r} }

func patterns(entries ...string) (out []Pattern) {
	for _, e := range entries {
		out = append(out, MustPattern(e))
	}
	return out
}

// One row for each sentence of the rules.
func TestRules(t *testing.T) {
	t.Parallel()
	var (
		tagged  = subject("[säkert] Hej")
		xSakert = Header{"X-Sakert", regexp.MustCompile("^1$")}
		private = Sensitivity{"private", "Company-Confidential"}
		label1  = HasLabel{"{" + strings.ToUpper(labelID) + "}", tenantID}
		toBo    = To(patterns("bo@example.se"))
		numbers = Contains{Numbers: true}
		two     = Contains{Numbers: true, AtLeast: 2}
		expr    = Expression{"true"}
	)
	for _, tt := range []struct {
		reason string
		facts  Facts
		rules  Rules
		route  Route
		rule   string
		noted  string
	}{
		{"a header with the value", facts(header("x-sakert", "1")), list(sealIf(xSakert)), Seal, "seal it", ""},
		{"a header with another value", facts(header("X-Sakert", "10")), list(sealIf(xSakert)), Pass, RuleNone, ""},
		{"a header that is there, whatever its value", facts(header("X-Sakert", "")), list(sealIf(Header{Name: "X-Sakert"})), Seal, "seal it", ""},
		{"no such header", facts(), list(sealIf(Header{Name: "X-Sakert"})), Pass, RuleNone, ""},
		{"the second of two fields", facts(header("X-Sakert", "0"), header("X-Sakert", "1")), list(sealIf(xSakert)), Seal, "seal it", ""},
		{"Sensitivity", facts(header("Sensitivity", "Private")), list(sealIf(private)), Seal, "seal it", ""},
		{"Sensitivity with a space", facts(header("sensitivity", "company confidential")), list(sealIf(private)), Seal, "seal it", ""},
		{"another Sensitivity", facts(header("Sensitivity", "Personal")), list(sealIf(private)), Pass, RuleNone, ""},
		{"a label, by GUID and SiteId", facts(label("0")), list(sealIf(label1)), Seal, "seal it", ""},
		{"the label of another tenant", facts(label("0")), list(sealIf(HasLabel{labelID, labelID})), Pass, RuleNone, ""},
		{"a label that encrypts is not sealed: nobody could open it", facts(label("8")), list(sealIf(label1)), Refuse, RuleEncrypted, ""},
		{"among other bits", facts(label("11")), list(sealIf(label1)), Refuse, RuleEncrypted, ""},
		{"a footer is no encryption", facts(label("2")), list(sealIf(label1)), Seal, "seal it", ""},
		{"encrypted and tagged", facts(label("8"), tagged), Rules{}, Refuse, RuleEncrypted, ""},
		{"encrypted and not asked to be secure: untouched", facts(label("8")), Rules{}, Pass, RuleNone, ""},
		{"a sender in the list", facts(), list(sealIf(From(patterns("kommun.se")))), Seal, "seal it", ""},
		{"a sender not in the list", facts(), list(sealIf(From(patterns("bo@kommun.se")))), Pass, RuleNone, ""},
		{"a recipient in the list", facts(), list(sealIf(toBo)), Seal, "seal it", ""},
		{"one recipient of many: for all", facts(to(Known, Unknown)), list(sealIf(To(patterns("x@example.se")))), Hold, "seal it", ""},
		{"a dedicated connector", facts(dedicated), Rules{}, Seal, RuleDedicated, ""},
		{"a dedicated connector, from no account", facts(dedicated, sender(Unknown)), Rules{}, Refuse, RuleSender, ""},
		{"written in the web", facts(written), Rules{}, Seal, RuleWritten, ""},
		{"written in the web, as an answer", facts(written, answers), Rules{}, Seal, RuleConversation, ""},
		{"written in the web, with a tag to take out", facts(written, tagged), Rules{}, Seal, RuleTag, ""},
		{"a rule that seals, from no account", facts(sender(Unknown)), list(sealIf(toBo)), Refuse, RuleSender, ""},
		{"all conditions must hold", facts(header("X-Sakert", "1")), list(sealIf(xSakert, private)), Pass, RuleNone, ""},
		{"all conditions hold", facts(header("X-Sakert", "1"), header("Sensitivity", "private")), list(sealIf(xSakert, private)), Seal, "seal it", ""},
		{"a rule without conditions never holds", facts(), list(Rule{Name: "x", Action: ActionSeal}), Pass, RuleNone, ""},
		{"the first rule that holds gives the name", facts(), list(sealIf(private), Rule{Name: "second", Action: ActionSeal, When: []Condition{toBo}},
			Rule{Name: "third", Action: ActionSeal, When: []Condition{toBo}}), Seal, "second", ""},
		{"the tag before the list", facts(tagged), list(sealIf(toBo)), Seal, RuleTag, ""},
		{"the conversation before the list", facts(answers), list(sealIf(toBo)), Seal, RuleConversation, ""},

		{"refuse: what would pass", facts(), list(refuseIf(ActionRefuse, toBo)), Refuse, "refuse it", ""},
		{"refuse: what would be sealed", facts(tagged), list(refuseIf(ActionRefuse, toBo)), Refuse, "refuse it", ""},
		{"refuse beats seal, whatever their order", facts(), list(sealIf(toBo), refuseIf(ActionRefuse, toBo)), Refuse, "refuse it", ""},
		{"refuse-clear: what would pass", facts(), list(refuseIf(ActionRefuseClear, toBo)), Refuse, "refuse it", ""},
		{"refuse-clear: not what is sealed", facts(tagged), list(refuseIf(ActionRefuseClear, toBo)), Seal, RuleTag, ""},
		{"refuse-clear: not what is sealed by a rule after it", facts(), list(refuseIf(ActionRefuseClear, toBo), sealIf(toBo)), Seal, "seal it", ""},
		{"refuse-sealed: another authority gets no link", facts(tagged), list(refuseIf(ActionRefuseSealed, toBo)), Refuse, "refuse it", ""},
		{"refuse-sealed: what passes is untouched", facts(), list(refuseIf(ActionRefuseSealed, toBo)), Pass, RuleNone, ""},
		{"the organisation's own words first", facts(tagged, sender(Unknown)), list(refuseIf(ActionRefuseSealed, toBo)), Refuse, "refuse it", ""},
		{"an unreadable header before all", facts(fault), list(refuseIf(ActionRefuse, toBo)), Refuse, RuleHeader, ""},

		{"log only: passes", facts(), list(logIf(toBo)), Pass, RuleNone, "log it"},
		{"log only: sealed by another", facts(), list(logIf(toBo), sealIf(toBo)), Seal, "seal it", "log it"},
		{"log only: refused by another", facts(), list(refuseIf(ActionRefuse, toBo), logIf(toBo)), Refuse, "refuse it", "log it"},
		{"log only: does not hold", facts(), list(logIf(private)), Pass, RuleNone, ""},

		{"identity numbers in the text", facts(found("seal it", 1)), list(sealIf(numbers)), Seal, "seal it", ""},
		{"fewer than the rule asks for", facts(found("seal it", 1)), list(sealIf(two)), Pass, RuleNone, ""},
		{"as many", facts(found("seal it", 2)), list(sealIf(two)), Seal, "seal it", ""},
		{"found for another rule", facts(found("other", 1)), list(sealIf(numbers)), Pass, RuleNone, ""},
		{"nothing found", facts(nothingFound), list(sealIf(numbers)), Pass, RuleNone, ""},
		{"nobody has looked", facts(), list(sealIf(numbers)), Pass, RuleNone, ""},
		{"found, to be refused with advice", facts(found("refuse it", 1)), list(refuseIf(ActionRefuse, numbers)), Refuse, "refuse it", ""},
		{"found, only logged", facts(found("log it", 1)), list(logIf(numbers)), Pass, RuleNone, "log it"},
		{"too long to look through: sealed", facts(notLooked), list(sealIf(numbers)), Seal, RuleBeyond, ""},
		{"too long, from no account", facts(notLooked, sender(Unknown)), list(sealIf(numbers)), Refuse, RuleSender, ""},
		{"too long: refused, where configured", facts(notLooked), Rules{Beyond: Refuse, List: []Rule{sealIf(numbers)}}, Refuse, RuleBeyond, ""},
		{"too long: passes, where configured", facts(notLooked), Rules{Beyond: Pass, List: []Rule{sealIf(numbers)}}, Pass, RuleNone, ""},
		{"too long, and the rule's other condition does not hold", facts(notLooked), list(sealIf(numbers, private)), Pass, RuleNone, ""},
		{"too long for a rule that only logs", facts(notLooked), list(logIf(numbers)), Pass, RuleNone, ""},

		{"an expression that holds", facts(outcome("seal it", true)), list(sealIf(expr)), Seal, "seal it", ""},
		{"one that does not", facts(outcome("seal it", false)), list(sealIf(expr)), Pass, RuleNone, ""},
		{"one that could not be computed holds", facts(), list(sealIf(expr)), Seal, "seal it", ""},
	} {
		if err := tt.rules.Check(); err != nil && len(tt.rules.List[0].When) > 0 {
			t.Errorf("%s: %v", tt.reason, err)
		}
		d := Decide(tt.facts, tt.rules)
		if d.Route != tt.route || d.Rule != tt.rule || strings.Join(d.Noted, " ") != tt.noted {
			t.Errorf("%s: %+v, want %s by %s, noted %q", tt.reason, d, tt.route, tt.rule, tt.noted)
		}
		if (d.Route == Refuse) != (d.Advice != "") || d.Why == "" {
			t.Errorf("%s: route %s, because %q, with the advice %q", tt.reason, d.Route, d.Why, d.Advice)
		}
	}
}

// Content is looked at only where it decides.
func TestLookInside(t *testing.T) {
	t.Parallel()
	numbers := Contains{Numbers: true}
	toBo := To(patterns("bo@example.se"))
	for _, tt := range []struct {
		reason string
		facts  Facts
		rules  Rules
		want   bool
	}{
		{"no rules", facts(), Rules{}, false},
		{"no rule about content", facts(), list(sealIf(toBo)), false},
		{"a rule about content", facts(), list(sealIf(numbers)), true},
		{"one that only logs", facts(), list(logIf(numbers)), true},
		{"looked already", facts(nothingFound), list(sealIf(numbers)), false},
		{"sealed anyway", facts(subject("[säkert]")), list(sealIf(numbers)), false},
		{"refused anyway", facts(), list(sealIf(numbers), refuseIf(ActionRefuse, toBo)), false},
		{"its other condition holds", facts(), list(sealIf(numbers, toBo)), true},
		{"its other condition does not", facts(to(Unknown)), list(sealIf(numbers, toBo)), false},
	} {
		if got := tt.rules.LookInside(tt.facts); got != tt.want {
			t.Errorf("%s: %v", tt.reason, got)
		}
	}
}

func TestCheckRules(t *testing.T) {
	t.Parallel()
	ok := To(patterns("bo@example.se"))
	for _, tt := range []struct {
		reason string
		rules  Rules
		fault  string
	}{
		{"no rules", Rules{}, ""},
		{"no name", list(Rule{Action: ActionSeal, When: []Condition{ok}}), "a name is"},
		{"a name that SMTP cannot say", list(Rule{Name: "känslig", Action: ActionSeal, When: []Condition{ok}}), "a name is"},
		{"a name twice", list(sealIf(ok), sealIf(ok)), "another rule has the name"},
		{"a name of ours", list(Rule{Name: RuleTag, Action: ActionSeal, When: []Condition{ok}}), "always there"},
		{"no action", list(Rule{Name: "x", When: []Condition{ok}}), "unknown action"},
		{"refusing without advice", list(Rule{Name: "x", Action: ActionRefuse, When: []Condition{ok}}), "advice goes with refusing"},
		{"advice without refusing", list(Rule{Name: "x", Action: ActionSeal, Advice: "y", When: []Condition{ok}}), "advice goes with refusing"},
		{"advice that SMTP cannot say", list(Rule{Name: "x", Action: ActionRefuse, Advice: "gör\nom", When: []Condition{ok}}), "advice is at most"},
		{"no condition", list(sealIf()), "no condition"},
		{"content where nobody looks", list(refuseIf(ActionRefuseSealed, Contains{Numbers: true})), "not looked through"},
		{"nothing to look for", list(sealIf(Contains{})), "nothing to look for"},
		{"a word of nothing", list(sealIf(Contains{Words: []string{"-"}})), "a word without"},
		{"fewer than none", list(sealIf(Contains{Numbers: true, AtLeast: -1})), "below zero"},
		{"no header field", list(sealIf(Header{Name: "X:"})), "no header field name"},
		{"no sensitivity", list(sealIf(Sensitivity{"hemlig"})), "no sensitivity"},
		{"a label by name", list(sealIf(HasLabel{"Hemlig", tenantID})), "a label needs"},
		{"a label without tenant", list(sealIf(HasLabel{GUID: labelID})), "a label needs"},
		{"an empty list", list(sealIf(From{})), "an empty list"},
		{"an empty entry", list(sealIf(To{Pattern{}})), "an empty list"},
		{"an empty expression", list(sealIf(Expression{})), "an empty expression"},
		{"an empty tag", Rules{Tags: []string{" "}}, "a tag is empty"},
		{"a route that is none", Rules{Beyond: Hold}, "can be sealed, refused or passed"},
		{"fewer recipients than none", Rules{MaxRecipients: -1}, "recipients cannot be"},
	} {
		err := tt.rules.Check()
		if (err == nil) != (tt.fault == "") || err != nil && (!errors.Is(err, ErrRules) || !strings.Contains(err.Error(), tt.fault)) {
			t.Errorf("%s: %v, want %q", tt.reason, err, tt.fault)
		}
	}
	all := list(Rule{}, sealIf(Contains{}))
	if err := all.Check(); strings.Count(err.Error(), "\n") < 3 {
		t.Errorf("every fault is named: %v", err)
	}
}

// Whatever the rules are: one that only logs changes nothing, one more that seals makes nothing pass that did not, and
// none makes a mail pass that is asked to be secure.
func TestRulesProperty(t *testing.T) {
	t.Parallel()
	conditions := rapid.SampledFrom([]Condition{
		Header{Name: "X-A"}, Sensitivity{"private"}, HasLabel{labelID, tenantID}, From(patterns("kommun.se")), To(patterns("example.se")),
		Contains{Numbers: true}, Expression{"x"},
	})
	actions := rapid.SampledFrom([]Action{ActionSeal, ActionRefuse, ActionRefuseClear, ActionRefuseSealed})
	rule := rapid.Custom(func(t *rapid.T) Rule {
		return Rule{Name: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name"), Action: actions.Draw(t, "action"), Advice: "x",
			When: rapid.SliceOfN(conditions, 1, 3).Draw(t, "when")}
	})
	edits := rapid.SampledFrom([]func(*Facts){
		header("X-A", ""), header("Sensitivity", "private"), label("0"), label("8"), dedicated, written, answers, subject("[säkert]"),
		subject("[säkert 196408233234] x"), sender(Unknown), to(Unknown), outcome("a", false), found("b", 1), notLooked,
	})
	rapid.Check(t, func(t *rapid.T) {
		f := facts(rapid.SliceOf(edits).Draw(t, "facts")...)
		r := Rules{List: rapid.SliceOf(rule).Draw(t, "rules"), NumberTags: rapid.Bool().Draw(t, "numbers")}
		d := Decide(f, r)
		if d.Route == Pass && (f.Answers || f.Dedicated || f.Written || strings.Contains(strings.Join(f.Subjects, ""), "[s")) {
			t.Fatalf("passes: %+v", d)
		}
		if d.Route == Pass && r.LookInside(f) != (f.Content == nil && len(r.List) > 0 && waiting(f, r)) {
			t.Fatalf("looks inside: %v", r.LookInside(f))
		}
		logged := Rules{NumberTags: r.NumberTags, List: append([]Rule{logIf(conditions.Draw(t, "logged"))}, r.List...)}
		if e := Decide(f, logged); e.Route != d.Route || e.Rule != d.Rule || e.Person != d.Person || e.Cut != d.Cut {
			t.Fatalf("logging changes %+v to %+v", d, e)
		}
		more := Rules{NumberTags: r.NumberTags, List: append([]Rule{sealIf(conditions.Draw(t, "sealing"))}, r.List...)}
		if e := Decide(f, more); e.Route == Pass && d.Route != Pass {
			t.Fatalf("sealing more makes %+v pass: %+v", d, e)
		}
	})
}

func waiting(f Facts, r Rules) bool {
	for _, rule := range r.List {
		if rule.waits(f) {
			return true
		}
	}
	return false
}

func TestParsePerson(t *testing.T) {
	t.Parallel()
	lastDay := time.Date(2025, 12, 31, 23, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		why, number string
		rules       Rules
		today       time.Time
		want        error
	}{
		{"a person", "196408233234", Rules{TestNumbers: true}, lastDay, nil},
		{"born this year", "201503012385", Rules{TestNumbers: true}, time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC), nil},
		{"a century too late", "206408233234", Rules{TestNumbers: true}, lastDay, ErrPersonUnborn},
		{"a samordningsnummer of next year", "202601622380", Rules{TestNumbers: true}, lastDay, ErrPersonUnborn},
		{"who does not know the day asks for none", "206408233234", Rules{}, time.Time{}, nil},
		{"a test number", "196408233234", Rules{}, lastDay, ErrPersonTest},
		{"no number", "19640823", Rules{}, lastDay, ErrPersonLength},
	} {
		if p, err := row.rules.ParsePerson(row.number, row.today); err != row.want || p.IsZero() != (err != nil) {
			t.Errorf("%s: %v, %v", row.why, p, err)
		}
	}
}
