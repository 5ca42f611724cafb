package saml

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	xrv "github.com/mattermost/xml-roundtrip-validator"
	dsig "github.com/russellhaering/goxmldsig"
)

// What may be in a signature. SHA-1 may not, nor a transform that chooses what is signed.
var (
	signatureMethods = []string{
		dsig.RSASHA256SignatureMethod, dsig.RSASHA384SignatureMethod, dsig.RSASHA512SignatureMethod,
		dsig.ECDSASHA256SignatureMethod, dsig.ECDSASHA384SignatureMethod, dsig.ECDSASHA512SignatureMethod,
	}
	digestMethods = []string{
		"http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmldsig-more#sha384", "http://www.w3.org/2001/04/xmlenc#sha512",
	}
	transforms = []string{string(dsig.EnvelopedSignatureAltorithmId), string(dsig.CanonicalXML10ExclusiveAlgorithmId)}
)

// maxResponse bounds a response, and what an encrypted assertion may unpack to.
const maxResponse = 256 << 10

// parse reads XML that means the same to every reader of it: no DTD, nothing that changes when written and read again.
func parse(text []byte) (*etree.Element, error) {
	if err := xrv.Validate(bytes.NewReader(text)); err != nil {
		return nil, errors.New("the XML is ambiguous") // the error would quote it
	}
	doc := etree.NewDocument()
	doc.ReadSettings.Entity = map[string]string{}
	if err := doc.ReadFromBytes(text); err != nil || doc.Root() == nil {
		return nil, errors.New("no XML")
	}
	for _, token := range doc.Child {
		if _, directive := token.(*etree.Directive); directive {
			return nil, errors.New("the XML has a DTD")
		}
	}
	return doc.Root(), nil
}

func is(e *etree.Element, namespace, tag string) bool {
	return e.Tag == tag && e.NamespaceURI() == namespace
}

// children are those of a name.
func children(e *etree.Element, namespace, tag string) (out []*etree.Element) {
	for _, c := range e.ChildElements() {
		if is(c, namespace, tag) {
			out = append(out, c)
		}
	}
	return out
}

// count is how many elements of a name there are in and below an element.
func count(e *etree.Element, namespace, tag string) (n int) {
	if is(e, namespace, tag) {
		n++
	}
	for _, c := range e.ChildElements() {
		n += count(c, namespace, tag)
	}
	return n
}

// signedResponse gives a response as far as its own signature covers it.
func signedResponse(encoded string, keys []*x509.Certificate) (*etree.Element, error) {
	if len(encoded) > base64.StdEncoding.EncodedLen(maxResponse) {
		return nil, errors.New("the response is too large")
	}
	text, err := base64.StdEncoding.DecodeString(strings.Map(withoutSpace, encoded))
	if err != nil {
		return nil, errors.New("the response is not base64")
	}
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	if !is(root, nsProtocol, "Response") {
		return nil, errors.New("not a response")
	}
	return covered(root, keys)
}

func withoutSpace(r rune) rune {
	if r == '\n' || r == '\r' || r == ' ' || r == '\t' {
		return -1
	}
	return r
}

// covered gives an element anew from the octets its signature covers. The signature must be its child, the only one in
// it, and cover the element as a whole by its ID, which no other element may have.
func covered(e *etree.Element, keys []*x509.Certificate) (*etree.Element, error) {
	own := children(e, dsig.Namespace, "Signature")
	if len(own) != 1 || count(e, dsig.Namespace, "Signature") != 1 {
		return nil, errors.New("it must have one signature, and that its own")
	}
	id := e.SelectAttrValue("ID", "")
	if id == "" || ids(e, id) != 1 {
		return nil, errors.New("its ID must be its own")
	}
	if err := strict(own[0], id); err != nil {
		return nil, err
	}
	for _, key := range keys {
		// A key is trusted because the metadata has it; the dates of its certificate say nothing (Deployment Profile
		// section 2.2). goxmldsig cannot be told so but by its clock.
		context := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{key}})
		context.IdAttribute, context.Clock = "ID", dsig.NewFakeClockAt(key.NotBefore.Add(time.Second))
		if out, err := context.Validate(e.Copy()); err == nil {
			return out, nil
		}
	}
	return nil, errors.New("the signature is by none of the provider's keys")
}

// ids counts the elements with an ID, in whatever case the attribute is written.
func ids(e *etree.Element, id string) (n int) {
	for _, a := range e.Attr {
		if strings.EqualFold(a.Key, "id") && a.Value == id {
			n++
		}
	}
	for _, c := range e.ChildElements() {
		n += ids(c, id)
	}
	return n
}

// strict checks the form of a signature: one reference to the element, plain transforms, known algorithms.
func strict(signature *etree.Element, id string) error {
	info := children(signature, dsig.Namespace, "SignedInfo")
	if len(info) != 1 || count(signature, dsig.Namespace, "Object") > 0 {
		return errors.New("the signature is of an odd form")
	}
	references := children(info[0], dsig.Namespace, "Reference")
	if len(references) != 1 || references[0].SelectAttrValue("URI", "") != "#"+id {
		return errors.New("the signature is not of this element and nothing else")
	}
	for _, rule := range []struct {
		of      *etree.Element
		tag     string
		allowed []string
	}{
		{info[0], "SignatureMethod", signatureMethods},
		{info[0], "CanonicalizationMethod", transforms[1:]},
		{references[0], "DigestMethod", digestMethods},
	} {
		found := children(rule.of, dsig.Namespace, rule.tag)
		if len(found) != 1 || !slices.Contains(rule.allowed, found[0].SelectAttrValue("Algorithm", "")) {
			return fmt.Errorf("the signature's %s is not allowed", rule.tag)
		}
	}
	for _, list := range children(references[0], dsig.Namespace, "Transforms") {
		for _, t := range children(list, dsig.Namespace, "Transform") {
			if !slices.Contains(transforms, t.SelectAttrValue("Algorithm", "")) {
				return errors.New("the signature's Transform is not allowed")
			}
		}
	}
	return nil
}
