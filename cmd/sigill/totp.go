package main

import (
	"context"
	"fmt"
)

type accountTOTP struct {
	Remove totpRemove `cmd:"" help:"Take it away, for a staff member who has lost phone and recovery codes."`
}

type totpRemove struct {
	configFile
	Address string `arg:"" help:"The account."`
}

// Help is shown below the flags.
func (totpRemove) Help() string {
	return `The password alone opens the web then, or, where the configuration demands a second factor, lets its owner set up another. Make sure who asks.

Examples:

  sigill account totp remove --config sigill.toml anna.andersson@example.se`
}

// Run removes.
func (c *totpRemove) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "account totp remove", c)
}

func (c *totpRemove) operate(ctx context.Context, a *admin) error {
	who, err := address(c.Address)
	if err != nil {
		return err
	}
	second, err := a.vault.Directory().TOTP(ctx, who)
	if err == nil && second.Since.IsZero() {
		return fmt.Errorf("%s has no second factor", who)
	}
	if err == nil {
		err = a.administration().RemoveTOTP(ctx, who)
	}
	if err != nil {
		return explain(err, who)
	}
	_, err = fmt.Fprintf(a.stdout, "%s has no second factor any more.\n", who)
	return err
}
