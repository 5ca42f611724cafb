package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sigill/cmd/sigill/internal/config"
	"sigill/vault/clamd"
)

// configFile is the flag of every command that needs to know the installation.
type configFile struct {
	Config string `required:"" help:"The configuration file; sigill config prints a sample." placeholder:"FILE"`
}

// load reads the configuration, and checks all of it or the parts that are named. What is wrong with it is a usage error of
// many lines.
func (f configFile) load(parts ...string) (config.Config, error) {
	c, err := config.Load(f.Config, parts...)
	var faults config.Faults
	if errors.As(err, &faults) {
		return c, badConfig{f.Config, faults}
	}
	if err != nil {
		return c, usageError{err.Error()}
	}
	return c, nil
}

// badConfig is a configuration with faults, told one a line.
type badConfig struct {
	file   string
	faults config.Faults
}

func (e badConfig) Error() string { return fmt.Sprintf("%s: %v", e.file, e.faults) }

type configCommand struct {
	Markdown bool `help:"Print docs/config.md, which is the sample as Markdown."`
}

// Help is shown below the flags.
func (configCommand) Help() string {
	return `An annotated sample with every key. Lines that begin with "#" and a key show defaults.

Examples:

  sigill config > sigill.toml`
}

// Run prints the sample.
func (c configCommand) Run(p *program) error {
	text := config.Sample
	if c.Markdown {
		text = config.Document()
	}
	_, err := fmt.Fprint(p.stdout, text)
	return err
}

type checkCommand struct {
	configFile
}

// Help is shown below the flags.
func (checkCommand) Help() string {
	return `Reads the configuration and the files it names: certificate, keys, secrets. Opens no port and no vault. Every fault is a line; exit code 2 if there is one. If [scan] names clamd, it is asked whether it is there and takes messages as long as the limits allow, and if [dnssec] names a resolver, whether it validates; exit code 1 if not.

Examples:

  sigill check --config /etc/sigill/sigill.toml`
}

// Run tells every fault.
func (c checkCommand) Run(ctx context.Context, p *program) error {
	conf, err := c.load()
	if err != nil {
		return err
	}
	if err := errors.Join(checkScanner(ctx, conf), checkResolver(ctx, conf)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s is right.\n", c.Config)
	return err
}

// checkScanner asks clamd about a message of the greatest length: what it would not take could never be sent.
func checkScanner(ctx context.Context, c config.Config) error {
	client, err := c.Scan.Client()
	if client == nil || err != nil {
		return err
	}
	if err := client.Ping(ctx); err != nil {
		return fmt.Errorf("scan.clamd: %w", err)
	}
	found, err := client.Scan(ctx, io.LimitReader(spaces{}, int64(c.Limits.MessageSize)))
	switch {
	case err != nil:
		return fmt.Errorf("scan.clamd: %w", err)
	case found == clamd.TooLong:
		return fmt.Errorf("scan.clamd: clamd refuses a message of limits.message_size; set StreamMaxLength in clamd.conf to %d or more", c.Limits.MessageSize)
	case found != "":
		return fmt.Errorf("scan.clamd: clamd finds %s in a message of limits.message_size that is blank; set MaxFileSize and MaxScanSize in clamd.conf to %d or more", found, c.Limits.MessageSize)
	}
	return nil
}

// checkResolver asks the resolver whether it validates: without that no partner's DANE holds.
func checkResolver(ctx context.Context, c config.Config) error {
	if c.DNSSEC.Resolver == "" {
		return nil
	}
	if err := c.DNSSEC.Trusted().Check(ctx); err != nil {
		return fmt.Errorf("dnssec.resolver: %w", err)
	}
	return nil
}

// spaces is a text without end.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
