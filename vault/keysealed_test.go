package vault_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigill/vault"
)

// credentials is what systemd calls $CREDENTIALS_DIRECTORY; tests that run together share it, so each has names of its own.
var credentials string

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		fmt.Fprintln(os.Stderr, child(dir, os.Getenv(childEnv+"_RUN")))
		os.Exit(1)
	}
	dir, err := os.MkdirTemp("", "credentials")
	if err != nil {
		panic(err)
	}
	credentials = dir
	os.Setenv("CREDENTIALS_DIRECTORY", dir)
	flag.Set("rapid.steps", "12") // most steps are commits; another number can be given on the command line
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func secretFile(t *testing.T, text string) vault.SecretFile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return vault.SecretFile{Path: path}
}

func sealedKey(t *testing.T, passphrase vault.SecretFile) (at vault.SecretFile) {
	t.Helper()
	at.Path = filepath.Join(t.TempDir(), "key")
	must(t, vault.CreateCheapKeyForTest(at.Path, passphrase))
	return at
}

func openSealed(t *testing.T, at, passphrase vault.SecretFile) *vault.KeyFile {
	t.Helper()
	keys, err := vault.OpenKey(at, passphrase)
	must(t, err)
	vault.CheapKeyForTest(keys)
	return keys
}

func TestAKeyUnderAPassphrase(t *testing.T) {
	t.Parallel()
	ctx, first, second := t.Context(), secretFile(t, "correct horse battery\n"), secretFile(t, "staple staple staple")
	at := sealedKey(t, first)
	text, err := os.ReadFile(at.Path)
	must(t, err)
	if strings.Contains(string(text), "sigill-key-1") {
		t.Fatal("the key is in clear")
	}
	dir := filepath.Join(t.TempDir(), "vault")
	open := func(passphrase vault.SecretFile) *vault.Vault {
		t.Helper()
		v, err := vault.Open(ctx, dir, openSealed(t, at, passphrase), vault.Options{})
		must(t, err)
		return v
	}
	must(t, open(first).Close())

	keys := openSealed(t, at, first)
	_, err = vault.RotateKey(ctx, dir, keys)
	must(t, err)
	v := open(first)
	must(t, v.RewrapKeyring(ctx))
	_, err = vault.DropKeyVersions(t.Context(), dir, keys)
	must(t, err)
	must(t, v.Close())

	must(t, keys.ChangePassphrase(second))
	if _, err := vault.OpenKey(at, first); !errors.Is(err, vault.ErrWrongKey) || errors.Is(err, vault.ErrDamaged) {
		t.Errorf("the old passphrase: %v, want ErrWrongKey", err)
	}
	must(t, open(second).Close())
	must(t, keys.ChangePassphrase(vault.SecretFile{}))
	must(t, open(vault.SecretFile{}).Close())
	if _, err := vault.OpenKey(at, second); err == nil || !strings.Contains(err.Error(), "not under a passphrase") {
		t.Errorf("a plain file that is believed to be sealed: %v", err)
	}
	must(t, keys.ChangePassphrase(first))
	must(t, open(first).Close())
	if _, err := vault.OpenKey(at, vault.SecretFile{}); err == nil || !strings.Contains(err.Error(), "say where") {
		t.Errorf("no passphrase: %v", err)
	}
}

func TestADamagedKeyFileIsNotAWrongKey(t *testing.T) {
	t.Parallel()
	passphrase := secretFile(t, "correct horse battery")
	for _, kind := range []struct {
		name       string
		passphrase vault.SecretFile
		step       int // every octet is looked at where that is cheap
	}{{"plain", vault.SecretFile{}, 1}, {"under a passphrase", passphrase, 3}} {
		at := sealedKey(t, kind.passphrase)
		whole, err := os.ReadFile(at.Path)
		must(t, err)
		check := func(how string, text []byte) {
			t.Helper()
			must(t, os.WriteFile(at.Path, text, 0o600))
			if _, err := vault.OpenKey(at, kind.passphrase); !errors.Is(err, vault.ErrDamaged) || errors.Is(err, vault.ErrWrongKey) {
				t.Errorf("%s, %s: %v, want ErrDamaged", kind.name, how, err)
			}
		}
		for i := 0; i < len(whole); i += kind.step {
			bad := slices.Clone(whole)
			bad[i] ^= 2
			check(fmt.Sprintf("octet %d flipped", i), bad)
			check(fmt.Sprintf("cut off at %d", i), whole[:i])
		}
		check("something after it", append(slices.Clone(whole), "x\n"...))
		must(t, os.WriteFile(at.Path, whole, 0o600))
		openSealed(t, at, kind.passphrase)
	}
}

func TestPassphrasesRefused(t *testing.T) {
	t.Parallel()
	good := secretFile(t, "correct horse battery")
	at := sealedKey(t, good)
	open := secretFile(t, "correct horse battery")
	must(t, os.Chmod(open.Path, 0o640))
	for why, passphrase := range map[string]vault.SecretFile{
		"too short to protect anything":  secretFile(t, "hemligt\n"),
		"empty":                          secretFile(t, ""),
		"two lines: a file of something": secretFile(t, "correct horse\nbattery\n"),
		"others may read it":             open,
		"not there":                      {Path: filepath.Join(t.TempDir(), "none")},
		"a credential nobody gave":       {Credential: "none"},
		"a credential outside":           {Credential: "../secret"},
		"both a file and a credential":   {Path: good.Path, Credential: "x"},
	} {
		if _, err := vault.OpenKey(at, passphrase); err == nil || strings.Contains(err.Error(), "horse") {
			t.Errorf("%s: %v", why, err)
		}
		fresh := filepath.Join(t.TempDir(), "key")
		if err := vault.CreateSealedKeyFile(fresh, passphrase); err == nil {
			t.Errorf("%s: makes a key file", why)
		}
		if _, err := os.Stat(fresh); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: leaves something behind", why)
		}
	}
	dir := filepath.Dir(good.Path)
	if _, err := vault.Open(t.Context(), dir, openSealed(t, at, good), vault.Options{}); err == nil || !strings.Contains(err.Error(), "must not lie") {
		t.Errorf("the passphrase lies in the vault's folder: %v", err)
	}
}

// TestKeysFromSystemd: both the key and its passphrase are credentials, read-only.
func TestKeysFromSystemd(t *testing.T) {
	t.Parallel()
	put := func(name string, from vault.SecretFile, mode fs.FileMode) vault.SecretFile {
		text, err := os.ReadFile(from.Path)
		must(t, err)
		path := filepath.Join(credentials, name)
		must(t, os.WriteFile(path, text, mode))
		must(t, os.Chmod(path, mode))
		return vault.SecretFile{Credential: name}
	}
	source := secretFile(t, "correct horse battery\n")
	passphrase := put("systemd-passphrase", source, 0o400)
	at := sealedKey(t, source)
	key := put("systemd-key", at, 0o440) // systemd gives access by a list, which shows as the group's
	dir := filepath.Join(t.TempDir(), "vault")
	keys := openSealed(t, key, passphrase)
	v, err := vault.Open(t.Context(), dir, keys, vault.Options{})
	must(t, err)
	defer v.Close()
	if _, err := vault.RotateKey(t.Context(), dir, keys); !errors.Is(err, vault.ErrKeyReadOnly) || !strings.Contains(err.Error(), "systemd-key") {
		t.Errorf("rotated a credential: %v", err)
	}
	if _, err := vault.DropKeyVersions(t.Context(), dir, keys); !errors.Is(err, vault.ErrKeyReadOnly) {
		t.Errorf("dropped from a credential: %v", err)
	}
	if err := keys.ChangePassphrase(source); !errors.Is(err, vault.ErrKeyReadOnly) {
		t.Errorf("sealed a credential anew: %v", err)
	}
	// So it is done: the source is rotated, the credential made of it, the service restarted.
	version, err := vault.RotateKey(t.Context(), dir, openSealed(t, at, source))
	must(t, err)
	must(t, os.Remove(filepath.Join(credentials, "systemd-key")))
	put("systemd-key", at, 0o440)
	must(t, v.RewrapKeyring(t.Context()))
	uses, err := vault.ListKeys(t.Context(), dir, openSealed(t, key, passphrase))
	if must(t, err); len(uses) != 2 || uses[1].Number != version || uses[1].Keys != 2 {
		t.Errorf("after the rotation: %+v", uses)
	}
	open := put("systemd-open", at, 0o444)
	if _, err := vault.OpenKey(open, passphrase); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a credential everybody may read: %v", err)
	}
}
