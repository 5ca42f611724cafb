package config

import (
	"fmt"
	"regexp"
	"strings"

	"sigill/policy"
	"sigill/smtpd/expr"
)

// Rule is a rule of the organisation. Each condition that is set must hold.
type Rule struct {
	Name   string `toml:"name"`
	Action string `toml:"action"`
	Advice string `toml:"advice"`

	Header      string   `toml:"header"`
	Pattern     string   `toml:"pattern"`
	Sensitivity []string `toml:"sensitivity"`
	Label       string   `toml:"label"`
	Tenant      string   `toml:"tenant"`
	From        []string `toml:"from"`
	To          []string `toml:"to"`
	Numbers     bool     `toml:"numbers"`
	Words       []string `toml:"words"`
	AtLeast     int      `toml:"at_least"`
	Expression  string   `toml:"expression"`
}

// setDefaults gives a rule of the file its empty lists.
func (r *Rule) setDefaults() {
	r.Sensitivity, r.From, r.To, r.Words = []string{}, []string{}, []string{}, []string{}
}

// check tells what is wrong; key is the rule's.
func (r Rule) check(f faults, key string) {
	f.need(key+".pattern", r.Pattern == "" || r.Header != "", "needs the header it is for")
	_, err := regexp.Compile(r.Pattern)
	f.need(key+".pattern", err == nil, "%q is no pattern of RE2: %v", r.Pattern, err)
	f.need(key+".tenant", (r.Tenant == "") == (r.Label == ""), "label and tenant go together: the GUID of the label, and that of the tenant whose label it is")
	f.need(key+".at_least", r.AtLeast == 0 || r.Numbers || len(r.Words) > 0, "needs numbers or words to count")
	for name, list := range map[string][]string{"from": r.From, "to": r.To} {
		for i, entry := range list {
			_, err := policy.ParsePattern(entry)
			f.need(fmt.Sprintf("%s.%s[%d]", key, name, i+1), err == nil,
				"%q must be an address, a domain such as \"example.se\", or \".example.se\" for the domains below it too", entry)
		}
	}
	rule := r.policy()
	_, err = expr.New([]policy.Rule{rule})
	f.fits(key+".expression", err)
	if err := rule.Check(); err != nil {
		text := strings.ReplaceAll(err.Error(), policy.ErrRules.Error()+": ", "")
		f.need(key, false, "%s", strings.ReplaceAll(text, "\n", "; "))
	}
}

// policy gives the rule as the decision takes it. What is wrong in it, which check tells, is left out.
func (r Rule) policy() policy.Rule {
	out := policy.Rule{Name: r.Name, Action: policy.Action(r.Action), Advice: r.Advice}
	when := func(asked bool, c policy.Condition) {
		if asked {
			out.When = append(out.When, c)
		}
	}
	header := policy.Header{Name: r.Header}
	if r.Pattern != "" {
		header.Pattern, _ = regexp.Compile(r.Pattern)
	}
	when(r.Header != "", header)
	when(len(r.Sensitivity) > 0, policy.Sensitivity(r.Sensitivity))
	when(r.Label != "" && r.Tenant != "", policy.HasLabel{GUID: r.Label, Site: r.Tenant})
	when(len(r.From) > 0, policy.From(patterns(r.From)))
	when(len(r.To) > 0, policy.To(patterns(r.To)))
	when(r.Numbers || len(r.Words) > 0, policy.Contains{Numbers: r.Numbers, Words: r.Words, AtLeast: r.AtLeast})
	when(r.Expression != "", policy.Expression{Source: r.Expression})
	return out
}

func patterns(entries []string) (out []policy.Pattern) {
	for _, e := range entries {
		if p, err := policy.ParsePattern(e); err == nil {
			out = append(out, p)
		}
	}
	return out
}
