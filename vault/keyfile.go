package vault

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"sigill/vault/internal/seal"
)

// keyFilePrefix begins a line of a key file; version, time of creation and base64 of 32 random octets follow.
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

func (v keyVersion) box() *seal.Box { return seal.NewBox(v.key.Derive("wrap")) }

func findVersion(versions []keyVersion, number uint32) (keyVersion, bool) {
	for _, v := range versions {
		if v.number == number {
			return v, true
		}
	}
	return keyVersion{}, false
}

// readKeyFile reads a key file's versions, oldest first.
func readKeyFile(path string) ([]keyVersion, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("vault: key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("vault: key file %s: %w: others may read it; run chmod 600", path, fs.ErrPermission)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("vault: key file: %w", err)
	}
	versions, err := parseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("vault: %s is not a key file: %w", path, err)
	}
	return versions, nil
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
	if len(f) != 4 || f[0] != keyFilePrefix {
		return v, fmt.Errorf("not %q, version, time and key", keyFilePrefix)
	}
	number, err := strconv.ParseUint(f[1], 10, 32)
	if err != nil {
		return v, fmt.Errorf("the version is not a number")
	}
	if v.created, err = time.Parse(time.RFC3339, f[2]); err != nil {
		return v, fmt.Errorf("the time is not one of RFC 3339")
	}
	raw, err := base64.StdEncoding.DecodeString(f[3])
	if err != nil {
		return v, fmt.Errorf("the key is not base64")
	}
	v.number = uint32(number)
	v.key, err = seal.KeyFromBytes(raw)
	clear(raw)
	return v, err
}

func formatKeys(versions []keyVersion) []byte {
	var out bytes.Buffer
	for _, v := range versions {
		fmt.Fprintf(&out, "%s %d %s %s\n", keyFilePrefix, v.number, v.created.Format(time.RFC3339),
			base64.StdEncoding.EncodeToString(v.key.Bytes()))
	}
	return out.Bytes()
}
