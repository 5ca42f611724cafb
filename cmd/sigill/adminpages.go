package main

import (
	"sigill/smtpd/outbox"
	"sigill/smtpd/relay"
	"sigill/vault"
	"sigill/web"
)

// notices shows the administration's pages what the outbox would send.
type notices struct{ outbox.Notices }

// Kinds are all that the outbox writes.
func (n notices) Kinds() (out []string) {
	for _, kind := range outbox.Kinds {
		out = append(out, string(kind))
	}
	return out
}

// Preview is the outbox's own.
func (n notices) Preview(kind string) (out web.Notice, err error) {
	out.Subject, out.Text, out.HTML, err = outbox.Preview(n.Notices, vault.JobKind(kind))
	return out, err
}

// relays tells the pages how the upstreams are.
func relays(c *relay.Client) func() []web.Relay {
	return func() (out []web.Relay) {
		for _, s := range c.States() {
			out = append(out, web.Relay{Address: s.Addr, Reached: s.Reached, Failed: s.Failed})
		}
		return out
	}
}
