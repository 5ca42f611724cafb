package seal

import (
	"bytes"
	"testing"
)

func BenchmarkChunks(b *testing.B) {
	c, plain := NewChunks(NewKey(), ID{}), make([]byte, ChunkSize)
	sealed := c.Seal(nil, 0, false, plain)
	dst := make([]byte, 0, len(sealed))
	b.Run("Seal", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(ChunkSize)
		for b.Loop() {
			c.Seal(dst, 0, false, plain)
		}
	})
	b.Run("Open", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(ChunkSize)
		for b.Loop() {
			if _, err := c.Open(dst, 0, false, sealed); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRecord200(b *testing.B) {
	box, plain, aad := NewBox(NewKey()), make([]byte, 200), []byte("table/key of a record")
	sealed := box.Seal(nil, plain, aad)
	dst := make([]byte, 0, len(sealed))
	b.Run("Seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			box.Seal(dst, plain, aad)
		}
	})
	b.Run("Open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := box.Open(dst, sealed, aad); err != nil {
				b.Fatal(err)
			}
		}
	})
	// Another key each time, as where records of all ages lie mixed.
	other := NewBox(NewKey())
	strange := [2][]byte{other.sealWith(make([]byte, nonceSize), nil, plain, aad)}
	strange[1] = other.sealWith(bytes.Repeat([]byte{1}, nonceSize), nil, plain, aad)
	b.Run("OpenApart", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := other.Open(dst, strange[i%2], aad); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDigest(b *testing.B) {
	k, part := NewKey(), []byte("anna.andersson@example.org")
	b.ReportAllocs()
	for b.Loop() {
		k.Digest("address", part)
	}
}
