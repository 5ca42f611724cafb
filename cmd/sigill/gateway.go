package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"sigill/imapd"
	"sigill/policy"
	"sigill/smtpd"
	"sigill/smtpd/facts"
	"sigill/smtpd/outbox"
	"sigill/smtpd/partner"
	"sigill/smtpd/relay"
	"sigill/vault"
	"sigill/vault/message"
	"sigill/web"
	"sigill/web/autoconfig"
	"sigill/web/login"
)

// gatewayConfig is the product's configuration, whoever wrote it. The listeners are open; the gateway closes them.
type gatewayConfig struct {
	Organisation web.Organisation
	Brand        web.Brand
	Info         web.Info
	Hostname     string   // our name in SMTP
	Domains      []string // the organisation's own, in lower case
	WebURL       string   // where browsers find the web
	TLS          *tls.Config

	SMTP []smtpd.Listener
	IMAP net.Listener // TLS from the first octet; nil for none
	Web  net.Listener
	// IMAPNetworks are those of IMAP's clients, all if empty; those in IMAPStubs get links in place of messages.
	IMAPNetworks, IMAPStubs []netip.Prefix

	Rules            policy.Rules
	Upstream         relay.Config
	Partners         []partner.Partner // none: sealed messages go nowhere by mail
	DNSSEC           partner.DNSSEC    // for Partners
	Providers        []login.Provider
	StaffLogin       web.StaffLogin
	Tokens           *login.Bearer        // nil: nobody logs in with one
	MailClients      *autoconfig.Settings // nil: not told
	NoticeFrom       policy.Address
	NoticeReturnPath policy.Address // NoticeFrom if zero
	NoticeAnswersTo  policy.Address // refused if zero
	Notices          outbox.Notices
	NoticeBrands     map[string]outbox.Notices // by domain
	Signers          []outbox.Signer
	SMTPLimits       smtpd.Limits
	IMAPLimits       imapd.Limits
	WebLimits        web.Limits
	WebProxies       web.Proxies
	Purpose          web.PurposeFields
	Log              *slog.Logger
	Now              func() time.Time // time.Now if nil
}

// gateway is the product in one process: mail in, notices out, IMAP and web over one vault.
type gateway struct {
	vault  *vault.Vault
	smtp   *smtpd.Server
	relay  *relay.Client
	imap   *imapd.Server
	web    *web.Server
	outbox *outbox.Worker
	config gatewayConfig
}

// newGateway wires a gateway over an open vault.
func newGateway(v *vault.Vault, c gatewayConfig) (*gateway, error) {
	upstream, err := relay.New(c.Upstream)
	if err != nil {
		return nil, err
	}
	g := &gateway{vault: v, relay: upstream, config: c}
	g.smtp, err = smtpd.New(smtpd.Config{
		Hostname: c.Hostname, TLS: c.TLS, Domains: c.Domains, Rules: c.Rules, Relay: upstream,
		Depositor: v.Depositor(), Directory: v.Directory(), Limits: c.SMTPLimits, Log: c.Log, Now: c.Now,
		Listeners: c.SMTP, Tokens: c.tokens(),
		Notices: smtpd.Notices{
			From: c.NoticeFrom, ReturnPath: c.NoticeReturnPath, AnswersTo: c.NoticeAnswersTo, Where: c.Notices.MunicipalityURL,
			Bounced: v.Outbox().Bounced,
		},
	})
	if err != nil {
		return nil, err
	}
	partners, err := c.partners()
	if err != nil {
		return nil, err
	}
	g.outbox, err = outbox.New(outbox.Config{
		Outbox: v.Outbox(), Sender: upstream, Notices: c.Notices, Brands: c.NoticeBrands, From: c.NoticeFrom, ReturnPath: c.NoticeReturnPath, Signers: c.Signers, Log: c.Log, Now: c.Now,
		Courier: v.Courier(), Partners: partners, Hostname: c.Hostname,
	})
	if err != nil {
		return nil, err
	}
	g.imap = imapd.New(imapd.Config{
		TLS: c.TLS, Vault: v, Log: c.Log, ImplicitTLS: c.IMAP, Limits: c.IMAPLimits, Tokens: c.tokens(),
		Networks: c.IMAPNetworks, Stubs: imapd.Stubs{Networks: c.IMAPStubs, From: c.NoticeFrom, WebURL: c.WebURL},
	})
	gatherer, err := facts.New(c.Rules)
	if err != nil {
		return nil, err
	}
	g.web, err = web.New(web.Config{
		Rules: c.Rules,
		Facts: func(f *policy.Facts, header []byte) {
			gatherer.Header(f, message.ParseHeader(header))
			gatherer.Outcomes(f)
		},
		Admin: web.Administering{Domains: c.Domains, Notices: notices{c.Notices, c.NoticeBrands}, Relays: relays(upstream), Version: version()},
		Vault: v, BaseURL: c.WebURL, Organisation: c.Organisation, Brand: c.Brand, Info: c.Info, Providers: c.Providers, Staff: c.StaffLogin, MailClients: c.MailClients, TLS: c.TLS, Log: c.Log, Limits: c.WebLimits, Proxies: c.WebProxies, Purpose: c.Purpose, Now: c.Now,
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

// partners is who hands messages to partners as the outbox takes it: an interface that is nil if there are none.
func (c gatewayConfig) partners() (outbox.Partners, error) {
	if len(c.Partners) == 0 {
		return nil, nil
	}
	return partner.New(partner.Config{Partners: c.Partners, DNSSEC: c.DNSSEC, Hello: c.Hostname, Timeouts: c.Upstream.Timeouts, Log: c.Log, Now: c.Now})
}

// tokens is Tokens as a server takes it: an interface that is nil if there are none.
func (c gatewayConfig) tokens() smtpd.Tokens {
	if c.Tokens == nil {
		return nil
	}
	return c.Tokens
}

// Run serves until ctx ends or a part fails. What people use ends first, then the notices, and the vault's housekeeping
// last; closing the vault is left to whoever opened it.
func (g *gateway) Run(ctx context.Context) error {
	behind, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ctx, fail := context.WithCancel(ctx)
	defer fail()

	var back errgroup.Group
	back.Go(func() error { defer fail(); return part("outbox", g.outbox.Run(behind)) })
	back.Go(func() error { defer fail(); return part("vault", g.vault.Run(behind)) })

	front, ctx := errgroup.WithContext(ctx)
	front.Go(func() error { return part("smtp", g.smtp.Run(ctx)) })
	front.Go(func() error { return part("imap", g.imap.Run(ctx)) })
	front.Go(func() error { return part("web", g.web.Run(ctx, g.config.Web)) })
	err := front.Wait()
	stop()
	return errors.Join(err, back.Wait(), g.relay.Close())
}

// part names what failed. Ending because one was told to is no failure.
func part(name string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}
