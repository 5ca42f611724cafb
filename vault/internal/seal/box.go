package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"sync/atomic"
)

// algXAES256GCM is the algorithm id that begins a sealed record: XAES-256-GCM. No other is defined.
const algXAES256GCM = 1

const (
	nonceSize  = 24
	halfSize   = nonceSize / 2
	recordHead = 1 + nonceSize // algorithm id and nonce
)

// BoxOverhead is how many octets a sealed record is longer than the record.
const BoxOverhead = recordHead + tagSize

// maxShared is how many records share the first half of a nonce, and so the key made of it, which costs more than all
// else of a small record. The second half is random for each: that two of one key have the same has a chance of 2^-73,
// and of 2^-45 in all of a vault of 2^40 records.
const maxShared = 4096

// Box seals records under one key: algorithm id, nonce, then what AES-256-GCM gives. There is no practical limit to their
// number. For use by many goroutines.
type Box struct {
	keys hidden[boxKeys]
}

type boxKeys struct {
	cmac
	sealing, opened atomic.Pointer[subkey] // opened is the last one that was not sealing; records lie by age
}

// cmac is what CMAC of one block needs (NIST SP 800-38B section 6.1).
type cmac struct {
	block cipher.Block
	k1    [aes.BlockSize]byte
}

// subkey is the AES-256-GCM of all nonces with one first half.
type subkey struct {
	half [halfSize]byte
	aead cipher.AEAD
	used atomic.Uint32 // records sealed
}

// NewBox gives the box of a key that is used for nothing else.
func NewBox(k *Key) *Box {
	keys := &boxKeys{cmac: newCMAC(k.secret().b[:])}
	return &Box{hide(keys)}
}

// OpenOnly opens the one record that is sealed in the box of the key this one derives to.
func (k *Key) OpenOnly(label string, dst, sealed, aad []byte) ([]byte, error) {
	derived := k.derive(label)
	mac := newCMAC(derived[:])
	clear(derived[:])
	if !wellFormed(sealed) {
		return nil, ErrDamaged
	}
	return open(mac.derive(halfOf(sealed)), dst, sealed, aad)
}

func newCMAC(key []byte) cmac {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only for a wrong key size
	}
	c := cmac{block: block}
	k1 := &c.k1
	block.Encrypt(k1[:], k1[:])
	var carry byte
	for i := len(k1) - 1; i >= 0; i-- {
		carry, k1[i] = k1[i]>>7, k1[i]<<1|carry
	}
	k1[len(k1)-1] ^= byte(subtle.ConstantTimeSelect(int(carry), 0x87, 0))
	return c
}

// derive gives the key of a nonce's first half; the second half is its nonce. It is the key derivation of C2SP's
// XAES-256-GCM: two blocks of CMAC in counter mode (NIST SP 800-108).
func (c *cmac) derive(half []byte) cipher.AEAD {
	var key [2 * aes.BlockSize]byte
	for i := range 2 {
		block := key[i*aes.BlockSize:][:aes.BlockSize]
		block[1], block[2] = byte(i+1), 'X'
		copy(block[4:], half)
		subtle.XORBytes(block, block, c.k1[:])
		c.block.Encrypt(block, block)
	}
	return newGCM(key[:])
}

func (k *boxKeys) subkey(half []byte) *subkey {
	return &subkey{half: [halfSize]byte(half), aead: k.derive(half)}
}

// toSeal gives the key the next record is sealed under.
func (k *boxKeys) toSeal() *subkey {
	if s := k.sealing.Load(); s != nil && s.used.Add(1) <= maxShared {
		return s
	}
	var half [halfSize]byte
	rand.Read(half[:])
	s := k.subkey(half[:])
	s.used.Store(1)
	k.sealing.Store(s)
	return s
}

// toOpen gives the key of a record.
func (k *boxKeys) toOpen(half []byte) *subkey {
	for _, s := range []*subkey{k.sealing.Load(), k.opened.Load()} {
		if s != nil && bytes.Equal(s.half[:], half) {
			return s
		}
	}
	s := k.subkey(half)
	k.opened.Store(s)
	return s
}

// Seal appends a sealed record, bound to aad, to dst, which must not overlap plain.
func (b *Box) Seal(dst, plain, aad []byte) []byte {
	s := b.keys().toSeal()
	dst = append(append(dst, algXAES256GCM), s.half[:]...)
	dst = append(dst, make([]byte, halfSize)...)
	nonce := dst[len(dst)-halfSize:]
	rand.Read(nonce) // never fails, by its contract
	return s.aead.Seal(dst, nonce, plain, aad)
}

// Open appends the record to dst, which must not overlap sealed. ErrDamaged if it was not sealed in this box with this aad.
func (b *Box) Open(dst, sealed, aad []byte) ([]byte, error) {
	if !wellFormed(sealed) {
		return nil, ErrDamaged
	}
	return open(b.keys().toOpen(halfOf(sealed)).aead, dst, sealed, aad)
}

func wellFormed(sealed []byte) bool { return len(sealed) >= BoxOverhead && sealed[0] == algXAES256GCM }

// halfOf is the half of the nonce that a record's key is made of.
func halfOf(sealed []byte) []byte { return sealed[1:][:halfSize] }

func open(aead cipher.AEAD, dst, sealed, aad []byte) ([]byte, error) {
	plain, err := aead.Open(dst, sealed[1+halfSize:recordHead], sealed[recordHead:], aad)
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}

// Wrap seals a stream's content key in a box that holds content keys only.
func Wrap(box *Box, content *Key, id ID) []byte {
	return box.Seal(nil, content.secret().b[:], id[:])
}

// Unwrap opens what Wrap sealed for that stream. ErrDamaged.
func Unwrap(box *Box, wrapped []byte, id ID) (*Key, error) {
	k := newKey()
	if err := k.Unwrap(box, wrapped, id[:]); err != nil {
		return nil, err
	}
	return k, nil
}

// Unwrap makes k the key that Wrap sealed for that stream, for who opens many and holds one at a time. No digest may have
// been made with k. After ErrDamaged it is no key.
func (k *Key) Unwrap(box *Box, wrapped, id []byte) error {
	k.Wipe()
	if len(wrapped) != keySize+BoxOverhead {
		return ErrDamaged
	}
	_, err := box.Open(k.secret().b[:0], wrapped, id)
	return err
}
