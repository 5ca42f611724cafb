package policy

import "strconv"

// Route is what happens to a mail.
type Route string

// The four routes.
const (
	Pass   Route = "pass"   // streamed to the upstream relay untouched
	Seal   Route = "seal"   // sealed in the vault; notices go out
	Hold   Route = "hold"   // sealed, but no outside notice before every outside recipient has an identity
	Refuse Route = "refuse" // not taken
)

// RecipientKind is what is known of an address. Any other value, such as that of the null sender, is as Unknown.
type RecipientKind string

// The kinds of recipient.
const (
	Colleague RecipientKind = "colleague" // an account of the municipality
	Function  RecipientKind = "function"  // a function address
	Known     RecipientKind = "known"     // outside, with a binding to a person
	Unknown   RecipientKind = "unknown"   // outside, nobody knows who
)

// Outside tells recipients who read in the web reader after e-ID login.
func (k RecipientKind) Outside() bool { return k != Colleague && k != Function }

// Recipient is an address of RCPT TO and what is known of it.
type Recipient struct {
	Address Address
	Kind    RecipientKind
}

// Envelope is the addresses of one SMTP transaction (RFC 5321 section 2.3.1).
type Envelope struct {
	From Address
	To   []Address
}

// Facts is all a decision may rest on. Whoever conducts the mail gathers them first.
type Facts struct {
	// Sender is the kind of the envelope sender; Unknown or "" for the null address.
	Sender RecipientKind
	// Recipients are those of the envelope, in order.
	Recipients []Recipient
	// Subject is decoded (RFC 2047).
	Subject string
	// Answers tells that In-Reply-To or References name a sealed message.
	Answers bool
	// HeaderError tells why the header could not be read; "" if it could.
	HeaderError string
}

// Rules are the configuration of the decision.
type Rules struct {
	// Tags are the subject tags; DefaultTags if empty.
	Tags []string
	// MaxRecipients of one sealed message; 100 (RFC 5321 section 4.5.3.1.8) if zero.
	MaxRecipients int
}

// Names of rules, as they are logged and told to the sender.
const (
	RuleTag          = "subject tag"
	RuleConversation = "sealed conversation"
	RuleNone         = "no rule"
	RuleSender       = "sender without account"
	RuleRecipients   = "too many recipients"
	RuleHeader       = "unreadable header"
)

// Decision is the route of one mail, for all its recipients, and why.
type Decision struct {
	Route Route
	// Rule is the name of the rule that decided.
	Rule string
	// Tag is the runes to take out of the decoded subject before sealing; empty if nothing is.
	Tag Span
	// Advice tells the sender of a refused mail what to do, one sentence in English without personal data.
	Advice string
}

// Decide gives the one decision about a mail. A mail asked to be secure is never split: it is sealed for all its
// recipients, or held for all, or refused.
func Decide(f Facts, r Rules) Decision {
	if f.HeaderError != "" {
		// What cannot be read cannot be shown to be free of a tag, so it is not passed on.
		return refuse(RuleHeader, "the header of this mail cannot be read ("+f.HeaderError+"), so it can be neither sealed nor passed on; write it anew")
	}
	rule, span := secure(f, r)
	if rule == RuleNone {
		return Decision{Route: Pass, Rule: RuleNone}
	}
	if f.Sender.Outside() {
		return refuse(RuleSender, "only an account or a function address of this organisation may send secure messages")
	}
	if limit := r.maxRecipients(); len(f.Recipients) > limit {
		return refuse(RuleRecipients, "a secure message may have at most "+strconv.Itoa(limit)+" recipients; send it in parts")
	}
	d := Decision{Route: Seal, Rule: rule, Tag: span}
	for _, to := range f.Recipients {
		if to.Kind.Outside() && to.Kind != Known {
			d.Route = Hold
		}
	}
	return d
}

func secure(f Facts, r Rules) (rule string, at Span) {
	tags := r.Tags
	if len(tags) == 0 {
		tags = DefaultTags
	}
	if _, at, ok := FindTag(f.Subject, tags); ok {
		return RuleTag, at
	}
	if f.Answers {
		return RuleConversation, Span{}
	}
	return RuleNone, Span{}
}

func (r Rules) maxRecipients() int {
	if r.MaxRecipients == 0 {
		return 100
	}
	return r.MaxRecipients
}

func refuse(rule, advice string) Decision {
	return Decision{Route: Refuse, Rule: rule, Advice: advice}
}
