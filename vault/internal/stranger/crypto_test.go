// Package stranger reads a vault from what docs/format.md says, with no code of ours: it is the test of that page. Where
// it had to guess, the page was wrong.
package stranger

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func be32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
func be64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func derive(key []byte, label string) []byte {
	out, err := hkdf.Expand(sha256.New, key, "sigill/1/"+label, 32)
	if err != nil {
		panic(err)
	}
	return out
}

func check(key []byte) []byte { return derive(key, "check")[:8] }

func digest(key []byte, label string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range append([][]byte{[]byte(label)}, parts...) {
		h.Write(be64(uint64(len(part))))
		h.Write(part)
	}
	return h.Sum(nil)
}

func gcm(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

// xaes gives the AES-256-GCM of XAES-256-GCM for one nonce of 24 octets: its key is two blocks of CMAC over a counter, "X"
// and the nonce's first half; the second half is its nonce.
func xaes(key, nonce []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	k1 := make([]byte, 16)
	block.Encrypt(k1, k1)
	carry := k1[0] >> 7
	for i := range k1 {
		k1[i] <<= 1
		if i < 15 {
			k1[i] |= k1[i+1] >> 7
		}
	}
	k1[15] ^= 0x87 * carry
	var derived []byte
	for counter := range 2 {
		m := append([]byte{0, byte(counter + 1), 'X', 0}, nonce[:12]...)
		for i := range m {
			m[i] ^= k1[i]
		}
		block.Encrypt(m, m)
		derived = append(derived, m...)
	}
	return gcm(derived)
}

func openBox(key, box, aad []byte) ([]byte, error) {
	if len(box) < 1+24+16 || box[0] != 1 {
		return nil, fmt.Errorf("no box: %x", box)
	}
	return xaes(key, box[1:25]).Open(nil, box[13:25], box[25:], aad)
}

func sealBox(key, nonce, plain, aad []byte) []byte {
	return slices.Concat([]byte{1}, nonce, xaes(key, nonce).Seal(nil, nonce[12:], plain, aad))
}

func place(table string, key []byte) []byte { return slices.Concat([]byte(table), []byte{0}, key) }

const chunkSize = 262076

func chunkNonce(number uint32, last bool) []byte {
	nonce := append(append(make([]byte, 7), be32(number)...), 0)
	if last {
		nonce[11] = 1
	}
	return nonce
}

func openChunk(content, id []byte, number uint32, last bool, sealed []byte) ([]byte, error) {
	nonce := chunkNonce(number, last)
	return gcm(derive(content, "chunks")).Open(nil, nonce, sealed, append(slices.Clone(id), nonce[7:]...))
}

func sealChunk(content, id []byte, number uint32, last bool, plain []byte) []byte {
	nonce := chunkNonce(number, last)
	return gcm(derive(content, "chunks")).Seal(nil, nonce, plain, append(slices.Clone(id), nonce[7:]...))
}
