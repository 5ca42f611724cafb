package smtpd

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"slices"

	"sigill/policy"
)

// System is how a connector knows the organisation's own mail system by certificate, wherever it connects from.
type System struct {
	// Authority has the certificates its own must lead to; its own, if that is to be pinned.
	Authority *x509.CertPool
	// Names are those of which the certificate must be for one.
	Names []string
}

// welcome tells whether a connector's client is the organisation's mail system, and whether its mails must show that by a
// signature: a provider that shares its networks, as Exchange Online does, shares its certificate too.
func (s *session) welcome() (signed bool, err error) {
	state, secure := s.smtp.TLSConnectionState()
	client := remote(s.smtp.Conn())
	switch l := s.listener; {
	case l.System.is(state):
		return false, nil
	case within(client, l.Networks) && !secure && !l.Unprotected && !client.IsLoopback():
		return false, errInClear
	case within(client, l.Networks):
		return l.Signed, nil
	case !secure:
		return false, errStartTLS
	}
	s.log.Warn("a client of the connector shows no certificate of our mail system", "certificates", len(state.PeerCertificates))
	return false, errCertificate
}

// is verifies the certificate that the TLS handshake has shown the client to own. One for servers does too: authorities
// no longer give any for clients.
func (y System) is(state tls.ConnectionState) bool {
	if y.Authority == nil || len(state.PeerCertificates) == 0 {
		return false
	}
	own, between := state.PeerCertificates[0], x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := own.Verify(x509.VerifyOptions{
		Roots: y.Authority, Intermediates: between,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	})
	return err == nil && slices.ContainsFunc(y.Names, func(name string) bool { return own.VerifyHostname(name) == nil })
}

// tls is the listener's. A certificate is asked for and judged by the session, which can say in words what is wrong.
func (l Listener) tls(c *tls.Config) *tls.Config {
	if l.System.Authority == nil {
		return c
	}
	c = c.Clone()
	c.ClientAuth = tls.RequestClientCert
	return c
}

// networks are those let in at the door; nil is all. Who may come by certificate may come from anywhere.
func (l Listener) networks() []netip.Prefix {
	if l.System.Authority != nil {
		return nil
	}
	return l.Networks
}

// ofOurs is the rule of a connector about senders. Its null sender is a bounce or an automatic answer (RFC 5321 section
// 4.5.5) of the organisation's mail system.
func (s *session) ofOurs(sender policy.Address) bool {
	return sender.IsZero() || s.server.domains[sender.Domain]
}
