package config

import (
	"path/filepath"
	"strings"

	"sigill/vault"
)

// Vault is where messages lie, and the key to them.
type Vault struct {
	Dir     File `toml:"dir"`
	KeyFile File `toml:"key_file"`
	MaxSize Size `toml:"max_size"`
}

func (v Vault) check(f faults, _ *Config) {
	f.need("dir", v.Dir != "", "must be the folder of the vault, such as \"/var/lib/sigill/vault\"")
	f.need("key_file", v.KeyFile != "", "must be the file of the vault's key, such as \"/etc/sigill/vault.key\"; sigill init makes it")
	if v.KeyFile == "" || v.Dir == "" {
		return
	}
	rel, err := filepath.Rel(string(v.Dir), string(v.KeyFile))
	f.need("key_file", err != nil || rel == ".." || strings.HasPrefix(rel, "../"), "must lie outside the vault's folder: whoever takes the folder must not have the key")
	_, err = v.Keys()
	f.fits("key_file", err)
}

// Keys opens the key of the vault.
func (v Vault) Keys() (vault.KeyWrapper, error) {
	if _, err := v.KeyFile.ReadPrivate(); err != nil {
		return nil, err
	}
	return vault.OpenKeyFile(string(v.KeyFile))
}
