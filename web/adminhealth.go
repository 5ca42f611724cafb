package web

import (
	"crypto/tls"
	"time"

	"sigill/vault"
)

// Times at which the pages say that something needs doing.
const (
	certificateSoon = 21 * 24 * time.Hour
	diskLeast       = 2 << 30 // octets
	queueOld        = time.Hour
	roundOld        = 49 * time.Hour // housekeeping comes round daily
)

type healthBody struct {
	adminBody
	vault.Health
	Version     string
	Since       time.Time
	Certificate time.Time // when the certificate ends; zero if it is not known here
	Relays      []Relay
	Logins      int // sessions on the web
	Key         vault.KeyUse
	// Warnings are keys of what needs doing.
	Warnings []string
}

func (s *Server) health(v *visit, a *vault.Administration) (err error) {
	b := healthBody{adminBody: v.part("health"), Version: s.config.Admin.Version, Since: s.began, Certificate: s.certificateEnds(), Logins: s.store.count()}
	if b.Health, err = a.Health(v.r.Context()); err != nil {
		return err
	}
	if s.config.Admin.Relays != nil {
		b.Relays = s.config.Admin.Relays()
	}
	for _, k := range b.Keys {
		if k.Newest {
			b.Key = k
		}
	}
	b.Warnings = b.warnings(s.now())
	return s.adminPage(v, "adminhealth", v.lang.text("admin.nav.health"), b.adminBody, b)
}

// certificateEnds is when the certificate of the pages does.
func (s *Server) certificateEnds() time.Time {
	c := s.config.TLS
	if c == nil {
		return time.Time{}
	}
	var shown *tls.Certificate
	if c.GetCertificate != nil {
		shown, _ = c.GetCertificate(&tls.ClientHelloInfo{ServerName: s.base.Hostname()})
	} else if len(c.Certificates) > 0 {
		shown = &c.Certificates[0]
	}
	if shown == nil || shown.Leaf == nil {
		return time.Time{}
	}
	return shown.Leaf.NotAfter
}

func (b *healthBody) warnings(now time.Time) (out []string) {
	for _, w := range []struct {
		is  bool
		key string
	}{
		{!b.Certificate.IsZero() && b.Certificate.Sub(now) < certificateSoon, "admin.warn.certificate"},
		{b.Free < diskLeast, "admin.warn.disk"},
		{b.Outbox.Due > 0 && now.Sub(b.Outbox.Oldest) > queueOld, "admin.warn.queue"},
		{!b.Last.Maintain.IsZero() && now.Sub(b.Last.Maintain) > roundOld, "admin.warn.maintain"},
		{b.anyFailed(), "admin.warn.relay"},
	} {
		if w.is {
			out = append(out, w.key)
		}
	}
	return out
}

func (b *healthBody) anyFailed() bool {
	for _, r := range b.Relays {
		if r.Failed.After(r.Reached) {
			return true
		}
	}
	return false
}

// At is the page for the part of it that tells when something was last done.
func (p page) At(t time.Time) page {
	p.Body = t
	return p
}
