package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"sigill/cmd/sigill/internal/demo"
	"sigill/imapd"
	"sigill/policy"
	"sigill/smtpd"
	"sigill/smtpd/outbox"
	"sigill/smtpd/relay"
	"sigill/vault"
	"sigill/web"
	"sigill/web/login"
)

// demoGrace bounds how long the end of a demo waits for sessions.
const demoGrace = 5 * time.Second

// stageOptions say where a demo is set up.
type stageOptions struct {
	Dir      string // keeps the state
	PortBase int    // 0: free ports
	Log      *slog.Logger
	Now      func() time.Time // of the gateway; time.Now if nil

	PasswordMemory uint32 // KiB for each; the vault's if 0
}

// stage is a gateway with everything around it, on loopback.
type stage struct {
	places       announcement
	certificates *demo.Certificates
	sink         *demo.Sink
	mailbox      *demo.Mailbox
	eid          *demo.EID
	vault        *vault.Vault
	gateway      *gateway
	ports        stagePorts
	transport    *http.Transport // of the gateway to the e-ID
}

// stagePorts are open listeners, in the order --port-base counts.
type stagePorts struct{ submission, submissions, smtp, imap, web, eid, mailbox, world net.Listener }

func (p *stagePorts) all() []*net.Listener {
	return []*net.Listener{&p.submission, &p.submissions, &p.smtp, &p.imap, &p.web, &p.eid, &p.mailbox, &p.world}
}

func (p *stagePorts) open(base int) error {
	for i, l := range p.all() {
		port := 0
		if base != 0 {
			port = base + i
		}
		var err error
		if *l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err != nil {
			p.close()
			return err
		}
	}
	return nil
}

func (p *stagePorts) close() {
	for _, l := range p.all() {
		if *l != nil {
			(*l).Close()
		}
	}
}

// openStage sets everything up; every port takes connections when it returns, and Run serves them. A stage that is not
// run must be closed.
func openStage(ctx context.Context, o stageOptions) (s *stage, err error) {
	if err := os.MkdirAll(filepath.Join(o.Dir, "keys"), 0o700); err != nil {
		return nil, err
	}
	s = &stage{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := s.ports.open(o.PortBase); err != nil {
		return s, err
	}
	if s.certificates, err = demo.OpenCertificates(o.Dir, time.Now()); err != nil {
		return s, err
	}
	s.places = s.announce()
	if s.sink, err = demo.OpenSink(filepath.Join(o.Dir, "outgoing")); err != nil {
		return s, err
	}
	s.mailbox = demo.NewMailbox(s.sink)
	if err := s.openVault(ctx, o); err != nil {
		return s, err
	}
	provider, err := s.openEID()
	if err != nil {
		return s, err
	}
	return s, s.openGateway(o, provider)
}

func (s *stage) announce() announcement {
	at := func(l net.Listener) string { return l.Addr().String() }
	a := announcement{
		Submission: at(s.ports.submission), Submissions: at(s.ports.submissions), SMTP: at(s.ports.smtp), IMAP: at(s.ports.imap),
		Web: "https://" + at(s.ports.web), Mailbox: "http://" + at(s.ports.mailbox), EID: "https://" + at(s.ports.eid),
		CA: s.certificates.Path,
	}
	a.people()
	return a
}

func (s *stage) openVault(ctx context.Context, o stageOptions) error {
	key := filepath.Join(o.Dir, "keys", "vault.key")
	if err := vault.CreateKeyFile(key); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	keys, err := vault.OpenKeyFile(key)
	if err != nil {
		return err
	}
	if s.vault, err = vault.Open(ctx, filepath.Join(o.Dir, "vault"), keys, vault.Options{Log: o.Log, Now: o.Now, MailPasswords: true, PasswordMemory: o.PasswordMemory}); err != nil {
		return err
	}
	return s.settle(ctx)
}

// settle puts the demo's people into a vault that does not know them yet.
func (s *stage) settle(ctx context.Context) error {
	d := s.vault.Directory()
	for _, p := range demo.TheStaff() {
		if _, err := d.Account(ctx, p.Address); err == nil {
			continue
		}
		if err := d.PutAccount(ctx, vault.Account{Address: p.Address, Name: p.Name}, p.Password); err != nil {
			return err
		}
		if err := s.vault.Administration("demo").SetRoles(ctx, p.Address, p.Roles); err != nil {
			return err
		}
	}
	f := demo.TheFunctionAddress()
	if _, err := d.FunctionAddress(ctx, f.Address); err != nil {
		if err := d.PutFunctionAddress(ctx, vault.FunctionAddress{Address: f.Address, Name: f.Name, Members: f.Members}); err != nil {
			return err
		}
	}
	for _, p := range demo.ThePersons() {
		known, err := d.Classify(ctx, []policy.Address{p.Address})
		if err != nil {
			return err
		}
		if known[0].Kind == policy.Known {
			continue
		}
		if err := d.PutBinding(ctx, vault.Binding{Address: p.Address, Person: p.Number, Verified: time.Now().UTC()}); err != nil {
			return err
		}
	}
	return nil
}

// openEID makes the e-ID, and the gateway's way to log in with it.
func (s *stage) openEID() (login.Provider, error) {
	const name, client = "e-id", "sigill"
	secret := rand.Text()
	var err error
	s.eid, err = demo.NewEID(demo.EIDConfig{
		Issuer: s.places.EID, ClientID: client, ClientSecret: secret, Persons: demo.ThePersons(),
		RedirectURIs: []string{s.places.Web + "/login/" + name + "/callback"},
		LogoutURIs:   []string{s.places.Web + "/logged-out"},
	})
	if err != nil {
		return nil, err
	}
	s.transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.certificates.Authority}}
	return login.NewOIDC(login.OIDCConfig{
		ID: name, Name: "test-e\u2011legitimation", Issuer: s.places.EID, ClientID: client, ClientSecret: secret,
		Scopes: []string{demo.ScopeNumber}, AcceptedACR: []string{demo.LevelOfAssurance},
		Claims: [][]string{{demo.ClaimPersonnummer}, {demo.ClaimSamordningsnummer}},
		HTTP:   &http.Client{Transport: s.transport},
	})
}

func (s *stage) openGateway(o stageOptions, provider login.Provider) error {
	signers, err := signers(o.Dir)
	if err != nil {
		return err
	}
	const hostname = "sakert." + demo.Domain
	organisation := web.Organisation{Name: demo.Organisation, Phone: demo.Phone, URL: "https://www." + demo.Domain}
	s.gateway, err = newGateway(s.vault, gatewayConfig{
		Organisation: organisation,
		Hostname:     hostname,
		Domains:      []string{demo.Domain},
		WebURL:       s.places.Web,
		TLS:          &tls.Config{Certificates: []tls.Certificate{s.certificates.Server}, MinVersion: tls.VersionTLS12},
		SMTP: []smtpd.Listener{
			{Kind: smtpd.Submission, Net: s.ports.submission},
			{Kind: smtpd.Submissions, Net: s.ports.submissions},
			{Kind: smtpd.Connector, Net: s.ports.smtp, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}},
		},
		IMAP: s.ports.imap, Web: s.ports.web,
		Upstream:   relay.Config{Hello: hostname, Upstreams: []relay.Upstream{{Addr: s.ports.world.Addr().String(), Security: relay.Cleartext}}},
		Providers:  []login.Provider{provider},
		NoticeFrom: policy.MustAddress("sakert@" + demo.Domain),
		Notices: outbox.Notices{
			Organisation: organisation.Name, BaseURL: s.places.Web, MunicipalityURL: organisation.URL, Phone: organisation.Phone,
			Retention: outbox.Text{
				Swedish: "Demon sparar meddelanden tills den avslutas, eller så länge mappen med dess tillstånd finns.",
				English: "The demo keeps messages until it ends, or as long as the folder with its state exists.",
			},
		},
		Signers:    signers,
		SMTPLimits: smtpd.Limits{ShutdownGrace: demoGrace},
		IMAPLimits: imapd.Limits{Grace: demoGrace},
		Rules:      policy.Rules{TestNumbers: true},
		WebLimits:  web.Limits{PerMinute: 6000}, // everybody in a demo has one address
		Log:        o.Log,
		Now:        o.Now,
	})
	return err
}

func signers(dir string) ([]outbox.Signer, error) {
	keys, err := demo.OpenSigningKeys(dir)
	if err != nil {
		return nil, err
	}
	rsa, err := outbox.ParseSigner("demo-rsa", demo.Domain, keys.RSA)
	if err != nil {
		return nil, err
	}
	ed25519, err := outbox.ParseSigner("demo-ed25519", demo.Domain, keys.Ed25519)
	return []outbox.Signer{rsa, ed25519}, err
}

// Run serves until ctx ends, and closes the stage: the gateway first, so that its last notices find the world still there,
// the vault last.
func (s *stage) Run(ctx context.Context) error {
	around, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ctx, fail := context.WithCancel(ctx)
	defer fail()
	var g errgroup.Group
	g.Go(func() error { defer fail(); return s.sink.Serve(around, s.ports.world) })
	g.Go(func() error { defer fail(); return s.mailbox.Serve(around, s.ports.mailbox) })
	g.Go(func() error { defer fail(); return s.eid.Serve(around, s.ports.eid, s.certificates.Server) })
	err := s.gateway.Run(ctx)
	stop()
	return errors.Join(err, g.Wait(), s.Close())
}

// Close ends what Run would have; after Run it does nothing.
func (s *stage) Close() (err error) {
	s.ports.close()
	if s.transport != nil {
		s.transport.CloseIdleConnections()
	}
	if s.vault != nil {
		err = s.vault.Close()
		s.vault = nil
	}
	return err
}
