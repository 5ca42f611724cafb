// Package login proves who a person is, through somebody who knows.
//
// A [Provider] sends the person away to log in ([Provider.Start]) and judges what comes back ([Provider.Finish]). Between
// the two the caller keeps [Begun.Memory] in the session that started, hands it over once and forgets it first; that is
// what binds an answer to one browser and makes it good for one time.
//
// The result is an identity number, never a session: what the number opens is for the vault to say. No error text holds
// a number, a token or a secret.
package login

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"sigill/policy"
)

// What can go wrong. Each has a page of its own.
var (
	// ErrCancelled means that the person broke off, or was not let through by the provider.
	ErrCancelled = errors.New("login: broken off")
	// ErrState means that the answer is not to a login this session has under way: too old, used, or somebody else's.
	ErrState = errors.New("login: no such login under way")
	// ErrToken means that the provider's answer does not hold.
	ErrToken = errors.New("login: the answer does not hold")
	// ErrAssurance means that the way of logging in is not strong enough.
	ErrAssurance = errors.New("login: the assurance level is not accepted")
	// ErrNoNumber means that the provider gave no identity number.
	ErrNoNumber = errors.New("login: no identity number")
	// ErrBadNumber means that what the provider gave is no identity number; the policy error is wrapped beside it.
	ErrBadNumber = errors.New("login: not an identity number")
	// ErrNoAddress means that the provider gave no mail address of ours that it has verified.
	ErrNoAddress = errors.New("login: no mail address of ours")
	// ErrUnavailable means that the provider cannot be reached or is out of order. Temporary.
	ErrUnavailable = errors.New("login: the provider cannot be reached")
)

// Provider is a way for persons to log in.
type Provider interface {
	// About never fails and never waits for the network.
	About() About
	// Start gives the address to send the browser to. ErrUnavailable.
	Start(ctx context.Context, v Visit) (Begun, error)
	// Finish judges the query or form the browser came back with, for the login that memory is of.
	Finish(ctx context.Context, answer url.Values, memory string) (Identity, error)
}

// Visit is the browser that logs in, as far as a provider may want to know it.
type Visit struct {
	// Callback is where the browser shall come back.
	Callback string
	// Home is where it may be sent after a log-out at the provider.
	Home string
	// Lang is the language of the pages, BCP 47.
	Lang string
	// Address is the browser's.
	Address netip.Addr
	// UserAgent is what the browser calls itself.
	UserAgent string
	// Device is a random name of the browser that outlives sessions; "" for providers without Devices.
	Device string
	// SameDevice is the person's choice, at providers with Devices.
	SameDevice bool
}

// Phone tells, by what a browser calls itself, a telephone or tablet from a computer.
func Phone(userAgent string) bool {
	for _, mark := range []string{"Mobile", "Android", "iPhone", "iPad"} {
		if strings.Contains(userAgent, mark) {
			return true
		}
	}
	return false
}

// Progress is how far a login has come that the browser waits for.
type Progress struct {
	Stage Stage
	// Say names what the person shall be told; the texts are the pages'.
	Say string
	// QR is what a QR code for the person's phone says now; "" if there is none to show.
	QR string
	// Open is the address that opens the app on this device; "" if there is none.
	Open string
}

// Stage is where a login stands.
type Stage int

// The stages.
const (
	Pending Stage = iota
	Done          // Finish gives who it was
	Failed        // Say tells why
)

// About is what the pages need to know of a provider.
type About struct {
	// ID is its place in URLs: a-z, 0-9 and hyphen.
	ID string
	// Name is what the button says after "Log in with".
	Name string
	// Origins are where the login form's redirects may lead. Browsers hold a form's redirects against form-action
	// (Content Security Policy Level 3, section 6.4.1), so every host between us and the login page must be here.
	Origins []string
	// Devices tells that the person chooses between the browser's device and another; see Visit.SameDevice.
	Devices bool
	// Form tells that answers come as a form that another site has the browser post, without our cookies.
	Form bool
}

// CheckAbout tells what is wrong with a provider's id and name.
func CheckAbout(id, name string) error {
	switch {
	case !regexp.MustCompile(`^[a-z0-9-]{1,32}$`).MatchString(id):
		return fmt.Errorf("login: provider id %q: must be a-z, 0-9 and hyphen", id)
	case name == "":
		return fmt.Errorf("login: provider %s: has no name", id)
	}
	return nil
}

// Begun is a login under way.
type Begun struct {
	// URL is where the browser goes; "" if it waits here, and asks for the login's Progress.
	URL string
	// Memory is kept by the session and shown to nobody.
	Memory string
}

// Identity is who logged in.
type Identity struct {
	Person policy.PersonID
	// Former are numbers the person had before: mostly a samordningsnummer that became a personnummer.
	Former []policy.PersonID
	// Name is what the provider told, for a sender who asked the recipient to identify; "" if it told none.
	Name string
	// Assurance is the provider's word for the level of assurance, "" if it told none.
	Assurance string
	// End is where the browser logs out at the provider, "" if it cannot. It holds no identity number.
	End string
}

// maxName is the runes of a name that is kept; people have shorter ones.
const maxName = 100

// NameOf makes one line of the parts of a name, without what would not be seen.
func NameOf(parts ...string) string {
	words := strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, strings.Join(parts, " ")))
	name := []rune(strings.Join(words, " "))
	return string(name[:min(len(name), maxName)])
}
