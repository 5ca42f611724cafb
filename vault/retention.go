package vault

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"sigill/policy"
	"sigill/vault/internal/kv"
)

// Retention says how long messages are kept. Its zero value keeps all for ever: disposal takes a decision of the
// municipality, and no decision is to keep.
type Retention struct {
	// Default is for every address that Functions does not name.
	Default Rule
	// Functions are the rules of function addresses, by policy.Address.Key. They beat classes.
	Functions map[string]Rule
	// Classes are rules that administrators may give function addresses: see [Administration.SetClass].
	Classes []Rule
}

// Rule is one decision on disposal. It sets exactly one of the three terms, so that nobody has to guess whether the
// earliest or the latest counts. The zero Rule keeps for ever.
type Rule struct {
	// Name is that of the decision; the disposal log tells it.
	Name string
	// AfterDeposit, in days, counts from when the message came in.
	AfterDeposit int
	// AfterFirstRead, in days, counts from when a recipient first read it. What no recipient has read is kept.
	AfterFirstRead int
	// AfterLastActivity, in days, counts from the newest message of the conversation.
	AfterLastActivity int
	// Warn is how many days before disposal the owner is told of it; 0 tells nobody.
	Warn int
	// UnreadReplies lets the rule dispose of replies that nobody at the authority has read.
	UnreadReplies bool
}

const day = 24 * time.Hour

// maxDays bounds a term: times in records end in the year 2262.
const maxDays = 36500

func (r Rule) keeps() bool { return r.days() == 0 }

func (r Rule) days() int { return r.AfterDeposit + r.AfterFirstRead + r.AfterLastActivity }

// Check tells what is wrong with a rule; Open refuses one that is.
func (r Rule) Check() error {
	if r == (Rule{}) {
		return nil
	}
	terms := 0
	for _, n := range []int{r.AfterDeposit, r.AfterFirstRead, r.AfterLastActivity} {
		if n != 0 {
			terms++
		}
		if n < 0 || n > maxDays {
			return fmt.Errorf("vault: retention rule %q: a term of %d days is not between 0 and %d", r.Name, n, maxDays)
		}
	}
	switch {
	case r.Name == "":
		return fmt.Errorf("vault: a retention rule has no name, which the disposal log must tell")
	case terms != 1:
		return fmt.Errorf("vault: retention rule %q sets %d terms; it must set one", r.Name, terms)
	case r.Warn < 0 || r.Warn >= r.days():
		return fmt.Errorf("vault: retention rule %q: a warning %d days before the end of %d", r.Name, r.Warn, r.days())
	}
	return nil
}

func (r Retention) check() error {
	if err := r.Default.Check(); err != nil {
		return err
	}
	for _, rule := range r.Functions {
		if err := rule.Check(); err != nil {
			return err
		}
	}
	for i, rule := range r.Classes {
		if rule.Name == "" || slices.ContainsFunc(r.Classes[:i], func(c Rule) bool { return c.Name == rule.Name }) {
			return fmt.Errorf("vault: retention class %q: a class needs a name of its own", rule.Name)
		}
		if err := rule.Check(); err != nil {
			return err
		}
	}
	return nil
}

// plan is what retention makes of a message, legal hold aside.
type plan struct {
	rule Rule
	// due is when the term ends; zero if the message is kept.
	due time.Time
	// unread tells that it would be due but for a reply's not having been read.
	unread bool
}

// plan asks the rules of every address at the authority the message is from or to. It goes when all of them let it go,
// so at the latest of their times: what is disposed of cannot be had back.
func (t *tx) plan(rec messageRecord) (plan, error) {
	var p plan
	if rec.Held {
		return p, nil // it has not reached its recipients
	}
	active, err := t.lastActivity(rec)
	if err != nil {
		return p, err
	}
	warn, unreadToo := 0, true
	for _, a := range rec.parties() {
		rule, err := t.rule(a)
		if err != nil {
			return p, err
		}
		due := rule.due(rec, active)
		if due.IsZero() {
			return plan{}, nil
		}
		if due.After(p.due) {
			p.rule, p.due = rule, due
		}
		warn, unreadToo = max(warn, rule.Warn), unreadToo && rule.UnreadReplies
	}
	p.rule.Warn = warn
	p.unread = rec.FromPerson && rec.FirstRead == 0 && !unreadToo
	return p, nil
}

// due is when a rule's term ends; zero if it does not.
func (r Rule) due(rec messageRecord, active time.Time) time.Time {
	at := rec.came()
	switch {
	case r.keeps(), r.AfterFirstRead > 0 && rec.FirstRead == 0:
		return time.Time{}
	case r.AfterFirstRead > 0:
		at = later(at, rec.FirstRead.time()) // the clock may have gone back between the two
	case r.AfterLastActivity > 0:
		at = active
	}
	return at.Add(time.Duration(r.days()) * day)
}

// lastActivity is the time of the conversation's newest message, or the message's own if the clock put that later.
func (t *tx) lastActivity(rec messageRecord) (time.Time, error) {
	span := kv.Prefix(rec.Conversation[:])
	span.Reverse = true
	for k, id := range t.r.Range(tConversation, span) {
		newest, found, err := load[messageRecord](t, tMessage, id)
		if err == nil && (!found || !bytes.Equal(k, newest.conversationKey())) { // the table is not sealed
			err = fmt.Errorf("%w: a conversation leads to a message that is not its own", ErrDamaged)
		}
		return later(rec.came(), newest.came()), err
	}
	return rec.came(), nil
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// owner is the address at the authority that answers for the message: its sender, or whom a person's reply went to.
func (rec messageRecord) owner() policy.Address {
	if rec.FromPerson && len(rec.Recipients) > 0 {
		return rec.Recipients[0].Address
	}
	return rec.From
}

// parties are the addresses at the authority the message is from or to.
func (rec messageRecord) parties() []policy.Address {
	out := []policy.Address{rec.owner()}
	for _, r := range rec.Recipients {
		if !r.Kind.Outside() {
			out = append(out, r.Address)
		}
	}
	return out
}

// disposedAt is when a message will be disposed of as things are; zero if it is kept.
func (t *tx) disposedAt(id MessageID, rec messageRecord) (time.Time, error) {
	p, err := t.plan(rec)
	if err != nil || p.due.IsZero() || p.unread {
		return time.Time{}, err
	}
	held, err := t.legallyHeld(id, rec)
	if err != nil || held {
		return time.Time{}, err
	}
	return p.when(rec, t.v.now()), nil
}

// when is the earliest time of disposal: after the term, after the day the owner was told of, and the whole time of the
// warning after the notice went.
func (p plan) when(rec messageRecord, now time.Time) time.Time {
	if p.rule.Warn == 0 {
		return p.due
	}
	warn := time.Duration(p.rule.Warn) * day
	if p.warned(rec) {
		return later(later(p.due, rec.Told.time()), rec.Warned.time().Add(warn))
	}
	return later(p.due, now.Add(warn))
}

// warned tells whether the owner was told of this disposal, and not of an earlier one that was put off since.
func (p plan) warned(rec messageRecord) bool { return p.told(rec) && rec.Warned != 0 }

// told tells the same of a notice that may be still under way.
func (p plan) told(rec messageRecord) bool { return rec.Told != 0 && !p.due.After(rec.Told.time()) }
