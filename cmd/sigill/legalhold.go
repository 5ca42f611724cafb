package main

import (
	"context"
	"errors"
	"fmt"

	"sigill/policy"
	"sigill/vault"
)

type holdCommand struct {
	Add    holdAdd    `cmd:"" help:"Keep messages from disposal and deletion."`
	List   holdList   `cmd:"" help:"List the holds in force."`
	Remove holdRemove `cmd:"" help:"Lift a hold."`
}

type holdAdd struct {
	configFile
	Message string `help:"Hold this message." placeholder:"ID"`
	Address string `help:"Hold all from or to this account or function address." placeholder:"ADDRESS"`
	Person  bool   `help:"Hold all from or to the person whose identity number is typed or the first line of standard input."`
	Reason  string `required:"" help:"Why, for those who read the list. The audit does not tell it." placeholder:"TEXT"`
	By      string `help:"The account that decided; the audit tells it." placeholder:"ADDRESS"`

	Number string `kong:"-"` // the person's
}

// Help is shown below the flags.
func (holdAdd) Help() string {
	return `Prints the hold's id.

Examples:

  sigill hold add --config sigill.toml --address socialtjanst@example.se --reason "Dnr 2026-118"
  sigill hold add --config sigill.toml --message ID --reason "Dnr 2026-118" --by registrator@example.se`
}

// Run asks for the number, if it needs one.
func (c *holdAdd) Run(ctx context.Context, p *program) (err error) {
	subjects := 0
	for _, is := range []bool{c.Message != "", c.Address != "", c.Person} {
		if is {
			subjects++
		}
	}
	if subjects != 1 {
		return usageError{"give one of --message, --address and --person"}
	}
	if c.Person {
		if c.Number, err = p.secret("identity number"); err != nil {
			return err
		}
	}
	return p.administer(ctx, c.configFile, "hold add", c)
}

func (c *holdAdd) operate(ctx context.Context, a *admin) (err error) {
	h := vault.LegalHold{Reason: c.Reason}
	switch {
	case c.Message != "":
		if h.Message, err = vault.ParseMessageID(c.Message); err != nil {
			return usageError{fmt.Sprintf("%q is not the id of a message", c.Message)}
		}
	case c.Address != "":
		if h.Address, err = address(c.Address); err != nil {
			return err
		}
	default:
		if h.Person, err = policy.ParsePersonID(c.Number); err != nil {
			return usageError{"that is not an identity number"}
		}
	}
	if h.By, err = a.decider(ctx, c.By); err != nil {
		return err
	}
	id, err := a.vault.LegalHolds().Place(ctx, h)
	if errors.Is(err, vault.ErrNotFound) {
		return usageError{"there is no such message, account or function address"}
	}
	if err != nil {
		return err
	}
	a.note(ctx, "place legal hold", id.String())
	_, err = fmt.Fprintln(a.stdout, id)
	return err
}

// decider is the account that is said to have decided; zero if none is.
func (a *admin) decider(ctx context.Context, s string) (policy.Address, error) {
	if s == "" {
		return policy.Address{}, nil
	}
	by, err := address(s)
	if err != nil {
		return by, err
	}
	_, err = a.vault.Directory().Account(ctx, by)
	return by, explain(err, by)
}

type holdList struct {
	configFile
	JSON bool `name:"json" help:"One line of JSON for each."`
}

// Help is shown below the flags.
func (holdList) Help() string {
	return "Examples:\n\n  sigill hold list --config sigill.toml"
}

// Run lists.
func (c *holdList) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "hold list", c)
}

func (c *holdList) operate(ctx context.Context, a *admin) error {
	all, err := a.vault.LegalHolds().List(ctx)
	if err != nil {
		return err
	}
	t := newTable(a.stdout, c.JSON, "id", "of", "since", "by", "reason")
	for _, h := range all {
		of := h.Actor
		switch {
		case !h.Message.IsZero():
			of = "message " + h.Message.String()
		case !h.Address.IsZero():
			of = h.Address.String()
		}
		by := "command line" // by whom there, the audit tells
		if !h.By.IsZero() {
			by = h.By.String()
		}
		t.row(h.ID.String(), of, moment(h.At), by, h.Reason)
	}
	return t.end()
}

type holdRemove struct {
	configFile
	ID string `arg:"" help:"The hold, as hold list names it."`
	By string `help:"The account that decided; the audit tells it." placeholder:"ADDRESS"`
}

// Help is shown below the flags.
func (holdRemove) Help() string {
	return "What another hold covers stays under that one.\n\nExamples:\n\n  sigill hold remove --config sigill.toml ID"
}

// Run lifts.
func (c *holdRemove) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "hold remove", c)
}

func (c *holdRemove) operate(ctx context.Context, a *admin) error {
	id, err := vault.ParseHoldID(c.ID)
	if err != nil {
		return usageError{fmt.Sprintf("%q is not the id of a hold", c.ID)}
	}
	by, err := a.decider(ctx, c.By)
	if err != nil {
		return err
	}
	if err := a.vault.LegalHolds().Lift(ctx, id, by); errors.Is(err, vault.ErrNotFound) {
		return usageError{"there is no such hold"}
	} else if err != nil {
		return err
	}
	a.note(ctx, "remove legal hold", id.String())
	_, err = fmt.Fprintln(a.stdout, "The hold is lifted.")
	return err
}
