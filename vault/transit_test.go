package vault_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigill/vault"
)

// TestAVaultUnderTransit opens, rotates and opens again a vault whose key another program keeps.
func TestAVaultUnderTransit(t *testing.T) {
	t.Parallel()
	for name, derived := range map[string]bool{"plain key": false, "derived key": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeVault(t)
			f.derived = derived
			keys := f.open(f.options())
			dir, ctx := filepath.Join(t.TempDir(), "vault"), t.Context()
			reopen := func(v *vault.Vault) *vault.Vault {
				t.Helper()
				if v != nil {
					must(t, v.Close())
				}
				v, err := vault.Open(ctx, dir, keys, vault.Options{})
				must(t, err)
				return v
			}
			v := reopen(reopen(nil))
			must(t, v.Directory().PutAccount(ctx, vault.Account{Address: anna, Name: "Anna"}, "secret anna"))
			wantUse := func(why string, want ...int) {
				t.Helper()
				uses, err := vault.ListKeys(ctx, dir, keys)
				must(t, err)
				for i, u := range uses {
					if len(uses) != len(want) || u.Keys != want[i] || u.Newest != (i == len(uses)-1) || u.Created.Year() != 2015 {
						t.Errorf("%s: %+v, want keys %v", why, uses, want)
					}
				}
			}
			wantUse("new", 2)
			if _, err := vault.RotateKey(ctx, dir, keys); !errors.Is(err, vault.ErrKeyReadOnly) || !strings.Contains(err.Error(), "vault write -f keys/transit/keys/sigill/rotate") {
				t.Errorf("rotating from here: %v", err)
			}
			f.rotate()
			wantUse("rotated in Vault", 2, 0)
			if _, err := vault.DropKeyVersions(ctx, dir, keys); !errors.Is(err, vault.ErrKeyInUse) {
				t.Errorf("in use: %v", err)
			}
			must(t, v.RewrapKeyring(ctx))
			wantUse("rewrapped", 0, 2)
			if _, err := vault.DropKeyVersions(ctx, dir, keys); !errors.Is(err, vault.ErrKeyReadOnly) || !strings.Contains(err.Error(), "min_decryption_version=2") {
				t.Errorf("dropping from here: %v", err)
			}
			f.set(func() { f.min = 2 })
			wantUse("dropped in Vault", 2)
			if dropped, err := vault.DropKeyVersions(ctx, dir, keys); err != nil || dropped != nil {
				t.Errorf("nothing to drop: %v, %v", dropped, err)
			}
			v = reopen(v)
			must(t, v.Maintain(ctx, nil))
			must(t, reopen(v).Close())
		})
	}
}

func TestTransitBindsToTheVault(t *testing.T) {
	t.Parallel()
	f := newFakeVault(t)
	keys := f.open(f.options())
	key := []byte("0123456789abcdef0123456789abcdef")
	wrapped, err := keys.Wrap(t.Context(), []byte("one vault's id.."), key)
	must(t, err)
	if got, err := keys.Unwrap(t.Context(), []byte("one vault's id.."), wrapped); err != nil || string(got) != string(key) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := keys.Unwrap(t.Context(), []byte("another's id...."), wrapped); !errors.Is(err, vault.ErrWrongKey) {
		t.Errorf("under another vault's id: %v, want ErrWrongKey", err)
	}
}

// TestTransitFailures: each is an error that says what to do, and no request is sent for ever.
func TestTransitFailures(t *testing.T) {
	t.Parallel()
	sealed := status(http.StatusServiceUnavailable, "Vault is sealed")
	for _, row := range []struct {
		why   string
		do    func(f *fakeVault)
		want  error  // nil: it succeeds
		words string // in the error
		tries int    // requests; 0: not counted
	}{
		{"all is well", func(f *fakeVault) {}, nil, "", 2},
		{"sealed, and opened meanwhile", func(f *fakeVault) { f.next(sealed, sealed) }, nil, "", 4},
		{"sealed", func(f *fakeVault) { f.next(sealed, sealed, sealed, sealed, sealed) }, vault.ErrKeyUnavailable, "Vault is sealed", 4},
		{"overloaded for a moment", func(f *fakeVault) { f.next(status(429, "rate limited")) }, nil, "", 3},
		{"an error of the server's own", func(f *fakeVault) { f.next(status(500, "internal error")) }, nil, "", 3},
		{"a standby that does not serve", func(f *fakeVault) { f.next(status(473)) }, nil, "", 3},
		{"the answer is cut off", func(f *fakeVault) { f.next(cut) }, nil, "", 3},
		{"no answer at all", func(f *fakeVault) { f.next(silent, silent, silent, silent, silent) }, vault.ErrKeyUnavailable, "", 0},
		{"down", func(f *fakeVault) { f.server.Close() }, vault.ErrKeyUnavailable, "temporary", 0},
		{"the policy forbids it", func(f *fakeVault) { f.next(status(403, "1 error occurred:\n\t* permission denied\n\n")) }, errAny, "policy has update on keys/transit/encrypt", 1},
		{"another token was given", func(f *fakeVault) { f.set(func() { f.token = "hvs.other" }) }, errAny, "check the token", 1},
		{"no such key", func(f *fakeVault) { f.next(status(404)) }, errAny, "make the key with: vault write -f keys/transit/keys", 1},
		{"a key that cannot bind", func(f *fakeVault) { f.set(func() { f.kind = "rsa-4096" }) }, errAny, "make one of type aes256-gcm96", 1},
		{"another key under the name", func(f *fakeVault) { f.set(func() { f.versions = nil }); f.rotate() }, vault.ErrWrongKey, "authentication failed", 2},
		{"the version was shut off", func(f *fakeVault) { f.rotate(); f.set(func() { f.min = 2 }) }, vault.ErrWrongKey, "lower min_decryption_version", 2},
		{"the key was begun anew", func(f *fakeVault) { f.set(func() { f.versions = nil }) }, vault.ErrWrongKey, "too new", 2},
		{"a proxy's page", func(f *fakeVault) {
			f.next(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>secret intranet</html>")) })
		}, errAny, "not Vault's JSON", 1},
		{"sent away from https", func(f *fakeVault) {
			f.next(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://127.0.0.1:1/v1/x", http.StatusTemporaryRedirect)
			}, sealed, sealed, sealed)
		}, vault.ErrKeyUnavailable, "", 4},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			f := newFakeVault(t)
			o := f.options()
			o.Timeout = 5 * time.Second
			if strings.HasPrefix(row.why, "no answer") {
				o.Timeout = time.Second // setting up takes a while on a busy machine
			}
			keys := f.open(o)
			wrapped, err := keys.Wrap(t.Context(), []byte("id"), make([]byte, 32))
			must(t, err)
			f.taken()
			row.do(f)
			_, err = keys.Unwrap(t.Context(), []byte("id"), wrapped)
			switch {
			case row.want == nil && err != nil, row.want != nil && err == nil,
				row.want != errAny && !errors.Is(err, row.want), row.want == errAny && (errors.Is(err, vault.ErrWrongKey) || errors.Is(err, vault.ErrKeyUnavailable)):
				t.Errorf("%v, want %v", err, row.want)
			}
			if err != nil && (!strings.Contains(err.Error(), row.words) || strings.Contains(err.Error(), "hvs.") || strings.Contains(err.Error(), "intranet")) {
				t.Errorf("%v, want %q in it", err, row.words)
			}
			if got := f.taken(); row.tries > 0 && len(got) != row.tries {
				t.Errorf("%d requests: %v, want %d", len(got), got, row.tries)
			}
		})
	}
}

// errAny is an error that is neither of a wrong key nor temporary.
var errAny = errors.New("an error to be mended by somebody")

func TestTransitTokens(t *testing.T) {
	t.Parallel()
	versions := func(keys *vault.Transit) error {
		_, err := keys.Versions(t.Context())
		return err
	}
	f := newFakeVault(t)
	o := f.options()
	keys := f.open(o)
	must(t, versions(keys))
	f.set(func() { f.token = "hvs.renewed" })
	must(t, os.WriteFile(o.Token.Path, []byte("hvs.renewed"), 0o600))
	must(t, versions(keys)) // the file is read again
	must(t, os.Chmod(o.Token.Path, 0o644))
	if err := versions(keys); !errors.Is(err, os.ErrPermission) {
		t.Errorf("a token others may read: %v", err)
	}

	o.Token, o.RoleID, o.SecretID = vault.SecretFile{}, "role", secretFile(t, "secret\n")
	keys = f.open(o)
	f.taken()
	must(t, versions(keys))
	must(t, versions(keys))
	f.set(func() { f.token = "hvs.later" }) // the first has run out
	must(t, versions(keys))
	if got := strings.Join(f.taken(), "\n"); strings.Count(got, "login") != 2 {
		t.Errorf("logins, want 2:\n%s", got)
	}
	o.SecretID = secretFile(t, "wrong")
	keys = f.open(o)
	_, err := keys.Unwrap(t.Context(), []byte("id"), []byte("vault:v1:AAAA"))
	if err == nil || errors.Is(err, vault.ErrWrongKey) || errors.Is(err, vault.ErrKeyUnavailable) || !strings.Contains(err.Error(), "AppRole") {
		t.Errorf("a wrong secret id: %v", err)
	}
}

func TestTransitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := newFakeVault(t)
	keys := f.open(f.options())
	ctx, stop := context.WithCancel(t.Context())
	f.next(func(w http.ResponseWriter, r *http.Request) { stop(); silent(w, r) })
	if _, err := keys.Versions(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if got := f.taken(); len(got) != 1 {
		t.Errorf("requests %v, want one", got)
	}
}

func TestTransitOptionsRefused(t *testing.T) {
	t.Parallel()
	f := newFakeVault(t)
	good := f.options()
	for why, change := range map[string]func(*vault.TransitOptions){
		"keys are not sent in clear":      func(o *vault.TransitOptions) { o.Address = "http://127.0.0.1:8200" },
		"no address":                      func(o *vault.TransitOptions) { o.Address = "" },
		"a secret in the address":         func(o *vault.TransitOptions) { o.Address = "https://a:b@127.0.0.1" },
		"no key":                          func(o *vault.TransitOptions) { o.Key = "" },
		"a key that is a path":            func(o *vault.TransitOptions) { o.Key = "../sys/seal" },
		"neither token nor role":          func(o *vault.TransitOptions) { o.Token = vault.SecretFile{} },
		"both token and role":             func(o *vault.TransitOptions) { o.RoleID = "role" },
		"certificates that are not there": func(o *vault.TransitOptions) { o.CA = "/none" },
		"a file that has no certificate":  func(o *vault.TransitOptions) { o.CA = o.Token.Path },
	} {
		o := good
		change(&o)
		if _, err := vault.OpenTransit(o); err == nil {
			t.Errorf("%s: taken", why)
		}
	}
	o := good
	o.CA = "" // the system's do not have the fake's
	if _, err := f.open(o).Versions(t.Context()); err == nil || errors.Is(err, vault.ErrKeyUnavailable) {
		t.Errorf("a server nobody vouches for: %v", err)
	}
	if got := f.taken(); len(got) != 0 {
		t.Errorf("it was sent %v", got)
	}
}
