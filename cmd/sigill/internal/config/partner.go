package config

import (
	"errors"
	"fmt"
	"strings"

	"sigill/policy"
	"sigill/smtpd/partner"
)

// Partner is an organisation whose mail servers get sealed messages themselves, in place of notices.
type Partner struct {
	Domains []string `toml:"domains"`
	Hosts   []string `toml:"hosts"`
	TLS     string   `toml:"tls"`
	Name    string   `toml:"name"`
	CA      File     `toml:"ca"`
}

// setDefaults is what an entry need not say.
func (p *Partner) setDefaults() { p.Hosts, p.TLS = []string{}, string(partner.Name) }

func (p Partner) check(f faults, whole *Config) {
	for i, d := range p.Domains {
		key := fmt.Sprintf("domains[%d]", i+1)
		f.need(key, isHost(d) && d == strings.ToLower(d), "%q must be a domain in lower case, such as \"region.example\"", d)
		f.need(key, !whole.owns(d), "%s is a domain of this organisation", d)
	}
	f.need("name", p.Name == "" || isHost(p.Name), "must be the name the certificate has, such as \"mx.region.example\"")
	_, err := p.CA.ReadAuthorities()
	f.fits("ca", err)
	f.need("ca", p.CA == "" || !p.dane(), "with \"dane\" the partner's records tell the certificate, and no authority here")
	// That a resolver is there for "dane" is for [DNSSEC] to tell.
	_, err = partner.New(partner.Config{Partners: []partner.Partner{p.partner()}, DNSSEC: partner.DNSSEC{Resolver: "127.0.0.1:53"}})
	f.fits("", err)
}

func (p Partner) dane() bool { return p.TLS == string(partner.DANE) }

// partner gives the section less its authorities.
func (p Partner) partner() partner.Partner {
	return partner.Partner{Domains: p.Domains, Hosts: p.Hosts, Verify: partner.Verification(p.TLS), Name: p.Name}
}

// Partners gives the partners as who delivers takes them.
func (c *Config) Partners() (out []partner.Partner, err error) {
	for i, p := range c.Partner {
		one := p.partner()
		roots, e := p.CA.ReadAuthorities()
		if e != nil {
			err = errors.Join(err, fmt.Errorf("%s.ca: %w", numbered("partner", i), e))
		}
		one.Roots = roots
		out = append(out, one)
	}
	return out, err
}

// Policy gives the rules as the decision takes them, of several sections.
func (c *Config) Policy() policy.Rules {
	rules := c.Rules.policy()
	for _, p := range c.Partner {
		rules.Partners = append(rules.Partners, p.Domains...)
	}
	return rules
}
