package web

import "sigill/policy"

// Why tells a message's sender, in the page's language, by which rule it was sealed: nobody who wrote no tag would know. "" if
// none decided, as of a copy that a mail program has stored. The organisation's own rules speak for themselves.
func (p page) Why(rule string) string {
	switch rule {
	case "", ruleAppend, policy.RuleNone:
		return ""
	case policy.RuleTag:
		return p.text("why.tag")
	case policy.RuleNumber:
		return p.text("why.number")
	case policy.RuleConversation:
		return p.text("why.conversation")
	case policy.RuleAttached:
		return p.text("why.attached")
	case policy.RuleDedicated:
		return p.text("why.dedicated")
	case policy.RuleWritten:
		return p.text("why.written")
	case policy.RuleBeyond:
		return p.text("why.beyond")
	}
	return p.text("why.rule", rule)
}

// ruleAppend is the vault's word for a copy that a mail program has stored.
const ruleAppend = "append"
