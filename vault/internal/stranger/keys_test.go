package stranger

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// readKeyFile gives the key of each version.
func readKeyFile(text string) (map[uint32][]byte, error) {
	out := map[uint32][]byte{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 4 || f[0] != "sigill-key-1" {
			return nil, errors.New("not a line of a key file")
		}
		version, err1 := strconv.ParseUint(f[1], 10, 32)
		created, err2 := time.Parse(time.RFC3339, f[2])
		key, err3 := base64.StdEncoding.DecodeString(f[3])
		if err := errors.Join(err1, err2, err3); err != nil {
			return nil, err
		}
		sum := digest(key, "key file", be32(uint32(version)), be64(uint64(created.Unix())))[:8]
		if len(f) == 5 && f[4] != base64.StdEncoding.EncodeToString(sum) {
			return nil, errors.New("a line's check is wrong")
		}
		out[uint32(version)] = key
	}
	return out, nil
}

type wrapped struct {
	Wrapped, Check []byte
}

type keyring struct {
	Vault  []byte
	Begun  bool
	Lookup wrapped
	Epochs []struct {
		wrapped
		Number  uint32
		Created time.Time
	}
	Sum []byte
}

// keys are a vault's: its look-up key and the root of each epoch.
type keys struct {
	vault  []byte
	lookup []byte
	roots  map[uint32][]byte
}

func readKeyring(text []byte, file map[uint32][]byte) (keys, error) {
	var ring keyring
	if err := json.Unmarshal(text, &ring); err != nil {
		return keys{}, err
	}
	if !bytes.Equal(ring.Sum, ring.sum()) {
		return keys{}, errors.New("the keyring's sum is wrong")
	}
	lookup, err := ring.Lookup.unwrap(file)
	out := keys{ring.Vault, lookup, map[uint32][]byte{}}
	for _, e := range ring.Epochs {
		root, e2 := e.unwrap(file)
		out.roots[e.Number], err = root, errors.Join(err, e2)
	}
	return out, err
}

func (w wrapped) unwrap(file map[uint32][]byte) ([]byte, error) {
	version := binary.BigEndian.Uint32(w.Wrapped)
	if file[version] == nil {
		return nil, fmt.Errorf("no version %d", version)
	}
	key, err := openBox(derive(file[version], "wrap"), w.Wrapped[4:], []byte("keyring"))
	if err == nil && !bytes.Equal(check(key), w.Check) {
		err = errors.New("another key")
	}
	return key, err
}

func (r keyring) sum() []byte {
	h := sha256.New()
	part := func(number uint32, at uint64, w wrapped) {
		for _, b := range [][]byte{be32(number), be64(at), be32(uint32(len(w.Wrapped))), w.Wrapped, w.Check} {
			h.Write(b)
		}
	}
	h.Write(r.Vault)
	if r.Begun {
		h.Write([]byte{1})
	} else {
		h.Write([]byte{0})
	}
	part(0, 0, r.Lookup)
	for _, e := range r.Epochs {
		part(e.Number, uint64(e.Created.UnixNano()), e.wrapped)
	}
	return h.Sum(nil)
}
