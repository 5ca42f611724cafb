package config

import (
	"fmt"
	"slices"
	"strings"

	"sigill/policy"
)

// Rules are those of the decision what is sealed.
type Rules struct {
	Tags          []string `toml:"tags"`
	NumberTags    bool     `toml:"number_tags"`
	MaxRecipients int      `toml:"max_recipients"`
	Beyond        string   `toml:"beyond"`
	Rule          []Rule   `toml:"rule"`
}

func defaultRules() Rules {
	return Rules{Tags: policy.DefaultTags, MaxRecipients: 100, Beyond: string(policy.Seal)}
}

func (r Rules) check(f faults, _ *Config) {
	f.need("tags", len(r.Tags) > 0, "must have a tag at least, or nothing is ever sealed")
	for i, tag := range r.Tags {
		f.need(fmt.Sprintf("tags[%d]", i+1), isLine(tag) && strings.TrimSpace(tag) == tag && len(tag) >= 3,
			"%q must be three octets or more on one line, such as \"[säkert]\"", tag)
	}
	f.need("max_recipients", r.MaxRecipients >= 1, "must be 1 or more")
	f.need("beyond", slices.Contains([]string{"seal", "refuse", "pass"}, r.Beyond), "%q must be \"seal\", \"refuse\" or \"pass\"", r.Beyond)
	seen := map[string]bool{}
	for i, rule := range r.Rule {
		key := fmt.Sprintf("rule[%d]", i+1)
		rule.check(f, key)
		f.need(key+".name", !seen[rule.Name], "%q is the name of another rule already", rule.Name)
		seen[rule.Name] = true
	}
}

// policy gives the section as the decision takes it; see [Config.Policy].
func (r Rules) policy() policy.Rules {
	rules := policy.Rules{Tags: r.Tags, NumberTags: r.NumberTags, MaxRecipients: r.MaxRecipients, Beyond: policy.Route(r.Beyond)}
	for _, rule := range r.Rule {
		rules.List = append(rules.List, rule.policy())
	}
	return rules
}
