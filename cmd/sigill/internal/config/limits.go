package config

import (
	"time"

	"sigill/imapd"
	"sigill/smtpd"
	"sigill/web"
)

// Limits bound what clients may use. Each limit has a default that does for a municipality.
type Limits struct {
	MessageSize     Size          `toml:"message_size"`      // of one mail, by SMTP and IMAP
	SMTPConnections int           `toml:"smtp_connections"`  // at one time
	SMTPPerAddress  int           `toml:"smtp_per_address"`  // of one network address
	Rounds          int           `toml:"rounds"`            // a mail has come by here when it is taken to go round
	IMAPConnections int           `toml:"imap_connections"`  // at one time
	IMAPPerAddress  int           `toml:"imap_per_address"`  // of one network address
	WebIdle         time.Duration `toml:"web_idle"`          // a session without requests
	WebSession      time.Duration `toml:"web_session"`       // a session at all
	WebReply        Size          `toml:"web_reply"`         // attachments of one reply
	WebPerMinute    int           `toml:"web_logins_minute"` // logins and links of one network address
	Grace           time.Duration `toml:"grace"`             // for mails under way at the end
}

func defaultLimits() Limits {
	s, i, w := smtpd.DefaultLimits, imapd.DefaultLimits, web.DefaultLimits
	return Limits{
		MessageSize:     Size(s.MessageSize),
		SMTPConnections: s.Connections, SMTPPerAddress: s.PerAddress, Rounds: s.Rounds,
		IMAPConnections: i.Connections, IMAPPerAddress: i.PerAddress,
		WebIdle: w.Idle, WebSession: w.Session, WebReply: Size(w.ReplySize), WebPerMinute: w.PerMinute,
		Grace: s.ShutdownGrace,
	}
}

func (l Limits) check(f faults, _ *Config) {
	f.need("message_size", l.MessageSize >= 64<<10, "must be 64KiB or more")
	f.need("web_reply", l.WebReply >= 64<<10, "must be 64KiB or more")
	for key, n := range map[string]int{
		"smtp_connections": l.SMTPConnections, "smtp_per_address": l.SMTPPerAddress, "rounds": l.Rounds, "imap_connections": l.IMAPConnections,
		"imap_per_address": l.IMAPPerAddress, "web_logins_minute": l.WebPerMinute,
	} {
		f.need(key, n >= 1, "must be 1 or more")
	}
	for key, d := range map[string]time.Duration{"web_idle": l.WebIdle, "web_session": l.WebSession} {
		f.need(key, d >= time.Minute, "must be \"1m\" or more")
	}
	f.need("grace", l.Grace >= time.Second, "must be \"1s\" or more")
}

// SMTP gives the limits of the mail server.
func (l Limits) SMTP() smtpd.Limits {
	return smtpd.Limits{
		MessageSize: int64(l.MessageSize), Connections: l.SMTPConnections, PerAddress: l.SMTPPerAddress, Rounds: l.Rounds, ShutdownGrace: l.Grace,
	}
}

// IMAP gives the limits of the IMAP server.
func (l Limits) IMAP() imapd.Limits {
	return imapd.Limits{
		MessageSize: int64(l.MessageSize), Connections: l.IMAPConnections, PerAddress: l.IMAPPerAddress, Grace: l.Grace,
	}
}

// Web gives the limits of the pages.
func (l Limits) Web() web.Limits {
	return web.Limits{Idle: l.WebIdle, Session: l.WebSession, ReplySize: int64(l.WebReply), PerMinute: l.WebPerMinute}
}
