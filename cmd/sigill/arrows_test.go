package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "sigill"

// arrows is the table of docs/develop.md: what each package may import of ours. A name that ends in "/…" is a folder and
// all below it. A package below internal/ belongs to its owner's row, if it has none of its own.
var arrows = map[string][]string{
	"policy":              {},
	"vault/message":       {"policy"},
	"vault/message/tnef":  {},
	"vault/internal/seal": {},
	"vault/internal/cbor": {},
	"vault/internal/kv/…": {"vault/internal/kv/…"},
	"vault/bearer":        {},
	"vault/clamd/…":       {"vault/clamd/…"},
	"vault":               {"policy", "vault/message", "vault/internal/…"},
	"smtpd":               {"policy", "vault", "vault/message", "vault/bearer", "smtpd/…"},
	"smtpd/detect":        {"policy", "vault/message", "vault/message/tnef"},
	"smtpd/expr":          {"policy"},
	"smtpd/facts":         {"policy", "vault/message", "smtpd/detect", "smtpd/expr"},
	"smtpd/relay":         {"policy"},
	"smtpd/partner":       {"smtpd/relay"},
	"smtpd/outbox":        {"policy", "vault", "smtpd/relay"},
	"imapd":               {"policy", "vault", "vault/message", "vault/bearer", "imapd/internal/…"},
	"web/…":               {"policy", "vault", "vault/message", "vault/message/tnef", "web/…"},
	"cmd/sigill/…":        {"policy", "vault/…", "smtpd/…", "imapd", "web/…", "cmd/sigill/…"},
}

func TestArrows(t *testing.T) {
	t.Parallel()
	faults, files, err := wrongArrows(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Fatalf("only %d files read; is this the root of the repository?", files)
	}
	for _, f := range faults {
		t.Error(f)
	}
}

func TestArrowsFindsViolations(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ file, imports, why string }{
		{"policy/planted.go", "sigill/vault", "policy imports nothing of ours"},
		{"vault/planted.go", "sigill/smtpd", "the vault knows no protocol"},
		{"vault/planted.go", "sigill/policy/more", "a folder below an allowed one is not allowed by it"},
		{"smtpd/relay/planted.go", "sigill/vault", "the relay sees no vault"},
		{"web/clean/planted.go", "sigill/imapd", "web and imapd do not meet"},
		{"imapd/internal/planted.go", "sigill/web", "what is internal keeps its owner's arrows"},
		{"extra/planted.go", "fmt", "a folder that is not in the table"},
		{"smtpd/extra/planted.go", "fmt", "nor is one below a row that does not end in …"},
	} {
		root := t.TempDir()
		file := filepath.Join(root, row.file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		source := fmt.Sprintf("package planted\n\nimport _ %q\n", row.imports)
		if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		if faults, _, err := wrongArrows(os.DirFS(root)); err != nil || len(faults) != 1 {
			t.Errorf("%s importing %s: %v, %v (%s)", row.file, row.imports, faults, err, row.why)
		}
	}
}

// wrongArrows reads the imports of every file that is no test. It parses by itself, because a test that asks the go
// command is cached and misses what changed.
func wrongArrows(root fs.FS) (faults []string, files int, err error) {
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "artifacts") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		files++
		found, err := wrongArrowsOf(root, name)
		faults = append(faults, found...)
		return err
	})
	return faults, files, err
}

func wrongArrowsOf(root fs.FS, name string) (faults []string, err error) {
	source, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	folder := path.Dir(name)
	allowed, ok := arrowsOf(folder)
	if !ok {
		return []string{name + ": the folder is not in the table of docs/develop.md"}, nil
	}
	for _, i := range file.Imports {
		target, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return nil, err
		}
		ours, ok := strings.CutPrefix(target, module+"/")
		if ok && !slices.ContainsFunc(allowed, func(a string) bool { return covers(a, ours) }) {
			faults = append(faults, fmt.Sprintf("%s: %s may not import %s", name, folder, ours))
		}
	}
	return faults, nil
}

// arrowsOf finds a folder's row: its own, that of a folder above whose row is for all below it, or its owner's.
func arrowsOf(folder string) (allowed []string, ok bool) {
	if allowed, ok = arrows[folder]; ok {
		return allowed, true
	}
	for above := folder; above != "."; above = path.Dir(above) {
		if allowed, ok = arrows[above+"/…"]; ok {
			return allowed, true
		}
	}
	if owner, _, internal := strings.Cut(folder+"/", "/internal/"); internal {
		return arrowsOf(owner)
	}
	return nil, false
}

func covers(allowed, target string) bool {
	if above, ok := strings.CutSuffix(allowed, "/…"); ok {
		return target == above || strings.HasPrefix(target, above+"/")
	}
	return target == allowed
}
