package vault

import (
	"context"
	"errors"
	"slices"

	"sigill/policy"
)

var (
	// ErrNoClass means that the configuration has no retention class of that name.
	ErrNoClass = errors.New("vault: there is no such retention class")
	// ErrFixedRule means that the configuration has a rule for the address, which nobody else can change.
	ErrFixedRule = errors.New("vault: the configuration has a rule for the address")
)

// RuleOf is the rule of an address and where it comes from.
type RuleOf struct {
	Address policy.Address
	Rule    Rule
	// Fixed tells that the configuration names the address.
	Fixed bool
	// Class is the one it was given; "" if none was.
	Class string
	// Lost tells that the configuration has no such class any more. What is the address's is kept for ever then.
	Lost bool
}

// rule is the one for an address: the configuration's for it, that of the class it was given, or the default. Its class
// outlives a function address, since its messages do. A class that is lost keeps: disposal cannot be undone.
func (t *tx) rule(a policy.Address) (Rule, error) {
	r, err := t.ruleOf(a)
	return r.Rule, err
}

func (t *tx) ruleOf(a policy.Address) (RuleOf, error) {
	out, r := RuleOf{Address: a}, t.v.retention
	if out.Rule, out.Fixed = r.Functions[a.Key()]; out.Fixed {
		return out, nil
	}
	o := t.v.staffOwner(a)
	rec, found, err := load[classRecord](t, tClass, o[:])
	switch at := r.class(rec.Class); {
	case err != nil:
	case !found:
		out.Rule = r.Default
	case at < 0:
		out.Class, out.Lost = rec.Class, true
	default:
		out.Class, out.Rule = rec.Class, r.Classes[at]
	}
	return out, err
}

// class is the place of a class of that name, -1 if there is none.
func (r Retention) class(name string) int {
	return slices.IndexFunc(r.Classes, func(c Rule) bool { return c.Name == name })
}

// SetClass gives a function address a retention class, or with an empty name takes it away again. It counts for all that
// the address has, from the next round of disposal on. ErrNotFound, ErrNoClass, ErrFixedRule.
func (a *Administration) SetClass(ctx context.Context, function policy.Address, class string) error {
	if class != "" && a.v.retention.class(class) < 0 {
		return ErrNoClass
	}
	if _, fixed := a.v.retention.Functions[function.Key()]; fixed {
		return ErrFixedRule
	}
	o := a.v.staffOwner(function)
	return a.update(ctx, Administrator, func(t *tx) error {
		if t.r.Get(tFunction, o[:]) == nil {
			return ErrNotFound
		}
		event := t.record(a.event("set retention class", function.Key()+" "+class))
		if class == "" {
			return errors.Join(event, t.w.Delete(tClass, o[:]))
		}
		return errors.Join(event, save(t, tClass, o[:], &classRecord{Class: class}))
	})
}

// RuleOf gives the rule of an address.
func (a *Administration) RuleOf(ctx context.Context, address policy.Address) (out RuleOf, err error) {
	err = a.view(ctx, anyRole, func(t *tx) (err error) {
		out, err = t.ruleOf(address)
		return err
	})
	return out, err
}

// Retention is the one the vault was opened with.
func (a *Administration) Retention() Retention { return a.v.retention }

// PreviewDisposal is that of [Vault].
func (a *Administration) PreviewDisposal(ctx context.Context) (DisposalReport, error) {
	if err := a.view(ctx, anyRole, func(*tx) error { return nil }); err != nil {
		return DisposalReport{}, err
	}
	return a.v.PreviewDisposal(ctx)
}

// Disposals are the newest lines of the disposal log, at most n, newest first.
func (a *Administration) Disposals(ctx context.Context, n int) (out []Disposal, err error) {
	var from uint64
	err = a.view(ctx, anyRole, func(t *tx) error {
		if all := t.counter("disposal"); all > uint64(n) {
			from = all - uint64(n) + 1
		}
		return nil
	})
	if err == nil {
		err = a.v.DisposalLog(ctx, from, func(d Disposal) bool { out = append(out, d); return true })
	}
	slices.Reverse(out)
	return out, err
}
