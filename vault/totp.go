package vault

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sigill/policy"
)

// TOTP is an account's second factor for the web: codes of RFC 6238 from an app, of six digits by HMAC-SHA-1 and thirty
// seconds, which every app knows. The secret lies in the account's record, sealed like it. A code counts once, and half a
// minute early or late. Recovery codes are kept as keyed hashes; each counts once.
type TOTP struct {
	// Since is when it was set up; zero if it was not.
	Since time.Time
	// Recovery is how many recovery codes are left.
	Recovery int
}

const (
	totpStep      = 30 // seconds
	totpSecret    = 20 // octets, as RFC 4226 section 4 recommends
	totpDrift     = 1  // steps that clocks may differ (RFC 6238 section 5.2)
	recoveryCodes = 10
	recoverySize  = 15 // characters of base32: 75 bits
)

// NewTOTPSecret gives a secret for an account to be, for the app and for SetTOTP.
func NewTOTPSecret() []byte {
	secret := make([]byte, totpSecret)
	rand.Read(secret)
	return secret
}

// hotp is the value of RFC 4226 section 5.3, with six digits.
func hotp(secret []byte, counter uint64) string {
	mac := hmac.New(sha1.New, secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, counter))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1_000_000)
}

// stepOf gives the time step a code is of, if that is later than the last one that counted.
func stepOf(secret []byte, code string, now time.Time, last uint64) (step uint64, ok bool) {
	for s := uint64(now.Unix())/totpStep - totpDrift; s <= uint64(now.Unix())/totpStep+totpDrift; s++ {
		if subtle.ConstantTimeCompare([]byte(hotp(secret, s)), []byte(code)) == 1 && s > last {
			step, ok = s, true
		}
	}
	return step, ok
}

// TOTP tells of an account's second factor. ErrNotFound.
func (d *Directory) TOTP(ctx context.Context, account policy.Address) (TOTP, error) {
	rec, err := get[accountRecord](ctx, d.v, tAccount, account)
	return rec.second(), err
}

func (rec accountRecord) second() TOTP {
	if rec.TOTP == nil {
		return TOTP{}
	}
	return TOTP{Since: rec.TOTP.Since.time(), Recovery: len(rec.TOTP.Recovery)}
}

// SetTOTP sets the second factor up, once a code shows that the app has the secret, and gives the recovery codes, here
// once. What was set up before counts no more. ErrBadCredentials if the code is not the secret's now. ErrNotFound.
func (d *Directory) SetTOTP(ctx context.Context, account policy.Address, secret []byte, code string) (recovery []string, err error) {
	step, ok := stepOf(secret, plainCode(code), d.v.now(), 0)
	if !ok {
		return nil, ErrBadCredentials
	}
	made := &totpRecord{Secret: secret, Since: instantOf(d.v.now()), Last: step}
	for range recoveryCodes {
		text := strings.ToLower(rand.Text()[:recoverySize])
		recovery = append(recovery, grouped(text))
		made.Recovery = append(made.Recovery, d.v.recoveryHash(account, text))
	}
	event := Event{Actor: account.Key(), Action: "set up second factor", Result: "ok"}
	return recovery, d.changeTOTP(ctx, account, event, func(*totpRecord) (*totpRecord, error) { return made, nil })
}

// CheckTOTP lets in who has a code of the app, or a recovery code. ErrBadCredentials; ErrTooManyTries, over all doors and
// addresses, since only who has the password comes here.
func (d *Directory) CheckTOTP(ctx context.Context, account policy.Address, code string, from netip.Addr) error {
	undo, err := d.v.throttle.beginCode(d.v.staffOwner(account))
	if err != nil {
		return err
	}
	code = plainCode(code)
	event := Event{Actor: account.Key(), Action: "second factor", Result: "ok", Detail: "code"}
	err = d.changeTOTP(ctx, account, event, func(old *totpRecord) (*totpRecord, error) {
		if old == nil {
			return nil, ErrBadCredentials
		}
		if step, ok := stepOf(old.Secret, code, d.v.now(), old.Last); ok {
			old.Last = step
			return old, nil
		}
		used := slices.IndexFunc(old.Recovery, func(h []byte) bool { return hmac.Equal(h, d.v.recoveryHash(account, code)) })
		if used < 0 {
			return nil, ErrBadCredentials
		}
		old.Recovery = slices.Delete(old.Recovery, used, used+1)
		return old, nil
	})
	switch {
	case err == nil:
		undo()
	case errors.Is(err, ErrBadCredentials):
		d.failed(ctx, Login{Address: account.String(), Door: DoorWeb, From: from})
	default:
		undo()
	}
	return err
}

// RemoveTOTP takes the second factor away, for whoever has lost app and recovery codes. ErrNotFound, also if there is none;
// ErrRoleHolder.
func (a *Administration) RemoveTOTP(ctx context.Context, account policy.Address) error {
	return a.update(ctx, Administrator, func(t *tx) error {
		return t.changeTOTP(account, a.event("remove second factor", account.Key()), func(rec accountRecord) (*totpRecord, error) {
			return nil, errors.Join(notIf(rec.TOTP != nil), a.mayChange(rec))
		})
	})
}

// changeTOTP changes the record and notes it, or does neither.
func (d *Directory) changeTOTP(ctx context.Context, account policy.Address, e Event, change func(old *totpRecord) (*totpRecord, error)) error {
	return d.v.update(ctx, func(t *tx) error {
		return t.changeTOTP(account, e, func(rec accountRecord) (*totpRecord, error) { return change(rec.TOTP) })
	})
}

func (t *tx) changeTOTP(account policy.Address, e Event, change func(accountRecord) (*totpRecord, error)) error {
	o := t.v.staffOwner(account)
	rec, found, err := load[accountRecord](t, tAccount, o[:])
	if err != nil || !found {
		return errors.Join(err, notIf(found || err != nil))
	}
	if rec.TOTP, err = change(rec); err != nil {
		return err
	}
	return errors.Join(save(t, tAccount, o[:], &rec), t.record(e))
}

func (v *Vault) recoveryHash(account policy.Address, code string) []byte {
	sum := v.lookup.Digest("recovery", []byte(account.Key()), []byte(code))
	return sum[:]
}

// plainCode is a code without what people put between its groups.
func plainCode(s string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u00a0' {
			return -1
		}
		return r
	}, s))
}
