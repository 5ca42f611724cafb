package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"time"
)

// TLS is the certificate for all ports.
type TLS struct {
	Certificate File `toml:"certificate"`
	Key         File `toml:"key"`
}

func (t TLS) check(f faults, whole *Config) {
	f.need("certificate", t.Certificate != "", "must be the file of the certificate and its chain, in PEM")
	f.need("key", t.Key != "", "must be the file of the certificate's private key, in PEM")
	if t.Certificate == "" || t.Key == "" {
		return
	}
	_, err := t.Key.ReadPrivate()
	f.fits("key", err)
	_, missing := t.Certificate.Read()
	f.fits("certificate", missing)
	if err != nil || missing != nil {
		return
	}
	c, err := t.Load()
	f.fits("certificate", err)
	if err == nil {
		t.checkNames(f, c.Leaf, whole)
	}
}

// checkNames looks for what mail programs and browsers would refuse.
func (t TLS) checkNames(f faults, leaf *x509.Certificate, whole *Config) {
	f.need("certificate", time.Now().Before(leaf.NotAfter), "expired on %s: renew it", leaf.NotAfter.Format(time.DateOnly))
	_, host, _ := strings.Cut(whole.Web.URL, "://")
	host, _, _ = strings.Cut(host, ":")
	for key, name := range map[string]string{"hostname": whole.Hostname, "web.url": host} {
		if isHost(name) {
			f.need("certificate", leaf.VerifyHostname(name) == nil, "is not for %s (%s): ask for one that has this name too", name, key)
		}
	}
}

// Load reads certificate and key.
func (t TLS) Load() (*tls.Certificate, error) {
	chain, err := t.Certificate.Read()
	if err != nil {
		return nil, err
	}
	key, err := t.Key.ReadPrivate()
	if err != nil {
		return nil, err
	}
	c, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, err
	}
	if c.Leaf == nil {
		return nil, fmt.Errorf("%s holds no certificate", t.Certificate)
	}
	return &c, nil
}
