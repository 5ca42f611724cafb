// Package facts gathers what a decision rests on from a mail itself: its header and, where a rule asks for it, its text.
// What the vault knows of sender, recipients and conversation is added by whoever conducts the mail.
package facts

import (
	"errors"
	"fmt"

	"sigill/policy"
	"sigill/smtpd/detect"
	"sigill/smtpd/expr"
	"sigill/vault/message"
)

// Gatherer gathers facts for one set of rules. It may be used by many at once.
type Gatherer struct {
	detector    *detect.Detector
	expressions *expr.Set
}

// New checks the rules and compiles their expressions. The error names every fault.
func New(rules policy.Rules) (*Gatherer, error) {
	expressions, err := expr.New(rules.List)
	if err := errors.Join(rules.Check(), err); err != nil {
		return nil, fmt.Errorf("facts: %w", err)
	}
	return &Gatherer{detector: detect.New(rules.List, detect.Limits{}, nil), expressions: expressions}, nil
}

// Header adds what the header tells.
func (g *Gatherer) Header(f *policy.Facts, header message.Header) {
	f.Subjects = header.Subjects()
	for _, field := range header.Fields {
		f.Header = append(f.Header, policy.Field{Name: field.Name, Value: message.DecodeText(field.Value)})
	}
	f.Labels = policy.ParseLabels(f.Header)
}

// Outcomes adds those of the expressions, which may ask for all other facts but the content.
func (g *Gatherer) Outcomes(f *policy.Facts) { f.Outcomes = g.expressions.Outcomes(*f) }

// Content adds what is found in the text of a whole mail.
func (g *Gatherer) Content(f *policy.Facts, raw []byte) {
	found := g.detector.Look(raw)
	f.Content = &found
}
