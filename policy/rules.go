package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Rules are the configuration of the decision.
type Rules struct {
	// Tags are the subject tags; DefaultTags if empty.
	Tags []string
	// NumberTags takes the recipient's identity number in a tag: "[säkert 19…]". Else such a mail is refused, since its
	// number may not go on in clear.
	NumberTags bool
	// TestNumbers takes the Tax Agency's test numbers for recipients, as the demo does.
	TestNumbers bool
	// MaxRecipients of one sealed message; 100 (RFC 5321 section 4.5.3.1.8) if zero.
	MaxRecipients int
	// Beyond is the route of a mail that cannot be looked through, by rules about content or for messages inside: Seal if empty, Refuse or Pass. Sealing
	// neither leaks the mail nor stops it.
	Beyond Route
	// Partners are the domains, in lower case, of organisations that get sealed mail directly; none if empty.
	Partners []string
	// List is the rules of the organisation, asked in order.
	List []Rule
}

// Rule is one rule of the organisation.
type Rule struct {
	// Name is logged and told to the sender.
	Name   string
	Action Action
	// Advice tells the sender of a refused mail what to do.
	Advice string
	// When must all hold.
	When []Condition
}

// Action is what a rule does with a mail that meets its conditions.
type Action string

// The actions.
const (
	ActionSeal Action = "seal"
	// ActionRefuse refuses the mail whatever its route would be.
	ActionRefuse Action = "refuse"
	// ActionRefuseClear refuses a mail that would pass in clear.
	ActionRefuseClear Action = "refuse-clear"
	// ActionRefuseSealed refuses a mail that would be sealed: for recipients who cannot use a link, such as mailing lists
	// and other authorities.
	ActionRefuseSealed Action = "refuse-sealed"
	ActionLog          Action = "log"
)

// ErrRules means that rules cannot be used.
var ErrRules = errors.New("policy: bad rule")

var ownRules = []string{
	RuleTag, RuleNumber, RuleConversation, RuleAttached, RuleDedicated, RuleWritten, RuleBeyond, RuleNone, RuleSender, RuleRecipients,
	RuleHeader, RuleEncrypted,
}

// Check names every fault of the rules. Errors are ErrRules.
func (r Rules) Check() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf("%w: "+format, append([]any{ErrRules}, args...)...))
		}
	}
	fault(r.MaxRecipients < 0, "the most recipients cannot be %d", r.MaxRecipients)
	fault(!slices.Contains([]Route{"", Seal, Refuse, Pass}, r.Beyond), "what is too long to look through can be sealed, refused or passed, not %q", r.Beyond)
	fault(slices.ContainsFunc(r.Tags, func(t string) bool { return len(fold(strings.TrimSpace(t))) == 0 }), "a tag is empty")
	names := map[string]bool{}
	for i, rule := range r.List {
		if err := rule.Check(); err != nil {
			faults = append(faults, fmt.Errorf("rule %d (%q): %w", i+1, rule.Name, err))
		}
		fault(names[rule.Name], "rule %d (%q): another rule has the name", i+1, rule.Name)
		names[rule.Name] = true
	}
	return errors.Join(faults...)
}

// Check names every fault of one rule. Errors are ErrRules.
func (r Rule) Check() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf("%w: "+format, append([]any{ErrRules}, args...)...))
		}
	}
	fault(r.Name == "" || len(r.Name) > 100 || !printable(r.Name), "a name is of 1 to 100 printable ASCII characters")
	fault(slices.Contains(ownRules, r.Name), "the name is that of a rule that is always there")
	actions := []Action{ActionSeal, ActionRefuse, ActionRefuseClear, ActionRefuseSealed, ActionLog}
	fault(!slices.Contains(actions, r.Action), "unknown action %q; they are %q", r.Action, actions)
	fault(r.refuses() != (r.Advice != ""), "advice goes with refusing, and refusing with advice")
	fault(len(r.Advice) > 400 || !printable(r.Advice), "advice is at most 400 printable ASCII characters, as it is said in SMTP")
	fault(len(r.When) == 0, "no condition")
	for _, c := range r.When {
		err := c.check()
		fault(err != nil, "%v", err)
	}
	_, looks := r.content()
	// It is asked only of a mail that would pass, see LookInside.
	fault(looks && r.Action == ActionRefuseSealed, "a mail that is sealed is not looked through")
	return errors.Join(faults...)
}

// printable is what an SMTP reply can say (RFC 5321 section 4.2, textstring).
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// LookInside tells that content decides: the mail would pass, and a rule that asks for content has its other conditions
// met. A mail that is sealed or refused anyway needs no look.
func (r Rules) LookInside(f Facts) bool {
	if f.Content != nil || !slices.ContainsFunc(r.List, func(rule Rule) bool { return rule.waits(f) }) {
		return false
	}
	return decide(f, r).Route == Pass
}

func (r Rules) refusing(f Facts, route Route) (Rule, bool) {
	for _, rule := range r.List {
		applies := rule.Action == ActionRefuse || rule.Action == ActionRefuseClear && route == Pass || rule.Action == ActionRefuseSealed && route != Pass
		if applies && rule.met(f) {
			return rule, true
		}
	}
	return Rule{}, false
}

// partner tells a recipient who stands for a partner organisation. One whose address is bound to a person is that person,
// wherever the address is.
func (r Rules) partner(to Recipient) bool {
	return to.Kind == Unknown && slices.Contains(r.Partners, to.Address.Domain)
}

func (r Rules) tags() []string {
	if len(r.Tags) == 0 {
		return DefaultTags
	}
	return r.Tags
}

func (r Rules) maxRecipients() int {
	if r.MaxRecipients == 0 {
		return 100
	}
	return r.MaxRecipients
}

func (r Rule) refuses() bool {
	return r.Action == ActionRefuse || r.Action == ActionRefuseClear || r.Action == ActionRefuseSealed
}

func (r Rule) met(f Facts) bool {
	for _, c := range r.When {
		if !c.holds(f, r.Name) {
			return false
		}
	}
	return len(r.When) > 0
}

// waits tells that all holds but what is asked of the content.
func (r Rule) waits(f Facts) bool {
	if _, asks := r.content(); !asks {
		return false
	}
	for _, c := range r.When {
		if _, content := c.(Contains); !content && !c.holds(f, r.Name) {
			return false
		}
	}
	return true
}

// beyond tells a rule that could have changed the route of a mail that was not looked through.
func (r Rule) beyond(f Facts) bool { return r.Action != ActionLog && r.waits(f) }

func (r Rule) content() (Contains, bool) {
	for _, c := range r.When {
		if c, ok := c.(Contains); ok {
			return c, true
		}
	}
	return Contains{}, false
}

func (r Rule) why() string {
	var all []string
	for _, c := range r.When {
		all = append(all, c.why())
	}
	return strings.Join(all, ", and ")
}

// ParsePerson reads the identity number of a recipient: ParsePersonID's errors, ErrPersonTest, and ErrPersonUnborn if it is of
// a year after today's. No check digit is over the century, which is mistyped more often than any other; the zero time knows
// no year.
func (r Rules) ParsePerson(s string, today time.Time) (PersonID, error) {
	p, err := ParsePersonID(s)
	switch {
	case err != nil:
		return PersonID{}, err
	case !today.IsZero() && p.Digits()[:4] > today.Format("2006"):
		return PersonID{}, ErrPersonUnborn
	case p.Test() && !r.TestNumbers:
		return PersonID{}, ErrPersonTest
	}
	return p, nil
}
