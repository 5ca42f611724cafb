package saml

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"sigill/web/login"
)

// The attributes of the Swedish framework (Attribute Specification, section 3.2).
const (
	PersonalIdentityNumber         = "urn:oid:1.2.752.29.4.13"
	PreviousPersonalIdentityNumber = "urn:oid:1.2.752.201.3.15"
)

// DefaultCategories are the entity categories we declare unless the configuration says otherwise. Without the last one a
// provider must not tell a samordningsnummer.
func DefaultCategories() []string {
	return []string{
		"http://id.elegnamnden.se/ec/1.0/loa3-pnr",
		"http://id.elegnamnden.se/st/1.0/public-sector-sp",
		"http://id.swedenconnect.se/general-ec/1.0/accepts-coordination-number",
	}
}

// Config describes a provider, and us to it.
type Config struct {
	ID   string // see login.About
	Name string // see login.About
	// EntityID is ours; it need not be an address, but mostly is that of our metadata.
	EntityID string
	// Key and Certificate sign our requests and open assertions. The key is RSA of 2048 bits or more.
	Key         crypto.Signer
	Certificate *x509.Certificate
	// Provider is the entity id of the identity provider.
	Provider string
	// Metadata is where the provider's metadata comes from.
	Metadata Source
	// Attributes may hold the identity number; the first that is there counts. PersonalIdentityNumber if nil.
	Attributes []string
	// FormerAttributes may hold numbers the person had before. PreviousPersonalIdentityNumber if nil.
	FormerAttributes []string
	// Accepted levels of assurance are asked for and demanded back. login.DefaultAssurance if nil.
	Accepted []string
	// Categories are the entity categories of our metadata.
	Categories []string
	// Organisation is what our metadata says of us.
	Organisation Organisation
	// Origins the login passes, beside that of the provider's address; see login.About. They must be given if the metadata
	// is to be fetched, since the first page is shown before that.
	Origins []string
	// HTTP fetches metadata; a client with a time limit if nil.
	HTTP *http.Client
	// Now is time.Now if nil.
	Now func() time.Time
}

// Organisation is who runs the service.
type Organisation struct {
	Name    string
	URL     string
	Logo    string // address of a picture
	Contact string // mail address for technical matters
}

const (
	skew     = time.Minute      // Deployment Profile section 6.3.4: no more
	patience = 15 * time.Minute // from Start to Finish
	issued   = 5 * time.Minute  // from a response's making to its arrival
)

// Provider is a SAML identity provider.
type Provider struct {
	config Config
	idp    *metadata

	mu   sync.Mutex
	used map[string]time.Time // assertions that have been taken, until when they could be again
}

// New checks the configuration; it does not use the network.
func New(c Config) (*Provider, error) {
	if err := login.CheckAbout(c.ID, c.Name); err != nil {
		return nil, err
	}
	key, ok := c.Key.(*rsa.PrivateKey)
	switch {
	case c.EntityID == "" || c.Provider == "":
		return nil, fmt.Errorf("login: provider %s: needs our entity id and the provider's", c.ID)
	case !ok || key.N.BitLen() < 2048:
		return nil, fmt.Errorf("login: provider %s: the key must be RSA of 2048 bits or more", c.ID)
	case c.Certificate == nil || !key.PublicKey.Equal(c.Certificate.PublicKey):
		return nil, fmt.Errorf("login: provider %s: the certificate is not the key's", c.ID)
	case c.Metadata.URL != "" && len(c.Origins) == 0:
		return nil, fmt.Errorf("login: provider %s: metadata that is fetched needs the origin of the login page", c.ID)
	}
	if c.Attributes == nil {
		c.Attributes = []string{PersonalIdentityNumber}
	}
	if c.FormerAttributes == nil {
		c.FormerAttributes = []string{PreviousPersonalIdentityNumber}
	}
	if c.Accepted == nil {
		c.Accepted = login.DefaultAssurance()
	}
	if len(c.Accepted) == 0 {
		return nil, fmt.Errorf("login: provider %s: no level of assurance is accepted", c.ID)
	}
	if c.Categories == nil {
		c.Categories = DefaultCategories()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	idp, err := newMetadata(c)
	if err != nil {
		return nil, fmt.Errorf("login: provider %s: %w", c.ID, err)
	}
	return &Provider{config: c, idp: idp, used: map[string]time.Time{}}, nil
}

// About tells that answers come as forms.
func (p *Provider) About() login.About {
	origins := slices.Clone(p.config.Origins)
	if known := p.idp.last(); known != nil {
		if u, err := url.Parse(known.sso); err == nil {
			origins = append(origins, u.Scheme+"://"+u.Host)
		}
	}
	slices.Sort(origins)
	return login.About{ID: p.config.ID, Name: p.config.Name, Origins: slices.Compact(origins), Form: true}
}

// memory is what a session keeps of a login under way.
type memory struct {
	Request  string    `json:"request"`
	State    string    `json:"state"`
	Callback string    `json:"callback"`
	At       time.Time `json:"at"`
}

// Start makes the request, in the HTTP-Redirect binding.
func (p *Provider) Start(ctx context.Context, v login.Visit) (login.Begun, error) {
	idp, err := p.idp.get(ctx)
	if err != nil {
		return login.Begun{}, fault(login.ErrUnavailable, err)
	}
	m := memory{Request: "_" + rand.Text(), State: rand.Text(), Callback: v.Callback, At: p.config.Now()}
	address, err := p.request(idp, m)
	if err != nil {
		return login.Begun{}, fault(login.ErrUnavailable, err)
	}
	kept, err := json.Marshal(m)
	if err != nil {
		return login.Begun{}, fault(login.ErrUnavailable, err)
	}
	return login.Begun{URL: address, Memory: string(kept)}, nil
}

// Finish judges the form the provider had the browser post.
func (p *Provider) Finish(ctx context.Context, answer url.Values, kept string) (login.Identity, error) {
	var m memory
	if json.Unmarshal([]byte(kept), &m) != nil || m.Request == "" {
		return login.Identity{}, login.ErrState
	}
	if age := p.config.Now().Sub(m.At); age > patience || age < -skew {
		return login.Identity{}, login.ErrState
	}
	if subtle.ConstantTimeCompare([]byte(answer.Get("RelayState")), []byte(m.State)) != 1 {
		return login.Identity{}, login.ErrState
	}
	idp, err := p.idp.get(ctx)
	if err != nil {
		return login.Identity{}, fault(login.ErrUnavailable, err)
	}
	response, err := signedResponse(answer.Get("SAMLResponse"), idp.signing)
	if err != nil {
		return login.Identity{}, fault(login.ErrToken, err)
	}
	if err := p.checkResponse(response, m); err != nil {
		return login.Identity{}, err
	}
	assertion, err := p.assertion(response, idp)
	if err != nil {
		return login.Identity{}, fault(login.ErrToken, err)
	}
	if err := p.checkAssertion(assertion, m); err != nil {
		return login.Identity{}, err
	}
	if !p.once(assertion.ID) {
		return login.Identity{}, fault(login.ErrToken, errors.New("the assertion has been used"))
	}
	return p.identity(assertion)
}

// once tells whether an assertion is taken for the first time.
func (p *Provider) once(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.config.Now()
	for old, until := range p.used {
		if now.After(until) {
			delete(p.used, old)
		}
	}
	if _, used := p.used[id]; used {
		return false
	}
	p.used[id] = now.Add(patience + issued) // no request it could answer lives longer
	return true
}

// fault wraps a cause with its kind. No cause here holds what a response says, but for algorithms and ids.
func fault(kind, cause error) error { return fmt.Errorf("%w: %w", kind, cause) }
