package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
)

const tagSize = 16 // of AES-GCM

// ChunkSize is the octets of content in a chunk, all but the last of a stream. A sealed chunk lies in pages of 4096
// octets with 20 octets of key and at most 32 of page and element header, so it is that much less than 64 pages, rounded
// down to leave the engine some room.
const ChunkSize = 64*4096 - tagSize - 20 - 32 - 60

// Chunks seals and opens the chunks of one stream. For use by one goroutine at a time.
type Chunks struct {
	aead cipher.AEAD
	id   ID
}

// NewChunks gives the chunks of the stream that this content key, and no other stream, is for.
func NewChunks(content *Key, id ID) *Chunks {
	key := content.Derive("chunks")
	defer key.Wipe()
	return &Chunks{aead: newGCM(key.b[:]), id: id}
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

// Seal appends a sealed chunk to dst: as long as plain and 16 octets more. A number must be sealed once only.
func (c *Chunks) Seal(dst []byte, number uint32, last bool, plain []byte) []byte {
	nonce, place := c.place(number, last)
	return c.aead.Seal(dst, nonce[:], plain, place[:])
}

// Open appends the content of a sealed chunk to dst. ErrDamaged if it is not that chunk of that stream.
func (c *Chunks) Open(dst []byte, number uint32, last bool, sealed []byte) ([]byte, error) {
	nonce, place := c.place(number, last)
	plain, err := c.aead.Open(dst, nonce[:], sealed, place[:])
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}

// place gives the nonce (seven zero octets, number, 1 for the last chunk) and what the chunk is bound to: the stream,
// then the same number and flag.
func (c *Chunks) place(number uint32, last bool) (nonce [12]byte, place [21]byte) {
	binary.BigEndian.PutUint32(nonce[7:], number)
	if last {
		nonce[11] = 1
	}
	copy(place[:], c.id[:])
	copy(place[16:], nonce[7:])
	return nonce, place
}
