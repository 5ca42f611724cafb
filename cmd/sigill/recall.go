package main

import (
	"context"
	"errors"
	"fmt"

	"sigill/policy"
	"sigill/vault"
)

type recallCommand struct {
	configFile
	Message string `arg:"" help:"The message's id, as it stands in the audit and in the reply to its sender's mail program."`
}

// Help is shown below the flags.
func (recallCommand) Help() string {
	return `The message leaves every mailbox but those of its sender's side, and no notice of it goes out any more. Nobody can make unread what
was read, and whoever saved a copy has it. Senders do this themselves in the web; this is for when they cannot.

Examples:

  sigill recall --config sigill.toml ID`
}

// Run recalls.
func (c *recallCommand) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "recall", c)
}

func (c *recallCommand) operate(ctx context.Context, a *admin) error {
	id, err := vault.ParseMessageID(c.Message)
	if err != nil {
		return usageError{fmt.Sprintf("%q is not the id of a message", c.Message)}
	}
	done, err := a.administration().Recall(ctx, id)
	switch {
	case errors.Is(err, vault.ErrNotFound):
		return usageError{"no message of staff has that id"}
	case errors.Is(err, vault.ErrLegalHold):
		return errors.New("the message is under legal hold and stays where it is: see sigill hold list")
	case err != nil:
		return err
	}
	fmt.Fprintf(a.stdout, "Recalled %s.\n", moment(done.At))
	for _, group := range []struct {
		who  []policy.Address
		what string
	}{{done.Unread, "had not opened it and cannot any more"}, {done.Read, "had opened or deleted it, or its organisation has it"}} {
		for _, who := range group.who {
			fmt.Fprintf(a.stdout, "%s %s.\n", who, group.what)
		}
	}
	return nil
}
