package seal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// octets are hexadecimal in the file of vectors.
type octets []byte

func (o octets) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(o)), nil }

func (o *octets) UnmarshalText(text []byte) (err error) {
	*o, err = hex.DecodeString(string(text))
	return err
}

// vectors are those of docs/format.md that are of this package, the fixed points of the format. A change of any of them is
// a new format: what was sealed before cannot be opened after it.
type vectors struct {
	Key    octets            `json:"key"`
	ID     octets            `json:"id"`
	Nonce  octets            `json:"nonce"` // of every box
	Check  octets            `json:"check"`
	Derive map[string]octets `json:"derive"`
	Digest []struct {
		Label string   `json:"label"`
		Parts []octets `json:"parts"`
		Sum   octets   `json:"sum"`
	} `json:"digest"`
	Box []struct {
		Plain  octets `json:"plain"`
		AAD    octets `json:"aad"`
		Sealed octets `json:"sealed"`
	} `json:"box"`
	Chunk []struct {
		Number uint32 `json:"number"`
		Last   bool   `json:"last"`
		Plain  octets `json:"plain"`
		Sealed octets `json:"sealed"`
	} `json:"chunk"`
	Root    octets `json:"root"`
	Content octets `json:"content"` // Key, wrapped in the epoch of Root: its number, then a box
}

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	page, err := os.ReadFile("../../../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(page), "```json\n")
	block, _, closed := strings.Cut(block, "\n```")
	if !found || !closed {
		t.Fatal("the page has no vectors")
	}
	if err := json.Unmarshal([]byte(block), &v); err != nil {
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
	for label, want := range v.Derive {
		if got := k.Derive(label).Bytes(); !bytes.Equal(got, want) {
			t.Errorf("derive %q: %x", label, got)
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
	c := NewChunks(mustKey(t, v.Key), ID(v.ID))
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

func TestVectorsBox(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	box := NewBox(mustKey(t, v.Key))
	if len(v.Box) == 0 {
		t.Fatal("no vectors")
	}
	for _, row := range v.Box {
		if got := box.sealWith(v.Nonce, nil, row.Plain, row.AAD); !bytes.Equal(got, row.Sealed) {
			t.Errorf("box of %q: %x", row.Plain, got)
		}
		if got, err := box.Open(nil, row.Sealed, row.AAD); err != nil || !bytes.Equal(got, row.Plain) {
			t.Errorf("box of %q: opened %q, %v", row.Plain, got, err)
		}
	}
	wrap := NewBox(mustKey(t, v.Root).Derive("content keys"))
	if got := wrap.sealWith(v.Nonce, nil, v.Key, v.ID); !bytes.Equal(got, v.Content[4:]) {
		t.Errorf("wrapped: %x", got)
	}
	got, err := Unwrap(wrap, v.Content[4:], ID(v.ID))
	if err != nil || !bytes.Equal(got.Bytes(), v.Key) {
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
