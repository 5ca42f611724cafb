package config

import "sigill/smtpd/partner"

// DNSSEC is the resolver that is believed to validate; none if Resolver is empty.
type DNSSEC struct {
	Resolver  string `toml:"resolver"`
	Elsewhere bool   `toml:"elsewhere"`
}

func (d DNSSEC) check(f faults, whole *Config) {
	_, err := partner.New(partner.Config{DNSSEC: d.Trusted()})
	f.fits("resolver", err)
	for i, p := range whole.Partner {
		f.need("resolver", d.Resolver != "" || !p.dane(), "%s needs a resolver that validates DNSSEC, such as \"127.0.0.1:53\"", numbered("partner", i))
	}
}

// Trusted gives the section as who delivers takes it.
func (d DNSSEC) Trusted() partner.DNSSEC {
	return partner.DNSSEC{Resolver: d.Resolver, Elsewhere: d.Elsewhere}
}
