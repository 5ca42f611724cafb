package vault

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"sigill/policy"
)

// Login is somebody who wants in.
type Login struct {
	// Address is what was typed for one; "" if only a token tells.
	Address  string
	Password string
	Door     Door
	// From is the client's place on the network; invalid if it is not known.
	From netip.Addr
}

// proof tells whose login is proved, and how. ErrBadCredentials if it is nobody's.
type proof func(context.Context) (proved, error)

type proved struct {
	account policy.Address
	how     string // for the audit
	pass    pass
}

// pass is what must stay as it is for as long as somebody it let in is to have access. It is empty where somebody else vouches,
// and on the web, whose logins are ended there.
type pass struct {
	device   string // the key of a device's record
	password string // of an account, as its record has it
}

// Authenticate lets in who has the right password: on the web the account's, elsewhere a device's, or the account's too
// with Options.MailPasswords. ErrBadCredentials does not tell whether the address or the password is wrong;
// ErrTooManyTries, and a wait of seconds, meet those who guess.
func (d *Directory) Authenticate(ctx context.Context, l Login) (Account, error) {
	return d.enter(ctx, l, func(ctx context.Context) (proved, error) {
		if l.Door != DoorWeb {
			p, err := d.checkDevice(ctx, l.Address, l.Password)
			if !d.v.mailPasswords || !errors.Is(err, ErrBadCredentials) {
				return p, err
			}
		}
		a, hash, err := d.checkAccount(ctx, l.Address, l.Password)
		p := proved{account: a, how: "password"}
		if err == nil && l.Door != DoorWeb {
			p.pass.password = hash
			err = d.noSecond(ctx, a)
		}
		return p, err
	})
}

// noSecond keeps a password out where it would do without the second factor its account has.
func (d *Directory) noSecond(ctx context.Context, a policy.Address) error {
	second, err := d.Second(ctx, a)
	if err == nil && second.Factors() > 0 {
		return fmt.Errorf("%w: the account has a second factor", ErrBadCredentials)
	}
	return err
}

// AuthenticateToken lets in whom somebody else vouches for: verify gives the address a token is for, or an error that is
// ErrBadCredentials if the token is no good. An address that was typed must be the same. Otherwise it is Authenticate.
func (d *Directory) AuthenticateToken(ctx context.Context, l Login, verify func(context.Context) (address string, err error)) (Account, error) {
	return d.enter(ctx, l, func(ctx context.Context) (proved, error) {
		address, err := verify(ctx)
		if err != nil {
			return proved{}, err
		}
		a, err := policy.ParseAddress(address)
		if err != nil {
			return proved{}, fmt.Errorf("%w: the token names no mail address", ErrBadCredentials)
		}
		if typed, err := policy.ParseAddress(l.Address); l.Address != "" && (err != nil || typed.Key() != a.Key()) {
			return proved{}, fmt.Errorf("%w: the token is somebody else's", ErrBadCredentials)
		}
		return proved{account: a, how: "token"}, nil
	})
}

// enter counts the try before it looks at the proof, so that many at once are as slow as one after the other.
func (d *Directory) enter(ctx context.Context, l Login, prove proof) (Account, error) {
	at := pair{network: neighbourhood(l.From)}
	if a, err := policy.ParseAddress(l.Address); err == nil {
		at.account = d.v.staffOwner(a)
	}
	verdict, err := d.v.throttle.begin(ctx, at)
	if err != nil {
		return Account{}, err
	}
	account, how, err := d.look(ctx, prove, verdict)
	switch {
	case err == nil:
		as := pair{d.v.staffOwner(account.Address), at.network}
		if news := d.v.throttle.succeeded(as); news && l.Door != DoorWeb { // the web records each of its logins
			d.note(ctx, Event{Actor: account.Address.Key(), Action: "login", Result: "ok", Detail: fmt.Sprintf("%s from %s by %s", l.Door, l.From, how)})
		}
		return account, nil
	case refuted(err):
		d.failed(ctx, l)
		return Account{}, fmt.Errorf("%w: %w", ErrBadCredentials, err)
	}
	return Account{}, err
}

// look looks at the proof and gives the verdict, also if a panic ends it.
func (d *Directory) look(ctx context.Context, prove proof, verdict verdict) (a Account, how string, err error) {
	wrong := true
	defer func() { verdict(wrong) }()
	p, err := prove(ctx)
	if err == nil {
		a, err = d.Account(ctx, p.account)
		a.pass = p.pass
	}
	wrong = refuted(err)
	return a, p.how, err
}

func refuted(err error) bool { return errors.Is(err, ErrBadCredentials) || isNotFound(err) }

// failed notes a failed login, as long as there are not too many. What was typed is noted only if it is an account's
// address: people type passwords there too.
func (d *Directory) failed(ctx context.Context, l Login) {
	before, ok := d.v.throttle.mayNote()
	if !ok {
		return
	}
	e := Event{Actor: "unknown", Action: "login", Result: "refused", Detail: fmt.Sprintf("%s from %s", l.Door, l.From)}
	if a, err := policy.ParseAddress(l.Address); err == nil {
		if known, err := d.Account(ctx, a); err == nil {
			e.Actor = known.Address.Key()
		}
	}
	if before > 0 {
		e.Detail += fmt.Sprintf("; %d more were not noted", before)
	}
	d.note(ctx, e)
}

// note records what must not keep a login from its answer.
func (d *Directory) note(ctx context.Context, e Event) {
	if err := d.v.Audit().Record(ctx, e); err != nil && ctx.Err() == nil {
		d.v.log.Error("a login is not in the audit", "result", e.Result, "err", err)
	}
}
