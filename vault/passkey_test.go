package vault_test

import (
	"errors"
	"testing"
	"time"

	"sigill/vault"
)

// signed is the verdict that a passkey has signed.
func signed(id string, count uint32) func(vault.Second) ([]byte, uint32, error) {
	return func(vault.Second) ([]byte, uint32, error) { return []byte(id), count, nil }
}

func TestPasskeys(t *testing.T) {
	t.Parallel()
	var clock atomicTime
	clock.set(time.Now())
	h := newHouseWith(t, vault.Options{MailPasswords: true, Now: clock.now})
	d, ctx := h.Directory(), t.Context()
	add := func(id, name string) ([]string, error) {
		return d.AddPasskey(ctx, anna, name, vault.Credential{CredentialID: []byte(id), PublicKey: []byte("COSE"), Count: 5, Synced: true})
	}
	recovery, err := add("one", " Phone ")
	must(t, err)
	if len(recovery) != 10 {
		t.Fatalf("recovery codes: %q", recovery)
	}
	if err := h.login(vault.DoorIMAP, anna, "secret anna"); !errors.Is(err, vault.ErrBadCredentials) {
		t.Errorf("a mail program gets in by the password alone: %v", err)
	}
	must(t, d.PutAccount(ctx, vault.Account{Address: anna, Name: "Anna"}, "secret anna")) // a new password leaves them
	h.restart()
	d = h.Directory()
	if more, err := add("two", "Key"); err != nil || more != nil {
		t.Fatalf("a second one: %q, %v", more, err)
	}
	got, err := d.Second(ctx, anna)
	if must(t, err); got.Factors() != 2 || got.Recovery != 10 || got.Passkeys[0].Name != "Phone" || !got.Passkeys[0].Synced || len(got.Handle) != 32 {
		t.Fatalf("%+v", got)
	}
	for _, row := range []struct {
		why    string
		verify func(vault.Second) ([]byte, uint32, error)
		want   error
	}{
		{"the counter has risen", signed("one", 6), nil},
		{"the same counter again: a copy", signed("one", 6), vault.ErrBadCredentials},
		{"an earlier one: a copy", signed("one", 0), vault.ErrBadCredentials},
		{"a passkey of nobody's", signed("three", 9), vault.ErrBadCredentials},
		{"a bad signature", func(vault.Second) ([]byte, uint32, error) { return []byte("one"), 9, errors.New("bad") }, vault.ErrBadCredentials},
		{"the other one", signed("two", 6), nil},
	} {
		if err := d.CheckPasskey(ctx, anna, home, row.verify); !errors.Is(err, row.want) {
			t.Errorf("%s: %v", row.why, err)
		}
	}
	if _, err := add("one", "Again"); !errors.Is(err, vault.ErrBadCredentials) {
		t.Errorf("the same twice: %v", err)
	}
	if _, err := add("four", "\n"); !errors.Is(err, vault.ErrPasskeyName) {
		t.Errorf("no name: %v", err)
	}
	secret := vault.NewTOTPSecret()
	if more, err := d.SetTOTP(ctx, anna, secret, vault.CodeForTest(secret, clock.now())); err != nil || more != nil {
		t.Fatalf("an app beside them: %q, %v", more, err)
	}
	must(t, d.RemoveTOTP(ctx, anna))
	if err := d.RemoveTOTP(ctx, anna); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	must(t, d.RemovePasskey(ctx, anna, got.Passkeys[0].ID))
	if err := d.RemovePasskey(ctx, anna, got.Passkeys[0].ID); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	if err := d.RemovePasskey(ctx, anna, got.Passkeys[1].ID); !errors.Is(err, vault.ErrLastFactor) {
		t.Errorf("the last one: %v", err)
	}
	must(t, d.CheckTOTP(ctx, anna, recovery[0], home))
	made, err := d.NewRecovery(ctx, anna)
	must(t, err)
	if err := d.CheckTOTP(ctx, anna, recovery[1], home); !errors.Is(err, vault.ErrBadCredentials) {
		t.Errorf("an old recovery code: %v", err)
	}
	must(t, d.CheckTOTP(ctx, anna, made[0], home))
	must(t, h.Administration("root").RemoveSecond(ctx, anna))
	if got, err = d.Second(ctx, anna); err != nil || got.Factors() != 0 || got.Recovery != 0 {
		t.Errorf("after all: %+v, %v", got, err)
	}
	if _, err := d.NewRecovery(ctx, anna); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("recovery codes for nothing: %v", err)
	}
	must(t, h.login(vault.DoorIMAP, anna, "secret anna"))
}

// TestPasskeysAreGuessed: wrong passkeys and wrong codes are in one lock.
func TestPasskeysAreGuessed(t *testing.T) {
	t.Parallel()
	h := newHouseWith(t, vault.Options{})
	d, ctx := h.Directory(), t.Context()
	_, err := d.AddPasskey(ctx, anna, "Phone", vault.Credential{CredentialID: []byte("one")})
	must(t, err)
	for range 5 {
		if err := d.CheckPasskey(ctx, anna, home, signed("two", 0)); !errors.Is(err, vault.ErrBadCredentials) {
			t.Fatal(err)
		}
		if err := d.CheckTOTP(ctx, anna, "x", home); !errors.Is(err, vault.ErrBadCredentials) {
			t.Fatal(err)
		}
	}
	if err := d.CheckPasskey(ctx, anna, home, signed("one", 0)); !errors.Is(err, vault.ErrTooManyTries) {
		t.Errorf("the eleventh: %v", err)
	}
}
