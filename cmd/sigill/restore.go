package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"filippo.io/age"

	"sigill/vault"
)

type restoreCommand struct {
	configFile
	From     string   `required:"" help:"The backup; - is standard input." placeholder:"FILE"`
	Identity []string `help:"The file of an age identity that the backup is encrypted for." placeholder:"FILE"`
}

// Help is shown below the flags.
func (restoreCommand) Help() string {
	return `Makes the vault that the configuration names, which must not be there yet, and checks everything in it. The key file must be in its place: a backup does not hold it. Run it as the user that the server runs as.

Examples:

  sigill restore --config sigill.toml --from monday.sigill --identity backup.age-key`
}

// ageMagic begins a file of age.
const ageMagic = "age-encryption.org/"

// Run restores and checks.
func (c *restoreCommand) Run(ctx context.Context, p *program) error {
	conf, err := c.load(forVault...)
	if err != nil {
		return err
	}
	identities, err := c.identities()
	if err != nil {
		return err
	}
	in, err := c.open(p)
	if err != nil {
		return err
	}
	defer in.Close()
	plain, err := decrypted(in, identities)
	if err != nil {
		return err
	}
	dir := string(conf.Vault.Dir)
	if err := vault.Restore(ctx, dir, plain); errors.Is(err, fs.ErrExist) {
		return usageError{fmt.Sprintf("%s holds a vault: nothing is written over it; move it away, or name another folder", dir)}
	} else if err != nil {
		return err
	}
	v, err := openVault(ctx, conf, p.log, p.now)
	if err != nil {
		return fmt.Errorf("%s is restored, but does not open: is the key file the one of that vault? %w", dir, err)
	}
	check := &verify{}
	err = check.operate(ctx, &admin{vault: v, config: conf, stdout: p.stdout, stderr: p.stderr, terminal: isTerminal(p.stderr)})
	if err = errors.Join(err, v.Close()); err != nil {
		return fmt.Errorf("%s is restored, but: %w", dir, err)
	}
	_, err = fmt.Fprintf(p.stdout, "%s is restored.\n", dir)
	return err
}

func (c *restoreCommand) identities() (out []age.Identity, err error) {
	for _, path := range c.Identity {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, usageError{err.Error()}
		}
		some, err := age.ParseIdentities(bytes.NewReader(text))
		if err != nil {
			return nil, usageError{path + " is not a file of age identities"} // the cause may quote it
		}
		out = append(out, some...)
	}
	return out, nil
}

func (c *restoreCommand) open(p *program) (io.ReadCloser, error) {
	if c.From == "-" {
		return io.NopCloser(p.stdin), nil
	}
	f, err := os.Open(c.From)
	if err != nil {
		return nil, usageError{err.Error()}
	}
	return f, nil
}

// decrypted gives the backup in a stream, which may be encrypted with age.
func decrypted(r io.Reader, identities []age.Identity) (io.Reader, error) {
	in := bufio.NewReaderSize(r, 1<<20)
	head, _ := in.Peek(len(ageMagic)) // what is shorter is no backup, as Restore says
	if !bytes.Equal(head, []byte(ageMagic)) {
		return in, nil
	}
	if len(identities) == 0 {
		return nil, usageError{"the backup is encrypted: give --identity FILE"}
	}
	plain, err := age.Decrypt(in, identities...)
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return nil, usageError{"the backup is encrypted for others than these identities"}
	}
	return plain, err
}
