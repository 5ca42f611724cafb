package seal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"sync"
)

var (
	// ErrDamaged means that sealed octets are not what was sealed under this key in this place.
	ErrDamaged = errors.New("seal: damaged")
	// ErrWrongKey means that a key is not one at all, or not the one that was asked for.
	ErrWrongKey = errors.New("seal: wrong key")
)

// ID names a sealed stream.
type ID [16]byte

const keySize = 32

// Key is a secret of 32 octets. Whatever prints it prints "redacted".
type Key struct {
	b    [keySize]byte
	macs sync.Pool // of hash.Hash keyed with b
}

// NewKey gives a random key.
func NewKey() *Key {
	k := new(Key)
	rand.Read(k.b[:]) // never fails, by its contract
	return k
}

// KeyFromBytes copies a key of 32 octets. ErrWrongKey if there are more or fewer.
func KeyFromBytes(b []byte) (*Key, error) {
	if len(b) != keySize {
		return nil, fmt.Errorf("%w: %d octets, not %d", ErrWrongKey, len(b), keySize)
	}
	k := new(Key)
	copy(k.b[:], b)
	return k, nil
}

// Bytes is the secret itself, to be wrapped and nothing else.
func (k *Key) Bytes() []byte { return append([]byte(nil), k.b[:]...) }

// Wipe zeroes the key. It does not reach copies the runtime or a derived key made.
func (k *Key) Wipe() { clear(k.b[:]) }

// Derive gives an independent key for one purpose: HKDF-SHA256 (RFC 5869) without salt, with "sigill/1/" and the label
// as info.
func (k *Key) Derive(label string) *Key {
	b, err := hkdf.Expand(sha256.New, k.b[:], "sigill/1/"+label, keySize)
	if err != nil {
		panic(err) // only for more than 255 hashes of output
	}
	d := new(Key)
	copy(d.b[:], b)
	clear(b)
	return d
}

// Check is a value that tells two keys apart and nothing of the key.
func (k *Key) Check() [8]byte {
	var out [8]byte
	d := k.Derive("check")
	copy(out[:], d.b[:])
	return out
}

// Digest is a keyed hash to look things up by: HMAC-SHA256 over the label and the parts, each led by its length in eight
// octets, so that no two lists of parts give the same input. For use by many goroutines.
func (k *Key) Digest(label string, parts ...[]byte) (sum [32]byte) {
	mac, ok := k.macs.Get().(hash.Hash)
	if !ok {
		mac = hmac.New(sha256.New, k.b[:])
	}
	defer k.macs.Put(mac)
	mac.Reset()
	var size [8]byte
	write := func(p []byte) {
		binary.BigEndian.PutUint64(size[:], uint64(len(p)))
		mac.Write(size[:])
		mac.Write(p)
	}
	write([]byte(label))
	for _, p := range parts {
		write(p)
	}
	mac.Sum(sum[:0])
	return sum
}

// Format prints "redacted" whatever the verb is.
func (k *Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, "redacted") }

// LogValue is "redacted".
func (k *Key) LogValue() slog.Value { return slog.StringValue("redacted") }
