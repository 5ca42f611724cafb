package main

import (
	"context"
	"fmt"
	"strings"

	"sigill/vault"
)

type accountRole struct {
	configFile
	Address string   `arg:"" help:"The account."`
	Roles   []string `arg:"" optional:"" help:"All it is to have: admin, auditor, both or none."`
}

// Help is shown below the flags.
func (accountRole) Help() string {
	return `An admin looks after accounts, function addresses and bindings on the web. An auditor, such as the data protection officer or an archivist, searches the audit and places legal holds, as an admin may too. Neither reads messages for it. What the audit tells of persons with protected identity takes two who have a role. Roles are given here and nowhere else.

Examples:

  sigill account role --config sigill.toml anna.andersson@example.se admin
  sigill account role --config sigill.toml bo.berg@example.se auditor
  sigill account role --config sigill.toml anna.andersson@example.se
      Takes all roles away.`
}

// staffRoles are the roles by their names on the command line.
var staffRoles = []struct {
	name string
	role vault.StaffRoles
}{{"admin", vault.Administrator}, {"auditor", vault.Auditor}}

// Run checks the names.
func (c *accountRole) Run(ctx context.Context, p *program) error {
	if _, err := c.roles(); err != nil {
		return err
	}
	return p.administer(ctx, c.configFile, "account role", c)
}

func (c *accountRole) roles() (out vault.StaffRoles, err error) {
	for _, name := range c.Roles {
		before := out
		for _, r := range staffRoles {
			if r.name == name {
				out |= r.role
			}
		}
		if out == before {
			return 0, usageError{fmt.Sprintf("%q is no role, or there twice; there are admin and auditor", name)}
		}
	}
	return out, nil
}

func (c *accountRole) operate(ctx context.Context, a *admin) error {
	who, err := address(c.Address)
	if err != nil {
		return err
	}
	roles, err := c.roles()
	if err == nil {
		err = explain(a.administration().SetRoles(ctx, who, roles), who)
	}
	if err != nil {
		return err
	}
	names := roleNames(roles)
	if names == "" {
		names = "no role"
	}
	_, err = fmt.Fprintf(a.stdout, "%s has %s.\n", who, names)
	return err
}

func roleNames(roles vault.StaffRoles) string {
	var out []string
	for _, r := range staffRoles {
		if roles.Has(r.role) {
			out = append(out, r.name)
		}
	}
	return strings.Join(out, " and ")
}
