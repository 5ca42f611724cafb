package config

import "sigill/web/login"

// Providers are all ways for persons to log in, in the order of the buttons: BankID, those of OpenID Connect, those of SAML.
// They do not reach for the network.
func (c *Config) Providers() (out []login.Provider, err error) {
	for _, b := range c.BankID {
		p, err := b.provider(c.Organisation.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	for _, l := range c.Login {
		p, err := l.Provider()
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	for _, s := range c.SAML {
		p, err := s.provider(c)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// providerIDs are the keys of all providers' ids, and the ids.
func (c *Config) providerIDs() (keys, ids []string) {
	for i, b := range c.BankID {
		keys, ids = append(keys, numbered("bankid", i)), append(ids, b.ID)
	}
	for i, l := range c.Login {
		keys, ids = append(keys, numbered("login", i)), append(ids, l.ID)
	}
	for i, s := range c.SAML {
		keys, ids = append(keys, numbered("saml", i)), append(ids, s.ID)
	}
	return keys, ids
}
