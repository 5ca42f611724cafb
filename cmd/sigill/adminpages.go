package main

import (
	"maps"
	"slices"

	"sigill/smtpd/outbox"
	"sigill/smtpd/relay"
	"sigill/vault"
	"sigill/web"
)

// notices shows the administration's pages what the outbox would send.
type notices struct {
	own    outbox.Notices
	brands map[string]outbox.Notices // by domain
}

// Kinds are all that the outbox writes.
func (notices) Kinds() (out []string) {
	for _, kind := range outbox.Kinds {
		out = append(out, string(kind))
	}
	return out
}

// Brands are the domains that have notices of their own.
func (n notices) Brands() []string { return slices.Sorted(maps.Keys(n.brands)) }

// Preview is the outbox's own.
func (n notices) Preview(kind, brand string) (out web.Notice, err error) {
	texts := n.own
	if branded, ok := n.brands[brand]; ok {
		texts = branded
	}
	out.Subject, out.Text, out.HTML, err = outbox.Preview(texts, vault.JobKind(kind))
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
