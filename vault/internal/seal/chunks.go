package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
)

const tagSize = 16 // of AES-GCM

// ChunkSize is the octets of content in a chunk, all but the last of a stream: as many as fit in 64 pages of 4096 octets
// with the tag, a key of 20 octets, and what bbolt stores with it, a page header and an element header of 16 octets each.
const ChunkSize = 64*4096 - tagSize - 20 - 16 - 16

// ChunkOverhead is how many octets a sealed chunk is longer than the chunk.
const ChunkOverhead = tagSize

// Chunks seals and opens the chunks of one stream. For use by one goroutine at a time.
type Chunks struct {
	aead  hidden[cipher.AEAD]
	nonce [12]byte // kept here, since what passes through an interface escapes to the heap
	bound [21]byte
}

// NewChunks gives the chunks of the stream that this content key, and no other stream, is for.
func NewChunks(content *Key, id ID) *Chunks {
	key := content.derive("chunks")
	defer clear(key[:])
	aead := newGCM(key[:])
	c := &Chunks{aead: hide(&aead)}
	copy(c.bound[:], id[:])
	return c
}

func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only for a wrong key size
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for another block size
	}
	return aead
}

// Seal appends a sealed chunk to dst: as long as plain and 16 octets more. A number must be sealed once only. With
// plain[:0] as dst a chunk is sealed where it lies.
func (c *Chunks) Seal(dst []byte, number uint32, last bool, plain []byte) []byte {
	c.place(number, last)
	return (*c.aead()).Seal(dst, c.nonce[:], plain, c.bound[:])
}

// Open appends the content of a sealed chunk to dst. ErrDamaged if it is not that chunk of that stream.
func (c *Chunks) Open(dst []byte, number uint32, last bool, sealed []byte) ([]byte, error) {
	c.place(number, last)
	plain, err := (*c.aead()).Open(dst, c.nonce[:], sealed, c.bound[:])
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}

// place sets the nonce (seven zero octets, number, 1 for the last chunk) and what the chunk is bound to: the stream, then
// the same number and flag.
func (c *Chunks) place(number uint32, last bool) {
	binary.BigEndian.PutUint32(c.nonce[7:], number)
	c.nonce[11] = 0
	if last {
		c.nonce[11] = 1
	}
	copy(c.bound[16:], c.nonce[7:])
}
