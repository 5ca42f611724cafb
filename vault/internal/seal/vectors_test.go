package seal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// octets are hexadecimal in the file of vectors.
type octets []byte

func (o octets) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(o)), nil }

func (o *octets) UnmarshalText(text []byte) (err error) {
	*o, err = hex.DecodeString(string(text))
	return err
}

// vectors are the fixed points of the format. A change of any of them is a new format: what was sealed before cannot be
// opened after it.
type vectors struct {
	Key    octets `json:"key"`    // the key of all vectors
	Stream octets `json:"stream"` // the stream of chunks and wrapped
	Nonce  octets `json:"nonce"`  // the nonce of records and wrapped
	Check  octets `json:"check"`
	Derive []struct {
		Label string `json:"label"`
		Key   octets `json:"key"`
	} `json:"derive"`
	Digest []struct {
		Label string   `json:"label"`
		Parts []octets `json:"parts"`
		Sum   octets   `json:"sum"`
	} `json:"digest"`
	Chunk []struct {
		Number uint32 `json:"number"`
		Last   bool   `json:"last"`
		Plain  octets `json:"plain"`
		Sealed octets `json:"sealed"`
	} `json:"chunk"`
	Record []struct {
		Plain  octets `json:"plain"`
		AAD    octets `json:"aad"`
		Sealed octets `json:"sealed"`
	} `json:"record"`
	Wrapped struct {
		Content octets `json:"content"`
		Wrapped octets `json:"wrapped"`
	} `json:"wrapped"`
}

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVectorsKey(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	k := mustKey(t, v.Key)
	if got := k.Check(); !bytes.Equal(got[:], v.Check) {
		t.Errorf("check: %x", got)
	}
	if len(v.Derive) == 0 || len(v.Digest) == 0 {
		t.Fatal("no vectors")
	}
	for _, row := range v.Derive {
		if got := k.Derive(row.Label).Bytes(); !bytes.Equal(got, row.Key) {
			t.Errorf("derive %q: %x", row.Label, got)
		}
	}
	for _, row := range v.Digest {
		var parts [][]byte
		for _, p := range row.Parts {
			parts = append(parts, p)
		}
		if got := k.Digest(row.Label, parts...); !bytes.Equal(got[:], row.Sum) {
			t.Errorf("digest %q of %x: %x", row.Label, row.Parts, got)
		}
	}
}

func TestVectorsChunk(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	c := NewChunks(mustKey(t, v.Key), ID(v.Stream))
	if len(v.Chunk) == 0 {
		t.Fatal("no vectors")
	}
	for _, row := range v.Chunk {
		if got := c.Seal(nil, row.Number, row.Last, row.Plain); !bytes.Equal(got, row.Sealed) {
			t.Errorf("chunk %d, last %v: %x", row.Number, row.Last, got)
		}
		if got, err := c.Open(nil, row.Number, row.Last, row.Sealed); err != nil || !bytes.Equal(got, row.Plain) {
			t.Errorf("chunk %d, last %v: opened %x, %v", row.Number, row.Last, got, err)
		}
	}
}

func TestVectorsRecord(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	box := NewBox(mustKey(t, v.Key))
	if len(v.Record) == 0 {
		t.Fatal("no vectors")
	}
	for _, row := range v.Record {
		if got := box.sealWith(v.Nonce, nil, row.Plain, row.AAD); !bytes.Equal(got, row.Sealed) {
			t.Errorf("record %q: %x", row.Plain, got)
		}
		if got, err := box.Open(nil, row.Sealed, row.AAD); err != nil || !bytes.Equal(got, row.Plain) {
			t.Errorf("record %q: opened %q, %v", row.Plain, got, err)
		}
	}
	if got := box.sealWith(v.Nonce, nil, v.Wrapped.Content, v.Stream); !bytes.Equal(got, v.Wrapped.Wrapped) {
		t.Errorf("wrapped: %x", got)
	}
	got, err := Unwrap(box, v.Wrapped.Wrapped, ID(v.Stream))
	if err != nil || !bytes.Equal(got.Bytes(), v.Wrapped.Content) {
		t.Errorf("unwrapped: %v", err)
	}
}

func mustKey(t testing.TB, b []byte) *Key {
	t.Helper()
	k, err := KeyFromBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
