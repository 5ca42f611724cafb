package config

import (
	"fmt"

	"sigill/policy"
	"sigill/smtpd/outbox"
	"sigill/vault"
)

// Retention says how long messages are kept. Without a rule they are kept for ever.
type Retention struct {
	Swedish string          `toml:"swedish"` // what notices say of it
	English string          `toml:"english"`
	Default Term            `toml:"default"`
	Address []AddressedTerm `toml:"address"`
	Class   []Term          `toml:"class"`
}

// Term is a rule. It has a name and one of the three terms, in days.
type Term struct {
	Name              string `toml:"name"`
	AfterDeposit      int    `toml:"after_deposit"`
	AfterFirstRead    int    `toml:"after_first_read"`
	AfterLastActivity int    `toml:"after_last_activity"`
	Warn              int    `toml:"warn"`
	UnreadReplies     bool   `toml:"unread_replies"`
}

// AddressedTerm is the rule of one function address.
type AddressedTerm struct {
	Address policy.Address `toml:"address"`
	Term
}

func defaultRetention() Retention {
	return Retention{
		Swedish: "Kommunen bestämmer hur länge meddelandet sparas. Spara en egen kopia om du behöver den.",
		English: "The municipality decides how long the message is kept. Save a copy of your own if you need one.",
	}
}

func (r Retention) check(f faults, whole *Config) {
	f.need("swedish", isLine(r.Swedish), "must say in Swedish, on one line, how long messages are kept")
	f.need("english", isLine(r.English), "must say in English, on one line, how long messages are kept")
	f.fits("default", r.Default.rule().Check())
	seen := map[string]bool{}
	for i, a := range r.Address {
		key := fmt.Sprintf("address[%d]", i+1)
		f.need(key+".address", !a.Address.IsZero() && whole.owns(a.Address.Domain), "must be a function address in one of the organisation's domains")
		f.need(key+".address", !seen[a.Address.Key()], "%s has a rule already", a.Address)
		seen[a.Address.Key()] = true
		f.fits(key, a.rule().Check())
	}
	names := map[string]bool{}
	for i, c := range r.Class {
		key := fmt.Sprintf("class[%d]", i+1)
		f.need(key+".name", isLine(c.Name) && !names[c.Name], "must be a name that no other class has, on one line")
		names[c.Name] = true
		f.fits(key, c.rule().Check())
	}
}

func (t Term) rule() vault.Rule {
	return vault.Rule{
		Name: t.Name, AfterDeposit: t.AfterDeposit, AfterFirstRead: t.AfterFirstRead,
		AfterLastActivity: t.AfterLastActivity, Warn: t.Warn, UnreadReplies: t.UnreadReplies,
	}
}

// Vault gives the section as the vault takes it.
func (r Retention) Vault() vault.Retention {
	out := vault.Retention{Default: r.Default.rule(), Functions: map[string]vault.Rule{}}
	for _, a := range r.Address {
		out.Functions[a.Address.Key()] = a.rule()
	}
	for _, c := range r.Class {
		out.Classes = append(out.Classes, c.rule())
	}
	return out
}

// Text is what notices say of it.
func (r Retention) Text() outbox.Text { return outbox.Text{Swedish: r.Swedish, English: r.English} }
