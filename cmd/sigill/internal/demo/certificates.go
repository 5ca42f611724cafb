package demo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificates are a certificate authority of this one demo and the server certificate it signed, for 127.0.0.1, ::1 and
// localhost. The authority may sign for loopback only and its key is thrown away, so that whoever trusts it in a browser
// risks nothing.
type Certificates struct {
	// Server is what every TLS port of the demo shows.
	Server tls.Certificate
	// Authority is the pool with the authority in it.
	Authority *x509.CertPool
	// Path is the PEM file to trust.
	Path string
}

const (
	certificateLife = 397 * 24 * time.Hour // what browsers take at most
	renewBefore     = 7 * 24 * time.Hour
)

// OpenCertificates reads dir/ca.pem and dir/keys/server.*, or makes them if they are not there or about to expire.
func OpenCertificates(dir string, now time.Time) (*Certificates, error) {
	c, err := readCertificates(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && now.Add(renewBefore).After(c.Server.Leaf.NotAfter) {
		if err := makeCertificates(dir, now); err != nil {
			return nil, fmt.Errorf("demo: make certificates: %w", err)
		}
		c, err = readCertificates(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("demo: read certificates: %w", err)
	}
	return c, nil
}

func readCertificates(dir string) (*Certificates, error) {
	c := &Certificates{Path: filepath.Join(dir, "ca.pem"), Authority: x509.NewCertPool()}
	authority, err := os.ReadFile(c.Path)
	if err != nil {
		return nil, err
	}
	if !c.Authority.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s holds no certificate", c.Path)
	}
	c.Server, err = tls.LoadX509KeyPair(serverFiles(dir))
	return c, err
}

func serverFiles(dir string) (certificate, key string) {
	return filepath.Join(dir, "keys", "server.pem"), filepath.Join(dir, "keys", "server.key")
}

func makeCertificates(dir string, now time.Time) error {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	authority := certificate("Sigill demo authority", now)
	authority.IsCA, authority.BasicConstraintsValid, authority.MaxPathLenZero = true, true, true
	authority.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	authority.PermittedDNSDomainsCritical = true
	authority.PermittedDNSDomains = []string{"localhost"}
	authority.PermittedIPRanges = []*net.IPNet{
		{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}, {IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
	}
	server := certificate("localhost", now)
	server.KeyUsage, server.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	server.DNSNames, server.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}

	authorityDER, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return err
	}
	serverDER, err := x509.CreateCertificate(rand.Reader, server, authority, serverKey.Public(), authorityKey)
	if err != nil {
		return err
	}
	certFile, keyFile := serverFiles(dir)
	return errors.Join(
		writeKey(keyFile, serverKey),
		writePEM(certFile, "CERTIFICATE", serverDER, 0o644),
		writePEM(filepath.Join(dir, "ca.pem"), "CERTIFICATE", authorityDER, 0o644),
	)
}

func certificate(name string, now time.Time) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name, Organization: []string{"Sigill demo"}},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(certificateLife),
	}
}
