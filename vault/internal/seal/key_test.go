package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

func TestKeyFromBytes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, keySize - 1, keySize + 1, 2 * keySize} {
		if k, err := KeyFromBytes(make([]byte, n)); !errors.Is(err, ErrWrongKey) || k != nil {
			t.Errorf("%d octets: %v, %v", n, k, err)
		}
	}
	raw := bytes.Repeat([]byte{7}, keySize)
	k := mustKey(t, raw)
	raw[0] = 0
	if got := k.Bytes(); got[0] != 7 {
		t.Error("the key is not a copy")
	}
	k.Bytes()[1] = 0
	k.Wipe()
	if !bytes.Equal(k.Bytes(), make([]byte, keySize)) {
		t.Error("not wiped")
	}
}

func TestKeysDiffer(t *testing.T) {
	t.Parallel()
	a, b := NewKey(), NewKey()
	if bytes.Equal(a.Bytes(), b.Bytes()) || a.Check() == b.Check() {
		t.Error("two random keys are the same")
	}
	if bytes.Equal(a.Derive("x").Bytes(), a.Derive("y").Bytes()) || bytes.Equal(a.Derive("x").Bytes(), b.Derive("x").Bytes()) {
		t.Error("derived keys are the same")
	}
	if check := a.Check(); bytes.Equal(check[:], a.Bytes()[:len(check)]) {
		t.Error("the check value is the key")
	}
}

func TestDigestTellsPartsApart(t *testing.T) {
	t.Parallel()
	k := NewKey()
	p := func(parts ...string) (out [][]byte) {
		for _, s := range parts {
			out = append(out, []byte(s))
		}
		return out
	}
	seen := map[[32]byte]string{}
	for _, row := range []struct {
		label string
		parts [][]byte
	}{
		{"", nil}, {"", p("")}, {"", p("", "")}, {"a", nil}, {"", p("a")}, {"a", p("")}, {"a", p("b", "c")}, {"a", p("bc")},
		{"a", p("b", "", "c")}, {"ab", p("c")}, {"a", p("\x00\x00\x00\x00\x00\x00\x00\x01b")}, {"a", p("b")},
	} {
		sum, name := k.Digest(row.label, row.parts...), fmt.Sprintf("%q %q", row.label, row.parts)
		if other, ok := seen[sum]; ok {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[sum] = name
	}
}

func TestDigestByMany(t *testing.T) {
	t.Parallel()
	k := NewKey()
	var all sync.WaitGroup
	for i := range 8 {
		part := bytes.Repeat([]byte{byte(i)}, 100*i)
		want := mustKey(t, k.Bytes()).Digest("label", part)
		all.Go(func() {
			for range 200 {
				if k.Digest("label", part) != want {
					t.Error("another digest in company")
					return
				}
			}
		})
	}
	all.Wait()
}

// TestPrintsNoSecret prints all that holds a secret in every way, directly and in other types' fields.
func TestPrintsNoSecret(t *testing.T) {
	t.Parallel()
	key := mustKey(t, bytes.Repeat([]byte{1}, keySize)).Derive("a fixed key, since a random one is at times found by chance")
	key.Digest("warm", nil)
	box, chunks := NewBox(key), NewChunks(key, ID{})
	derived := key.Derive("chunks")
	secrets := spellings(key.Bytes(), box.keys().k1[:], derived.Bytes())
	var values = map[string]any{
		"key": key, "key by value": *key, "box": box, "box by value": *box, "chunks": chunks, "chunks by value": *chunks,
		"fields":             struct{ K *Key }{key},
		"fields by value":    struct{ K Key }{*key},
		"hidden fields":      struct{ k *Key }{key},
		"hidden by value":    struct{ k Key }{*key},
		"hidden box":         &struct{ b Box }{*box},
		"hidden chunks":      &struct{ c Chunks }{*chunks},
		"slice":              []*Key{key},
		"slice of values":    []Key{*key},
		"map":                map[string]Key{"k": *key},
		"pointer to pointer": &key,
		"in an interface":    struct{ v any }{struct{ k Key }{*key}},
	}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "% x", "%d", "%q", "%o", "%b", "%c", "%U", "%t", "%e", "%T", "%p"} {
			wantNone(t, name+" "+verb, fmt.Sprintf(verb, v), secrets)
		}
		var text, asJSON bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("m", "v", v, slog.Group("g", "v", v))
		slog.New(slog.NewJSONHandler(&asJSON, nil)).Info("m", "v", v, slog.Group("g", "v", v))
		wantNone(t, name+" in a text log", text.String(), secrets)
		wantNone(t, name+" in a JSON log", asJSON.String(), secrets)
		encoded, _ := json.Marshal(v)
		wantNone(t, name+" as JSON", string(encoded), secrets)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		if got := fmt.Sprintf(verb, key) + fmt.Sprintf(verb, *key); got != "redactedredacted" {
			t.Errorf("%s: %s", verb, got)
		}
	}
	if got := fmt.Sprintf("%v %v", struct{ K *Key }{key}, (*Key)(nil)); got != "{redacted} <nil>" {
		t.Error(got)
	}
}

// spellings gives what four octets of each secret look like in each verb.
func spellings(secrets ...[]byte) (out []string) {
	for _, s := range secrets {
		part := s[8:12]
		word := binary.BigEndian.Uint32(part) // as in the schedule of AES
		out = append(out, string(part), hex.EncodeToString(part), fmt.Sprint(word), fmt.Sprintf("%x", word))
		for _, verb := range []string{"%d", "%#v", "%x", "%o", "%b", "%c", "%U", "%q", "% x", "%e"} {
			printed := fmt.Sprintf(verb, [4]byte(part))
			out = append(out, strings.Trim(strings.TrimPrefix(printed, "[4]uint8"), "[]{}"))
		}
	}
	return out
}

func wantNone(t *testing.T, what, printed string, secrets []string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(strings.ToLower(printed), strings.ToLower(s)) {
			t.Errorf("%s prints a secret: %s", what, printed)
			return
		}
	}
}

// TestDeriveIsHKDF: crypto/hkdf gives the same keys, for labels of any length.
func TestDeriveIsHKDF(t *testing.T) {
	t.Parallel()
	for n := range 200 {
		k, label := NewKey(), strings.Repeat("l", n)
		want, err := hkdf.Expand(sha256.New, k.Bytes(), "sigill/1/"+label, keySize)
		if err != nil {
			t.Fatal(err)
		}
		if got := k.Derive(label).Bytes(); !bytes.Equal(got, want) {
			t.Fatalf("label of %d octets: %x, want %x", n, got, want)
		}
	}
}

// TestOpenOnly: it is the derived key's box, and a faulty record stays one.
func TestOpenOnly(t *testing.T) {
	t.Parallel()
	k, aad := NewKey(), []byte("place")
	sealed := NewBox(k.Derive("one")).Seal(nil, []byte("content"), aad)
	if plain, err := k.OpenOnly("one", []byte("a "), sealed, aad); err != nil || string(plain) != "a content" {
		t.Errorf("%q, %v", plain, err)
	}
	for _, row := range []struct {
		why, label string
		sealed     []byte
	}{
		{"another label", "two", sealed},
		{"cut off", "one", sealed[:BoxOverhead-1]},
		{"another algorithm", "one", append([]byte{2}, sealed[1:]...)},
	} {
		if _, err := k.OpenOnly(row.label, nil, row.sealed, aad); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", row.why, err)
		}
	}
}

// TestUnwrapInto: one key after the other, and none of what was not wrapped.
func TestUnwrapInto(t *testing.T) {
	t.Parallel()
	box, k := NewBox(NewKey()), NewKey()
	for n := range 3 {
		content, id := NewKey(), ID{byte(n)}
		wrapped := Wrap(box, content, id)
		if err := k.Unwrap(box, wrapped, id[:]); err != nil || !bytes.Equal(k.Bytes(), content.Bytes()) {
			t.Errorf("key %d: %v", n, err)
		}
		for why, bad := range map[string][]byte{
			"cut off": wrapped[:len(wrapped)-1], "of another stream": Wrap(box, content, ID{byte(n), 1}), "longer": box.Seal(nil, make([]byte, keySize+1), id[:]),
		} {
			if err := k.Unwrap(box, bad, id[:]); !errors.Is(err, ErrDamaged) || !bytes.Equal(k.Bytes(), make([]byte, keySize)) {
				t.Errorf("%s: %v", why, err)
			}
			if got, err := Unwrap(box, bad, id); got != nil || !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: %v, %v", why, got, err)
			}
		}
	}
}
