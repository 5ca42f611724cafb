package bankidtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"sync"
	"time"
)

type papers struct {
	authority      *x509.Certificate
	server, client tls.Certificate
}

// certificates are made once a process.
var certificates = sync.OnceValues(func() (papers, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return papers{}, err
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test BankID SSL Root"}, NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, key.Public(), key)
	if err != nil {
		return papers{}, err
	}
	p := papers{}
	if p.authority, err = x509.ParseCertificate(der); err != nil {
		return p, err
	}
	issue := func(serial int64, use x509.ExtKeyUsage) (tls.Certificate, error) {
		own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return tls.Certificate{}, err
		}
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "FP Test"}, NotAfter: root.NotAfter,
			ExtKeyUsage: []x509.ExtKeyUsage{use}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		}
		der, err := x509.CreateCertificate(rand.Reader, leaf, p.authority, own.Public(), key)
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: own}, err
	}
	if p.server, err = issue(2, x509.ExtKeyUsageServerAuth); err != nil {
		return p, err
	}
	p.client, err = issue(3, x509.ExtKeyUsageClientAuth)
	return p, err
})
