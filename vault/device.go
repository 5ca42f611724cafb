package vault

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sigill/policy"
	"sigill/vault/internal/kv"
)

// Device is a password that was made for one mail program. It opens submission and IMAP, and never the web, where one
// could make more of them.
//
// The password is 130 random bits, so nobody finds it by trying, however fast a try is: what the vault keeps is a keyed
// hash (HMAC-SHA256), which also finds the record. Argon2 makes tries slow where there are few to make; here it would
// only cost 19 MiB at each of the many connections a mail program opens.
type Device struct {
	// ID names the device for its life and is no secret.
	ID      string
	Name    string
	Created time.Time
	// Used is when it last opened a door, to the hour; zero if it has not.
	Used time.Time
}

const (
	maxDevices    = 50 // of one account
	maxDeviceName = 64 // characters
	// secretSize is the length of crypto/rand.Text: base32, at least 128 bits.
	secretSize = 26
	// usedEvery is how exact Device.Used is: a commit for each of a program's connections would be too much.
	usedEvery = time.Hour
)

// AddDevice makes a device password. It is told here once, in groups that people can copy by hand. by is who asked for
// it; zero for an administrator. ErrNotFound, ErrDeviceName, ErrTooManyDevices.
func (d *Directory) AddDevice(ctx context.Context, account policy.Address, name string, by policy.Address) (Device, string, error) {
	name = strings.TrimSpace(name)
	if n := utf8.RuneCountInString(name); n == 0 || n > maxDeviceName || strings.ContainsFunc(name, unprintable) {
		return Device{}, "", ErrDeviceName
	}
	secret := strings.ToLower(rand.Text()[:secretSize])
	key := d.v.deviceKey(account, secret)
	var rec deviceRecord
	err := d.v.update(ctx, func(t *tx) error {
		o := d.v.staffOwner(account)
		owner, found, err := load[accountRecord](t, tAccount, o[:])
		if err != nil || !found {
			return errors.Join(err, ErrNotFound)
		}
		all, err := t.devices(account)
		if err != nil {
			return err
		}
		if len(all) >= maxDevices {
			return ErrTooManyDevices
		}
		rec = deviceRecord{Account: owner.Address, Name: name, Created: instantOf(t.v.now())}
		return errors.Join(save(t, tDevice, key, &rec), t.record(deviceEvent("add device", by, account, key)))
	})
	if err != nil {
		return Device{}, "", err
	}
	return rec.device(key), grouped(secret), nil
}

// Devices are an account's, the oldest first.
func (d *Directory) Devices(ctx context.Context, account policy.Address) (out []Device, err error) {
	err = d.v.view(ctx, func(t *tx) (err error) {
		out, err = t.devices(account)
		return err
	})
	return out, err
}

// RevokeDevice ends a device password: no login with it succeeds after RevokeDevice returns, and readers of those that did
// find nothing more and nothing is sent by them. ErrNotFound.
func (d *Directory) RevokeDevice(ctx context.Context, account policy.Address, id string, by policy.Address) error {
	return d.v.update(ctx, func(t *tx) error { return t.revokeDevice(account, id, by) })
}

// RevokeDevice is that of [Directory], of anybody's.
func (a *Administration) RevokeDevice(ctx context.Context, account policy.Address, id string) error {
	return a.update(ctx, Administrator, func(t *tx) error { return t.revokeDevice(account, id, a.account) })
}

func (t *tx) revokeDevice(account policy.Address, id string, by policy.Address) error {
	o := t.v.staffOwner(account)
	for k := range t.r.Range(tDevice, kv.Prefix(o[:])) {
		if deviceID(k) == id {
			key := bytes.Clone(k)
			return errors.Join(t.w.Delete(tDevice, key), t.record(deviceEvent("revoke device", by, account, key)))
		}
	}
	return ErrNotFound
}

func (t *tx) devices(account policy.Address) (out []Device, err error) {
	o := t.v.staffOwner(account)
	for k, sealed := range t.r.Range(tDevice, kv.Prefix(o[:])) {
		rec, err := open[deviceRecord](t, tDevice, k, sealed)
		if err != nil {
			return nil, err
		}
		out = append(out, rec.device(k))
	}
	sortDevices(out)
	return out, nil
}

// checkDevice tells whose device password this is, and notes that it was used.
func (d *Directory) checkDevice(ctx context.Context, address, password string) (proved, error) {
	a, err := policy.ParseAddress(address)
	secret, ok := ungrouped(password)
	if err != nil || !ok {
		return proved{}, ErrBadCredentials
	}
	key, now := d.v.deviceKey(a, secret), d.v.now()
	var rec deviceRecord
	err = d.v.view(ctx, func(t *tx) (err error) {
		rec, err = t.device(key)
		return err
	})
	if err != nil || now.Sub(rec.Used.time()) < usedEvery {
		return rec.opens(key), err
	}
	err = d.v.update(ctx, func(t *tx) (err error) {
		if rec, err = t.device(key); err != nil { // revoked since
			return err
		}
		rec.Used = instantOf(now)
		return save(t, tDevice, key, &rec)
	})
	if errors.Is(err, ErrFull) {
		d.v.log.Warn("when a device was used is not noted", "err", err)
		err = nil // reading is what makes room
	}
	return rec.opens(key), err
}

func (rec deviceRecord) opens(key []byte) proved {
	return proved{account: rec.Account, how: "device " + deviceID(key), pass: pass{device: string(key)}}
}

func (t *tx) device(key []byte) (deviceRecord, error) {
	rec, found, err := load[deviceRecord](t, tDevice, key)
	if err == nil && !found {
		err = ErrBadCredentials
	}
	return rec, err
}

func (v *Vault) deviceKey(account policy.Address, secret string) []byte {
	o, sum := v.staffOwner(account), v.lookup.Digest("device", []byte(secret))
	return join(o[:], sum[:])
}

// deviceID is a part of the digest, which tells nothing of the password.
func deviceID(key []byte) string {
	return strings.ToLower(base32.StdEncoding.EncodeToString(key[32:42]))
}

func (rec deviceRecord) device(key []byte) Device {
	return Device{ID: deviceID(key), Name: rec.Name, Created: rec.Created.time(), Used: rec.Used.time()}
}

func deviceEvent(action string, by, account policy.Address, key []byte) Event {
	e := Event{Actor: system, Action: action, Result: "ok", Detail: deviceID(key) + " of " + account.Key()}
	if !by.IsZero() {
		e.Actor = by.Key()
	}
	return e
}

func sortDevices(all []Device) {
	slices.SortFunc(all, func(a, b Device) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// grouped parts a secret by hyphens, which mean nothing.
func grouped(secret string) string {
	var groups []string
	for group := range slices.Chunk([]byte(secret), 5) {
		groups = append(groups, string(group))
	}
	return strings.Join(groups, "-")
}

// ungrouped is the secret as it was made, if it can be one: hyphens, blanks and case are the typist's.
func ungrouped(password string) (secret string, ok bool) {
	secret = strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(password))
	return secret, len(secret) == secretSize
}
