package vault

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sigill/vault/internal/seal"
)

// keyFilePrefix begins a line of a key file; version, time of creation, and in base64 the key and its check follow.
const keyFilePrefix = "sigill-key-1"

// keyVersion is a line of a key file.
type keyVersion struct {
	number  uint32
	created time.Time
	key     *seal.Key
}

func newKeyVersion(number uint32) keyVersion {
	return keyVersion{number, time.Now().UTC().Truncate(time.Second), seal.NewKey()}
}

// check tells a line that was changed; lines of the first key files have none.
func (v keyVersion) check() []byte {
	sum := v.key.Digest("key file", be32(v.number), be64(uint64(v.created.Unix())))
	return sum[:8]
}

func (v keyVersion) box() *seal.Box { return seal.NewBox(v.key.Derive("wrap")) }

func findVersion(versions []keyVersion, number uint32) (keyVersion, bool) {
	for _, v := range versions {
		if v.number == number {
			return v, true
		}
	}
	return keyVersion{}, false
}

// parseKeys reads a key file's lines. Versions must rise, and the last line must be whole.
func parseKeys(text []byte) (out []keyVersion, err error) {
	if !bytes.HasSuffix(text, []byte("\n")) {
		return nil, fmt.Errorf("it does not end in a line end")
	}
	var last uint32
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		v, err := parseKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if v.number <= last {
			return nil, fmt.Errorf("line %d: versions must rise", n)
		}
		last, out = v.number, append(out, v)
	}
	return out, nil
}

// parseKey reads one line. Its errors repeat nothing of the line, which may be a secret.
func parseKey(line string) (v keyVersion, err error) {
	f := strings.Fields(line)
	if len(f) < 4 || len(f) > 5 || f[0] != keyFilePrefix {
		return v, fmt.Errorf("not %q, version, time, key and check", keyFilePrefix)
	}
	number, err := strconv.ParseUint(f[1], 10, 32)
	if err != nil {
		return v, fmt.Errorf("the version is not a number")
	}
	if v.created, err = time.Parse(time.RFC3339, f[2]); err != nil {
		return v, fmt.Errorf("the time is not one of RFC 3339")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(f[3])
	if err != nil {
		return v, fmt.Errorf("the key is not base64")
	}
	v.number = uint32(number)
	v.key, err = seal.KeyFromBytes(raw)
	clear(raw)
	if err == nil && len(f) == 5 && f[4] != base64.StdEncoding.EncodeToString(v.check()) {
		err = fmt.Errorf("its check is wrong")
	}
	return v, err
}

func formatKeys(versions []keyVersion) []byte {
	var out bytes.Buffer
	for _, v := range versions {
		fmt.Fprintf(&out, "%s %d %s %s %s\n", keyFilePrefix, v.number, v.created.Format(time.RFC3339),
			base64.StdEncoding.EncodeToString(v.key.Bytes()), base64.StdEncoding.EncodeToString(v.check()))
	}
	return out.Bytes()
}
