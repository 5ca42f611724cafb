package vault_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigill/vault"
)

func TestKeyFileLines(t *testing.T) {
	t.Parallel()
	const at, key = " 2026-11-24T10:00:00Z ", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	const check = "EO6Pmwhq4Yg="
	checked := strings.TrimSuffix("sigill-key-1 1"+at+key, "\n") + " " + check + "\n"
	one, two := "sigill-key-1 1"+at+key, "sigill-key-1 2"+at+key
	for _, row := range []struct {
		why, text string
		ok        bool
	}{
		{"one version, of a first key file, without a check", one, true},
		{"one version with its check", checked, true},
		{"a key that was changed", strings.Replace(checked, " AAAA", " BAAA", 1), false},
		{"a version that was changed", strings.Replace(checked, " 1 ", " 2 ", 1), false},
		{"a time that was changed", strings.Replace(checked, "T10", "T11", 1), false},
		{"a check that was changed", strings.Replace(checked, check, "AAAAAAAAAAA=", 1), false},
		{"one field more", strings.TrimSuffix(checked, "\n") + " x\n", false},
		{"two versions", one + two, true},
		{"older versions were dropped", two, true},
		{"versions that fall have no newest", two + one, false},
		{"a version twice", one + one, false},
		{"versions begin at 1", strings.Replace(one, " 1 ", " 0 ", 1), false},
		{"a version is a number", strings.Replace(one, " 1 ", " x ", 1), false},
		{"a time is of RFC 3339", strings.Replace(one, "T10", " 10", 1), false},
		{"a key has 32 octets", "sigill-key-1 1" + at + "c2VjcmV0\n", false},
		{"a key is base64", "sigill-key-1 1" + at + "%%%\n", false},
		{"the last line is whole", strings.TrimSuffix(one, "\n"), false},
		{"no key at all", "\n", false},
		{"empty", "", false},
	} {
		path := filepath.Join(t.TempDir(), "key")
		must(t, os.WriteFile(path, []byte(row.text), 0o600))
		if _, err := vault.OpenKeyFile(path); (err == nil) != row.ok || err != nil && !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("%s: %v", row.why, err)
		}
	}
}

func TestAKeyBehindALinkIntoTheVaultIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	folder, link := filepath.Join(dir, "vault"), filepath.Join(dir, "link")
	must(t, os.Mkdir(folder, 0o700))
	must(t, os.Symlink(filepath.Join(folder, "key"), link))
	must(t, vault.CreateKeyFile(filepath.Join(folder, "key")))
	keys, err := vault.OpenKeyFile(link)
	must(t, err)
	if v, err := vault.Open(t.Context(), folder, keys, vault.Options{}); err == nil {
		t.Error("taken")
		must(t, v.Close())
	}
}
