package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"sigill/cmd/sigill/internal/config"
	"sigill/cmd/sigill/internal/control"
	"sigill/smtpd"
	"sigill/vault"
)

type serveCommand struct {
	configFile
	New  bool `help:"Make a vault, if there is none yet."`
	JSON bool `name:"json" help:"Tell the addresses as one line of JSON, when ready."`
}

// Help is shown below the flags.
func (serveCommand) Help() string {
	return `Runs until SIGTERM or Ctrl-C, and ends when the mails under way are done; a second signal ends it at once. SIGHUP reads the certificate anew. Ports below 1024 need AmbientCapabilities=CAP_NET_BIND_SERVICE or socket units of systemd.

Commands such as sigill account run beside it: the server carries them out.

Examples:

  sigill serve --config /etc/sigill/sigill.toml`
}

// Run is the server.
func (c serveCommand) Run(ctx context.Context, p *program) error {
	conf, err := c.load()
	if err != nil {
		return err
	}
	if !c.New {
		if err := mayOpen(string(conf.Vault.Dir)); err != nil {
			return err
		}
	}
	s, err := openServer(ctx, conf, conf.Log.Logger(p.stderr), p.now)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := s.writeJSON(p.stdout); err != nil {
			return errors.Join(err, s.close())
		}
	}
	return s.Run(ctx)
}

// server is a gateway as a configuration describes it.
type server struct {
	config      config.Config
	log         *slog.Logger
	now         func() time.Time // time.Now if nil
	ports       listeners
	vault       *vault.Vault
	gateway     *gateway
	certificate *certificate
	control     *control.Server
}

// openServer binds every port, then opens the vault; Run serves. A server that is not run must be closed.
func openServer(ctx context.Context, c config.Config, log *slog.Logger, now func() time.Time) (s *server, err error) {
	s = &server{config: c, log: log, now: now}
	if s.ports, err = openPorts(c.Listen); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s, err = nil, errors.Join(err, s.close())
		}
	}()
	if s.certificate, err = newCertificate(c.TLS, log); err != nil {
		return s, err
	}
	if s.vault, err = openVault(ctx, c, log, now); err != nil {
		return s, err
	}
	wired, err := s.wire()
	if err != nil {
		return s, err
	}
	if s.gateway, err = newGateway(s.vault, wired); err != nil {
		return s, err
	}
	s.control, err = control.Listen(string(c.Vault.Dir), s.carryOut(), log)
	return s, err
}

func openVault(ctx context.Context, c config.Config, log *slog.Logger, now func() time.Time) (*vault.Vault, error) {
	keys, err := c.Vault.Keys()
	if err != nil {
		return nil, err
	}
	passwords, err := c.Staff.Passwords()
	if err != nil {
		return nil, err
	}
	scanner, err := scannerOf(c.Scan)
	if err != nil {
		return nil, err
	}
	return vault.Open(ctx, string(c.Vault.Dir), keys, vault.Options{
		Log: log, Now: now, MaxSize: int64(c.Vault.MaxSize), Retention: c.Retention.Vault(), MailPasswords: c.Staff.MailPasswords,
		Passwords: passwords, Reminders: c.Notices.Reminders(), Scanner: scanner, FenceUnscanned: c.Scan.FenceUnscanned,
	})
}

// scannerOf is clamd as the vault takes it: an interface that is nil if nobody looks for malware.
func scannerOf(c config.Scan) (vault.Scanner, error) {
	client, err := c.Client()
	if client == nil {
		return nil, err
	}
	return client, err
}

// wire makes of the configuration what the gateway takes. It is the one place where sections meet.
func (s *server) wire() (gatewayConfig, error) {
	c := s.config
	upstream, err1 := c.Upstream.Relay(c.Hostname)
	signers, err2 := c.Notices.Signers()
	providers, err3 := c.Providers()
	tokens, err4 := c.Staff.Bearer()
	staff, err5 := c.StaffLogin()
	partners, err6 := c.Partners()
	brand, err7 := c.Web.Brand()
	info, err8 := c.Web.Info()
	return gatewayConfig{
		Organisation: c.Organisation.Web(),
		Brand:        brand,
		Info:         info,
		Hostname:     c.Hostname,
		Domains:      c.Domains,
		WebURL:       c.Web.URL,
		TLS:          s.certificate.config(),
		SMTP:         s.ports.smtp, IMAP: s.ports.imap, Web: s.ports.web,
		IMAPNetworks: c.Listen.IMAPNetworks, IMAPStubs: c.Listen.IMAPStubs,
		Rules:    c.Policy(),
		Upstream: upstream,
		Partners: partners, DNSSEC: c.DNSSEC.Trusted(),
		Providers:   providers,
		StaffLogin:  staff,
		Tokens:      tokens,
		MailClients: c.MailClients(),
		NoticeFrom:  c.Notices.From, NoticeReturnPath: c.Notices.ReturnPath, NoticeAnswersTo: c.Notices.AnswersTo,
		Notices: c.NoticeTexts(), NoticeBrands: c.BrandedNotices(),
		Signers:    signers,
		SMTPLimits: c.Limits.SMTP(), IMAPLimits: c.Limits.IMAP(), WebLimits: c.Limits.Web(), WebProxies: c.Web.ProxiesInFront(), Purpose: c.Web.Purpose.Fields(),
		Log: s.log, Now: s.now,
	}, errors.Join(err1, err2, err3, err4, err5, err6, err7, err8)
}

// Run serves until ctx ends or a part fails, and closes everything: the gateway first, the vault last.
func (s *server) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var beside errgroup.Group
	beside.Go(func() error { return s.certificate.Run(ctx) })
	beside.Go(func() error { defer stop(); return s.control.Run(ctx) })
	s.log.Info("sigill: serving", "version", version(), "vault", string(s.config.Vault.Dir), "web", s.config.Web.URL)
	notify("READY=1")
	ended := context.AfterFunc(ctx, func() {
		notify("STOPPING=1")
		s.log.Info("sigill: ending; a second signal ends at once")
	})
	defer ended()
	err := s.gateway.Run(ctx)
	stop()
	err = errors.Join(err, beside.Wait(), s.close())
	s.log.Info("sigill: ended")
	return err
}

// close ends what Run would have.
func (s *server) close() error {
	s.ports.close()
	if s.vault == nil {
		return nil
	}
	return s.vault.Close()
}

// writeJSON tells where the server is.
func (s *server) writeJSON(w io.Writer) error {
	out := map[string]string{"web": s.ports.web.Addr().String()}
	if s.ports.imap != nil {
		out["imap"] = s.ports.imap.Addr().String()
	}
	connectors := 0
	for _, l := range s.ports.smtp {
		name := string(l.Kind)
		if l.Kind == smtpd.Connector {
			if connectors++; connectors > 1 {
				name = fmt.Sprintf("%s%d", name, connectors)
			}
		}
		out[name] = l.Net.Addr().String()
	}
	return json.NewEncoder(w).Encode(out)
}
