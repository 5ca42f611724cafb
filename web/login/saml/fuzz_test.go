package saml

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"testing"
	"time"
)

// FuzzResponse: nobody without the key has anything read, whatever is sent.
func FuzzResponse(f *testing.F) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now()}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, key.Public(), key)
	if err != nil {
		f.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		f.Fatal(err)
	}
	const head = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" ID="a">`
	f.Add([]byte(head + `<ds:Signature><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><ds:Reference URI="#a"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>eA==</ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue>eA==</ds:SignatureValue></ds:Signature></samlp:Response>`))
	f.Add([]byte(head + `</samlp:Response>`))
	f.Add([]byte(`<!DOCTYPE x><x/>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := signedResponse(base64.StdEncoding.EncodeToString(text), []*x509.Certificate{certificate}); err == nil {
			t.Error("a response nobody has signed is read")
		}
	})
}
