package config

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"sigill/vault"
)

// surroundings are a folder with the files that testdata/good.toml names.
func surroundings(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	leaf := x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"sakert.example.se"}, NotAfter: time.Now().Add(time.Hour),
	}
	chain, err := x509.CreateCertificate(rand.Reader, &leaf, &leaf, key.Public(), key)
	must(t, err)
	writePEM(t, dir+"/chain.pem", "CERTIFICATE", chain, 0o644)
	writeKey(t, dir+"/private.key", key, 0o600)
	writeKey(t, dir+"/open.key", key, 0o644)
	_, signing, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	writeKey(t, dir+"/dkim.key", signing, 0o600)
	must(t, os.WriteFile(dir+"/secret", []byte("not to be told\n"), 0o600))
	must(t, vault.CreateKeyFile(dir+"/vault.key"))
	return dir
}

func writeKey(t *testing.T, path string, key any, mode fs.FileMode) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	writePEM(t, path, "PRIVATE KEY", der, mode)
}

func writePEM(t *testing.T, path, kind string, der []byte, mode fs.FileMode) {
	t.Helper()
	must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

func TestGood(t *testing.T) {
	t.Parallel()
	dir := surroundings(t)
	c, err := Parse([]byte(read(t, "testdata/good.toml")), dir)
	must(t, err)
	if c.Vault.Dir != File(dir+"/vault") || c.Limits != Default().Limits || c.Listen.IMAP != ":993" {
		t.Errorf("%+v", c)
	}
	provider, err := c.Login[0].Provider()
	must(t, err)
	if got := provider.About().Name; got != "e-legitimation" {
		t.Errorf("the button says %q", got)
	}
	if signers, err := c.Notices.Signers(); err != nil || len(signers) != 1 {
		t.Errorf("signers: %v, %v", signers, err)
	}
}

// TestNoticeBrands: a brand's notices say what it says, and the organisation's values where it says nothing.
func TestNoticeBrands(t *testing.T) {
	t.Parallel()
	brands := "\n[[notices.brand]]\ndomains = ['energi.example']\nname = 'Exempel Energi AB'\n"
	text := strings.Replace(read(t, "testdata/good.toml"), `domains = ["example.se"]`, `domains = ["example.se", "energi.example"]`, 1)
	c, err := Parse([]byte(text+brands), surroundings(t))
	must(t, err)
	n := c.BrandedNotices()["energi.example"]
	if n.Organisation != "Exempel Energi AB" || n.Phone != "08-123 45 67" || n.BaseURL != "https://sakert.example.se" {
		t.Errorf("%+v", n)
	}
}

// TestBad holds what is told of each broken configuration in testdata/bad. A file there says what takes the place of the
// same keys of testdata/good.toml, and in "#=" lines all faults, DIR standing for the folder and … for what follows.
func TestBad(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	dir := surroundings(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text := read(t, file)
			var want []string
			for line := range strings.Lines(text) {
				if line, ok := strings.CutPrefix(line, "#= "); ok {
					want = append(want, strings.TrimSpace(line))
				}
			}
			_, err := Parse(inPlaceOf(t, read(t, "testdata/good.toml"), text), dir)
			var found Faults
			if !errors.As(err, &found) {
				t.Fatalf("it passes: %v", err)
			}
			got := strings.Split(strings.ReplaceAll(found.Error(), dir, "DIR"), "\n")
			slices.Sort(got)
			slices.Sort(want)
			if !slices.EqualFunc(got, want, fitting) {
				t.Errorf("faults:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// fitting tells whether a fault is the one that is wanted, which may leave the rest open with an ellipsis.
func fitting(got, want string) bool {
	begin, open := strings.CutSuffix(want, "…")
	return got == want || open && strings.HasPrefix(got, begin)
}

// inPlaceOf puts the top keys of one text in the place of another's. What is no TOML stays as it is.
func inPlaceOf(t *testing.T, good, bad string) []byte {
	t.Helper()
	var tree, other map[string]any
	if _, err := toml.Decode(bad, &other); err != nil {
		return []byte(bad)
	}
	_, err := toml.Decode(good, &tree)
	must(t, err)
	maps.Copy(tree, other)
	var out bytes.Buffer
	must(t, toml.NewEncoder(&out).Encode(tree))
	return out.Bytes()
}

// TestParts holds what a command is told that needs a part of the configuration.
func TestParts(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		text  string
		parts []string
		want  string
		why   string
	}{
		{"[vault]\ndir = 'v'\nkey_file = 'k'", []string{"vault.dir"}, "", "a running server has read the key"},
		{"[vault]\ndir = 'v'\nkey_file = 'k'", []string{"vault"}, "vault.key_file: there is no file DIR/k", "here it is needed"},
		{"[vault]\nkey_file = 'k'", []string{"vault.dir"}, "vault.dir: must be …", "without it nothing is found"},
		{"[vault]\ndir = 'v'\n[log]\njson = 1", []string{"vault.dir"}, "log.json: must be true or false, not a whole number", "what has no meaning is told always"},
		{"[vault]\ndir = 'v'\n[vaults]", []string{"vault.dir"}, "vaults: there is no such key…", "a key that is written wrong may be one that is needed"},
	} {
		dir := t.TempDir()
		_, err := Parse([]byte(row.text), dir, row.parts...)
		got := ""
		if err != nil {
			got = strings.ReplaceAll(err.Error(), dir, "DIR")
		}
		if !fitting(got, row.want) {
			t.Errorf("%q: %q, want %q (%s)", row.text, got, row.want, row.why)
		}
	}
}

var shown = regexp.MustCompile(`(?m)^#([a-z_]+ =)`)

// TestSample holds that the sample names every key, and that what it shows as defaults are the defaults.
func TestSample(t *testing.T) {
	t.Parallel()
	plain, _ := Parse([]byte(Sample), "/x") // the files it names are not there
	full, err := Parse([]byte(shown.ReplaceAllString(Sample, "$1")), "/x")
	var found Faults
	errors.As(err, &found)
	for _, f := range found {
		if !strings.Contains(f.Text, "there is no file /x/") {
			t.Errorf("the sample has a fault of its own: %v", f)
		}
	}
	if !reflect.DeepEqual(plain, full) {
		t.Errorf("the sample's defaults are not the defaults:\n%+v\n%+v", plain, full)
	}
	var tree map[string]any
	_, err = toml.Decode(shown.ReplaceAllString(Sample, "$1"), &tree)
	must(t, err)
	missing(t, "", reflect.ValueOf(&Config{}).Elem(), tree)
}

// missing tells of keys that a tree does not have.
func missing(t *testing.T, path string, of reflect.Value, tree map[string]any) {
	t.Helper()
	for key, field := range keys(of) {
		value, ok := tree[key]
		if !ok {
			t.Errorf("the sample does not name %s", at(path, key))
			continue
		}
		if field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct {
			if list, ok := value.([]map[string]any); ok {
				value, field = list[0], reflect.New(field.Type().Elem()).Elem()
			}
		}
		if below, ok := value.(map[string]any); ok && field.Kind() == reflect.Struct {
			missing(t, at(path, key), field, below)
		}
	}
}

// TestDocument holds docs/config.md, which is made by: go run ./cmd/sigill config --markdown > docs/config.md
func TestDocument(t *testing.T) {
	t.Parallel()
	if read(t, "../../../../docs/config.md") != Document() {
		t.Error("docs/config.md is not what sigill config --markdown prints: run it anew")
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	s := Secret("hunter2")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, struct{ S Secret }{s}); strings.Contains(got, "hunter2") || strings.Contains(got, "68756e") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	if text, _ := s.MarshalText(); string(text) != redacted {
		t.Errorf("marshals %s", text)
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		text string
		want Size
		why  string
	}{
		{"25MB", 25_000_000, "powers of 1000"},
		{"10 GiB", 10 << 30, "powers of 1024, with a space"},
		{"0B", 0, "nothing"},
		{"7", -1, "a number alone may be octets or megabytes"},
		{"-1MB", -1, "below zero"},
		{"9999999TiB", -1, "more than can be counted"},
	} {
		var got Size
		if err := got.UnmarshalText([]byte(row.text)); err != nil {
			got = -1
		}
		if got != row.want {
			t.Errorf("%s: %d, want %d (%s)", row.text, got, row.want, row.why)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(Sample))
	f.Add([]byte("[[login]]\nclaims = [[1]]\n[limits]\ngrace = {}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := Parse(text, t.TempDir()); err == nil && c.Vault.KeyFile == "" {
			t.Error("a configuration without a key passes")
		}
	})
}
