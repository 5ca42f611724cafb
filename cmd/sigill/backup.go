package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"
)

type backup struct {
	configFile
	To         string   `required:"" help:"The file to write, which must not exist; - is standard output." placeholder:"FILE"`
	Recipient  []string `help:"Encrypt for this age recipient; several may be given, and each can read it." placeholder:"age1…"`
	SealedOnly bool     `help:"Do not encrypt. The backup is sealed as the vault is: without the key file nobody reads a message, a name or an address in it, but sizes, times and numbers of messages show, and whoever has the key file has all."`
}

// Help is shown below the flags.
func (backup) Help() string {
	return `The server goes on meanwhile. The backup is the vault as it was at one moment. It does not hold the key file: keep a copy of that apart from it. The file appears when it is whole, or not at all.

Examples:

  age-keygen -o backup.age-key
  sigill backup --config sigill.toml --to /backup/monday.sigill --recipient age1…
  sigill backup --config sigill.toml --to - --recipient age1… | ssh elsewhere 'cat > monday.sigill'`
}

// Run writes the file on this side, whoever makes the backup.
func (c *backup) Run(ctx context.Context, p *program) error {
	if _, err := c.recipients(); err != nil {
		return err
	}
	if c.To == "-" {
		if isTerminal(p.stdout) {
			return usageError{"a backup is not for a terminal: give --to FILE"}
		}
		return p.administer(ctx, c.configFile, "backup", c)
	}
	if _, err := os.Lstat(c.To); !errors.Is(err, fs.ErrNotExist) {
		return usageError{fmt.Sprintf("%s exists: nothing is written over", c.To)}
	}
	size, err := wholeFile(c.To, func(w io.Writer) error {
		return p.administerTo(ctx, c.configFile, "backup", c, w)
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s is written: %d octets. Without the key file it cannot be read; keep a copy of that elsewhere.\n", c.To, size)
	return err
}

func (c *backup) recipients() (out []age.Recipient, err error) {
	for _, s := range c.Recipient {
		if r, err := age.ParseX25519Recipient(s); err == nil {
			out = append(out, r)
			continue
		}
		r, err := age.ParseHybridRecipient(s)
		if err != nil {
			return nil, usageError{fmt.Sprintf("%q is not an age recipient: age-keygen makes one, age1…", s)}
		}
		out = append(out, r)
	}
	switch {
	case len(out) == 0 && !c.SealedOnly:
		return nil, usageError{"for whom? give --recipient age1…, or --sealed-only if what shows without is nothing to hide"}
	case len(out) > 0 && c.SealedOnly:
		return nil, usageError{"--recipient and --sealed-only do not go together"}
	}
	return out, nil
}

func (c *backup) operate(ctx context.Context, a *admin) error {
	to, err := c.recipients()
	if err != nil {
		return err
	}
	a.note(ctx, "backup", fmt.Sprintf("for %d recipients", len(to)))
	if len(to) == 0 {
		return a.vault.Backup(ctx, a.stdout)
	}
	w, err := age.Encrypt(a.stdout, to...)
	if err != nil {
		return err
	}
	if err := a.vault.Backup(ctx, w); err != nil {
		return err // without Close what is written so far is no age file
	}
	return w.Close()
}

// wholeFile makes a file appear with all that write writes, durable, or not at all. It never takes the place of another.
func wholeFile(path string, write func(io.Writer) error) (size int64, err error) {
	fresh := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()[:8])
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, usageError{err.Error()}
	}
	defer os.Remove(fresh) // it has its name by then, or shall have none
	err = write(f)
	if err == nil {
		size, err = f.Seek(0, io.SeekCurrent)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, err
	}
	if err := os.Link(fresh, path); err != nil { // fails if the name is taken, as a rename would not
		return 0, err
	}
	return size, syncFolder(filepath.Dir(path))
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
