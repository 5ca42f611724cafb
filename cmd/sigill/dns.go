package main

import (
	"fmt"
	"net/url"

	"sigill/cmd/sigill/internal/config"
	"sigill/web/autoconfig"
)

type dnsCommand struct{ configFile }

// Help is shown below the flags.
func (dnsCommand) Help() string {
	return `The DNS records that go with a configuration, as lines of a zone file, each under a comment that says what it is for. Nothing is looked up and nothing is set. The records of DMARC and SPF are proposals: a domain that sends mail in other ways too has its own.

Examples:

  sigill dns --config /etc/sigill/sigill.toml
  sigill dns --config /etc/sigill/sigill.toml > sigill.zone`
}

// Run prints them.
func (c dnsCommand) Run(p *program) error {
	conf, err := c.load("hostname", "domains", "organisation", "listen", "web", "notices")
	if err != nil {
		return err
	}
	if err := p.dnsOfNotices(conf); err != nil {
		return err
	}
	clients := conf.MailClients()
	if clients == nil {
		_, err := fmt.Fprintln(p.stdout, "; No records for mail programs: web.mail_clients is off, or no port of theirs is served.")
		return err
	}
	web, err := url.Parse(conf.Web.URL)
	if err != nil {
		return usageError{fmt.Sprintf("web.url: %v", err)}
	}
	for _, r := range clients.Records(web) {
		if err := p.dnsRecord(r); err != nil {
			return err
		}
	}
	return nil
}

// dnsOfNotices prints what makes others trust the notices.
func (p *program) dnsOfNotices(conf config.Config) error {
	signers, err := conf.Notices.Signers()
	if err != nil {
		return err
	}
	for _, s := range signers {
		if _, err := fmt.Fprintf(p.stdout, "; DKIM: others verify the notices by it (RFC 6376)\n%s\n", s.Zone()); err != nil {
			return err
		}
	}
	domain := conf.Notices.From.Domain
	for _, r := range []autoconfig.Record{
		autoconfig.Text("_dmarc."+domain, "v=DMARC1; p=reject; adkim=s", "DMARC: mail that only looks like the notices is refused (RFC 7489)"),
		autoconfig.Text("_smtp._tls."+domain, "v=TLSRPTv1; rua=mailto:postmaster@"+domain, "TLS reporting: others tell when they could not use TLS (RFC 8460)"),
	} {
		if err := p.dnsRecord(r); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(p.stdout, "; SPF (RFC 7208): the upstream relay sends for %s; its addresses belong into the record of that domain\n", domain)
	return err
}

func (p *program) dnsRecord(r autoconfig.Record) error {
	_, err := fmt.Fprintf(p.stdout, "; %s\n%s\n", r.Why, r)
	return err
}
