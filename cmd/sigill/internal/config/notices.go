package config

import (
	"fmt"

	"sigill/policy"
	"sigill/smtpd/outbox"
)

// Notices are the mails without content that say a message waits.
type Notices struct {
	From       policy.Address `toml:"from"`
	ReturnPath policy.Address `toml:"return_path"`
	DKIM       []DKIM         `toml:"dkim"`
}

// DKIM is a key that signs notices.
type DKIM struct {
	Selector string `toml:"selector"`
	Domain   string `toml:"domain"`
	Key      File   `toml:"key"`
}

func defaultNotices() Notices { return Notices{} }

func (n Notices) check(f faults, whole *Config) {
	f.need("from", !n.From.IsZero(), "must be the address notices come from, such as \"sakert@example.se\"")
	if !n.From.IsZero() && len(whole.Domains) > 0 {
		f.need("from", whole.owns(n.From.Domain), "%s is in none of the domains of this organisation (domains)", n.From)
	}
	for i, d := range n.DKIM {
		_, err := d.Signer()
		f.fits(fmt.Sprintf("dkim[%d]", i+1), err)
	}
}

// Signer reads the key.
func (d DKIM) Signer() (outbox.Signer, error) {
	if d.Key == "" {
		return outbox.Signer{}, fmt.Errorf("key must be the file of the private key; sigill init makes one")
	}
	text, err := d.Key.ReadPrivate()
	if err != nil {
		return outbox.Signer{}, err
	}
	return outbox.ParseSigner(d.Selector, d.Domain, text)
}

// Signers reads all keys.
func (n Notices) Signers() (out []outbox.Signer, err error) {
	for i, d := range n.DKIM {
		s, err := d.Signer()
		if err != nil {
			return nil, fmt.Errorf("notices.dkim[%d]: %w", i+1, err)
		}
		out = append(out, s)
	}
	return out, nil
}
