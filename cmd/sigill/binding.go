package main

import (
	"context"
	"fmt"

	"sigill/policy"
)

type bindingCommand struct {
	List   bindingList   `cmd:"" help:"List the addresses that are known to be a person's."`
	Revoke bindingRevoke `cmd:"" help:"Make an address unknown again."`
}

type bindingList struct {
	configFile
	JSON bool `name:"json" help:"One line of JSON for each."`
}

// Help is shown below the flags.
func (bindingList) Help() string {
	return `Each address with its person's number, masked, and when that was verified: by a login through a notice, or by the sender's approval.

Examples:

  sigill binding list --config sigill.toml`
}

// Run lists.
func (c *bindingList) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "binding list", c)
}

func (c *bindingList) operate(ctx context.Context, a *admin) error {
	all, err := a.administration().Bindings(ctx)
	if err != nil {
		return err
	}
	t := newTable(a.stdout, c.JSON, "address", "person", "verified")
	for _, b := range all {
		t.row(b.Address.String(), b.Person.Masked(), moment(b.Verified))
	}
	return t.end()
}

type bindingRevoke struct {
	configFile
	Address string `arg:"" help:"The address."`
}

// Help is shown below the flags.
func (bindingRevoke) Help() string {
	return `The next message to the address is held until its sender says who it is; so is one that is held now. What the person could read stays readable.

Examples:

  sigill binding revoke --config sigill.toml kim@example.net`
}

// Run revokes.
func (c *bindingRevoke) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "binding revoke", c)
}

func (c *bindingRevoke) operate(ctx context.Context, a *admin) error {
	who, err := address(c.Address)
	if err != nil {
		return err
	}
	if err := a.administration().RevokeBinding(ctx, who); err != nil {
		return explain(err, who)
	}
	_, err = fmt.Fprintf(a.stdout, "%s is nobody's any more.\n", who)
	return err
}

type quietCommand struct {
	Add    quietAdd    `cmd:"" help:"Send a person no notices at all."`
	Remove quietRemove `cmd:"" help:"Send a person notices again."`
}

type quietAdd struct {
	configFile

	Number string `kong:"-"`
}

// Help is shown below the flags.
func (quietAdd) Help() string {
	return `For persons with protected identity, to whom a mail from the municipality may be a danger. Messages wait in the person's mailbox; whoever sends one must tell the person in another way. The identity number is typed or the first line of standard input.

Examples:

  sigill quiet add --config sigill.toml < number.txt`
}

// Run asks for the number.
func (c *quietAdd) Run(ctx context.Context, p *program) (err error) {
	if c.Number, err = p.number(); err != nil {
		return err
	}
	return p.administer(ctx, c.configFile, "quiet add", c)
}

func (c *quietAdd) operate(ctx context.Context, a *admin) error {
	return a.setQuiet(ctx, c.Number, true, "gets no notices.")
}

type quietRemove struct {
	configFile

	Number string `kong:"-"`
}

// Help is shown below the flags.
func (quietRemove) Help() string {
	return "Examples:\n\n  sigill quiet remove --config sigill.toml < number.txt"
}

// Run asks for the number.
func (c *quietRemove) Run(ctx context.Context, p *program) (err error) {
	if c.Number, err = p.number(); err != nil {
		return err
	}
	return p.administer(ctx, c.configFile, "quiet remove", c)
}

func (c *quietRemove) operate(ctx context.Context, a *admin) error {
	return a.setQuiet(ctx, c.Number, false, "gets notices again.")
}

// number asks for an identity number.
func (p *program) number() (string, error) {
	number, err := p.secret("identity number")
	if err != nil {
		return "", err
	}
	if _, err := policy.ParsePersonID(number); err != nil {
		return "", usageError{"this is not a personnummer or samordningsnummer with its right check digit"}
	}
	return number, nil
}

func (a *admin) setQuiet(ctx context.Context, number string, quiet bool, done string) error {
	person, err := policy.ParsePersonID(number)
	if err != nil {
		return usageError{"this is not a personnummer or samordningsnummer with its right check digit"}
	}
	if err := a.administration().SetQuiet(ctx, person, quiet); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s %s\n", person.Masked(), done)
	return err
}
