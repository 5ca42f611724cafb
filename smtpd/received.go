package smtpd

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"strings"

	"sigill/smtpd/relay"
	"sigill/vault/message"
)

// received is the trace field of RFC 5321 section 4.4. It has no "for": that would tell one recipient of the others.
func (s *session) received(tx transaction) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Received: from %s (%s)\r\n", token(s.smtp.Hostname()), literal(remote(s.smtp.Conn())))
	state, secure := s.smtp.TLSConnectionState()
	if secure {
		fmt.Fprintf(&b, "\t(using %s with cipher %s)\r\n",
			strings.ReplaceAll(tls.VersionName(state.Version), " ", ""), tls.CipherSuiteName(state.CipherSuite))
	}
	fmt.Fprintf(&b, "\tby %s %s with %s id %s;\r\n\t%s\r\n", s.server.config.Hostname, relay.Software,
		protocol(tx.utf8, secure, !tx.who.Address().IsZero()), tx.id, s.server.now().Format("Mon, 2 Jan 2006 15:04:05 -0700"))
	return []byte(b.String())
}

// maxHops is how many hops a mail may have come by in all (RFC 5321 section 6.3).
const maxHops = 100

// looped tells that a mail goes round: by this server, at once when it has come by as often as Limits.Rounds says, or
// somewhere else.
func (s *session) looped(header message.Header) bool {
	hops, own := 0, 0
	for _, trace := range header.Values("Received") {
		hops++
		words := strings.Fields(trace)
		for i := range max(0, len(words)-2) {
			if strings.EqualFold(words[i], "by") && strings.EqualFold(words[i+1], s.server.config.Hostname) && words[i+2] == relay.Software {
				own++
				break
			}
		}
	}
	return hops > maxHops || own >= s.server.limits.Rounds
}

// protocol is the word of RFC 3848 or RFC 6531 section 4.3. Our client has said EHLO in all cases that matter; that it
// said HELO is not told by go-smtp.
func protocol(utf8, secure, login bool) string {
	word := "ESMTP"
	if utf8 {
		word = "UTF8SMTP"
	}
	if secure {
		word += "S"
	}
	if login {
		word += "A"
	}
	return word
}

// token makes what the client called itself fit for a header: nothing of it may end the field or open a comment.
func token(hello string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("-._:[]", r):
			return r
		}
		return '?'
	}, hello)
	return clean[:min(len(clean), 255)]
}

// literal is an address literal of RFC 5321 section 4.1.3.
func literal(ip netip.Addr) string {
	if ip.Is6() {
		return "[IPv6:" + ip.String() + "]"
	}
	return "[" + ip.String() + "]"
}
