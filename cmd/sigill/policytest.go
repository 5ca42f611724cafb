package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sigill/policy"
	"sigill/smtpd/facts"
	"sigill/vault/message"
)

type policyCommand struct {
	Test policyTest `cmd:"" help:"Say what would be decided about a mail, by which rule and why."`
}

// policyTest decides about a mail in a file. It opens no vault, so it is told, or guesses, what a vault knows.
type policyTest struct {
	File      string   `arg:"" help:"A mail (RFC 5322); - for standard input."`
	From      string   `required:"" help:"The envelope sender; <> for none." placeholder:"ADDRESS"`
	To        []string `required:"" sep:"," help:"The envelope's recipients." placeholder:"ADDRESS"`
	Config    string   `help:"The configuration file; without one the rules are the default ones." placeholder:"FILE"`
	Bound     []string `sep:"," help:"Outside addresses that are bound to a person." placeholder:"ADDRESS"`
	Function  []string `sep:"," help:"Function addresses." placeholder:"ADDRESS"`
	Answers   bool     `help:"The mail answers a sealed message."`
	Sealed    []string `sep:"," help:"Message-IDs of sealed messages, which the mail may answer or have attached." placeholder:"ID"`
	Connector bool     `help:"It comes in on a connector where everything is secure."`
	JSON      bool     `name:"json" help:"Print JSON."`
}

// Help is shown below the flags.
func (policyTest) Help() string {
	return `Addresses in the organisation's domains (without a configuration: in the sender's) are taken for accounts, others
for unknown recipients. Nothing of the mail is printed but names of header fields, labels and how much was found.

Examples:

  sigill policy test mail.eml --from anna@kommun.se --to bo@example.se
  sigill policy test mail.eml --from anna@kommun.se --to bo@example.se --bound bo@example.se --config /etc/sigill/sigill.toml --json`
}

// verdict is what is printed.
type verdict struct {
	Route  policy.Route `json:"route"`
	Rule   string       `json:"rule"`
	Why    string       `json:"why"`
	Advice string       `json:"advice,omitempty"`
	Noted  []string     `json:"noted,omitempty"`
	Facts  shownFacts   `json:"facts"`
}

// shownFacts are facts without anything of the mail.
type shownFacts struct {
	Sender     shownAddress     `json:"sender"`
	Recipients []shownAddress   `json:"recipients"`
	Subjects   []string         `json:"subjects"` // how long they are
	Person     string           `json:"person,omitempty"`
	Fields     []string         `json:"fields"`
	Labels     []policy.Label   `json:"labels,omitempty"`
	Answers    bool             `json:"answers"`
	Attached   bool             `json:"attached"`
	Unseen     bool             `json:"unseen"`
	Dedicated  bool             `json:"dedicated"`
	Outcomes   map[string]bool  `json:"outcomes,omitempty"`
	Findings   []policy.Finding `json:"findings,omitempty"`
	Content    string           `json:"content"`
}

type shownAddress struct {
	Address string               `json:"address"`
	Kind    policy.RecipientKind `json:"kind"`
}

// Run decides and prints.
func (c policyTest) Run(p *program) error {
	rules, domains, err := c.rules()
	if err != nil {
		return err
	}
	envelope, err := c.envelope(domains)
	if err != nil {
		return err
	}
	mail, err := readFile(c.File)
	if err != nil {
		return usageError{err.Error()}
	}
	gatherer, err := facts.New(rules)
	if err != nil {
		return usageError{err.Error()}
	}
	f := envelope
	end := message.HeaderEnd(mail)
	if end < 0 {
		end = len(mail)
	}
	if end > message.DefaultLimits.HeaderSize {
		f.HeaderError = "it is too long"
	} else {
		header := message.ParseHeader(mail[:end])
		gatherer.Header(&f, header)
		f.Answers = f.Answers || c.sealed(facts.Answered(header))
		gatherer.Outcomes(&f)
		c.lookInside(&f, header, mail, rules)
	}
	if rules.LookInside(f) {
		gatherer.Content(&f, mail)
	}
	return c.print(p.stdout, show(f, policy.Decide(f, rules)))
}

// sealed stands for what a vault knows.
func (c policyTest) sealed(ids []string) bool {
	return slices.ContainsFunc(c.Sealed, func(id string) bool { return slices.Contains(ids, strings.Trim(id, "<> ")) })
}

func (c policyTest) lookInside(f *policy.Facts, header message.Header, mail []byte, rules policy.Rules) {
	inside := facts.NewInside(header, mail, nil, strings.NewReader(""), rules.Beyond == policy.Pass, func(ids []string) (bool, error) {
		return c.sealed(ids), nil
	})
	if inside == nil {
		return
	}
	_, err := inside.Read(make([]byte, 1))
	f.Attached, f.Unseen = errors.Is(err, facts.ErrAttached), errors.Is(err, facts.ErrUnseen)
}

// rules are those of the configuration, with the organisation's domains.
func (c policyTest) rules() (policy.Rules, []string, error) {
	if c.Config == "" {
		return policy.Rules{}, nil, nil
	}
	whole, err := configFile{c.Config}.load()
	return whole.Policy(), whole.Domains, err
}

// envelope is the facts that the mail itself does not tell.
func (c policyTest) envelope(domains []string) (f policy.Facts, err error) {
	f.Answers, f.Dedicated, f.Today = c.Answers, c.Connector, time.Now()
	if c.From != "<>" {
		if f.Sender.Address, err = parseAddress("--from", c.From); err != nil {
			return f, err
		}
	}
	if domains == nil {
		domains = []string{f.Sender.Address.Domain}
	}
	kinds := map[string]policy.RecipientKind{}
	for _, list := range []struct {
		flag string
		all  []string
		kind policy.RecipientKind
	}{{"--bound", c.Bound, policy.Known}, {"--function", c.Function, policy.Function}} {
		for _, s := range list.all {
			a, err := parseAddress(list.flag, s)
			if err != nil {
				return f, err
			}
			kinds[a.Key()] = list.kind
		}
	}
	classify := func(a policy.Address) policy.Recipient {
		kind, told := kinds[a.Key()]
		switch {
		case told:
		case !a.IsZero() && slices.Contains(domains, a.Domain):
			kind = policy.Colleague
		default:
			kind = policy.Unknown
		}
		return policy.Recipient{Address: a, Kind: kind}
	}
	f.Sender = classify(f.Sender.Address)
	for _, s := range c.To {
		a, err := parseAddress("--to", s)
		if err != nil {
			return f, err
		}
		f.Recipients = append(f.Recipients, classify(a))
	}
	return f, nil
}

func parseAddress(flag, s string) (policy.Address, error) {
	a, err := policy.ParseAddress(s)
	if err != nil {
		return a, usageError{fmt.Sprintf("%s: %q is not a mail address", flag, s)}
	}
	return a, nil
}

func readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(name)
}

func show(f policy.Facts, d policy.Decision) verdict {
	s := shownFacts{
		Sender: shownAddress{f.Sender.Address.String(), f.Sender.Kind}, Person: d.Person.Masked(), Labels: f.Labels,
		Answers: f.Answers, Attached: f.Attached, Unseen: f.Unseen, Dedicated: f.Dedicated, Outcomes: f.Outcomes, Content: "not looked through",
	}
	for _, to := range f.Recipients {
		s.Recipients = append(s.Recipients, shownAddress{to.Address.String(), to.Kind})
	}
	for _, text := range f.Subjects {
		s.Subjects = append(s.Subjects, fmt.Sprintf("%d characters", utf8.RuneCountInString(text)))
	}
	for _, field := range f.Header {
		if !slices.Contains(s.Fields, field.Name) {
			s.Fields = append(s.Fields, field.Name)
		}
	}
	if f.Content != nil {
		s.Content, s.Findings = "looked through", f.Content.Findings
		if f.Content.Beyond {
			s.Content = "not all of it could be looked through"
		}
	}
	return verdict{Route: d.Route, Rule: d.Rule, Why: d.Why, Advice: d.Advice, Noted: d.Noted, Facts: s}
}

func (c policyTest) print(w io.Writer, v verdict) error {
	if c.JSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	var b strings.Builder
	line := func(name, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); text != "" {
			fmt.Fprintf(&b, "%-11s%s\n", name, text)
		}
	}
	line("route", "%s", v.Route)
	line("rule", "%s", v.Rule)
	line("why", "%s", v.Why)
	line("advice", "%s", v.Advice)
	line("noted", "%s", strings.Join(v.Noted, ", "))
	b.WriteByte('\n')
	f := v.Facts
	line("sender", "%s (%s)", f.Sender.Address, f.Sender.Kind)
	for _, to := range f.Recipients {
		line("recipient", "%s (%s)", to.Address, to.Kind)
	}
	line("person", "%s", f.Person)
	line("subject", "%s", strings.Join(f.Subjects, ", "))
	line("fields", "%s", strings.Join(f.Fields, ", "))
	for _, l := range f.Labels {
		line("label", "%s of %s, content bits %d", l.GUID, l.Site, l.ContentBits)
	}
	for _, rule := range slices.Sorted(maps.Keys(f.Outcomes)) {
		line("expression", "%s: %v", rule, f.Outcomes[rule])
	}
	for _, is := range []struct {
		so   bool
		text string
	}{
		{f.Answers, "it answers a sealed message"},
		{f.Attached, "a message of a sealed conversation is attached"},
		{f.Unseen, "messages inside are packed too deep to look at"},
	} {
		if is.so {
			line("sealed", "%s", is.text)
		}
	}
	line("text", "%s", f.Content)
	for _, found := range f.Findings {
		line("found", "%d %s for %s", found.Count, found.Kind, found.Rule)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
