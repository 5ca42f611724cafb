package config

import (
	"fmt"
	"strings"

	"sigill/policy"
)

// Rules are those of the decision what is sealed.
type Rules struct {
	Tags          []string `toml:"tags"`
	MaxRecipients int      `toml:"max_recipients"`
}

func defaultRules() Rules { return Rules{Tags: policy.DefaultTags, MaxRecipients: 100} }

func (r Rules) check(f faults, _ *Config) {
	f.need("tags", len(r.Tags) > 0, "must have a tag at least, or nothing is ever sealed")
	for i, tag := range r.Tags {
		f.need(fmt.Sprintf("tags[%d]", i+1), isLine(tag) && strings.TrimSpace(tag) == tag && len(tag) >= 3,
			"%q must be three octets or more on one line, such as \"[säkert]\"", tag)
	}
	f.need("max_recipients", r.MaxRecipients >= 1, "must be 1 or more")
}

// Policy gives the section as the decision takes it.
func (r Rules) Policy() policy.Rules {
	return policy.Rules{Tags: r.Tags, MaxRecipients: r.MaxRecipients}
}
