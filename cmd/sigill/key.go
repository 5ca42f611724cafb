package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sigill/vault"
)

type keyCommand struct {
	List   keyList   `cmd:"" help:"List the key's versions: how old, and what they wrap."`
	Rotate keyRotate `cmd:"" help:"Give the key a new version and turn to it, while the server runs."`
}

type keyList struct {
	configFile
	JSON bool `name:"json" help:"One line of JSON for each."`
}

// Help is shown below the flags.
func (keyList) Help() string {
	return "Examples:\n\n  sigill key list --config sigill.toml"
}

// Run lists.
func (c *keyList) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "key list", c)
}

func (c *keyList) operate(ctx context.Context, a *admin) error {
	uses, err := a.keyUses(ctx)
	if err != nil {
		return err
	}
	t := newTable(a.stdout, c.JSON, "version", "created", "days", "keys", "epochs", "state")
	for _, u := range uses {
		var epochs []string
		for _, e := range u.Epochs {
			epochs = append(epochs, fmt.Sprintf("%d of %s", e.Number, e.Created.Format(time.DateOnly)))
		}
		days := ""
		if !u.Created.IsZero() {
			days = strconv.Itoa(int(time.Since(u.Created).Hours() / 24))
		}
		t.row(strconv.FormatUint(uint64(u.Number), 10), moment(u.Created), days, strconv.Itoa(u.Keys), strings.Join(epochs, ", "), state(u))
	}
	return t.end()
}

func (a *admin) keyUses(ctx context.Context) ([]vault.KeyUse, error) {
	keys, err := a.config.Vault.Keys()
	if err != nil {
		return nil, err
	}
	return vault.ListKeys(ctx, string(a.config.Vault.Dir), keys)
}

func state(u vault.KeyUse) string {
	switch {
	case u.Missing:
		return "missing: the vault cannot be opened without it"
	case u.Newest:
		return "newest"
	case u.Keys > 0:
		return "in use: run sigill key rotate to its end"
	}
	return "unused but by backups"
}

type keyRotate struct {
	configFile
	DropOld bool `help:"Only remove the versions that the vault does not use any more. Backups made before the rotation can then be read with a copy of the old key only."`
}

// Help is shown below the flags.
func (keyRotate) Help() string {
	return `Adds a version and wraps the vault's keys under it. Messages are not touched, so it takes a moment, and nothing waits. One that was cut off is made good by the next. Keep a copy of the key afterwards.

Examples:

  sigill key rotate --config sigill.toml
  sigill key rotate --config sigill.toml --drop-old`
}

// Run rotates.
func (c *keyRotate) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "key rotate", c)
}

func (c *keyRotate) operate(ctx context.Context, a *admin) error {
	keys, err := a.config.Vault.Keys()
	if err != nil {
		return err
	}
	dir := string(a.config.Vault.Dir)
	if c.DropOld {
		return a.dropOld(ctx, dir, keys)
	}
	version, err := vault.RotateKey(ctx, dir, keys)
	readOnly := errors.Is(err, vault.ErrKeyReadOnly) // it is rotated elsewhere; the vault turns to it all the same
	if err != nil && !readOnly {
		return err
	}
	if err := a.vault.RewrapKeyring(ctx); err != nil {
		return fmt.Errorf("the vault has not turned to the new version yet: run it again: %w", err)
	}
	if readOnly {
		return fmt.Errorf("the vault's keys are under the newest version there is, but: %w", err)
	}
	a.note(ctx, "rotate key", fmt.Sprintf("version %d", version))
	_, err = fmt.Fprintf(a.stdout, "The vault's keys are under version %d. Keep a copy of the key; backups made before need the old version.\n", version)
	return err
}

func (a *admin) dropOld(ctx context.Context, dir string, keys vault.KeyWrapper) error {
	dropped, err := vault.DropKeyVersions(ctx, dir, keys)
	if errors.Is(err, vault.ErrKeyInUse) {
		return fmt.Errorf("%w: run sigill key rotate first", err)
	}
	if err != nil {
		return err
	}
	if len(dropped) == 0 {
		_, err = fmt.Fprintln(a.stdout, "There is no old version.")
		return err
	}
	a.note(ctx, "drop key", fmt.Sprintf("versions %v", dropped))
	_, err = fmt.Fprintf(a.stdout, "Removed versions %v. Backups made before the rotation need a copy of the old key.\n", dropped)
	return err
}

// note records what an operation did to something outside the vault's file, which the audit cannot hold in one transaction.
func (a *admin) note(ctx context.Context, action, detail string) {
	event := vault.Event{Actor: a.by, Action: action, Result: "ok", Detail: detail}
	if err := a.vault.Audit().Record(context.WithoutCancel(ctx), event); err != nil {
		fmt.Fprintf(a.stderr, "warning: the audit has no line of this: %v\n", err)
	}
}
