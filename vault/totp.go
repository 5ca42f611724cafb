package vault

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"sigill/policy"
)

// The codes of RFC 6238 are from an app, of six digits by HMAC-SHA-1 and thirty seconds, which every app knows. The secret
// lies in the account's record, sealed like it. A code counts once, and half a minute early or late.

const (
	totpStep   = 30 // seconds
	totpSecret = 20 // octets, as RFC 4226 section 4 recommends
	totpDrift  = 1  // steps that clocks may differ (RFC 6238 section 5.2)
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

// SetTOTP sets an app up, once a code shows that it has the secret. An app that was set up before counts no more.
// ErrBadCredentials if the code is not the secret's now. ErrNotFound.
func (d *Directory) SetTOTP(ctx context.Context, account policy.Address, secret []byte, code string) (recovery []string, err error) {
	step, ok := stepOf(secret, plainCode(code), d.v.now(), 0)
	if !ok {
		return nil, ErrBadCredentials
	}
	made := &totpRecord{Secret: secret, Since: instantOf(d.v.now()), Last: step}
	return d.addFactor(ctx, account, "set up second factor", "code", func(rec *accountRecord) error {
		rec.codes() // those of the old record's are the account's
		rec.TOTP = made
		return nil
	})
}

// CheckTOTP lets in who has a code of the app, or a recovery code. ErrBadCredentials, ErrTooManyTries.
func (d *Directory) CheckTOTP(ctx context.Context, account policy.Address, code string, from netip.Addr) error {
	code = plainCode(code)
	return d.prove(ctx, account, from, "code", func(rec *accountRecord) error {
		if rec.TOTP != nil {
			if step, ok := stepOf(rec.TOTP.Secret, code, d.v.now(), rec.TOTP.Last); ok {
				rec.TOTP.Last = step
				return nil
			}
		}
		return d.v.useRecovery(rec, account, code)
	})
}

// RemoveTOTP takes the app away, for its owner. ErrNotFound, ErrLastFactor.
func (d *Directory) RemoveTOTP(ctx context.Context, account policy.Address) error {
	event := Event{Actor: account.Key(), Action: "remove second factor", Result: "ok", Detail: "code"}
	return d.changeSecond(ctx, account, event, func(rec *accountRecord) error {
		if rec.TOTP == nil {
			return ErrNotFound
		}
		rec.codes()
		rec.TOTP = nil
		return rec.keepsOne()
	})
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
