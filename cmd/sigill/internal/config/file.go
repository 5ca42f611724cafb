package config

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sigill/vault"
)

// File is the path of a file, absolute once it is read from a configuration. "credential:NAME" in the configuration is the
// file NAME that systemd's LoadCredential= put into $CREDENTIALS_DIRECTORY.
type File string

// credentials is the scheme of paths that systemd gives.
const credentials = "credential:"

func fileAt(dir, path string) File {
	if name, ok := strings.CutPrefix(path, credentials); ok {
		if from := os.Getenv("CREDENTIALS_DIRECTORY"); from != "" && filepath.IsLocal(name) {
			return File(filepath.Join(from, name))
		}
		return File(path) // readable says what is missing
	}
	if path == "" || filepath.IsAbs(path) {
		return File(path)
	}
	return File(filepath.Join(dir, path))
}

// secret is the file as the vault takes it, which reads it by itself.
func (p File) secret() vault.SecretFile {
	switch dir := os.Getenv("CREDENTIALS_DIRECTORY"); {
	case p == "":
		return vault.SecretFile{}
	case dir != "" && filepath.Dir(string(p)) == filepath.Clean(dir):
		return vault.SecretFile{Credential: filepath.Base(string(p))}
	}
	return vault.SecretFile{Path: string(p)}
}

// Read gives the file's octets.
func (p File) Read() ([]byte, error) {
	if strings.HasPrefix(string(p), credentials) {
		return nil, fmt.Errorf("%s: systemd has given no credentials ($CREDENTIALS_DIRECTORY is not set): use LoadCredential=, or the path of a file", p)
	}
	text, err := os.ReadFile(string(p))
	if err != nil {
		return nil, plainly(err)
	}
	return text, nil
}

// ReadPrivate is Read for a file that none but its owner may read.
func (p File) ReadPrivate() ([]byte, error) {
	others := fs.FileMode(0o077)
	if p.secret().Credential != "" {
		others = 0o007 // systemd gives access by a list, which shows as the group's
	}
	if info, err := os.Stat(string(p)); err == nil && info.Mode().Perm()&others != 0 {
		return nil, fmt.Errorf("%s can be read by others (mode %v): run chmod 600 %s", p, info.Mode().Perm(), p)
	}
	return p.Read()
}

// ReadSecret gives the secret in the file, less a line end after it.
func (p File) ReadSecret() (Secret, error) {
	text, err := p.ReadPrivate()
	secret := strings.TrimRight(string(text), "\r\n")
	if err == nil && secret == "" {
		err = fmt.Errorf("%s is empty: write the secret into it", p)
	}
	return Secret(secret), err
}

// ReadKey gives the private key in a file of PEM: PKCS #8, PKCS #1 or SEC 1.
func (p File) ReadKey() (crypto.Signer, error) {
	text, err := p.ReadPrivate()
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no key in PEM", p)
	}
	for _, parse := range []func([]byte) (any, error){
		x509.ParsePKCS8PrivateKey,
		func(b []byte) (any, error) { return x509.ParsePKCS1PrivateKey(b) },
		func(b []byte) (any, error) { return x509.ParseECPrivateKey(b) },
	} {
		if key, err := parse(block.Bytes); err == nil {
			if signer, ok := key.(crypto.Signer); ok {
				return signer, nil
			}
		}
	}
	return nil, fmt.Errorf("%s holds no private key that can sign", p)
}

// ReadAuthorities gives the certificates in the file as those to trust; nil, which means the system's, if no file is named.
func (p File) ReadAuthorities() (*x509.CertPool, error) {
	if p == "" {
		return nil, nil
	}
	text, err := p.Read()
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", p)
	}
	return pool, nil
}

// plainly tells of a file that cannot be read without the words of a system call.
func plainly(err error) error {
	pe, ok := err.(*fs.PathError)
	switch {
	case ok && os.IsNotExist(err):
		return fmt.Errorf("there is no file %s", pe.Path)
	case ok && os.IsPermission(err):
		return fmt.Errorf("%s cannot be read by this user: change its owner or mode", pe.Path)
	case ok:
		return fmt.Errorf("%s: %w", pe.Path, pe.Err)
	}
	return err
}

// Secret is a text that prints as **redacted** for every verb.
type Secret string

const redacted = "**redacted**"

// Format keeps the secret out of print.
func (Secret) Format(s fmt.State, _ rune) { fmt.Fprint(s, redacted) }

// MarshalText keeps it out of JSON and of logs.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Size is a number of octets, written "25MB" (powers of 1000) or "10GiB" (powers of 1024).
type Size int64

var units = []struct {
	name   string
	octets int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	for _, u := range units {
		digits, ok := strings.CutSuffix(string(text), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/u.octets {
			return fmt.Errorf("not a size")
		}
		*s = Size(n * u.octets)
		return nil
	}
	return fmt.Errorf("a size without unit")
}
