package seal

import (
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

// Key is a secret of 32 octets, made by NewKey, KeyFromBytes or Derive. Whatever prints it prints "redacted".
type Key struct {
	secret hidden[secret]
}

type secret struct {
	b    [keySize]byte
	macs sync.Pool // of *mac keyed with b
}

func newKey() *Key { return &Key{hide(new(secret))} }

// NewKey gives a random key.
func NewKey() *Key {
	k := newKey()
	rand.Read(k.secret().b[:]) // never fails, by its contract
	return k
}

// KeyFromBytes copies a key of 32 octets. ErrWrongKey if there are more or fewer.
func KeyFromBytes(b []byte) (*Key, error) {
	if len(b) != keySize {
		return nil, fmt.Errorf("%w: %d octets, not %d", ErrWrongKey, len(b), keySize)
	}
	k := newKey()
	copy(k.secret().b[:], b)
	return k, nil
}

// Bytes is the secret itself, to be wrapped and nothing else.
func (k *Key) Bytes() []byte { return append([]byte(nil), k.secret().b[:]...) }

// Wipe zeroes the key. It does not reach copies the runtime, a digest or a derived key made.
func (k *Key) Wipe() { clear(k.secret().b[:]) }

// Derive gives an independent key for one purpose: HKDF-Expand (RFC 5869 section 2.3) with SHA-256, with "sigill/1/" and
// the label as info. The key is random already, so there is nothing to extract first.
func (k *Key) Derive(label string) *Key {
	d := newKey()
	d.secret().b = k.derive(label)
	return d
}

// derive is HMAC (RFC 2104 section 2) of the info and the octet 1, to which HKDF-Expand comes down for one hash of output.
// crypto/hkdf takes longer for it than opening an index takes, nearly all of it for the memory.
func (k *Key) derive(label string) [keySize]byte {
	var room [2 * sha256.BlockSize]byte
	defer clear(room[:])
	inner := padded(room[:0], k, 0x36)
	inner = append(append(append(inner, "sigill/1/"...), label...), 1)
	sum := sha256.Sum256(inner)
	return sha256.Sum256(append(padded(room[:0], k, 0x5c), sum[:]...))
}

func padded(dst []byte, k *Key, pad byte) []byte {
	for _, b := range k.secret().b {
		dst = append(dst, b^pad)
	}
	for range sha256.BlockSize - keySize {
		dst = append(dst, pad)
	}
	return dst
}

// Check is a value that tells two keys apart and nothing of the key.
func (k *Key) Check() [8]byte {
	var out [8]byte
	d := k.Derive("check")
	copy(out[:], d.secret().b[:])
	return out
}

// Digest is a keyed hash to look things up by: HMAC-SHA256 over the label and the parts, each led by its length in eight
// octets, so that no two lists of parts give the same input. For use by many goroutines.
func (k *Key) Digest(label string, parts ...[]byte) [32]byte {
	s := k.secret()
	m, ok := s.macs.Get().(*mac)
	if !ok {
		m = &mac{Hash: hmac.New(sha256.New, s.b[:])}
	}
	defer s.macs.Put(m)
	m.Reset()
	m.length(len(label))
	m.scratch = append(m.scratch[:0], label...)
	m.Write(m.scratch)
	for _, p := range parts {
		m.length(len(p))
		m.Write(p)
	}
	m.scratch = m.Sum(m.scratch[:0])
	return [32]byte(m.scratch)
}

// mac is a keyed hash with room for what would escape to the heap on its way through an interface.
type mac struct {
	hash.Hash
	scratch []byte
}

func (m *mac) length(n int) {
	m.scratch = binary.BigEndian.AppendUint64(m.scratch[:0], uint64(n))
	m.Write(m.scratch)
}

// Format prints "redacted" whatever the verb is.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, "redacted") }

// LogValue is "redacted".
func (k Key) LogValue() slog.Value { return slog.StringValue("redacted") }
