package bankid

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"sigill/web/login"
)

const (
	collectEvery = 2 * time.Second  // BankID's rule
	rounds       = 6                // orders for one press on the button: about three minutes to scan
	backTime     = 30 * time.Second // for the browser to come back after the app is done
	orderLife    = 10 * time.Minute // a failed order is kept for five by BankID, a login for as long as somebody looks
)

// order is a login under way, and the orders at BankID it has taken.
type order struct {
	visit login.Visit
	back  string // nonce of the return address
	made  time.Time

	mu       sync.Mutex
	ref      authAnswer
	at       time.Time // ref's arrival
	looked   time.Time // the last collect
	round    int
	stage    login.Stage
	say      string
	showQR   bool
	returned bool // the app has sent this session's browser back
	done     time.Time
	number   string // of who logged in
	name     string // as BankID tells it
	device   string // address of the app
}

// place makes a new order at BankID, the first or one more.
func (p *Provider) place(ctx context.Context, o *order) error {
	var answer authAnswer
	err := p.client.call(ctx, "auth", p.request(o), &answer)
	var no *refused
	switch {
	case errors.As(err, &no) && no.Code == "alreadyInProgress":
		o.fail(sayInProgress)
		return nil
	case errors.As(err, &no) && no.passing():
		o.fail(sayTrouble)
		return nil
	case err != nil:
		return errors.Join(login.ErrUnavailable, err)
	case answer.OrderRef == "" || answer.AutoStartToken == "" || answer.QRStartToken == "" || answer.QRStartSecret == "":
		return errors.Join(login.ErrToken, errors.New("bankid: an order without all of its tokens"))
	}
	now := p.config.Now()
	o.ref, o.at, o.looked = answer, now, now
	o.round++
	o.stage, o.say, o.showQR = login.Pending, o.pending("outstandingTransaction"), !o.visit.SameDevice
	return nil
}

func (o *order) fail(say string) {
	o.stage, o.say, o.showQR, o.number = login.Failed, say, false, ""
}

// collect asks BankID how far the order has come. The caller holds o.mu.
func (p *Provider) collect(ctx context.Context, o *order) error {
	var c collected
	err := p.client.call(ctx, "collect", orderRef{o.ref.OrderRef}, &c)
	o.looked = p.config.Now()
	var no *refused
	switch {
	case errors.As(err, &no) && no.passing():
		return nil // the order is as it was; the next look asks again
	case errors.As(err, &no):
		o.fail(sayUnknown)
		return nil
	case err != nil:
		return errors.Join(login.ErrUnavailable, err)
	}
	switch c.Status {
	case "pending":
		o.say, o.showQR = o.pending(c.Hint), !o.visit.SameDevice && c.Hint == "outstandingTransaction"
	case "complete":
		o.number, o.device, o.done = c.Completion.User.PersonalNumber, c.Completion.Device.IPAddress, o.looked
		o.name = login.NameOf(c.Completion.User.Name)
		o.settle(o.looked)
	case "failed":
		if c.Hint == "startFailed" && !o.visit.SameDevice && o.round < rounds {
			return p.place(ctx, o) // nobody has scanned it yet
		}
		o.fail(o.failed(c.Hint))
	default:
		o.fail(sayUnknown)
	}
	return nil
}

// settle decides whether a completed order counts. One on another device does: the person scanned the code from this
// browser's screen. One on the same device counts when the app has sent this browser back, or was at the address the
// browser is at: else somebody may have been sent a link that opens the app for another's session.
func (o *order) settle(now time.Time) {
	switch {
	case !o.visit.SameDevice, o.returned, sameAddress(o.device, o.visit.Address):
		o.stage, o.say = login.Done, ""
	case now.Sub(o.done) > backTime:
		o.fail(sayOther)
	default:
		o.stage, o.say = login.Pending, sayBack
	}
}

func sameAddress(device string, browser netip.Addr) bool {
	a, err := netip.ParseAddr(device)
	return err == nil && a.Unmap() == browser.Unmap()
}

// progress is what the page shows now.
func (o *order) progress(now time.Time) login.Progress {
	p := login.Progress{Stage: o.stage, Say: o.say}
	if o.showQR {
		p.QR = qrData(o.ref.QRStartToken, o.ref.QRStartSecret, now.Sub(o.at))
	}
	if o.visit.SameDevice && o.say == sayStarting {
		p.Open = launch(o.ref.AutoStartToken, o.visit.UserAgent)
	}
	return p
}

// launch is the address that opens the app.
func launch(token, agent string) string {
	q := "?autostarttoken=" + url.QueryEscape(token) + "&redirect=null"
	if login.Phone(agent) {
		return "https://app.bankid.com/" + q
	}
	return "bankid:///" + q
}

// returnURL is where the app goes when it is done. On iOS an address with https opens the system's browser, whichever the
// person uses; some others have schemes of their own.
func returnURL(address, agent string) string {
	switch {
	case strings.Contains(agent, "CriOS/"):
		return "googlechromes" + strings.TrimPrefix(address, "https")
	case strings.Contains(agent, "FxiOS/"):
		return "firefox://open-url?url=" + url.QueryEscape(address)
	case strings.Contains(agent, "EdgiOS/"):
		return "microsoft-edge-" + address
	}
	return address
}
