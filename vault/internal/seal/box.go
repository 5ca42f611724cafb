package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
)

// algXAES256GCM is the algorithm id that begins a sealed record: XAES-256-GCM. No other is defined.
const algXAES256GCM = 1

const (
	nonceSize  = 24
	recordHead = 1 + nonceSize // algorithm id and nonce
)

// BoxOverhead is how many octets a sealed record is longer than the record.
const BoxOverhead = recordHead + tagSize

// Box seals records under one key: algorithm id, random nonce, then what AES-256-GCM gives. There is no practical limit
// to their number. For use by many goroutines.
type Box struct {
	cmac hidden[cmac]
}

// cmac is what CMAC of one block needs (NIST SP 800-38B section 6.1).
type cmac struct {
	block cipher.Block
	k1    [aes.BlockSize]byte
}

// NewBox gives the box of a key that is used for nothing else.
func NewBox(k *Key) *Box {
	block, err := aes.NewCipher(k.secret().b[:])
	if err != nil {
		panic(err) // only for a wrong key size
	}
	c := &cmac{block: block}
	block.Encrypt(c.k1[:], c.k1[:])
	var carry byte
	for i := len(c.k1) - 1; i >= 0; i-- {
		carry, c.k1[i] = c.k1[i]>>7, c.k1[i]<<1|carry
	}
	c.k1[len(c.k1)-1] ^= byte(subtle.ConstantTimeSelect(int(carry), 0x87, 0))
	return &Box{hide(c)}
}

// aead is the AES-256-GCM of one nonce's first half; the second half is its nonce. It is the key derivation of C2SP's
// XAES-256-GCM: two blocks of CMAC in counter mode (NIST SP 800-108).
func (b *Box) aead(nonce []byte) cipher.AEAD {
	c := b.cmac()
	var key [2 * aes.BlockSize]byte
	for i := range 2 {
		block := key[i*aes.BlockSize:][:aes.BlockSize]
		block[1], block[2] = byte(i+1), 'X'
		copy(block[4:], nonce[:12])
		subtle.XORBytes(block, block, c.k1[:])
		c.block.Encrypt(block, block)
	}
	return newGCM(key[:])
}

// Seal appends a sealed record, bound to aad, to dst, which must not overlap plain.
func (b *Box) Seal(dst, plain, aad []byte) []byte {
	var nonce [nonceSize]byte
	rand.Read(nonce[:])
	return b.sealWith(nonce[:], dst, plain, aad)
}

func (b *Box) sealWith(nonce, dst, plain, aad []byte) []byte {
	dst = append(append(dst, algXAES256GCM), nonce...)
	return b.aead(nonce).Seal(dst, nonce[12:], plain, aad)
}

// Open appends the record to dst, which must not overlap sealed. ErrDamaged if it was not sealed in this box with this aad.
func (b *Box) Open(dst, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < BoxOverhead || sealed[0] != algXAES256GCM {
		return nil, ErrDamaged
	}
	nonce := sealed[1:recordHead]
	plain, err := b.aead(nonce).Open(dst, nonce[12:], sealed[recordHead:], aad)
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
	plain, err := box.Open(nil, wrapped, id[:])
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	if len(plain) != keySize {
		return nil, ErrDamaged
	}
	return KeyFromBytes(plain)
}
