package main

import (
	"context"
	"fmt"
	"strings"

	"sigill/vault"
)

type addressCommand struct {
	Add     addressAdd     `cmd:"" help:"Register a function address."`
	List    addressList    `cmd:"" help:"List function addresses and their members."`
	Members addressMembers `cmd:"" help:"Let members in and take them out."`
	Remove  addressRemove  `cmd:"" help:"End a function address; its messages stay."`
}

type addressAdd struct {
	configFile
	Address string   `arg:"" help:"The function address."`
	Members []string `arg:"" optional:"" help:"Accounts that read and answer."`
	Name    string   `help:"Its name."`
}

// Help is shown below the flags.
func (addressAdd) Help() string {
	return `Examples:

  sigill address add --config sigill.toml socialtjanst@example.se anna.andersson@example.se bo.berg@example.se`
}

// Run registers.
func (c *addressAdd) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "address add", c)
}

func (c *addressAdd) operate(ctx context.Context, a *admin) error {
	f, err := a.ours(c.Address)
	if err != nil {
		return err
	}
	members, err := addresses(c.Members)
	if err != nil {
		return err
	}
	add := vault.FunctionAddress{Address: f, Name: c.Name, Members: members}
	if err := a.administration().AddFunctionAddress(ctx, add); err != nil {
		return explain(err, f)
	}
	_, err = fmt.Fprintf(a.stdout, "%s is registered.\n", f)
	return err
}

type addressList struct {
	configFile
	JSON bool `name:"json" help:"One line of JSON for each."`
}

// Help is shown below the flags.
func (addressList) Help() string {
	return "Examples:\n\n  sigill address list --config sigill.toml"
}

// Run lists.
func (c *addressList) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "address list", c)
}

func (c *addressList) operate(ctx context.Context, a *admin) error {
	all, err := a.administration().FunctionAddresses(ctx)
	if err != nil {
		return err
	}
	t := newTable(a.stdout, c.JSON, "address", "name", "members")
	for _, f := range all {
		var members []string
		for _, m := range f.Members {
			members = append(members, m.String())
		}
		t.row(f.Address.String(), f.Name, strings.Join(members, " "))
	}
	return t.end()
}

type addressMembers struct {
	configFile
	Address string   `arg:"" help:"The function address."`
	Add     []string `help:"Accounts to let in." placeholder:"ACCOUNT"`
	Remove  []string `help:"Accounts to take out; they read nothing of it from then on." placeholder:"ACCOUNT"`
}

// Help is shown below the flags.
func (addressMembers) Help() string {
	return `All of it happens, or nothing.

Examples:

  sigill address members --config sigill.toml socialtjanst@example.se --add cecilia@example.se --remove bo@example.se`
}

// Run changes the members.
func (c *addressMembers) Run(ctx context.Context, p *program) error {
	if len(c.Add)+len(c.Remove) == 0 {
		return usageError{"nothing to change: give --add or --remove"}
	}
	return p.administer(ctx, c.configFile, "address members", c)
}

func (c *addressMembers) operate(ctx context.Context, a *admin) error {
	f, err := address(c.Address)
	if err != nil {
		return err
	}
	in, err := addresses(c.Add)
	if err != nil {
		return err
	}
	out, err := addresses(c.Remove)
	if err != nil {
		return err
	}
	if err := a.administration().ChangeMembers(ctx, f, in, out); err != nil {
		return explain(err, f)
	}
	now, err := a.vault.Directory().FunctionAddress(ctx, f)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s has %d members.\n", f, len(now.Members))
	return a.warnEmpty(ctx, []vault.FunctionAddress{now})
}

type addressRemove struct {
	configFile
	Address string `arg:"" help:"The function address."`
}

// Help is shown below the flags.
func (addressRemove) Help() string {
	return "Its messages stay as retention says, and are there again if the address is.\n\nExamples:\n\n  sigill address remove --config sigill.toml socialtjanst@example.se"
}

// Run removes.
func (c *addressRemove) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "address remove", c)
}

func (c *addressRemove) operate(ctx context.Context, a *admin) error {
	f, err := address(c.Address)
	if err != nil {
		return err
	}
	if err := a.administration().RemoveFunctionAddress(ctx, f); err != nil {
		return explain(err, f)
	}
	_, err = fmt.Fprintf(a.stdout, "%s is removed; its messages stay.\n", f)
	return err
}
