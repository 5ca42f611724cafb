package vault

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/crypto/argon2"

	"sigill/policy"
)

// argonMemory and argonTime are the parameters of Argon2id that OWASP's password storage cheat sheet gives, for one
// thread.
const (
	argonMemory = 19 << 10 // KiB
	argonTime   = 2
)

// passwords bounds how many passwords are checked at once, so that a flood of logins costs a known amount of memory.
type passwords struct {
	turns  chan struct{}
	memory uint32 // KiB
	// decoy is a hash no password has, to spend the same time on an address that does not exist.
	decoy func() string
}

func newPasswords(memory uint32) *passwords {
	p := &passwords{turns: make(chan struct{}, runtime.GOMAXPROCS(0)), memory: cmp.Or(memory, argonMemory)}
	p.decoy = sync.OnceValue(func() string { return p.hash(rand.Text()) })
	return p
}

// hash gives a PHC string: $argon2id$v=19$m=…,t=…,p=…$salt$sum.
func (p *passwords) hash(password string) string {
	salt := make([]byte, 16)
	rand.Read(salt)
	sum := argon2.IDKey([]byte(password), salt, argonTime, p.memory, 1, 32)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, p.memory, argonTime, b64(salt), b64(sum))
}

func checkPassword(phc, password string) bool {
	var version, memory, time, threads int
	fields := strings.Split(phc, "$")
	if len(fields) != 6 || fields[1] != "argon2id" {
		return false
	}
	_, err1 := fmt.Sscanf(fields[2], "v=%d", &version)
	_, err2 := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &memory, &time, &threads)
	salt, err3 := base64.RawStdEncoding.DecodeString(fields[4])
	want, err4 := base64.RawStdEncoding.DecodeString(fields[5])
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || version != argon2.Version {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, uint32(time), uint32(memory), uint8(threads), uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1
}

// PasswordChecker knows staff's passwords; *login.LDAP does. Whoever has no account here does not come in all the same.
type PasswordChecker interface {
	// Check gives ErrBadCredentials if the password is not this address's. Other errors are nobody's fault.
	Check(ctx context.Context, address policy.Address, password string) error
}

// checkAccount compares a password with an account's hash, which it gives if there is one here. It costs the same time whether the address or the password is wrong.
// As many checks as there are processors run at once; others wait their turn, or until ctx ends.
func (d *Directory) checkAccount(ctx context.Context, address, password string) (a policy.Address, hash string, err error) {
	if d.v.elsewhere != nil {
		a, err := policy.ParseAddress(address)
		if err != nil {
			return a, "", fmt.Errorf("%w: %w", ErrBadCredentials, err)
		}
		return a, "", d.v.elsewhere.Check(ctx, a, password)
	}
	select {
	case d.v.passwords.turns <- struct{}{}:
		defer func() { <-d.v.passwords.turns }()
	case <-ctx.Done():
		return a, "", ctx.Err()
	}
	rec := accountRecord{Password: d.v.passwords.decoy()}
	if a, err := policy.ParseAddress(address); err == nil {
		found, err := get[accountRecord](ctx, d.v, tAccount, a)
		switch {
		case err == nil:
			rec = found
		case !isNotFound(err):
			return a, "", err
		}
	}
	if !checkPassword(rec.Password, password) || rec.Address.IsZero() {
		return policy.Address{}, "", ErrBadCredentials
	}
	return rec.Address, rec.Password, nil
}
