package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sigill/cmd/sigill/internal/config"
	"sigill/smtpd/outbox"
	"sigill/vault"
)

type initCommand struct {
	Dir          string `required:"" help:"The folder to set up in; it is made." placeholder:"DIR"`
	Domain       string `required:"" help:"The organisation's mail domain." placeholder:"example.se"`
	Hostname     string `help:"Our name, in SMTP and for browsers; sakert.DOMAIN if not given." placeholder:"NAME"`
	Organisation string `required:"" help:"The organisation's name." placeholder:"NAME"`
	Phone        string `required:"" help:"The number of its contact centre." placeholder:"NUMBER"`
	URL          string `name:"url" help:"Its own site; https://www.DOMAIN if not given." placeholder:"URL"`
	Upstream     string `required:"" help:"The relay for mail that goes out, as host:port." placeholder:"HOST:PORT"`
	Certificate  string `help:"The certificate and its chain, in PEM; DIR/tls/chain.pem if not given." placeholder:"FILE"`
	Key          string `help:"Its private key; DIR/tls/private.key if not given." placeholder:"FILE"`
}

// Help is shown below the flags.
func (initCommand) Help() string {
	return `Makes DIR/keys with the vault's key and two DKIM keys, DIR/sigill.toml, and an empty vault in DIR/vault. Run it as the user that the server runs as. Prints the DNS records to set and what is left to do. Nothing that exists is written over: if one of these files is there, nothing is made.

Examples:

  sigill init --dir /etc/sigill --domain example.se --organisation "Exempels kommun" --phone "08-123 45 67" --upstream smtp.example.se:587`
}

// setup is what init makes: all files, none of which may exist.
type setup struct {
	dir, vaultKey, rsaKey, edKey, config string
}

// Run makes everything, or nothing.
func (c initCommand) Run(ctx context.Context, p *program) (err error) {
	c.fill()
	s := setup{
		dir: c.Dir, vaultKey: filepath.Join(c.Dir, "keys", "vault.key"), rsaKey: filepath.Join(c.Dir, "keys", "dkim-rsa.key"),
		edKey: filepath.Join(c.Dir, "keys", "dkim-ed25519.key"), config: filepath.Join(c.Dir, "sigill.toml"),
	}
	text := c.text()
	if err := soundSetup(text, c.Dir); err != nil {
		return err
	}
	for _, path := range []string{s.vaultKey, s.rsaKey, s.edKey, s.config, filepath.Join(s.dir, "vault")} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return usageError{fmt.Sprintf("%s exists: nothing is written over, and nothing was made", path)}
		}
	}
	if err := s.make(text); err != nil {
		return err
	}
	if err := s.makeVault(ctx, p); err != nil {
		return err
	}
	return c.tell(p, s)
}

// fill puts in what can be derived.
func (c *initCommand) fill() {
	c.Domain = strings.ToLower(c.Domain)
	if c.Hostname == "" {
		c.Hostname = "sakert." + c.Domain
	}
	if c.URL == "" {
		c.URL = "https://www." + c.Domain
	}
	if c.Certificate == "" {
		c.Certificate = "tls/chain.pem"
	} else if abs, err := filepath.Abs(c.Certificate); err == nil {
		c.Certificate = abs
	}
	if c.Key == "" {
		c.Key = "tls/private.key"
	} else if abs, err := filepath.Abs(c.Key); err == nil {
		c.Key = abs
	}
}

// soundSetup refuses what check would, but for files that are still to come.
func soundSetup(text, dir string) error {
	_, err := config.Parse([]byte(text), dir)
	var all config.Faults
	if !errors.As(err, &all) {
		return err
	}
	var wrong config.Faults
	for _, f := range all {
		if !strings.Contains(f.Text, "there is no file") {
			wrong = append(wrong, f)
		}
	}
	if len(wrong) > 0 {
		return badConfig{"sigill init", wrong}
	}
	return nil
}

func (s setup) make(text string) error {
	for _, dir := range []string{s.dir, filepath.Dir(s.vaultKey), filepath.Join(s.dir, "tls")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if err := vault.CreateKeyFile(s.vaultKey); err != nil {
		return err
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048) // RFC 8301 section 3.2; a longer one does not fit some DNS servers
	if err != nil {
		return err
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	return errors.Join(writePrivateKey(s.rsaKey, rsaKey), writePrivateKey(s.edKey, edKey), writeNew(s.config, []byte(text), 0o600))
}

// makeVault opens the vault once, which makes it.
func (s setup) makeVault(ctx context.Context, p *program) error {
	keys, err := vault.OpenKeyFile(s.vaultKey)
	if err != nil {
		return err
	}
	v, err := vault.Open(ctx, filepath.Join(s.dir, "vault"), keys, vault.Options{Log: p.log})
	if err != nil {
		return err
	}
	return v.Close()
}

func writePrivateKey(path string, key any) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writeNew(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

// writeNew writes a file that must not exist, durably.
func writeNew(path string, text []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

const (
	rsaSelector = "sigill-rsa"
	edSelector  = "sigill-ed25519"
)

// text is the configuration.
func (c initCommand) text() string {
	return fmt.Sprintf(`# Made by sigill init. sigill config prints every key with its default; sigill check --config FILE tells every fault.

hostname = %q
domains = [%q]

[organisation]
name = %q
phone = %q
url = %q

[tls]
certificate = %q
key = %q

# The organisation's own mail system may send without a password from the networks named here:
#[[listen.connector]]
#address = ":25"
#networks = ["10.1.0.0/16"]

[web]
url = %q

[upstream]
address = %q

[notices]
from = %q

[[notices.dkim]]
selector = %q
domain = %q
key = "keys/dkim-rsa.key"

[[notices.dkim]]
selector = %q
domain = %q
key = "keys/dkim-ed25519.key"

# Persons log in by an e-ID: see [[login]] in sigill config.

[vault]
dir = "vault"
key_file = "keys/vault.key"
`, c.Hostname, c.Domain, c.Organisation, c.Phone, c.URL, c.Certificate, c.Key, "https://"+c.Hostname, c.Upstream, "sakert@"+c.Domain,
		rsaSelector, c.Domain, edSelector, c.Domain)
}

// tell says what was made and what is left to do.
func (c initCommand) tell(p *program, s setup) error {
	fmt.Fprintf(p.stdout, "Made %s, %s, %s and %s.\n\nSet these DNS records, by which others verify the notices:\n\n", s.config, s.vaultKey, s.rsaKey, s.edKey)
	for _, k := range []struct{ selector, path string }{{rsaSelector, s.rsaKey}, {edSelector, s.edKey}} {
		text, err := os.ReadFile(k.path)
		if err != nil {
			return err
		}
		signer, err := outbox.ParseSigner(k.selector, c.Domain, text)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%s\n\n", signer.Zone())
	}
	_, err := fmt.Fprintf(p.stdout, `Left to do:

  1. Keep a copy of %s in a safe place, apart from backups. Without it nothing can be read.
  2. Put the certificate into %s and its key into %s, if they are not there.
  3. Add a [[login]] for the e-ID to %s, and whatever else: sigill config
  4. sigill check --config %[4]s, and then sigill serve --config %[4]s
  5. sigill account add --config %[4]s anna@%[5]s
`, s.vaultKey, inDir(s.dir, c.Certificate), inDir(s.dir, c.Key), s.config, c.Domain)
	return err
}

func inDir(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
