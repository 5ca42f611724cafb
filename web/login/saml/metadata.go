package saml

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/beevik/etree"
)

// Source is where metadata comes from: octets that somebody here has checked, or an address whose answer must be signed.
type Source struct {
	Text []byte
	// URL is read again every Refresh; https only.
	URL     string
	Signer  *x509.Certificate // of the federation, with URL
	Refresh time.Duration     // six hours if 0
}

// maxMetadata is several times what the Swedish federation's metadata is.
const maxMetadata = 32 << 20

// entity is what we need to know of a provider.
type entity struct {
	sso     string // where requests go, HTTP-Redirect
	signing []*x509.Certificate
	until   time.Time // zero if the metadata says nothing
}

// metadata keeps a provider's, and reads it anew when it is old. An old one is used until its own end if the new one
// cannot be had, and then some minutes before that is tried again.
type metadata struct {
	config Config
	http   *http.Client

	fetching sync.Mutex // held while one is fetched

	mu    sync.Mutex // never held while anything waits
	known *entity
	due   time.Time // when it is to be fetched
}

// tryAgain is how long one that could not be had is not asked for while an old one does.
const tryAgain = 5 * time.Minute

func newMetadata(c Config) (*metadata, error) {
	s := c.Metadata
	if s.Refresh == 0 {
		s.Refresh = 6 * time.Hour
	}
	c.Metadata = s
	m := &metadata{config: c, http: c.HTTP}
	if m.http == nil {
		m.http = http.DefaultClient // fetch has a time limit of its own
	}
	switch {
	case (s.URL == "") == (len(s.Text) == 0):
		return nil, errors.New("needs metadata, from a file or from an address")
	case s.URL != "" && (!strings.HasPrefix(s.URL, "https://") || s.Signer == nil):
		return nil, errors.New("metadata from an address needs https and the certificate it is signed with")
	case s.URL != "":
		return m, nil
	}
	root, err := parse(s.Text)
	if err == nil {
		m.known, err = find(root, c.Provider, c.Now())
	}
	return m, err
}

// last is what is known, nil if nothing is yet.
func (m *metadata) last() *entity {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known
}

// get gives the provider's, fetched if need be. One fetch at a time; others wait for it if they have none that is good.
func (m *metadata) get(ctx context.Context) (*entity, error) {
	known, good, due := m.look()
	switch {
	case !due && !good:
		return nil, errExpired
	case !due, good && !m.fetching.TryLock():
		return known, nil
	case !good:
		m.fetching.Lock()
	}
	defer m.fetching.Unlock()
	if known, good, due = m.look(); !due {
		return known, nil // another has fetched it
	}
	fresh, err := m.fetch(context.WithoutCancel(ctx), m.config.Now())
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err == nil:
		m.known, m.due = fresh, m.config.Now().Add(m.config.Metadata.Refresh)
	case good:
		m.due = m.config.Now().Add(tryAgain)
	case known != nil:
		return nil, errors.Join(errExpired, err)
	default:
		return nil, err
	}
	return m.known, nil
}

// look tells what is known, whether it is good now, and whether it is to be fetched.
func (m *metadata) look() (known *entity, good, due bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.config.Now()
	good = m.known != nil && (m.known.until.IsZero() || !now.After(m.known.until))
	return m.known, good, m.config.Metadata.URL != "" && (!good || !now.Before(m.due))
}

var errExpired = errors.New("the provider's metadata has expired")

func (m *metadata) fetch(ctx context.Context, now time.Time) (*entity, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.config.Metadata.URL, nil)
	if err != nil {
		return nil, err
	}
	resp, err := m.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("metadata: %s", resp.Status)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxMetadata))
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	root, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	signed, err := covered(root, []*x509.Certificate{m.config.Metadata.Signer})
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	return find(signed, m.config.Provider, now)
}

// find looks for a provider in metadata of one or of many.
func find(e *etree.Element, id string, now time.Time) (*entity, error) {
	until, err := validUntil(e)
	if err != nil || !until.IsZero() && now.After(until) {
		return nil, errors.New("the metadata has expired")
	}
	if is(e, nsMetadata, "EntityDescriptor") && e.SelectAttrValue("entityID", "") == id {
		found, err := read(e)
		if err == nil {
			found.until = until
		}
		return found, err
	}
	for _, c := range e.ChildElements() {
		if !is(c, nsMetadata, "EntityDescriptor") && !is(c, nsMetadata, "EntitiesDescriptor") {
			continue
		}
		found, err := find(c, id, now)
		if errors.Is(err, errUnknown) {
			continue
		}
		if err == nil && !until.IsZero() && (found.until.IsZero() || until.Before(found.until)) {
			found.until = until
		}
		return found, err
	}
	return nil, errUnknown
}

var errUnknown = errors.New("the provider is not in the metadata")

func validUntil(e *etree.Element) (time.Time, error) {
	text := e.SelectAttrValue("validUntil", "")
	if text == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339Nano, text)
}

// read takes a provider's address and keys, of which there may be several while it changes them.
func read(e *etree.Element) (*entity, error) {
	out := &entity{}
	for _, role := range children(e, nsMetadata, "IDPSSODescriptor") {
		for _, s := range children(role, nsMetadata, "SingleSignOnService") {
			if s.SelectAttrValue("Binding", "") == redirect && out.sso == "" {
				out.sso = s.SelectAttrValue("Location", "")
			}
		}
		for _, k := range children(role, nsMetadata, "KeyDescriptor") {
			if use := k.SelectAttrValue("use", ""); use != "" && use != "signing" {
				continue
			}
			for _, c := range k.FindElements("./KeyInfo/X509Data/X509Certificate") {
				der, err := base64.StdEncoding.DecodeString(strings.Map(withoutSpace, c.Text()))
				if err != nil {
					return nil, errors.New("a certificate in the metadata cannot be read")
				}
				certificate, err := x509.ParseCertificate(der)
				if err != nil {
					return nil, errors.New("a certificate in the metadata cannot be read")
				}
				out.signing = append(out.signing, certificate)
			}
		}
	}
	if !strings.HasPrefix(out.sso, "https://") || len(out.signing) == 0 {
		return nil, errors.New("the provider's metadata has no https address for HTTP-Redirect, or no key")
	}
	return out, nil
}
