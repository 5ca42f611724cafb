package policy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Condition is one thing that a rule asks of the facts: [Header], [Sensitivity], [HasLabel], [From], [To], [Contains] or
// [Expression].
type Condition interface {
	holds(f Facts, rule string) bool
	why() string // without anything of the mail
	check() error
}

// Header holds if a field of that name, in any case, matches the pattern (RE2, linear in time); a nil pattern matches
// every value.
type Header struct {
	Name    string
	Pattern *regexp.Regexp
}

func (h Header) holds(f Facts, _ string) bool {
	return slices.ContainsFunc(f.Header, func(field Field) bool {
		return strings.EqualFold(field.Name, h.Name) && (h.Pattern == nil || h.Pattern.MatchString(field.Value))
	})
}

func (h Header) why() string {
	if h.Pattern == nil {
		return "the header has " + h.Name
	}
	return "the header field " + h.Name + " matches the pattern"
}

func (h Header) check() error {
	// RFC 5322 section 2.2
	if h.Name == "" || strings.ContainsFunc(h.Name, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }) {
		return fmt.Errorf("%q is no header field name", h.Name)
	}
	return nil
}

// Sensitivities are the values of the Sensitivity field (RFC 4021 section 2.1.55), as Outlook sets them.
var Sensitivities = []string{"personal", "private", "company-confidential"}

// Sensitivity holds if the Sensitivity field has one of the values.
type Sensitivity []string

func (s Sensitivity) holds(f Facts, _ string) bool {
	return slices.ContainsFunc(f.Header, func(field Field) bool {
		return strings.EqualFold(field.Name, "Sensitivity") && slices.ContainsFunc(s, func(v string) bool {
			return sensitivity(v) == sensitivity(field.Value)
		})
	})
}

// sensitivity takes both spellings of "Company-Confidential" that programs write.
func sensitivity(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r == '-' || r == ' ' || r == '\t' }), "-")
}

func (s Sensitivity) why() string { return "Sensitivity is " + strings.Join(s, " or ") }

func (s Sensitivity) check() error {
	for _, v := range s {
		if !slices.Contains(Sensitivities, sensitivity(v)) {
			return fmt.Errorf("%q is no sensitivity; they are %s", v, strings.Join(Sensitivities, ", "))
		}
	}
	if len(s) == 0 {
		return errors.New("no sensitivity")
	}
	return nil
}

// HasLabel holds if the mail has the Microsoft label with this GUID, of the tenant with this id. Names of labels are
// not looked at: anyone may call a label so.
type HasLabel struct{ GUID, Site string }

func (l HasLabel) holds(f Facts, _ string) bool {
	return slices.ContainsFunc(f.Labels, func(has Label) bool { return has.GUID == guid(l.GUID) && has.Site == guid(l.Site) })
}

func (l HasLabel) why() string { return "the mail has the label " + guid(l.GUID) }

func (l HasLabel) check() error {
	if !isGUID(guid(l.GUID)) || !isGUID(guid(l.Site)) {
		return errors.New("a label needs the GUID of the label and that of the tenant (SiteId)")
	}
	return nil
}

// From holds if the envelope sender is in the list.
type From []Pattern

func (l From) holds(f Facts, _ string) bool {
	return slices.ContainsFunc(l, func(p Pattern) bool { return p.Matches(f.Sender.Address) })
}
func (l From) why() string  { return "the sender is in the list" }
func (l From) check() error { return checkList(l) }

// To holds if one recipient of the envelope is in the list: there is one decision, and it must suit every recipient.
type To []Pattern

func (l To) holds(f Facts, _ string) bool {
	return slices.ContainsFunc(f.Recipients, func(to Recipient) bool {
		return slices.ContainsFunc(l, func(p Pattern) bool { return p.Matches(to.Address) })
	})
}
func (l To) why() string  { return "a recipient is in the list" }
func (l To) check() error { return checkList(l) }

func checkList(l []Pattern) error {
	if len(l) == 0 || slices.Contains(l, Pattern{}) {
		return errors.New("an empty list of addresses")
	}
	return nil
}

// Contains holds if the text has identity numbers or words, at least so many in all. Whoever looks through the mail
// takes what to look for from here.
type Contains struct {
	// Numbers looks for personnummer and samordningsnummer.
	Numbers bool
	// Words are whole words or phrases. Case makes no difference; inflected forms are to be listed.
	Words []string
	// AtLeast is how many; 1 if zero.
	AtLeast int
}

func (c Contains) holds(f Facts, rule string) bool {
	if f.Content == nil {
		return false
	}
	n := 0
	for _, found := range f.Content.Findings {
		if found.Rule == rule {
			n += found.Count
		}
	}
	return n >= max(1, c.AtLeast)
}

func (c Contains) why() string {
	switch {
	case c.Numbers && len(c.Words) > 0:
		return "the text has identity numbers or words of the list"
	case c.Numbers:
		return "the text has identity numbers"
	}
	return "the text has words of the list"
}

func (c Contains) check() error {
	switch {
	case !c.Numbers && len(c.Words) == 0:
		return errors.New("nothing to look for in the text")
	case slices.ContainsFunc(c.Words, func(w string) bool { return !strings.ContainsFunc(w, word) }):
		return errors.New("a word without a letter or digit")
	case c.AtLeast < 0:
		return errors.New("a number of findings below zero")
	}
	return nil
}

// Expression holds if the rule's expression gave true. One whose outcome is missing could not be computed and counts as
// true: a mail is rather sealed or refused than leaked.
type Expression struct{ Source string }

func (e Expression) holds(f Facts, rule string) bool {
	outcome, computed := f.Outcomes[rule]
	return outcome || !computed
}
func (e Expression) why() string { return "the expression holds" }

func (e Expression) check() error {
	if strings.TrimSpace(e.Source) == "" {
		return errors.New("an empty expression")
	}
	return nil
}
