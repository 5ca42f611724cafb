package stranger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/format.md")
	must(t, err)
	return string(page)
}

// TestThePagesVectors computes each from the others.
func TestThePagesVectors(t *testing.T) {
	t.Parallel()
	_, block, _ := strings.Cut(readPage(t), "```json\n")
	block, _, _ = strings.Cut(block, "\n```")
	var all map[string]json.RawMessage
	must(t, json.Unmarshal([]byte(block), &all))
	take := func(name string, into any) {
		t.Helper()
		must(t, json.Unmarshal(all[name], into))
		delete(all, name)
	}
	octets := func(text string) []byte {
		t.Helper()
		b, err := hex.DecodeString(text)
		must(t, err)
		return b
	}
	named := func(name string) []byte {
		t.Helper()
		var text string
		take(name, &text)
		return octets(text)
	}
	want := func(what string, got, want []byte) {
		t.Helper()
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %x, the page has %x", what, got, want)
		}
	}
	key, id, nonce, lookup, root := named("key"), named("id"), named("nonce"), named("lookup"), named("root")
	want("check", check(key), named("check"))
	var derived map[string]string
	take("derive", &derived)
	for label, sum := range derived {
		want("derive "+label, derive(key, label), octets(sum))
	}
	var digests []struct {
		Label string
		Parts []string
		Sum   string
	}
	take("digest", &digests)
	for _, d := range digests {
		var parts [][]byte
		for _, p := range d.Parts {
			parts = append(parts, octets(p))
		}
		want("digest "+d.Label, digest(key, d.Label, parts...), octets(d.Sum))
	}
	var boxes []struct{ Plain, AAD, Sealed string }
	take("box", &boxes)
	for _, b := range boxes {
		want("box", sealBox(key, nonce, octets(b.Plain), octets(b.AAD)), octets(b.Sealed))
	}
	var chunks []struct {
		Number        uint32
		Last          bool
		Plain, Sealed string
	}
	take("chunk", &chunks)
	for _, c := range chunks {
		want("chunk", sealChunk(key, id, c.Number, c.Last, octets(c.Plain)), octets(c.Sealed))
	}
	var keyFile string
	take("key_file", &keyFile)
	file, err := readKeyFile(keyFile)
	must(t, err)
	want("key file", file[1], key)
	ring, err := readKeyring(all["keyring"], file)
	must(t, err)
	delete(all, "keyring")
	want("vault", ring.vault, id)
	want("look-up key", ring.lookup, lookup)
	want("root", ring.roots[3], root)
	want("content", append(be32(3), sealBox(derive(root, "content keys"), nonce, key, id)...), named("content"))

	var record struct{ Table, Key, Plain, Sealed, Link string }
	take("record", &record)
	plain := octets(record.Plain)
	want("record", append(be32(3), sealBox(derive(root, "records"), nonce, plain, place(record.Table, octets(record.Key)))...), octets(record.Sealed))
	if decode(t, plain)["3"] != "read" {
		t.Errorf("the event of the vector: %v", decode(t, plain))
	}
	link := sha256.Sum256(append(octets(record.Key), plain...))
	want("link", link[:], octets(record.Link))
	for _, table := range []string{"index", "header"} {
		var v struct{ Plain, Sealed string }
		take(table, &v)
		want(table, sealBox(derive(key, "index"), nonce, octets(v.Plain), place(table, id)), octets(v.Sealed))
	}
	var checkpoint struct{ Public, Line string }
	take("checkpoint", &checkpoint)
	private := ed25519.NewKeyFromSeed(derive(lookup, "audit checkpoints"))
	want("public key", private.Public().(ed25519.PublicKey), octets(checkpoint.Public))
	statement, signature, _ := cutLast(checkpoint.Line, " ")
	want("signature", ed25519.Sign(private, []byte(statement)), decode64(t, signature))
	if !strings.HasSuffix(statement, " "+base64.StdEncoding.EncodeToString(link[:])) {
		t.Errorf("the checkpoint %q is not of the record", statement)
	}
	backup := named("backup")
	sum := sha256.Sum256(backup[:len(backup)-32])
	want("backup", backup[len(backup)-32:], sum[:])
	part := func(b string) []byte { return append(be32(uint32(len(b))), b...) }
	want("backup", backup[:len(backup)-32], slices.Concat([]byte("sigill-backup-1\n"), part("{}"), []byte{0}, part("schema"), part("1"), []byte{0xff}))
	if len(all) > 0 {
		t.Errorf("vectors nobody looks at: %v", all)
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	at := strings.LastIndex(s, sep)
	return s[:at], s[at+1:], at >= 0
}

func decode64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	must(t, err)
	return b
}

// TestThePageTellsEveryTable opens each record of the tables that the page says hold some, and finds no other table.
func TestThePageTellsEveryTable(t *testing.T) {
	t.Parallel()
	r := open(t, filepath.Join("..", "..", "testdata", "schema-1"))
	_, page, _ := strings.Cut(readPage(t), "## Tables")
	page, _, _ = strings.Cut(page, "##")
	told := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`.*?) \\| .*? \\| (.*) \\|$").FindAllStringSubmatch(page, -1) {
		for _, table := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(row[1], -1) {
			told[table[1]] = row[2]
		}
	}
	opened := 0
	for table, records := range r.tables {
		value, ok := told[table]
		if !ok {
			t.Errorf("table %s is not on the page", table)
		}
		for key := range records {
			if strings.Contains(value, "Record`") {
				r.record(table, []byte(key))
				opened++
			}
		}
	}
	if opened < 50 {
		t.Errorf("only %d records opened", opened)
	}
}

// TestAStrangerHasNoCodeOfOurs reads the imports of this folder.
func TestAStrangerHasNoCodeOfOurs(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	must(t, err)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		must(t, err)
		for _, i := range file.Imports {
			if strings.HasPrefix(i.Path.Value, `"sigill`) {
				t.Errorf("%s imports %s", name, i.Path.Value)
			}
		}
	}
}
