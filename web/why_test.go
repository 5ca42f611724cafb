package web

import (
	"strings"
	"testing"

	"sigill/policy"
)

func TestWhy(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ why, rule, want string }{
		{"no rule of a sealed message is without words", policy.RuleTag, "tagg"},
		{"", policy.RuleNumber, "nummer"},
		{"", policy.RuleConversation, "svarar"},
		{"", policy.RuleAttached, "bifogat"},
		{"", policy.RuleDedicated, "vägen"},
		{"", policy.RuleWritten, "det skrevs här"},
		{"", policy.RuleBeyond, "stort"},
		{"the organisation's has its name", "personal numbers", "”personal numbers”"},
		{"a copy that a mail program has stored was sealed by none", "append", ""},
		{"nor was a reply", "", ""},
	} {
		got := page{catalogue: languages[0]}.Why(row.rule)
		if row.want == "" && got != "" || !strings.Contains(got, row.want) {
			t.Errorf("%s: %q is %q", row.why, row.rule, got)
		}
	}
}
