package vault_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sigill/vault"
)

// atomicTime is a clock that stands where it is set.
type atomicTime struct{ at atomic.Int64 }

func (a *atomicTime) set(t time.Time) { a.at.Store(t.UnixNano()) }
func (a *atomicTime) now() time.Time  { return time.Unix(0, a.at.Load()) }

func TestSecondFactor(t *testing.T) {
	t.Parallel()
	var clock atomicTime
	clock.set(time.Now())
	h := newHouseWith(t, vault.Options{MailPasswords: true, Now: clock.now})
	d, ctx := h.Directory(), t.Context()
	check := func(code string) error { return d.CheckTOTP(ctx, anna, code, home) }
	bad := vault.ErrBadCredentials
	secret := vault.NewTOTPSecret()
	if _, err := d.SetTOTP(ctx, anna, secret, "000000x"); !errors.Is(err, bad) {
		t.Fatalf("set up without a code: %v", err)
	}
	if err := check("123456"); !errors.Is(err, bad) {
		t.Fatalf("an account without it: %v", err)
	}
	must(t, h.login(vault.DoorIMAP, anna, "secret anna"))
	now := clock.now()
	code := vault.CodeForTest(secret, now)
	recovery, err := d.SetTOTP(ctx, anna, secret, code[:3]+" "+code[3:])
	must(t, err)
	if len(recovery) != 10 || len(recovery[0]) != 17 {
		t.Fatalf("recovery codes: %q", recovery)
	}
	if err := check(code); !errors.Is(err, bad) {
		t.Errorf("the code that set it up counts again: %v", err)
	}
	if err := h.login(vault.DoorIMAP, anna, "secret anna"); !errors.Is(err, bad) {
		t.Errorf("a mail program gets in by the password alone: %v", err)
	}
	must(t, d.PutAccount(ctx, vault.Account{Address: anna, Name: "Anna"}, "secret anna")) // a new password leaves it
	h.restart()
	d = h.Directory()
	clock.set(now.Add(30 * time.Second))
	must(t, check(vault.CodeForTest(secret, clock.now())))
	must(t, check(strings.ToUpper(strings.ReplaceAll(recovery[3], "-", " "))))
	if err := check(recovery[3]); !errors.Is(err, bad) {
		t.Errorf("a recovery code counts twice: %v", err)
	}
	if got, err := d.Second(ctx, anna); err != nil || got.Recovery != 9 || !got.TOTP.Equal(now) {
		t.Errorf("%+v, %v", got, err)
	}
	must(t, h.Administration("root").RemoveSecond(ctx, anna))
	if err := h.Administration("root").RemoveSecond(ctx, anna); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	must(t, h.login(vault.DoorIMAP, anna, "secret anna"))
	if got := h.events("second factor"); len(got) != 2 {
		t.Errorf("audit: %q", got)
	}
}

// TestSecondFactorIsGuessed: ten codes, then one in five minutes, wherever they come from and however often the password
// was right in between.
func TestSecondFactorIsGuessed(t *testing.T) {
	t.Parallel()
	var clock atomicTime
	clock.set(time.Now())
	h := newHouseWith(t, vault.Options{Now: clock.now})
	secret := vault.NewTOTPSecret()
	_, err := h.Directory().SetTOTP(t.Context(), anna, secret, vault.CodeForTest(secret, clock.now()))
	must(t, err)
	looked := 0
	for range 20 {
		must(t, h.login(vault.DoorWeb, anna, "secret anna"))
		if err := h.Directory().CheckTOTP(t.Context(), anna, "x", home); errors.Is(err, vault.ErrBadCredentials) {
			looked++
		} else if !errors.Is(err, vault.ErrTooManyTries) {
			t.Fatal(err)
		}
	}
	if looked != 10 {
		t.Errorf("%d codes were looked at", looked)
	}
	clock.set(clock.now().Add(5 * time.Minute))
	must(t, h.Directory().CheckTOTP(t.Context(), anna, vault.CodeForTest(secret, clock.now()), home))
}
