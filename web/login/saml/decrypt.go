package saml

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"strings"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	"github.com/crewjam/saml/xmlenc"
	dsig "github.com/russellhaering/goxmldsig"
)

// Names of XML encryption.
const (
	nsEncryption = "http://www.w3.org/2001/04/xmlenc#"
	aes128GCM    = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
	aes256GCM    = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
)

// assertion opens the one assertion of a signed response, which must be encrypted. If it has a signature too, that must
// hold.
func (p *Provider) assertion(response *etree.Element, idp *entity) (*saml.Assertion, error) {
	if count(response, nsAssertion, "Assertion") > 0 {
		return nil, errors.New("an assertion is not encrypted")
	}
	sealed := children(response, nsAssertion, "EncryptedAssertion")
	if len(sealed) != 1 || count(response, nsAssertion, "EncryptedAssertion") != 1 {
		return nil, errors.New("there must be one encrypted assertion")
	}
	text, err := p.decrypt(sealed[0])
	if err != nil {
		return nil, err
	}
	if len(text) > maxResponse {
		return nil, errors.New("the assertion is too large")
	}
	e, err := parse(text)
	if err != nil {
		return nil, err
	}
	if !is(e, nsAssertion, "Assertion") || count(e, nsAssertion, "Assertion") != 1 {
		return nil, errors.New("what was encrypted is not one assertion")
	}
	if count(e, dsig.Namespace, "Signature") > 0 {
		if e, err = covered(e, idp.signing); err != nil {
			return nil, err
		}
	}
	doc := etree.NewDocument()
	doc.SetRoot(e.Copy())
	plain, err := doc.WriteToBytes()
	if err != nil {
		return nil, err
	}
	out := new(saml.Assertion)
	if xml.Unmarshal(plain, out) != nil {
		return nil, errors.New("the assertion cannot be read") // the error would quote it
	}
	return out, nil
}

// decrypt opens an element. Block modes that do not authenticate are taken, since the signature has covered what is
// encrypted; the old padding of RSA is not, with which a provider would not be told from one who asks often.
func (p *Provider) decrypt(sealed *etree.Element) ([]byte, error) {
	data := children(sealed, nsEncryption, "EncryptedData")
	keys := sealed.FindElements(".//EncryptedKey")
	if len(data) != 1 || len(keys) != 1 {
		return nil, errors.New("the encryption is of an odd form")
	}
	if method := algorithm(keys[0]); !strings.Contains(method, "rsa-oaep") {
		return nil, errors.New("the encryption of the key is not allowed")
	}
	key, err := xmlenc.Decrypt(p.config.Key, keys[0])
	if err != nil {
		return nil, errors.New("the assertion is not encrypted for us")
	}
	switch algorithm(data[0]) {
	case aes128GCM, aes256GCM:
		return openGCM(key, data[0])
	case nsEncryption + "aes128-cbc", nsEncryption + "aes192-cbc", nsEncryption + "aes256-cbc":
		plainly := data[0].Copy()
		for _, info := range children(plainly, dsig.Namespace, "KeyInfo") {
			plainly.RemoveChild(info) // xmlenc would open the key in it again
		}
		text, err := xmlenc.Decrypt(key, plainly)
		if err != nil {
			return nil, errors.New("the assertion does not open")
		}
		return text, nil
	}
	return nil, errors.New("the encryption of the assertion is not allowed")
}

func algorithm(e *etree.Element) string {
	methods := children(e, nsEncryption, "EncryptionMethod")
	if len(methods) != 1 {
		return ""
	}
	return methods[0].SelectAttrValue("Algorithm", "")
}

// openGCM is XML Encryption 1.1 section 5.2.4: nonce of 96 bits, ciphertext, tag of 128. crewjam's xmlenc has no AES-256.
func openGCM(key []byte, data *etree.Element) ([]byte, error) {
	bad := errors.New("the assertion does not open")
	values := data.FindElements("./CipherData/CipherValue")
	if len(values) != 1 {
		return nil, bad
	}
	text, err := base64.StdEncoding.DecodeString(strings.Map(withoutSpace, values[0].Text()))
	if err != nil {
		return nil, bad
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, bad
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil || len(text) < gcm.NonceSize() {
		return nil, bad
	}
	plain, err := gcm.Open(nil, text[:gcm.NonceSize()], text[gcm.NonceSize():], nil)
	if err != nil {
		return nil, bad
	}
	return plain, nil
}
