package policy

import (
	"slices"
	"strconv"
	"time"
)

// Route is what happens to a mail.
type Route string

// The routes.
const (
	Pass Route = "pass" // streamed to the upstream relay untouched
	Seal Route = "seal" // sealed in the vault; notices go out
	// Deliver is sealed too, and goes to partner organisations by a verified connection, without notices.
	Deliver Route = "deliver"
	Hold    Route = "hold"   // sealed, but no outside notice before every outside recipient has an identity
	Refuse  Route = "refuse" // not taken
)

// RecipientKind is what is known of an address. Any other value, such as that of the null sender, is as Unknown.
type RecipientKind string

// The kinds of recipient.
const (
	Colleague RecipientKind = "colleague" // an account of the municipality
	Function  RecipientKind = "function"  // a function address
	Known     RecipientKind = "known"     // outside, with a binding to a person
	Partner   RecipientKind = "partner"   // outside, of an organisation that got the message itself; of sealed messages only
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
	// Sender is the envelope's, Kind Unknown or "" for the null address.
	Sender Recipient
	// Recipients are those of the envelope, in order.
	Recipients []Recipient
	// Subjects are the decoded texts (RFC 2047) of every Subject field. A mail has one; of one that has more nobody knows
	// which is shown, so a tag in any counts.
	Subjects []string
	// Header is the fields of the header, decoded.
	Header []Field
	// Labels are Microsoft's, as ParseLabels reads them.
	Labels []Label
	// Answers tells that In-Reply-To or References name a sealed message.
	Answers bool
	// Attached tells that a message inside the mail is a sealed one, or answers one.
	Attached bool
	// Unseen tells that messages inside the mail are packed deeper than the limits, so that nobody knows.
	Unseen bool
	// Dedicated tells that the mail came in where everything is secure.
	Dedicated bool
	// Written tells that staff wrote the mail in the web, where everything is secure.
	Written bool
	// HeaderError tells why the header could not be read; "" if it could.
	HeaderError string
	// Outcomes are those of the rules' expressions, by the rule's name. One that is missing could not be computed.
	Outcomes map[string]bool
	// Today is when it is decided; the zero time if that is not known.
	Today time.Time
	// Content is what was found in the text; nil if nobody looked. See [Rules.LookInside].
	Content *Content
}

// Field is a header field, decoded, on one line.
type Field struct{ Name, Value string }

// Content is what was found in the text of a mail and its attachments. It holds none of the text.
type Content struct {
	Findings []Finding
	// Beyond tells that some of the mail was not looked at, because it is longer, or packed deeper, than the limits.
	Beyond bool
}

// Finding is how often a rule's condition was met in the text.
type Finding struct {
	Rule  string
	Kind  FindingKind
	Count int
}

// FindingKind is what was found.
type FindingKind string

// The kinds of findings.
const (
	FoundNumbers FindingKind = "identity numbers"
	FoundWords   FindingKind = "words"
)

// Names of rules that are always there, as they are logged and told to the sender.
const (
	RuleTag          = "subject tag"
	RuleNumber       = "subject tag with number"
	RuleConversation = "sealed conversation"
	RuleAttached     = "sealed message attached"
	RuleDedicated    = "secure connector"
	RuleWritten      = "written in the web"
	RuleBeyond       = "too long to look through"
	RuleNone         = "no rule"
	RuleSender       = "sender without account"
	RuleRecipients   = "too many recipients"
	RuleHeader       = "unreadable header"
	RuleEncrypted    = "already encrypted"
)

// Decision is the route of one mail, for all its recipients, and why.
type Decision struct {
	Route Route
	// Rule is the name of the rule that decided.
	Rule string
	// Why says it in a few words, without anything of the mail.
	Why string
	// Cut is the tag to take out of the subject before sealing; zero if nothing is.
	Cut Cut
	// Person is the identity of the one outside recipient, given in the tag; zero if none was.
	Person PersonID
	// Advice tells the sender of a refused mail what to do, without personal data.
	Advice string
	// Noted are the rules that only log and that the mail met.
	Noted []string
}

// Cut is runes of one of the subjects.
type Cut struct {
	Subject int // in Facts.Subjects
	Span
}

// Decide gives the one decision about a mail. A mail asked to be secure is never split: it is sealed for all its
// recipients, or held for all, or refused.
//
// The order: what makes a mail secure (tag, conversation, attached message, connector, written in the web, then the
// rules that seal, as listed); then the rules that refuse, as listed, which beat those that seal; then what no sealed mail
// may be. The first of each names the decision. Rules that only log never change it.
func Decide(f Facts, r Rules) Decision {
	d := decide(f, r)
	for _, rule := range r.List {
		if rule.Action == ActionLog && rule.met(f) {
			d.Noted = append(d.Noted, rule.Name)
		}
	}
	return d
}

func decide(f Facts, r Rules) Decision {
	if f.HeaderError != "" {
		// What cannot be read cannot be shown to be free of a tag, so it is not passed on.
		return refuse(RuleHeader, "the header cannot be read",
			"the header of this mail cannot be read ("+f.HeaderError+"), so it can be neither sealed nor passed on; write it anew")
	}
	d := secure(f, r)
	if d.Route == Refuse {
		return d
	}
	if no, found := r.refusing(f, d.Route); found {
		return refuse(no.Name, no.why(), no.Advice)
	}
	if d.Route == Pass {
		return d
	}
	return sealable(d, f, r)
}

// secure tells whether a mail is asked to be sealed: its route is Seal or Pass, or Refuse if that cannot be told.
func secure(f Facts, r Rules) Decision {
	if d, found := numbered(f, r); found {
		return d
	}
	for i, text := range f.Subjects {
		if tag, at, ok := FindTag(text, r.tags()); ok {
			return Decision{Route: Seal, Rule: RuleTag, Why: "the subject has the tag " + tag, Cut: Cut{i, at}}
		}
	}
	if f.Answers {
		return Decision{Route: Seal, Rule: RuleConversation, Why: "the mail answers a sealed message"}
	}
	if f.Attached {
		return Decision{Route: Seal, Rule: RuleAttached, Why: "a message of a sealed conversation is attached to the mail"}
	}
	if f.Dedicated {
		return Decision{Route: Seal, Rule: RuleDedicated, Why: "everything that comes in this way is secure"}
	}
	if f.Written {
		return Decision{Route: Seal, Rule: RuleWritten, Why: "everything that is written in the web is secure"}
	}
	for _, rule := range r.List {
		if rule.Action == ActionSeal && rule.met(f) {
			return Decision{Route: Seal, Rule: rule.Name, Why: rule.why()}
		}
	}
	return unseenContent(f, r)
}

// unseenContent is the route of a mail that could not be looked through for messages inside it, or as rules about content
// want.
func unseenContent(f Facts, r Rules) Decision {
	const why = "the mail is too long, or packed too deep, to look through"
	beyond := f.Content != nil && f.Content.Beyond && slices.ContainsFunc(r.List, func(rule Rule) bool { return rule.beyond(f) })
	if f.Unseen || beyond {
		switch r.Beyond {
		case Seal, "":
			return Decision{Route: Seal, Rule: RuleBeyond, Why: why}
		case Refuse:
			return refuse(RuleBeyond, why, "this mail is too large to be checked for what may not be sent in clear; tag it as secure, or send it in parts")
		}
	}
	return Decision{Route: Pass, Rule: RuleNone, Why: "nothing asks for sealing"}
}

// sealable refuses what cannot be sealed, holds what waits for an identity, and lets what is for partners alone go to
// them. One recipient outside who is no partner, and the mail goes the ordinary way for all.
func sealable(d Decision, f Facts, r Rules) Decision {
	if f.Sender.Kind.Outside() {
		return refuse(RuleSender, d.Why+", and the sender is no account",
			"only an account or a function address of this organisation may send secure messages")
	}
	if slices.ContainsFunc(f.Labels, Label.Encrypts) {
		return refuse(RuleEncrypted, d.Why+", and its label encrypts it", "this mail is encrypted by its sensitivity label already, "+
			"so nobody outside could open it here; choose a label without encryption and send it again")
	}
	if limit := r.maxRecipients(); len(f.Recipients) > limit {
		return refuse(RuleRecipients, "it has "+strconv.Itoa(len(f.Recipients))+" recipients",
			"a secure message may have at most "+strconv.Itoa(limit)+" recipients; send it in parts")
	}
	outside, unknown, partners := 0, 0, 0
	for _, to := range f.Recipients {
		if to.Kind.Outside() {
			outside++
			if to.Kind != Known {
				unknown++
			}
			if r.partner(to) {
				partners++
			}
		}
	}
	switch given := !d.Person.IsZero(); {
	case given && outside != 1:
		return refuse(RuleNumber, "it has "+strconv.Itoa(outside)+" outside recipients",
			"an identity number in the subject is for exactly one outside recipient; send one mail to each, or leave the number out")
	case !given && partners > 0 && partners == outside:
		d.Route = Deliver
	case !given && unknown > 0:
		d.Route = Hold
	}
	return d
}

func refuse(rule, why, advice string) Decision {
	return Decision{Route: Refuse, Rule: rule, Why: why, Advice: advice}
}
