package config

import (
	"path/filepath"
	"strings"

	"sigill/vault"
)

// Vault is where messages lie, and the key to them: a file, or HashiCorp Vault's Transit.
type Vault struct {
	Dir            File    `toml:"dir"`
	KeyFile        File    `toml:"key_file"`
	PassphraseFile File    `toml:"passphrase_file"`
	MaxSize        Size    `toml:"max_size"`
	Transit        Transit `toml:"transit"`
}

// Transit is a key in HashiCorp Vault or OpenBao; none if Address is empty.
type Transit struct {
	Address      string `toml:"address"`
	CA           File   `toml:"ca"`
	Namespace    string `toml:"namespace"`
	Mount        string `toml:"mount"`
	Key          string `toml:"key"`
	TokenFile    File   `toml:"token_file"`
	RoleID       string `toml:"role_id"`
	SecretIDFile File   `toml:"secret_id_file"`
}

func defaultVault() Vault { return Vault{Transit: Transit{Mount: "transit"}} }

func (v Vault) check(f faults, _ *Config) {
	f.need("dir", v.Dir != "", "must be the folder of the vault, such as \"/var/lib/sigill/vault\"")
	if v.Transit.Address != "" {
		f.need("key_file", v.KeyFile == "" && v.PassphraseFile == "", "cannot be set beside transit: the key is in one place")
		_, err := v.Keys()
		f.fits("transit", err)
		return
	}
	f.need("key_file", v.KeyFile != "", "must be the file of the vault's key, such as \"/etc/sigill/vault.key\"; sigill init makes it")
	if v.KeyFile == "" || v.Dir == "" {
		return
	}
	rel, err := filepath.Rel(string(v.Dir), string(v.KeyFile))
	f.need("key_file", err != nil || rel == ".." || strings.HasPrefix(rel, "../"), "must lie outside the vault's folder: whoever takes the folder must not have the key")
	_, err = v.Keys()
	f.fits("key_file", err)
}

// Keys opens the key of the vault. It does not reach for the network.
func (v Vault) Keys() (vault.KeyWrapper, error) {
	if t := v.Transit; t.Address != "" {
		return vault.OpenTransit(vault.TransitOptions{
			Address: t.Address, CA: string(t.CA), Namespace: t.Namespace, Mount: t.Mount, Key: t.Key,
			Token: t.TokenFile.secret(), RoleID: t.RoleID, SecretID: t.SecretIDFile.secret(),
		})
	}
	for _, f := range []File{v.KeyFile, v.PassphraseFile} {
		if f == "" {
			continue
		}
		if _, err := f.ReadPrivate(); err != nil {
			return nil, err
		}
	}
	return vault.OpenKey(v.KeyFile.secret(), v.PassphraseFile.secret())
}
