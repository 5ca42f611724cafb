package vault

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault/internal/kv"
	"sigill/vault/internal/seal"
	"sigill/vault/message"
)

// decoded are the records by the number a corpus calls them by; add at the end only.
var decoded = []func() any{
	func() any { return new(messageRecord) },
	func() any { return new(messageIDRecord) },
	func() any { return new(mailboxRecord) },
	func() any { return new(entryRecord) },
	func() any { return new(accountRecord) },
	func() any { return new(deviceRecord) },
	func() any { return new(functionRecord) },
	func() any { return new(bindingRecord) },
	func() any { return new(linkRecord) },
	func() any { return new(jobRecord) },
	func() any { return new(eventRecord) },
	func() any { return new(checkpointRecord) },
	func() any { return new(legalHoldRecord) },
	func() any { return new(disposalRecord) },
	func() any { return new(formerRecord) },
	func() any { return new(message.Index) },
	func() any { return new(replyDraftRecord) },
	func() any { return new(flagsRecord) },
}

// FuzzRecord: whatever a record's octets are, decoding them ends, and what it gives is written and read back the same.
func FuzzRecord(f *testing.F) {
	for number, make := range decoded {
		rec := make()
		fill(reflect.ValueOf(rec).Elem(), 2)
		plain, err := encode(rec)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(number), bytes.Clone(plain))
	}
	f.Fuzz(func(t *testing.T, number byte, plain []byte) {
		make := decoded[int(number)%len(decoded)]
		rec := make()
		before := bytes.Clone(plain)
		if decode(plain, rec) != nil {
			return
		}
		first, err := encode(rec)
		if err != nil {
			t.Fatal(err)
		}
		first = bytes.Clone(first)
		again := make()
		if err := decode(first, again); err != nil {
			if _, ok := rec.(*message.Index); ok {
				return // its times may be of a year that RFC 3339 cannot write; see message.FuzzParseDate
			}
			t.Fatalf("what was written cannot be read: %v", err)
		}
		second, err := encode(again)
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%x is written as %x once and as %x then, %v", plain, first, second, err)
		}
		if !bytes.Equal(before, plain) {
			t.Error("decoding changed its input")
		}
	})
}

// fill puts something into every field, to a depth.
func fill(v reflect.Value, depth int) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), depth)
			}
		}
	case v.Kind() == reflect.Slice && depth > 0:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), depth-1)
		fill(v.Index(1), depth-1)
	case v.Kind() == reflect.Pointer && depth > 0:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth-1)
	case v.Kind() == reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), depth)
		}
	case v.Kind() == reflect.String:
		v.SetString("å@x")
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(300)
	case v.CanUint():
		v.SetUint(7)
	}
}

// fuzzKey is the one of a corpus.
func fuzzKey(t testing.TB) *seal.Key {
	t.Helper()
	key, err := seal.KeyFromBytes(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// FuzzSealedRecord: what opens as a record was sealed in its place; anything else is ErrDamaged.
func FuzzSealedRecord(f *testing.F) {
	v := &Vault{ring: &keyring{epochs: map[uint32]*epoch{}}}
	v.ring.add(3, fuzzKey(f))
	table, key := tAccount, []byte("key")
	whole := sealedOf(f, v, table, key, &accountRecord{Address: policy.MustAddress("anna@kommun.example"), Name: "Anna"})
	f.Add(whole, key, uint16(0), byte(0))
	f.Add(whole, key, uint16(20), byte(1))
	f.Add(whole, []byte("kez"), uint16(0), byte(0))
	f.Add(sealedOf(f, v, tBinding, key, &bindingRecord{Person: "199908072391"}), key, uint16(0), byte(0))
	f.Add(append([]byte{0, 0, 0, 4}, whole[4:]...), key, uint16(0), byte(0))
	f.Add([]byte{0, 0, 0}, key, uint16(0), byte(0))
	f.Fuzz(func(t *testing.T, octets, key []byte, at uint16, with byte) {
		view := &tx{v: v}
		octets = bytes.Clone(octets)
		rec, err := open[accountRecord](view, table, key, octets)
		wantDamaged(t, err)
		if len(octets) == 0 || with == 0 {
			return
		}
		octets[int(at)%len(octets)] ^= with
		changed, changedErr := open[accountRecord](view, table, key, octets)
		wantDamaged(t, changedErr)
		if err == nil && changedErr == nil {
			t.Errorf("%+v was changed to %+v", rec, changed)
		}
	})
}

func sealedOf[T any](t testing.TB, v *Vault, table kv.Table, key []byte, rec *T) []byte {
	t.Helper()
	plain, err := encode(rec)
	if err != nil {
		t.Fatal(err)
	}
	return (&tx{v: v}).sealRecord(table, key, plain)
}

func wantDamaged(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(mapError(err), ErrDamaged) {
		t.Error(err)
	}
}

// FuzzKeyLines: what is taken for a key file is written as it was meant, and an error never repeats a key.
func FuzzKeyLines(f *testing.F) {
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	whole := string(formatKeys([]keyVersion{{1, at, fuzzKey(f)}, {2, at, fuzzKey(f)}}))
	first, _, _ := strings.Cut(whole, "\n")
	for _, s := range []string{"", whole, whole[:len(whole)-1], first + "\n" + first + "\n", first[:len(first)-13] + "\n", first + "=\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		versions, err := parseKeys(text)
		if !bytes.Equal(before, text) {
			t.Error("reading changed its input")
		}
		if err != nil {
			for _, word := range bytes.Fields(text) {
				if len(word) == base64.StdEncoding.EncodedLen(32) && strings.Contains(err.Error(), string(word)) {
					t.Errorf("the error has the key: %v", err)
				}
			}
			return
		}
		again, err := parseKeys(formatKeys(versions))
		if err != nil || len(again) != len(versions) {
			t.Fatalf("%d versions become %d, %v", len(versions), len(again), err)
		}
		for i, v := range versions {
			if a := again[i]; a.number != v.number || !a.created.Equal(v.created) || !bytes.Equal(a.key.Bytes(), v.key.Bytes()) {
				t.Errorf("version %d became %d", v.number, a.number)
			}
		}
	})
}

// FuzzSealedKeyFile takes what follows the first line, whose sum is right here, and so comes to age's parser.
func FuzzSealedKeyFile(f *testing.F) {
	passphrase := SecretFile{Path: filepath.Join(f.TempDir(), "passphrase")}
	if err := os.WriteFile(passphrase.Path, []byte("tolv tecken eller fler\n"), 0o600); err != nil {
		f.Fatal(err)
	}
	under := keySeal{passphrase: passphrase, work: 1}
	whole, err := under.seal(formatKeys([]keyVersion{{1, time.Unix(0, 0).UTC(), fuzzKey(f)}}))
	if err != nil {
		f.Fatal(err)
	}
	_, body, _ := bytes.Cut(whole, []byte("\n"))
	f.Add(body)
	f.Add(body[:len(body)/2])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		text := fmt.Appendf(nil, "%s%x\n%s", sealedKeyPrefix, sha256.Sum256(body), body)
		plain, err := under.open(text)
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrWrongKey) {
				t.Error(err)
			}
			return
		}
		if _, err := parseKeys(plain); err != nil {
			t.Errorf("opened to %q", plain)
		}
		if _, err := under.open(append(text, '\n')); !errors.Is(err, ErrDamaged) {
			t.Errorf("with a wrong sum: %v", err)
		}
	})
}

// FuzzCheckpoint: a checkpoint that is read is the one that is written.
func FuzzCheckpoint(f *testing.F) {
	c := Checkpoint{Events: 7, At: time.Date(2026, 11, 24, 10, 0, 0, 5, time.UTC), Signature: make([]byte, 64)}
	for _, s := range []string{"", c.String(), c.statement(), c.String() + " more", "sigill-audit-1 -1 x y z", fmt.Sprint("\n", c)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCheckpoint(s)
		if err != nil {
			if !errors.Is(err, ErrAudit) {
				t.Error(err)
			}
			return
		}
		again, err := ParseCheckpoint(c.String())
		if err != nil || again.String() != c.String() {
			t.Errorf("%q is written as %q, which is read as %q, %v", s, c, again, err)
		}
	})
}
