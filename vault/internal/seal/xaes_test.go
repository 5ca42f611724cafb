package seal

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"testing"
)

// The vectors are those of https://c2sp.org/XAES-256-GCM. They are written without the algorithm id and the nonce, with
// which a record begins here.

func TestXAES(t *testing.T) {
	t.Parallel()
	nonce := []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
	for _, row := range []struct {
		key    byte
		aad    string
		sealed string
		why    string
	}{
		{1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271", "the highest bit of L is 0"},
		{3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d", "the highest bit of L is 1"},
	} {
		box := NewBox(mustKey(t, bytes.Repeat([]byte{row.key}, keySize)))
		sealed := box.sealWith(nonce, nil, []byte("XAES-256-GCM"), []byte(row.aad))
		if got := hex.EncodeToString(sealed[recordHead:]); got != row.sealed {
			t.Errorf("%s: %s (%s)", row.aad, got, row.why)
		}
		if plain, err := box.Open(nil, sealed, []byte(row.aad)); err != nil || string(plain) != "XAES-256-GCM" {
			t.Errorf("%s: opened %q, %v", row.aad, plain, err)
		}
	}
}

func TestXAESAccumulated(t *testing.T) {
	t.Parallel()
	const rounds, want = 10_000, "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"
	random, sum := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	read := func(n int) []byte {
		b := make([]byte, n)
		random.Read(b)
		return b
	}
	for range rounds {
		key, nonce := read(keySize), read(nonceSize)
		plain := read(int(read(1)[0]))
		aad := read(int(read(1)[0]))
		box := NewBox(mustKey(t, key))
		sealed := box.sealWith(nonce, nil, plain, aad)
		if got, err := box.Open(nil, sealed, aad); err != nil || !bytes.Equal(got, plain) {
			t.Fatal("what was sealed does not open", err)
		}
		sum.Write(sealed[recordHead:])
	}
	got := make([]byte, 32)
	sum.Read(got)
	if hex.EncodeToString(got) != want {
		t.Errorf("%x", got)
	}
}
