package saml_test

import (
	"compress/flate"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"sigill/web/login"
	"sigill/web/login/saml"
)

const (
	number   = "199001019802"
	callback = "https://sakert.example.se/login/saml/callback"
	ours     = "https://sakert.example.se/login/saml/metadata"
	theirs   = "https://idp.example.se/metadata"
	place    = "https://idp.example.se/sso?tenant=1"
)

// papers are keys, made once a process.
type papers struct {
	key         *rsa.PrivateKey
	certificate *x509.Certificate
}

func newPapers(from time.Time) (p papers, err error) {
	if p.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return p, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotBefore: from, NotAfter: from.Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, p.key.Public(), p.key)
	if err != nil {
		return p, err
	}
	p.certificate, err = x509.ParseCertificate(der)
	return p, err
}

// The certificate of the provider has expired: its key counts all the same.
var all = sync.OnceValues(func() (out [3]papers, err error) {
	for i, from := range []time.Time{time.Now().Add(-time.Minute), time.Now().Add(-48 * time.Hour), time.Now()} {
		if out[i], err = newPapers(from); err != nil {
			return out, err
		}
	}
	return out, nil
})

// idp is an identity provider for tests. Its hooks make it hostile, each at one step of making a response.
type idp struct {
	t      *testing.T
	us, it papers
	other  papers // nobody's
	config saml.Config
	now    time.Time

	values      map[string]string                     // of the assertion and the response, in place of right ones
	assertion   func(a *etree.Element)                // before it is signed and encrypted
	sealed      func(plain []byte) []byte             // what is encrypted
	open        bool                                  // the assertion is not encrypted
	response    func(r *etree.Element)                // before it is signed
	sign        func(r *etree.Element) *etree.Element // in place of the right signature
	finally     func(r *etree.Element)                // after it is signed
	finallyText func(text string) string
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	p, err := all()
	if err != nil {
		t.Fatal(err)
	}
	i := &idp{t: t, us: p[0], it: p[1], other: p[2], now: time.Now(), values: map[string]string{}}
	i.config = saml.Config{
		ID: "saml", Name: "e-legitimation", EntityID: ours, Key: i.us.key, Certificate: i.us.certificate, Provider: theirs,
		Metadata: saml.Source{Text: []byte(i.metadata(i.other.certificate, i.it.certificate))}, Now: func() time.Time { return i.now },
		Organisation: saml.Organisation{Name: "Exempels kommun", URL: "https://www.exempel.se", Logo: "https://www.exempel.se/logo.png", Contact: "it@exempel.se"},
	}
	return i
}

// metadata has one provider among others, with several keys, as while it changes them.
func (i *idp) metadata(keys ...*x509.Certificate) string {
	var descriptors strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&descriptors, `<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s
</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`, base64.StdEncoding.EncodeToString(k.Raw))
	}
	one := func(id string) string {
		return fmt.Sprintf(`<md:EntityDescriptor entityID="%s"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">%s
<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example.se/post"/>
<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="%s"/></md:IDPSSODescriptor></md:EntityDescriptor>`, id, descriptors.String(), place)
	}
	return fmt.Sprintf(`<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" ID="_all" validUntil="%s">%s%s</md:EntitiesDescriptor>`,
		i.now.Add(24*time.Hour).UTC().Format(time.RFC3339), one("https://other.example.se"), one(theirs))
}

func (i *idp) provider() *saml.Provider {
	i.t.Helper()
	p, err := saml.New(i.config)
	if err != nil {
		i.t.Fatal(err)
	}
	return p
}

func visit() login.Visit { return login.Visit{Callback: callback} }

// request reads what the browser brings, and demands of it what a provider demands.
func (i *idp) request(address string) (*etree.Element, string) {
	i.t.Helper()
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, place+"&SAMLRequest=") {
		i.t.Fatalf("sent to %s", address)
	}
	signed, _, _ := strings.Cut(strings.TrimPrefix(u.RawQuery, "tenant=1&"), "&Signature=")
	sum := sha256.Sum256([]byte(signed))
	signature, err := base64.StdEncoding.DecodeString(u.Query().Get("Signature"))
	if err != nil || rsa.VerifyPKCS1v15(&i.us.key.PublicKey, crypto.SHA256, sum[:], signature) != nil ||
		u.Query().Get("SigAlg") != dsig.RSASHA256SignatureMethod {
		i.t.Error("the request is not signed")
	}
	packed, err := base64.StdEncoding.DecodeString(u.Query().Get("SAMLRequest"))
	if err != nil {
		i.t.Fatal(err)
	}
	text, err := io.ReadAll(flate.NewReader(strings.NewReader(string(packed))))
	if err != nil {
		i.t.Fatal(err)
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(text); err != nil {
		i.t.Fatal(err)
	}
	return doc.Root(), u.Query().Get("RelayState")
}

func (i *idp) value(name, right string) string {
	if v, ok := i.values[name]; ok {
		return v
	}
	return right
}

func (i *idp) at(d time.Duration) string {
	return i.now.Add(d).UTC().Format("2006-01-02T15:04:05.000Z")
}

// makeAssertion is a right one, less the values that are to be wrong.
func (i *idp) makeAssertion(request string) *etree.Element {
	text := fmt.Sprintf(`<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="%s" Version="2.0" IssueInstant="%s">
<saml:Issuer>%s</saml:Issuer>
<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient">x</saml:NameID>
<saml:SubjectConfirmation Method="%s"><saml:SubjectConfirmationData InResponseTo="%s" Recipient="%s" NotOnOrAfter="%s"/></saml:SubjectConfirmation></saml:Subject>
<saml:Conditions NotBefore="%s" NotOnOrAfter="%s"><saml:AudienceRestriction><saml:Audience>%s</saml:Audience></saml:AudienceRestriction></saml:Conditions>
<saml:AuthnStatement AuthnInstant="%s"><saml:AuthnContext><saml:AuthnContextClassRef>%s</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>
<saml:AttributeStatement><saml:Attribute Name="%s" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri" FriendlyName="personalIdentityNumber"><saml:AttributeValue>%s</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>
</saml:Assertion>`,
		i.value("assertion id", "_"+rand.Text()), i.at(0), i.value("assertion issuer", theirs),
		i.value("method", "urn:oasis:names:tc:SAML:2.0:cm:bearer"), i.value("confirmed request", request), i.value("recipient", callback),
		i.value("confirmed until", i.at(5*time.Minute)), i.value("from", i.at(-time.Second)), i.value("until", i.at(5*time.Minute)),
		i.value("audience", ours), i.value("authenticated", i.at(time.Second)), i.value("level", login.LOA3),
		i.value("attribute", saml.PersonalIdentityNumber), i.value("number", number))
	return i.element(text)
}

func (i *idp) element(text string) *etree.Element {
	i.t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(text); err != nil {
		i.t.Fatal(err)
	}
	return doc.Root()
}

func write(t *testing.T, e *etree.Element) string {
	t.Helper()
	doc := etree.NewDocument()
	doc.SetRoot(e.Copy())
	text, err := doc.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// encrypt is XML Encryption by hand, so that what the provider opens is not of the library it opens it with.
func (i *idp) encrypt(plain []byte) *etree.Element {
	i.t.Helper()
	must := func(err error) {
		if err != nil {
			i.t.Fatal(err)
		}
	}
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	must(err)
	gcm, err := cipher.NewGCM(block)
	must(err)
	nonce := make([]byte, gcm.NonceSize())
	rand.Read(nonce)
	wrapped, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, &i.us.key.PublicKey, key, nil)
	must(err)
	transport := i.value("key transport", "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p")
	return i.element(fmt.Sprintf(`<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#">
<xenc:EncryptionMethod Algorithm="%s"/><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey>
<xenc:EncryptionMethod Algorithm="%s"/><xenc:CipherData><xenc:CipherValue>%s</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>
<xenc:CipherData><xenc:CipherValue>%s</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>`,
		i.value("encryption", "http://www.w3.org/2009/xmlenc11#aes256-gcm"), transport,
		base64.StdEncoding.EncodeToString(wrapped), base64.StdEncoding.EncodeToString(gcm.Seal(nonce, nonce, plain, nil))))
}

// signer signs elements with a key.
func (i *idp) signer(p papers, method string) *dsig.SigningContext {
	i.t.Helper()
	s, err := dsig.NewSigningContext(p.key, [][]byte{p.certificate.Raw})
	if err != nil {
		i.t.Fatal(err)
	}
	s.IdAttribute, s.Canonicalizer = "ID", dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if err := s.SetSignatureMethod(method); err != nil {
		i.t.Fatal(err)
	}
	return s
}

func (i *idp) signed(e *etree.Element, p papers, method string) *etree.Element {
	i.t.Helper()
	out, err := i.signer(p, method).SignEnveloped(e)
	if err != nil {
		i.t.Fatal(err)
	}
	return out
}

func (i *idp) sound(e *etree.Element) *etree.Element {
	return i.signed(e, i.it, dsig.RSASHA256SignatureMethod)
}

// makeResponse is the form the browser is made to post.
func (i *idp) makeResponse(request, state string) url.Values {
	i.t.Helper()
	r := i.element(fmt.Sprintf(`<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_response" Version="2.0" IssueInstant="%s" Destination="%s" InResponseTo="%s"><saml:Issuer>%s</saml:Issuer><samlp:Status><samlp:StatusCode Value="%s">%s</samlp:StatusCode></samlp:Status></samlp:Response>`,
		i.value("made", i.at(time.Second)), i.value("destination", callback), i.value("request", request), i.value("issuer", theirs),
		i.value("status", "urn:oasis:names:tc:SAML:2.0:status:Success"), i.values["sub-status"]))
	if i.values["status"] == "" {
		a := i.makeAssertion(i.value("request", request))
		if i.assertion != nil {
			i.assertion(a)
		}
		if i.open {
			r.AddChild(a)
		} else {
			plain := []byte(write(i.t, a))
			if i.sealed != nil {
				plain = i.sealed(plain)
			}
			r.AddChild(i.encrypt(plain))
		}
	}
	if i.response != nil {
		i.response(r)
	}
	if i.sign == nil {
		i.sign = i.sound
	}
	r = i.sign(r)
	if i.finally != nil {
		i.finally(r)
	}
	text := write(i.t, r)
	if i.finallyText != nil {
		text = i.finallyText(text)
	}
	return url.Values{"SAMLResponse": {base64.StdEncoding.EncodeToString([]byte(text))}, "RelayState": {state}}
}

// login goes the whole way.
func (i *idp) login(p *saml.Provider) (login.Identity, error) {
	i.t.Helper()
	begun, err := p.Start(i.t.Context(), visit())
	if err != nil {
		i.t.Fatal(err)
	}
	request, state := i.request(begun.URL)
	return p.Finish(i.t.Context(), i.makeResponse(request.SelectAttrValue("ID", ""), state), begun.Memory)
}
