package outbox

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
)

// minRSA is the bits of an RSA key; RFC 8301 section 3.2 lets verifiers turn down shorter ones than 1024 and asks for
// 2048.
const minRSA = 2048

// Signer is a DKIM key (RFC 6376) and where its public half is published.
type Signer struct {
	Selector, Domain string
	key              crypto.Signer
}

// ParseSigner reads a private key in PEM: RSA of at least 2048 bits (PKCS #1 or #8) or Ed25519 (PKCS #8, RFC 8463). Sign
// with one of each: not all verifiers know Ed25519.
func ParseSigner(selector, domain string, pemBytes []byte) (Signer, error) {
	s := Signer{Selector: selector, Domain: strings.ToLower(domain)}
	if !label(selector) || !label(s.Domain) {
		return Signer{}, fmt.Errorf("outbox: %q and %q are no DKIM selector and domain", selector, domain)
	}
	block, _ := pem.Decode(pemBytes)
	if block == nil {
		return Signer{}, errors.New("outbox: the DKIM key is not PEM")
	}
	key, err := parseKey(block)
	if err != nil {
		return Signer{}, fmt.Errorf("outbox: DKIM key %s: %w", s.name(), err)
	}
	s.key = key
	return s, nil
}

func parseKey(block *pem.Block) (crypto.Signer, error) {
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("a PEM block %q is no private key", block.Type)
	}
	if err != nil {
		return nil, errors.New("the private key cannot be read") // the cause may quote it
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < minRSA {
			return nil, fmt.Errorf("an RSA key of %d bits is too short, it must have %d", k.N.BitLen(), minRSA)
		}
		return k, nil
	case ed25519.PrivateKey:
		return k, nil
	}
	return nil, fmt.Errorf("a key of type %T is neither RSA nor Ed25519", key)
}

// label tells a name that is made of DNS labels.
func label(s string) bool {
	return s != "" && !strings.HasPrefix(s, ".") && !strings.HasSuffix(s, ".") && !strings.Contains(s, "..") &&
		!strings.ContainsFunc(s, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '.' || r == '_')
		})
}

func (s Signer) name() string { return s.Selector + "._domainkey." + s.Domain }

// Record is the DNS TXT record that publishes the public key: its name and its whole text (RFC 6376 section 3.6).
func (s Signer) Record() (name, text string) {
	switch public := s.key.Public().(type) {
	case ed25519.PublicKey:
		text = "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	case *rsa.PublicKey:
		der, _ := x509.MarshalPKIXPublicKey(public) // cannot fail for a key that was parsed
		text = "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
	}
	return s.name(), text
}

// Zone is Record as a line of a zone file. A string there has at most 255 octets (RFC 1035 section 3.3), so a long text
// is cut into several.
func (s Signer) Zone() string {
	name, text := s.Record()
	var b strings.Builder
	b.WriteString(name + ". IN TXT (")
	for len(text) > 0 {
		n := min(len(text), 255)
		b.WriteString(` "` + text[:n] + `"`)
		text = text[n:]
	}
	return b.String() + " )"
}

// signed are the fields under the signatures. From is there twice: a second one added on the way breaks them (RFC 6376
// section 8.15).
var signed = []string{
	"From", "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Language",
	"Auto-Submitted", "X-Auto-Response-Suppress",
}

// sign puts a signature of each key on top.
func sign(mail []byte, signers []Signer) ([]byte, error) {
	top, err := signatures(bytes.NewReader(mail), signers)
	return bytes.Join([][]byte{top, mail}, nil), err
}

// signatures gives one of each key. Each is over the mail itself and none over another.
func signatures(mail io.Reader, signers []Signer) ([]byte, error) {
	var all []*dkim.Signer
	var into []io.Writer
	var err error
	for _, s := range signers {
		w, e := dkim.NewSigner(&dkim.SignOptions{
			Domain: s.Domain, Selector: s.Selector, Signer: s.key, HeaderKeys: signed,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		})
		if e != nil {
			err = errors.Join(err, fmt.Errorf("outbox: sign with %s: %w", s.name(), e))
			continue
		}
		all, into = append(all, w), append(into, w)
	}
	if err == nil && len(all) > 0 {
		_, err = io.Copy(io.MultiWriter(into...), mail)
	}
	var top []byte
	for i, w := range all {
		if e := w.Close(); e != nil { // each, whatever happened: it ends the signer's goroutine
			err = errors.Join(err, fmt.Errorf("outbox: sign with %s: %w", signers[i].name(), e))
		}
		if err == nil {
			top = append(top, w.Signature()...)
		}
	}
	return top, err
}
