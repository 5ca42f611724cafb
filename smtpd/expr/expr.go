// Package expr computes the expressions of rules, written in the Common Expression Language (cel.dev), for what lists
// and patterns cannot say.
//
// An expression sees what stands in the header and what is known of the addresses, never the text of a mail:
//
//	sender            the envelope's address in lower case, "" for the null address
//	sender_domain
//	sender_kind       "colleague", "function", "known" or "unknown"
//	recipients        their addresses; recipient_domains and recipient_kinds in the same order
//	subject           decoded; of several Subject fields one after the other
//	header            the decoded values of each field, by its name in lower case: header["x-sakert"][0]
//	labels            the GUIDs of Microsoft's labels
//	answers           the mail answers a sealed message
//
// It promises that a computation ends: the language has no loops but over lists, their nesting is limited, and so is the
// cost of a computation. A computation that fails gives no outcome, which policy takes for true.
package expr

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"

	"sigill/policy"
)

// ErrExpression means that an expression cannot be used. The text says where and why.
var ErrExpression = errors.New("expr: bad expression")

const (
	maxSource  = 4 << 10   // code points
	maxDepth   = 50        // of parentheses and operators
	maxNesting = 2         // loops in loops
	maxCost    = 1_000_000 // steps, and about ten octets of text each; some ten milliseconds
)

// Set is the expressions of a list of rules. It may be used by many at once.
type Set struct{ programs map[string]cel.Program }

// New compiles the rules' expressions. Errors are ErrExpression and name every fault.
func New(rules []policy.Rule) (*Set, error) {
	s := &Set{programs: map[string]cel.Program{}}
	var faults []error
	for _, rule := range rules {
		for _, c := range rule.When {
			e, ok := c.(policy.Expression)
			if !ok {
				continue
			}
			if s.programs[rule.Name] != nil {
				faults = append(faults, fmt.Errorf("%w: rule %q has two; join them by &&", ErrExpression, rule.Name))
				continue
			}
			p, err := compile(e.Source)
			if err != nil {
				faults = append(faults, fmt.Errorf("%w of rule %q: %w", ErrExpression, rule.Name, err))
			}
			s.programs[rule.Name] = p
		}
	}
	return s, errors.Join(faults...)
}

func compile(source string) (cel.Program, error) {
	texts := cel.ListType(cel.StringType)
	env, err := cel.NewEnv(
		cel.ParserExpressionSizeLimit(maxSource), cel.ParserRecursionLimit(maxDepth),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateComprehensionNestingLimit(maxNesting)),
		cel.Variable("sender", cel.StringType), cel.Variable("sender_domain", cel.StringType), cel.Variable("sender_kind", cel.StringType),
		cel.Variable("recipients", texts), cel.Variable("recipient_domains", texts), cel.Variable("recipient_kinds", texts),
		cel.Variable("subject", cel.StringType), cel.Variable("header", cel.MapType(cel.StringType, texts)),
		cel.Variable("labels", texts), cel.Variable("answers", cel.BoolType),
	)
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(source)
	if err := issues.Err(); err != nil {
		return nil, err
	}
	if !ast.OutputType().IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("it gives %s; it must give true or false", ast.OutputType())
	}
	return env.Program(ast, cel.CostLimit(maxCost))
}

// Outcomes computes every expression. One that fails is left out.
func (s *Set) Outcomes(f policy.Facts) map[string]bool {
	if len(s.programs) == 0 {
		return nil
	}
	out, in := map[string]bool{}, variables(f)
	for rule, p := range s.programs {
		// The error may quote the mail; that the outcome is missing says enough.
		if v, _, err := p.Eval(in); err == nil {
			if is, ok := v.Value().(bool); ok {
				out[rule] = is
			}
		}
	}
	return out
}

func variables(f policy.Facts) map[string]any {
	var recipients, domains, kinds, labels []string
	for _, to := range f.Recipients {
		recipients = append(recipients, to.Address.Key())
		domains = append(domains, to.Address.Domain)
		kinds = append(kinds, kind(to.Kind))
	}
	for _, l := range f.Labels {
		labels = append(labels, l.GUID)
	}
	header := map[string][]string{}
	for _, field := range f.Header {
		name := strings.ToLower(field.Name)
		header[name] = append(header[name], field.Value)
	}
	return map[string]any{
		"sender": f.Sender.Address.Key(), "sender_domain": f.Sender.Address.Domain, "sender_kind": kind(f.Sender.Kind),
		"recipients": recipients, "recipient_domains": domains, "recipient_kinds": kinds,
		"subject": strings.Join(f.Subjects, " "), "header": header, "labels": labels, "answers": f.Answers,
	}
}

func kind(k policy.RecipientKind) string {
	if k == "" {
		k = policy.Unknown
	}
	return string(k)
}
