package saml

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// Names of SAML and its bindings.
const (
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	redirect    = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	post        = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
	stamp       = "2006-01-02T15:04:05Z"
)

// request is the address with the signed AuthnRequest (Bindings, section 3.4.4.1).
func (p *Provider) request(idp *entity, m memory) (string, error) {
	text, err := p.authnRequest(idp, m)
	if err != nil {
		return "", err
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(text); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	// The order is part of what is signed.
	query := "SAMLRequest=" + url.QueryEscape(base64.StdEncoding.EncodeToString(packed.Bytes())) +
		"&RelayState=" + url.QueryEscape(m.State) + "&SigAlg=" + url.QueryEscape(dsig.RSASHA256SignatureMethod)
	sum := sha256.Sum256([]byte(query))
	signature, err := p.config.Key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(idp.sso)
	if err != nil {
		return "", err
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += query + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature))
	return u.String(), nil
}

// authnRequest asks for a login with the e-ID itself, at one of the accepted levels and no other (Deployment Profile
// section 5.3). crewjam's type takes one level only.
func (p *Provider) authnRequest(idp *entity, m memory) ([]byte, error) {
	doc := etree.NewDocument()
	r := doc.CreateElement("samlp:AuthnRequest")
	for _, a := range [][2]string{
		{"xmlns:samlp", nsProtocol}, {"xmlns:saml", nsAssertion}, {"ID", m.Request}, {"Version", "2.0"},
		{"IssueInstant", m.At.UTC().Format(stamp)}, {"Destination", idp.sso}, {"ForceAuthn", "true"}, {"IsPassive", "false"},
		{"ProtocolBinding", post}, {"AssertionConsumerServiceURL", m.Callback},
	} {
		r.CreateAttr(a[0], a[1])
	}
	r.CreateElement("saml:Issuer").SetText(p.config.EntityID)
	levels := r.CreateElement("samlp:RequestedAuthnContext")
	levels.CreateAttr("Comparison", "exact")
	for _, level := range p.config.Accepted {
		levels.CreateElement("saml:AuthnContextClassRef").SetText(level)
	}
	return doc.WriteToBytes()
}

// Metadata describes us (Deployment Profile section 2.1.2), signed. callback is where answers are to be posted.
func (p *Provider) Metadata(callback string) ([]byte, error) {
	const valid = 7 * 24 * time.Hour
	e := etree.NewElement("md:EntityDescriptor")
	for _, a := range [][2]string{
		{"xmlns:md", nsMetadata}, {"xmlns:ds", dsig.Namespace}, {"entityID", p.config.EntityID}, {"ID", "_" + rand.Text()},
		{"validUntil", p.config.Now().Add(valid).UTC().Format(stamp)},
	} {
		e.CreateAttr(a[0], a[1])
	}
	p.categories(e)
	d := e.CreateElement("md:SPSSODescriptor")
	for _, a := range [][2]string{
		{"AuthnRequestsSigned", "true"}, {"WantAssertionsSigned", "false"}, {"protocolSupportEnumeration", nsProtocol},
	} {
		d.CreateAttr(a[0], a[1])
	}
	p.display(d)
	p.key(d, "signing")
	p.key(d, "encryption")
	acs := d.CreateElement("md:AssertionConsumerService")
	for _, a := range [][2]string{{"Binding", post}, {"Location", callback}, {"index", "0"}, {"isDefault", "true"}} {
		acs.CreateAttr(a[0], a[1])
	}
	p.organisation(e)
	signer, err := dsig.NewSigningContext(p.config.Key, [][]byte{p.config.Certificate.Raw})
	if err != nil {
		return nil, err
	}
	signer.IdAttribute, signer.Canonicalizer = "ID", dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	signature, err := signer.ConstructSignature(e, true)
	if err != nil {
		return nil, err
	}
	e.InsertChildAt(0, signature) // where the schema has it
	doc := etree.NewDocument()
	doc.CreateProcInst("xml", `version="1.0" encoding="UTF-8"`)
	doc.SetRoot(e)
	return doc.WriteToBytes()
}

func (p *Provider) categories(e *etree.Element) {
	attributes := e.CreateElement("md:Extensions").CreateElement("mdattr:EntityAttributes")
	attributes.CreateAttr("xmlns:mdattr", "urn:oasis:names:tc:SAML:metadata:attribute")
	a := attributes.CreateElement("saml:Attribute")
	a.CreateAttr("xmlns:saml", nsAssertion)
	a.CreateAttr("Name", "http://macedir.org/entity-category")
	a.CreateAttr("NameFormat", "urn:oasis:names:tc:SAML:2.0:attrname-format:uri")
	for _, category := range p.config.Categories {
		a.CreateElement("saml:AttributeValue").SetText(category)
	}
}

// display is what a provider's page shows of us.
func (p *Provider) display(d *etree.Element) {
	info := d.CreateElement("md:Extensions").CreateElement("mdui:UIInfo")
	info.CreateAttr("xmlns:mdui", "urn:oasis:names:tc:SAML:metadata:ui")
	name := info.CreateElement("mdui:DisplayName")
	name.CreateAttr("xml:lang", "sv")
	name.SetText(p.config.Organisation.Name)
	if p.config.Organisation.Logo != "" {
		logo := info.CreateElement("mdui:Logo")
		logo.CreateAttr("height", "100")
		logo.CreateAttr("width", "100")
		logo.SetText(p.config.Organisation.Logo)
	}
}

func (p *Provider) key(d *etree.Element, use string) {
	k := d.CreateElement("md:KeyDescriptor")
	k.CreateAttr("use", use)
	k.CreateElement("ds:KeyInfo").CreateElement("ds:X509Data").CreateElement("ds:X509Certificate").
		SetText(base64.StdEncoding.EncodeToString(p.config.Certificate.Raw))
	if use != "encryption" {
		return
	}
	for _, algorithm := range []string{aes256GCM, aes128GCM, "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"} {
		k.CreateElement("md:EncryptionMethod").CreateAttr("Algorithm", algorithm)
	}
}

func (p *Provider) organisation(e *etree.Element) {
	o := e.CreateElement("md:Organization")
	for _, part := range [][2]string{
		{"md:OrganizationName", p.config.Organisation.Name}, {"md:OrganizationDisplayName", p.config.Organisation.Name},
		{"md:OrganizationURL", p.config.Organisation.URL},
	} {
		x := o.CreateElement(part[0])
		x.CreateAttr("xml:lang", "sv")
		x.SetText(part[1])
	}
	if p.config.Organisation.Contact != "" {
		c := e.CreateElement("md:ContactPerson")
		c.CreateAttr("contactType", "technical")
		c.CreateElement("md:EmailAddress").SetText("mailto:" + p.config.Organisation.Contact)
	}
}
