package main

import (
	"context"
	"fmt"
)

type accountSecond struct {
	Remove secondRemove `cmd:"" help:"Take app, passkeys and recovery codes away, for a staff member who has lost them."`
}

type secondRemove struct {
	configFile
	Address string `arg:"" help:"The account."`
}

// Help is shown below the flags.
func (secondRemove) Help() string {
	return `The password alone opens the web then, or, where the configuration demands a second factor, lets its owner set up another. Make sure who asks.

Examples:

  sigill account second-factor remove --config sigill.toml anna.andersson@example.se`
}

// Run removes.
func (c *secondRemove) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "account second-factor remove", c)
}

func (c *secondRemove) operate(ctx context.Context, a *admin) error {
	who, err := address(c.Address)
	if err != nil {
		return err
	}
	second, err := a.vault.Directory().Second(ctx, who)
	if err == nil && second.Factors() == 0 {
		return fmt.Errorf("%s has no second factor", who)
	}
	if err == nil {
		err = a.administration().RemoveSecond(ctx, who)
	}
	if err != nil {
		return explain(err, who)
	}
	a.logOut(who)
	_, err = fmt.Fprintf(a.stdout, "%s has no second factor any more.\n", who)
	return err
}
