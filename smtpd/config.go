package smtpd

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"sigill/policy"
	"sigill/smtpd/relay"
	"sigill/vault"
	"sigill/vault/message"
)

// Kind is what a listener is for.
type Kind string

// The kinds of listeners.
const (
	// Submission is for mail clients: STARTTLS, then AUTH (RFC 6409, port 587).
	Submission Kind = "submission"
	// Submissions is Submission with TLS from the first octet (RFC 8314 section 3.3, port 465).
	Submissions Kind = "submissions"
	// Connector is for the organisation's own mail system: no AUTH, senders of our domains only. Its clients are known by
	// certificate, or by network, and then also by the signatures on their mails if others share that network.
	Connector Kind = "connector"
)

// Listener is an open port and what it is for. The server closes it.
type Listener struct {
	Kind Kind
	Net  net.Listener
	// Networks are those a connector's clients may come from without certificate.
	Networks []netip.Prefix
	// Unprotected lets those clients send without TLS, as clients on this machine always may.
	Unprotected bool
	// Signed tells that others share these networks: a mail must have a DKIM signature of one of our domains.
	Signed bool
	// System is who may come by certificate.
	System System
	// Secure tells a connector that takes nothing but mail to be sealed, whatever its subject says.
	Secure bool
}

// Limits bound what clients may use. Zeroes become the values of DefaultLimits.
type Limits struct {
	MessageSize   int64         // octets of one message
	HeaderSize    int           // octets of a header; one beyond what the vault indexes is refused
	Recipients    int           // RCPT commands of one transaction (RFC 5321 section 4.5.3.1.8)
	Connections   int           // at one time
	PerAddress    int           // connections at one time of one IPv4 address or one IPv6 /64 network
	AuthTries     int           // failed logins on one connection
	Commands      int           // command lines without a mail taken
	Rounds        int           // how often a mail has come by this server when it is taken to go round
	AuthDelay     time.Duration // before a failed login is answered; grows with each try
	Command       time.Duration // until the next command line is whole (RFC 5321 section 4.5.3.2.7)
	Idle          time.Duration // between two octets of a message
	Data          time.Duration // for a whole message
	Reply         time.Duration // for the client to take a reply
	ShutdownGrace time.Duration // for messages that are under way when the server ends
	Inside        int64         // octets of a message that rules about content look through; longer ones are beyond it
	InsideAll     int64         // octets of all messages that are in memory for it, or read ahead, at one time
	Ahead         int64         // octets of a message that are read before it is passed on, to see whether a sealed one is attached
}

// DefaultLimits are for a municipality of any size.
var DefaultLimits = Limits{
	MessageSize: 150 << 20, HeaderSize: message.DefaultLimits.HeaderSize, Recipients: 100,
	Connections: 1000, PerAddress: 100, AuthTries: 3, Commands: 1000, Rounds: 3, AuthDelay: time.Second,
	Command: 5 * time.Minute, Idle: 5 * time.Minute, Data: time.Hour, Reply: time.Minute, ShutdownGrace: 30 * time.Second,
	Inside: 32 << 20, InsideAll: 256 << 20, Ahead: 1 << 20,
}

// maxLine is the octets of one line, of a message or a command. RFC 5321 section 4.5.3.1.6 asks for 1000, but
// mail programs write longer ones, and RFC 4954 section 4.3 asks for 12288 in AUTH.
const maxLine = 64 << 10

// Upstream passes mail on; *relay.Client does.
type Upstream interface {
	Send(ctx context.Context, m relay.Mail, message io.Reader) (relay.Reply, error)
}

// Tokens tells whose a token is: its mail address, or vault.ErrBadCredentials; *login.Bearer does.
type Tokens interface {
	Verify(ctx context.Context, token string) (address string, err error)
}

// Config is what a server needs.
type Config struct {
	// Hostname is our name in the greeting and in Received fields.
	Hostname  string
	TLS       *tls.Config
	Listeners []Listener
	// Domains are the organisation's own; a connector takes senders of these only.
	Domains   []string
	Rules     policy.Rules
	Depositor *vault.Depositor
	Directory *vault.Directory
	Relay     Upstream
	Tokens    Tokens // nil: nobody logs in with one
	Notices   Notices
	// LookupTXT asks the DNS for the keys of signatures; net.DefaultResolver's if nil.
	LookupTXT func(ctx context.Context, name string) ([]string, error)
	Limits    Limits
	Log       *slog.Logger
	Now       func() time.Time // time.Now if nil
}

// check names every fault at once.
func (c Config) check() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf("smtpd: "+format, args...))
		}
	}
	notName := func(r rune) bool { return r <= ' ' || r > '~' }
	fault(c.Hostname == "" || strings.ContainsFunc(c.Hostname, notName), "bad host name %q", c.Hostname)
	fault(c.TLS == nil, "no TLS configuration")
	fault(len(c.Listeners) == 0, "no listener")
	limits := c.Limits.orDefault()
	fault(limits.Inside > limits.InsideAll, "the limit of all messages in memory is less than that of one")
	fault(c.Depositor == nil || c.Directory == nil, "no vault")
	fault(c.Relay == nil, "no upstream relay")
	fault(!c.Notices.From.IsZero() && c.Notices.Bounced == nil, "nobody takes the bounces of notices")
	for i, l := range c.Listeners {
		fault(l.Net == nil, "listener %d is not open", i)
		switch l.Kind {
		case Submission, Submissions:
			fault(len(l.Networks) > 0 || l.System.Authority != nil, "listener %d: only a connector is bound to networks or a certificate", i)
			fault(l.Secure, "listener %d: only a connector can be for secure mail alone", i)
			fault(l.Unprotected, "listener %d: only a connector takes mail without TLS", i)
		case Connector:
			fault(len(l.Networks) == 0 && l.System.Authority == nil, "listener %d: a connector needs the networks its clients come from, or the authority of their certificate", i)
			fault(l.System.Authority != nil && len(l.System.Names) == 0, "listener %d: a connector needs the names its clients' certificates are for", i)
			fault(l.Signed && len(l.Networks) == 0, "listener %d: signatures are asked for only of clients known by network", i)
			fault(l.Unprotected && len(l.Networks) == 0, "listener %d: only clients known by network may send without TLS", i)
			fault(len(c.Domains) == 0, "listener %d: a connector needs the organisation's domains", i)
		default:
			fault(true, "listener %d: unknown kind %q", i, l.Kind)
		}
	}
	return errors.Join(faults...)
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits
	l.MessageSize = cmp.Or(l.MessageSize, d.MessageSize)
	l.HeaderSize = cmp.Or(l.HeaderSize, d.HeaderSize)
	l.Recipients = cmp.Or(l.Recipients, d.Recipients)
	l.Connections = cmp.Or(l.Connections, d.Connections)
	l.PerAddress = cmp.Or(l.PerAddress, d.PerAddress)
	l.AuthTries = cmp.Or(l.AuthTries, d.AuthTries)
	l.Commands = cmp.Or(l.Commands, d.Commands)
	l.Rounds = cmp.Or(l.Rounds, d.Rounds)
	l.AuthDelay = cmp.Or(l.AuthDelay, d.AuthDelay)
	l.Command = cmp.Or(l.Command, d.Command)
	l.Idle = cmp.Or(l.Idle, d.Idle)
	l.Data = cmp.Or(l.Data, d.Data)
	l.Reply = cmp.Or(l.Reply, d.Reply)
	l.ShutdownGrace = cmp.Or(l.ShutdownGrace, d.ShutdownGrace)
	l.Inside = cmp.Or(l.Inside, d.Inside)
	l.InsideAll = cmp.Or(l.InsideAll, d.InsideAll)
	l.Ahead = cmp.Or(l.Ahead, d.Ahead)
	return l
}
