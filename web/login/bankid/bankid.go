package bankid

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"sigill/policy"
	"sigill/web/login"
)

// Config describes the relying party.
type Config struct {
	ID   string // see login.About
	Name string // see login.About
	// Environment is Production if zero.
	Environment Environment
	// CA is the authority of BankID's server.
	CA *x509.Certificate
	// Certificate is ours, from the bank.
	Certificate tls.Certificate
	// Purpose is what the app shows the person, by language: whom they log in to and why; "sv" stands in for one that
	// is not there. At most 1,500 octets in base64.
	Purpose map[string]string
	// Risk refuses orders that BankID rates above it: "LOW" or "MODERATE"; "" refuses none.
	Risk string
	// PinCode demands the code where the app would take a finger or a face.
	PinCode bool
	// Now is time.Now if nil.
	Now func() time.Time
}

// maxOrders bounds the memory of logins under way, about 50 MB.
const maxOrders = 50_000

// maxPurpose is the octets of userVisibleData in /auth, in base64.
const maxPurpose = 1500

// Provider is BankID as a way for persons to log in.
type Provider struct {
	config Config
	client *client

	mu     sync.Mutex
	orders map[string]*order // by handle, which is a login's memory
	backs  map[string]*order // by the nonce of the return address
}

// New checks the configuration; it does not use the network.
func New(c Config) (*Provider, error) {
	if c.Environment == (Environment{}) {
		c.Environment = Production
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if err := login.CheckAbout(c.ID, c.Name); err != nil {
		return nil, err
	}
	for lang, text := range c.Purpose {
		if n := base64.StdEncoding.EncodedLen(len(text)); n > maxPurpose {
			return nil, fmt.Errorf("login: provider %s: the purpose in %q is %d octets in base64, at most %d", c.ID, lang, n, maxPurpose)
		}
	}
	if c.Risk != "" && c.Risk != "LOW" && c.Risk != "MODERATE" {
		return nil, fmt.Errorf("login: provider %s: risk must be LOW or MODERATE", c.ID)
	}
	calls, err := newClient(c.Environment, c.CA, c.Certificate)
	if err != nil {
		return nil, fmt.Errorf("login: provider %s: %w", c.ID, err)
	}
	return &Provider{config: c, client: calls, orders: map[string]*order{}, backs: map[string]*order{}}, nil
}

// About tells that the person chooses between two devices.
func (p *Provider) About() login.About {
	return login.About{ID: p.config.ID, Name: p.config.Name, Devices: true}
}

// Start places an order. Call it after a press on a button and never otherwise.
func (p *Provider) Start(ctx context.Context, v login.Visit) (login.Begun, error) {
	o := &order{visit: v, back: rand.Text(), made: p.config.Now()}
	if err := p.place(context.WithoutCancel(ctx), o); err != nil {
		return login.Begun{}, err
	}
	handle := rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep()
	if len(p.orders) >= maxOrders {
		return login.Begun{}, errors.Join(login.ErrUnavailable, errors.New("bankid: too many logins under way"))
	}
	p.orders[handle], p.backs[o.back] = o, o
	return login.Begun{Memory: handle}, nil
}

// request is the order as BankID takes it.
func (p *Provider) request(o *order) authRequest {
	v := o.visit
	r := authRequest{EndUserIP: v.Address.String(), Web: &webDevice{UserAgent: v.UserAgent, DeviceIdentifier: hashed(v.Device)}}
	if callback, err := url.Parse(v.Callback); err == nil {
		r.Web.ReferringDomain = callback.Hostname()
	}
	if v.SameDevice {
		r.ReturnURL = returnURL(v.Callback+"?back="+o.back, v.UserAgent)
	}
	if text := cmp.Or(p.config.Purpose[v.Lang], p.config.Purpose["sv"]); text != "" {
		r.Visible, r.Format = base64.StdEncoding.EncodeToString([]byte(text)), "plaintext"
	}
	if p.config.PinCode || p.config.Risk != "" {
		r.Requirement = &requirement{PinCode: p.config.PinCode, Risk: p.config.Risk}
	}
	return r
}

func hashed(device string) string {
	sum := sha256.Sum256([]byte(device))
	return hex.EncodeToString(sum[:])
}

// Look tells how far a login has come, and drives it: BankID is asked in here, every other second at most.
//
// query is what the browser came with. If the app sent it back, there is a nonce in it. With the memory of another login,
// or of none, the nonce has come to a browser that did not begin the login: then that login is ended, for the person
// was lured into finishing somebody else's. ErrState.
func (p *Provider) Look(ctx context.Context, query url.Values, memory string) (login.Progress, error) {
	p.mu.Lock()
	o, back := p.orders[memory], p.backs[query.Get("back")]
	p.mu.Unlock()
	if back != nil && back != o {
		p.end(ctx, back)
		return login.Progress{}, login.ErrState
	}
	if o == nil {
		return login.Progress{}, login.ErrState
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := p.config.Now()
	if back == o {
		o.returned = true
	}
	var err error
	switch {
	case o.stage != login.Pending:
	case o.number != "":
		o.settle(now)
	case now.Sub(o.looked) >= collectEvery, back == o:
		// A browser that goes away must not take the result with it, which is given once.
		err = p.collect(context.WithoutCancel(ctx), o)
	}
	return o.progress(now), err
}

// Finish gives who logged in, once.
func (p *Provider) Finish(_ context.Context, _ url.Values, memory string) (login.Identity, error) {
	o := p.forget(memory)
	if o == nil {
		return login.Identity{}, login.ErrState
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stage != login.Done {
		return login.Identity{}, login.ErrState
	}
	person, err := policy.ParsePersonID(o.number)
	if err != nil {
		return login.Identity{}, errors.Join(login.ErrBadNumber, err)
	}
	return login.Identity{Person: person, Name: o.name, Assurance: login.LOA3}, nil
}

// Cancel breaks a login off.
func (p *Provider) Cancel(ctx context.Context, memory string) {
	if o := p.forget(memory); o != nil {
		p.end(ctx, o)
	}
}

// end fails an order, here and at BankID, which also ends it by itself after a while.
func (p *Provider) end(ctx context.Context, o *order) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stage == login.Pending && o.number == "" {
		var none struct{}
		_ = p.client.call(context.WithoutCancel(ctx), "cancel", orderRef{o.ref.OrderRef}, &none)
	}
	o.fail(sayCancelled)
}

func (p *Provider) forget(handle string) *order {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.orders[handle]
	if o != nil {
		delete(p.orders, handle)
		delete(p.backs, o.back)
	}
	return o
}

// sweep forgets what nobody waits for any more. The caller holds p.mu.
func (p *Provider) sweep() {
	now := p.config.Now()
	for handle, o := range p.orders {
		if now.Sub(o.made) > orderLife {
			delete(p.orders, handle)
			delete(p.backs, o.back)
		}
	}
}

// Close ends the idle connections to BankID.
func (p *Provider) Close() { p.client.http.CloseIdleConnections() }
