package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sigill/policy"
)

// Passkey is the public half of a key pair in somebody's authenticator: a phone, a computer, a security key (WebAuthn level
// 3). Whether a signature is good is judged by whoever speaks WebAuthn; the vault keeps the keys, counts the tries, and
// holds the authenticator's counter against the last it saw.
type Passkey struct {
	// ID names the passkey for its life.
	ID      string
	Name    string
	Created time.Time
	// Used is when it last let its owner in; zero if it has not.
	Used time.Time
	Credential
}

// Credential is a passkey as its authenticator tells it.
type Credential struct {
	// CredentialID is the authenticator's name of the key.
	CredentialID []byte
	// PublicKey is a COSE_Key (RFC 9052 section 7).
	PublicKey []byte
	// Count is the signature counter; always 0 where the authenticator has none.
	Count uint32
	// Synced tells that the key may be copied among its owner's devices, which it says once and for all.
	Synced bool
}

const (
	maxPasskeys    = 20 // of one account
	maxPasskeyName = 64 // characters
)

// AddPasskey adds a passkey that was just made. With the first factor come recovery codes. ErrNotFound, ErrPasskeyName,
// ErrTooManyPasskeys; ErrBadCredentials if the account has it already.
func (d *Directory) AddPasskey(ctx context.Context, account policy.Address, name string, c Credential) (recovery []string, err error) {
	name = strings.TrimSpace(name)
	if n := utf8.RuneCountInString(name); n == 0 || n > maxPasskeyName || strings.ContainsFunc(name, unprintable) {
		return nil, ErrPasskeyName
	}
	rec := passkeyRecord{Credential: c.CredentialID, Key: c.PublicKey, Name: name, Created: instantOf(d.v.now()), Count: c.Count, Synced: c.Synced}
	return d.addFactor(ctx, account, "set up second factor", "passkey "+rec.id(), func(a *accountRecord) error {
		if a.passkey(c.CredentialID) >= 0 {
			return ErrBadCredentials
		}
		if len(a.Passkeys) >= maxPasskeys {
			return ErrTooManyPasskeys
		}
		a.Passkeys = append(a.Passkeys, rec)
		return nil
	})
}

// CheckPasskey lets in who has one of the account's passkeys. verify judges what the authenticator sent and tells which
// passkey signed, and the counter; an error of its counts as a wrong try. ErrBadCredentials, also if the counter did not
// rise, since the key has been copied then (WebAuthn level 3 section 6.1.1); ErrTooManyTries.
func (d *Directory) CheckPasskey(ctx context.Context, account policy.Address, from netip.Addr, verify func(Second) (credential []byte, count uint32, err error)) error {
	var copied string
	err := d.prove(ctx, account, from, "passkey", func(rec *accountRecord) error {
		copied = ""
		id, count, err := verify(d.v.second(*rec))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrBadCredentials, err)
		}
		i := rec.passkey(id)
		if i < 0 {
			return ErrBadCredentials
		}
		p := &rec.Passkeys[i]
		if count <= p.Count && (count > 0 || p.Count > 0) {
			copied = p.id()
			return ErrBadCredentials
		}
		p.Count, p.Used = count, instantOf(d.v.now())
		return nil
	})
	if copied != "" {
		detail := "passkey " + copied + ": its counter did not rise, it may have been copied"
		d.note(ctx, Event{Actor: account.Key(), Action: "second factor", Result: "refused", Detail: detail})
	}
	return err
}

// RemovePasskey takes one away, for its owner. ErrNotFound, ErrLastFactor.
func (d *Directory) RemovePasskey(ctx context.Context, account policy.Address, id string) error {
	event := Event{Actor: account.Key(), Action: "remove second factor", Result: "ok", Detail: "passkey " + id}
	return d.changeSecond(ctx, account, event, func(rec *accountRecord) error {
		i := slices.IndexFunc(rec.Passkeys, func(p passkeyRecord) bool { return p.id() == id })
		if i < 0 {
			return ErrNotFound
		}
		rec.Passkeys = slices.Delete(rec.Passkeys, i, i+1)
		return rec.keepsOne()
	})
}

func (rec *accountRecord) passkey(credential []byte) int {
	return slices.IndexFunc(rec.Passkeys, func(p passkeyRecord) bool { return bytes.Equal(p.Credential, credential) })
}

func (p passkeyRecord) id() string {
	sum := sha256.Sum256(p.Credential)
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

func (p passkeyRecord) passkey() Passkey {
	return Passkey{
		ID: p.id(), Name: p.Name, Created: p.Created.time(), Used: p.Used.time(),
		Credential: Credential{CredentialID: p.Credential, PublicKey: p.Key, Count: p.Count, Synced: p.Synced},
	}
}
