package main

import (
	"context"
	"errors"
	"fmt"

	"sigill/policy"
	"sigill/vault"
)

type accountCommand struct {
	Add      accountAdd      `cmd:"" help:"Register a staff member."`
	List     accountList     `cmd:"" help:"List staff members."`
	Password accountPassword `cmd:"" help:"Change a password."`
	Remove   accountRemove   `cmd:"" help:"End an account; its messages stay."`
	Role     accountRole     `cmd:"" help:"Say who administers on the web, and who audits."`
	Second   accountSecond   `cmd:"" name:"second-factor" aliases:"totp" help:"The second factor of an account."`
}

type accountAdd struct {
	configFile
	Address string `arg:"" help:"The staff member's mail address."`
	Name    string `help:"The staff member's name."`
	Secret  string `kong:"-"`
}

// Help is shown below the flags.
func (accountAdd) Help() string {
	return `The password is typed, or the first line of standard input; it has 15 characters or more. It opens the web; mail programs get passwords of their own: sigill device add.

Examples:

  sigill account add --config sigill.toml anna.andersson@example.se --name "Anna Andersson"
  pwgen -s 24 1 | sigill account add --config sigill.toml anna.andersson@example.se`
}

// Run asks for the password.
func (c *accountAdd) Run(ctx context.Context, p *program) (err error) {
	if _, err := address(c.Address); err != nil {
		return err
	}
	if c.Secret, err = p.password(); err != nil {
		return err
	}
	return p.administer(ctx, c.configFile, "account add", c)
}

func (c *accountAdd) operate(ctx context.Context, a *admin) error {
	who, err := a.ours(c.Address)
	if err != nil {
		return err
	}
	if err := a.administration().AddAccount(ctx, vault.Account{Address: who, Name: c.Name}, c.Secret); err != nil {
		return explain(err, who)
	}
	_, err = fmt.Fprintf(a.stdout, "%s is registered.\n", who)
	return err
}

type accountList struct {
	configFile
	JSON bool `name:"json" help:"One line of JSON for each."`
}

// Help is shown below the flags.
func (accountList) Help() string {
	return "Examples:\n\n  sigill account list --config sigill.toml"
}

// Run lists.
func (c *accountList) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "account list", c)
}

func (c *accountList) operate(ctx context.Context, a *admin) error {
	all, err := a.administration().Accounts(ctx)
	if err != nil {
		return err
	}
	t := newTable(a.stdout, c.JSON, "address", "name", "roles")
	for _, acc := range all {
		t.row(acc.Address.String(), acc.Name, roleNames(acc.Roles))
	}
	return t.end()
}

type accountPassword struct {
	configFile
	Address string `arg:"" help:"The account."`
	Secret  string `kong:"-"`
}

// Help is shown below the flags.
func (accountPassword) Help() string {
	return `The new password is typed, or the first line of standard input. Logins in the web end. Device passwords stay: sigill device remove.

Examples:

  sigill account password --config sigill.toml anna.andersson@example.se`
}

// Run asks for the password.
func (c *accountPassword) Run(ctx context.Context, p *program) (err error) {
	if _, err := address(c.Address); err != nil {
		return err
	}
	if c.Secret, err = p.password(); err != nil {
		return err
	}
	return p.administer(ctx, c.configFile, "account password", c)
}

func (c *accountPassword) operate(ctx context.Context, a *admin) error {
	who, err := address(c.Address)
	if err == nil {
		err = explain(a.administration().SetPassword(ctx, who, c.Secret), who)
	}
	if err != nil {
		return err
	}
	a.logOut(who)
	_, err = fmt.Fprintf(a.stdout, "%s has a new password, and is logged out of the web.\n", who)
	return err
}

type accountRemove struct {
	configFile
	Address string `arg:"" help:"The account."`
}

// Help is shown below the flags.
func (accountRemove) Help() string {
	return `The account cannot log in any more, and is a member of nothing. Its messages stay as retention says, and are there again if the account is.

Examples:

  sigill account remove --config sigill.toml anna.andersson@example.se`
}

// Run removes.
func (c *accountRemove) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "account remove", c)
}

func (c *accountRemove) operate(ctx context.Context, a *admin) error {
	who, err := address(c.Address)
	if err != nil {
		return err
	}
	of, err := a.vault.Directory().FunctionAddresses(ctx, who)
	if err == nil {
		err = explain(a.administration().RemoveAccount(ctx, who), who)
	}
	if err != nil {
		return err
	}
	a.logOut(who)
	fmt.Fprintf(a.stdout, "%s is removed; its messages stay.\n", who)
	return a.warnEmpty(ctx, of)
}

// warnEmpty tells of function addresses that nobody reads any more.
func (a *admin) warnEmpty(ctx context.Context, of []vault.FunctionAddress) error {
	for _, f := range of {
		now, err := a.vault.Directory().FunctionAddress(ctx, f.Address)
		if err != nil {
			return err
		}
		if len(now.Members) == 0 {
			fmt.Fprintf(a.stderr, "warning: %s has no member any more, so nobody reads it\n", f.Address)
		}
	}
	return nil
}

type deviceCommand struct {
	Add    deviceAdd    `cmd:"" help:"Make a password for a mail program."`
	List   deviceList   `cmd:"" help:"List an account's."`
	Remove deviceRemove `cmd:"" help:"Revoke one."`
}

type deviceAdd struct {
	configFile
	Address string `arg:"" help:"The account."`
	Name    string `arg:"" help:"What it is for, such as \"Outlook\"."`
}

// Help is shown below the flags.
func (deviceAdd) Help() string {
	return `Prints the password, which is shown this once. It opens submission and IMAP. Staff make their own in the web, too.

Examples:

  sigill device add --config sigill.toml anna.andersson@example.se Outlook`
}

// Run makes one.
func (c *deviceAdd) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "device add", c)
}

func (c *deviceAdd) operate(ctx context.Context, a *admin) error {
	who, err := address(c.Address)
	if err != nil {
		return err
	}
	_, password, err := a.vault.Directory().AddDevice(ctx, who, c.Name, policy.Address{})
	if err != nil {
		return explain(err, who)
	}
	_, err = fmt.Fprintln(a.stdout, password)
	return err
}

type deviceList struct {
	configFile
	Address string `arg:"" help:"The account."`
	JSON    bool   `name:"json" help:"One line of JSON for each."`
}

// Help is shown below the flags.
func (deviceList) Help() string {
	return "Examples:\n\n  sigill device list --config sigill.toml anna.andersson@example.se"
}

// Run lists.
func (c *deviceList) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "device list", c)
}

func (c *deviceList) operate(ctx context.Context, a *admin) error {
	who, err := address(c.Address)
	if err != nil {
		return err
	}
	all, err := a.vault.Directory().Devices(ctx, who)
	if err != nil {
		return err
	}
	t := newTable(a.stdout, c.JSON, "id", "name", "created", "used")
	for _, d := range all {
		t.row(d.ID, d.Name, moment(d.Created), moment(d.Used))
	}
	return t.end()
}

type deviceRemove struct {
	configFile
	Address string `arg:"" help:"The account."`
	ID      string `arg:"" help:"The device, as device list names it."`
}

// Help is shown below the flags.
func (deviceRemove) Help() string {
	return "Examples:\n\n  sigill device remove --config sigill.toml anna.andersson@example.se ID"
}

// Run revokes.
func (c *deviceRemove) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "device remove", c)
}

func (c *deviceRemove) operate(ctx context.Context, a *admin) error {
	who, err := address(c.Address)
	if err != nil {
		return err
	}
	if err := a.vault.Directory().RevokeDevice(ctx, who, c.ID, policy.Address{}); errors.Is(err, vault.ErrNotFound) {
		return usageError{fmt.Sprintf("%s has no device %q: sigill device list names them", who, c.ID)}
	} else if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.stdout, "It opens nothing any more.")
	return err
}
