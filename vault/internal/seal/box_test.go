package seal

import (
	"sync"
	"testing"
)

// sealWith seals under a given nonce.
func (b *Box) sealWith(nonce, dst, plain, aad []byte) []byte {
	dst = append(append(dst, algXAES256GCM), nonce...)
	return b.keys().derive(nonce[:halfSize]).Seal(dst, nonce[halfSize:], plain, aad)
}

// TestNonces seals at once from many goroutines: no nonce comes twice, and no key seals more than it may.
func TestNonces(t *testing.T) {
	t.Parallel()
	const goroutines, each = 8, maxShared / 3
	box := NewBox(NewKey())
	nonces := make(chan [nonceSize]byte, goroutines*each)
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for range each {
				sealed := box.Seal(nil, nil, nil)
				if _, err := box.Open(nil, sealed, nil); err != nil {
					t.Error(err)
				}
				nonces <- [nonceSize]byte(sealed[1:])
			}
		})
	}
	all.Wait()
	close(nonces)
	seen, shared := map[[nonceSize]byte]bool{}, map[[halfSize]byte]int{}
	for n := range nonces {
		if seen[n] {
			t.Fatal("a nonce comes twice")
		}
		seen[n] = true
		shared[[halfSize]byte(n[:])]++
	}
	for _, records := range shared {
		if records > maxShared {
			t.Errorf("%d records under one key, at most %d wanted", records, maxShared)
		}
	}
	if len(shared) < 3 || len(shared) > goroutines*each/100 {
		t.Errorf("%d keys for %d records", len(shared), goroutines*each)
	}
}
