package vault

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sigill/policy"
)

// Second is what an account has beside its password on the web: an app that shows codes, passkeys, or both, each of which
// will do. Recovery codes stand in for them, once each; the vault keeps keyed hashes of them.
type Second struct {
	// TOTP is when the app was set up; zero if there is none.
	TOTP time.Time
	// Passkeys are ordered by when they were made.
	Passkeys []Passkey
	// Recovery is how many recovery codes are left.
	Recovery int
	// Handle is the account's name to authenticators, of 32 octets that tell nothing of it.
	Handle []byte
}

const (
	recoveryCodes = 10
	recoverySize  = 15 // characters of base32: 75 bits
)

// Factors is how many there are.
func (s Second) Factors() int {
	if s.TOTP.IsZero() {
		return len(s.Passkeys)
	}
	return len(s.Passkeys) + 1
}

// Since is when the oldest of the factors was set up; zero if there is none.
func (s Second) Since() time.Time {
	since := s.TOTP
	for _, p := range s.Passkeys {
		if since.IsZero() || p.Created.Before(since) {
			since = p.Created
		}
	}
	return since
}

// Second tells of an account's second factor. ErrNotFound.
func (d *Directory) Second(ctx context.Context, account policy.Address) (Second, error) {
	rec, err := get[accountRecord](ctx, d.v, tAccount, account)
	return d.v.second(rec), err
}

func (v *Vault) second(rec accountRecord) Second {
	handle := v.lookup.Digest("passkey", []byte(rec.Address.Key()))
	s := Second{Recovery: len(*rec.codes()), Handle: handle[:]}
	if rec.TOTP != nil {
		s.TOTP = rec.TOTP.Since.time()
	}
	for _, p := range rec.Passkeys {
		s.Passkeys = append(s.Passkeys, p.passkey())
	}
	return s
}

// codes are the account's recovery codes; they were its app's before there were passkeys.
func (rec *accountRecord) codes() *[][]byte {
	if rec.TOTP != nil && len(rec.TOTP.Recovery) > 0 {
		app := *rec.TOTP
		rec.Recovery, app.Recovery = slices.Concat(rec.Recovery, app.Recovery), nil
		rec.TOTP = &app
	}
	return &rec.Recovery
}

func (rec *accountRecord) hasSecond() bool { return rec.TOTP != nil || len(rec.Passkeys) > 0 }

// keepsOne is the rule on what a person may take away.
func (rec *accountRecord) keepsOne() error {
	if !rec.hasSecond() {
		return ErrLastFactor
	}
	return nil
}

// addFactor adds one. With the first come recovery codes, told here once.
func (d *Directory) addFactor(ctx context.Context, account policy.Address, action, detail string, add func(*accountRecord) error) (recovery []string, err error) {
	event := Event{Actor: account.Key(), Action: action, Result: "ok", Detail: detail}
	err = d.changeSecond(ctx, account, event, func(rec *accountRecord) error {
		first := !rec.hasSecond()
		if err := add(rec); err != nil || !first {
			return err
		}
		recovery, rec.Recovery = d.v.newRecovery(account)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return recovery, nil
}

// NewRecovery makes recovery codes, told here once; those there were count no more. ErrNotFound, also if there is no second
// factor they could stand in for.
func (d *Directory) NewRecovery(ctx context.Context, account policy.Address) (recovery []string, err error) {
	event := Event{Actor: account.Key(), Action: "new recovery codes", Result: "ok"}
	err = d.changeSecond(ctx, account, event, func(rec *accountRecord) error {
		if !rec.hasSecond() {
			return ErrNotFound
		}
		codes := rec.codes()
		recovery, *codes = d.v.newRecovery(account)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return recovery, nil
}

func (v *Vault) newRecovery(account policy.Address) (told []string, kept [][]byte) {
	for range recoveryCodes {
		text := strings.ToLower(rand.Text()[:recoverySize])
		told, kept = append(told, grouped(text)), append(kept, v.recoveryHash(account, text))
	}
	return told, kept
}

func (v *Vault) recoveryHash(account policy.Address, code string) []byte {
	sum := v.lookup.Digest("recovery", []byte(account.Key()), []byte(code))
	return sum[:]
}

func (v *Vault) useRecovery(rec *accountRecord, account policy.Address, code string) error {
	codes, hash := rec.codes(), v.recoveryHash(account, code)
	used := slices.IndexFunc(*codes, func(h []byte) bool { return hmac.Equal(h, hash) })
	if used < 0 {
		return ErrBadCredentials
	}
	*codes = slices.Delete(*codes, used, used+1)
	return nil
}

// prove lets in whom check finds right. ErrBadCredentials; ErrTooManyTries, over all doors, addresses and factors, since only
// who has the password comes here.
func (d *Directory) prove(ctx context.Context, account policy.Address, from netip.Addr, how string, check func(*accountRecord) error) error {
	undo, err := d.v.throttle.beginCode(d.v.staffOwner(account))
	if err != nil {
		return err
	}
	err = d.changeSecond(ctx, account, Event{Actor: account.Key(), Action: "second factor", Result: "ok", Detail: how}, check)
	if errors.Is(err, ErrBadCredentials) {
		d.failed(ctx, Login{Address: account.String(), Door: DoorWeb, From: from})
		return err
	}
	undo()
	return err
}

// RemoveSecond takes all of the second factor away, for whoever has lost it and the recovery codes. ErrNotFound, also if
// there is none; ErrRoleHolder.
func (a *Administration) RemoveSecond(ctx context.Context, account policy.Address) error {
	return a.update(ctx, Administrator, func(t *tx) error {
		return t.changeSecond(account, a.event("remove second factor", account.Key()), func(rec *accountRecord) error {
			if err := errors.Join(notIf(rec.hasSecond()), a.mayChange(*rec)); err != nil {
				return err
			}
			rec.TOTP, rec.Passkeys, rec.Recovery = nil, nil, nil
			return nil
		})
	})
}

// changeSecond changes the record and notes it, or does neither.
func (d *Directory) changeSecond(ctx context.Context, account policy.Address, e Event, change func(*accountRecord) error) error {
	return d.v.update(ctx, func(t *tx) error { return t.changeSecond(account, e, change) })
}

func (t *tx) changeSecond(account policy.Address, e Event, change func(*accountRecord) error) error {
	o := t.v.staffOwner(account)
	rec, found, err := load[accountRecord](t, tAccount, o[:])
	if err != nil || !found {
		return errors.Join(err, notIf(found || err != nil))
	}
	if err := change(&rec); err != nil {
		return err
	}
	return errors.Join(save(t, tAccount, o[:], &rec), t.record(e))
}
