package stranger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ugorji/go/codec"
	"go.etcd.io/bbolt"
)

// together are the tables that lie in one bucket.
var together = []string{"message", "key", "index", "where", "opened", "staging", "conversation", "messagejob", "header"}

// reader is a vault's tables, raw, and its keys.
type reader struct {
	t *testing.T
	keys
	tables map[string]map[string][]byte
}

// field numbers a record's fields, as a map with text for keys.
type fields = map[string]any

func open(t *testing.T, dir string) *reader {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "vault.key"))
	must(t, err)
	file, err := readKeyFile(string(text))
	must(t, err)
	ring, err := os.ReadFile(filepath.Join(dir, "keyring.json"))
	must(t, err)
	r := &reader{t: t, tables: map[string]map[string][]byte{}}
	r.keys, err = readKeyring(ring, file)
	must(t, err)
	copied := filepath.Join(t.TempDir(), "vault.db") // bbolt locks what it opens
	db, err := os.ReadFile(filepath.Join(dir, "vault.db"))
	must(t, err)
	must(t, os.WriteFile(copied, db, 0o600))
	bolt, err := bbolt.Open(copied, 0o600, &bbolt.Options{ReadOnly: true})
	must(t, err)
	defer bolt.Close()
	must(t, bolt.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error {
				table, key := string(name), slices.Clone(k)
				if table == "message+" {
					table, key = together[k[16]-1], slices.Concat(k[:16], k[17:])
				}
				if r.tables[table] == nil {
					r.tables[table] = map[string][]byte{}
				}
				r.tables[table][string(key)] = slices.Clone(v)
				return nil
			})
		})
	}))
	return r
}

func decode(t *testing.T, plain []byte) (out fields) {
	t.Helper()
	h := new(codec.CborHandle)
	h.MapType = reflect.TypeFor[fields]()
	must(t, codec.NewDecoderBytes(plain, h).Decode(&out))
	return out
}

// plain opens a record.
func (r *reader) plain(table string, key []byte) []byte {
	r.t.Helper()
	sealed := r.tables[table][string(key)]
	if len(sealed) < 4 {
		r.t.Fatalf("no record %x in table %s", key, table)
	}
	root := r.roots[binary.BigEndian.Uint32(sealed)]
	plain, err := openBox(derive(root, "records"), sealed[4:], place(table, key))
	must(r.t, err)
	return plain
}

func (r *reader) record(table string, key []byte) fields {
	r.t.Helper()
	return decode(r.t, r.plain(table, key))
}

func (r *reader) content(id []byte) []byte {
	r.t.Helper()
	sealed := r.tables["key"][string(id)]
	root := r.roots[binary.BigEndian.Uint32(sealed)]
	key, err := openBox(derive(root, "content keys"), sealed[4:], id)
	must(r.t, err)
	return key
}

// message gives a message's raw octets.
func (r *reader) message(id []byte) (raw []byte) {
	r.t.Helper()
	size := number(r.record("message", id)["6"])
	content := r.content(id)
	count := max(1, (size+chunkSize-1)/chunkSize)
	for n := range uint32(count) {
		plain, err := openChunk(content, id, n, n == uint32(count)-1, r.tables["chunk"][string(id)+string(be32(n))])
		must(r.t, err)
		raw = append(raw, plain...)
	}
	if uint64(len(raw)) != size {
		r.t.Errorf("message %x has %d octets, not %d", id, len(raw), size)
	}
	return raw
}

func (r *reader) index(id []byte) fields {
	r.t.Helper()
	plain, err := openBox(derive(r.content(id), "index"), r.tables["index"][string(id)], place("index", id))
	must(r.t, err)
	return decode(r.t, plain)
}

func number(v any) uint64 {
	switch n := v.(type) {
	case uint64:
		return n
	case int64:
		return uint64(n)
	}
	return 0
}

var idText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// TestAStrangerReadsTheSamples reads all messages, mailboxes and the audit, and finds what contents.txt tells.
func TestAStrangerReadsTheSamples(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{"1", "2"} {
		t.Run(schema, func(t *testing.T) { readSample(t, schema) })
	}
}

// clutter is the fields that a header by itself does not have.
var clutter = regexp.MustCompile(`(?im)^(ARC-|Authentication-Results|DKIM-Signature|X-(Forefront|Google|Microsoft|MS)-).*\n([ \t].*\n)*`)

func readSample(t *testing.T, schema string) {
	dir := filepath.Join("..", "..", "testdata", "schema-"+schema)
	r := open(t, dir)
	text, err := os.ReadFile(filepath.Join(dir, "contents.txt"))
	must(t, err)
	told := string(text)
	want := func(format string, args ...any) {
		t.Helper()
		if line := fmt.Sprintf(format, args...); !strings.Contains(told, line) {
			t.Errorf("not in contents.txt: %q", line)
		}
	}
	if !bytes.Equal(r.tables["meta"]["vault"], r.vault) || string(r.tables["meta"]["schema"]) != schema {
		t.Errorf("meta: %q", r.tables["meta"])
	}
	messages := 0
	for id := range r.tables["message"] {
		raw := r.message([]byte(id))
		if sealed, ok := r.tables["header"][id]; ok != (schema != "1") {
			t.Errorf("message %x has a header by itself: %v", id, ok)
		} else if ok {
			header, err := openBox(derive(r.content([]byte(id)), "index"), sealed, place("header", []byte(id)))
			must(t, err)
			if end := bytes.Index(raw, []byte("\r\n\r\n")); string(header) != clutter.ReplaceAllString(string(raw[:end+4]), "") {
				t.Errorf("message %x has the header %q by itself", id, header)
			}
		}
		envelope := r.index([]byte(id))["2"].(fields)
		subject, _ := envelope["2"].(string)
		if !strings.Contains(told, fmt.Sprintf("message %s\n\t\tsubject %q", idText.EncodeToString([]byte(id)), subject)) {
			t.Errorf("message %x is not told with subject %q", id, subject)
		}
		want("sha256 %x\n", sha256.Sum256(raw))
		messages++
	}
	if told := len(unique(told, " message ")); messages == 0 || told != messages {
		t.Errorf("%d messages, contents.txt tells of %d", messages, told)
	}
	for _, link := range regexp.MustCompile(`of (\w{26}) link "(\w+)"`).FindAllStringSubmatch(told, -1) {
		rec := r.record("link", digest(r.lookup, "link", []byte(link[2])))
		if idText.EncodeToString(rec["1"].([]byte)) != link[1] {
			t.Errorf("link %s leads to %x, not %s", link[2], rec["1"], link[1])
		}
	}
	r.mailboxes(want)
	r.audit(want)
}

// unique counts the different words that follow a word.
func unique(text, word string) map[string]bool {
	out := map[string]bool{}
	for _, after := range strings.Split(text, word)[1:] {
		if f := strings.Fields(after); len(f) > 0 && len(f[0]) == 26 {
			out[f[0]] = true
		}
	}
	return out
}

// mailboxes finds mailboxes by their owners and messages by the mailboxes.
func (r *reader) mailboxes(want func(string, ...any)) {
	owner := digest(r.lookup, "owner", []byte("address"), []byte("anna@kommun.example"))
	if account := r.record("account", owner); account["2"] != "anna" {
		r.t.Errorf("Anna's account: %v", account)
	}
	for role, name := range map[byte]string{1: "inbox", 2: "sent", 3: "drafts", 4: "trash", 5: "archive"} {
		id := r.tables["owner"][string(owner)+string(role)]
		box := r.record("mailbox", id)
		want("mailbox %d of \"anna@kommun.example\" %s \"\" next %d\n", binary.BigEndian.Uint64(id), name, number(box["5"]))
	}
	person := digest(r.lookup, "owner", []byte("person"), []byte("199908072391"))
	bo := digest(r.lookup, "owner", []byte("address"), []byte("bo@kommun.example"))
	for _, owner := range [][]byte{person, owner, bo} { // Bo has marked his
		inbox := r.tables["owner"][string(owner)+"\x01"]
		for uid := uint32(1); uid < uint32(number(r.record("mailbox", inbox)["5"])); uid++ {
			entry := r.record("entry", append(slices.Clone(inbox), be32(uid)...))
			flags, keywords := r.marks(inbox, uid, entry)
			want("\tUID %d flags %d %q date %s message %s\n", uid, flags, keywords, time.Unix(0, int64(number(entry["4"]))).UTC().Format(time.RFC3339), idText.EncodeToString(entry["1"].([]byte)))
		}
	}
	binding := r.record("binding", digest(r.lookup, "binding", []byte("kim@medborgare.example")))
	if binding["2"] != "199908072391" {
		r.t.Errorf("Kim's binding: %v", binding)
	}
}

// marks are the flags and keywords of an entry: its own, or those that its block tells.
func (r *reader) marks(box []byte, uid uint32, entry fields) (flags uint64, keywords any) {
	flags, keywords = number(entry["2"]), entry["3"]
	block := append(slices.Clone(box), be32(uid/128)...)
	if r.tables["flags"][string(block)] != nil {
		rec, at := r.record("flags", block), int(uid%128)
		told, _ := rec["1"].([]byte)
		sets, _ := rec["3"].([]byte)
		if at < len(told) && told[at]&128 != 0 {
			flags, keywords = uint64(told[at]&^128), nil
			if at < len(sets) && sets[at] > 0 {
				keywords = rec["2"].([]any)[sets[at]-1]
			}
		}
	}
	if keywords == nil {
		keywords = []any{}
	}
	return flags, keywords
}

// audit follows the chain of links and checks the checkpoint.
func (r *reader) audit(want func(string, ...any)) {
	var link []byte
	n := uint64(1)
	for ; r.tables["audit"][string(be64(n))] != nil; n++ {
		plain := r.plain("audit", be64(n))
		event := decode(r.t, plain)
		if before, _ := event["7"].([]byte); !bytes.Equal(before, link) {
			r.t.Errorf("event %d does not follow the one before", n)
		}
		at := time.Unix(0, int64(number(event["1"]))).UTC().Format(time.RFC3339Nano)
		want("event %d %s %s %s ", n, at, event["2"], event["3"])
		sum := sha256.Sum256(append(be64(n), plain...))
		link = sum[:]
	}
	if !bytes.Equal(r.tables["meta"]["audit link"], link) || !bytes.Equal(r.tables["meta"]["audit"], be64(n-1)) {
		r.t.Errorf("the audit ends at event %d, not where the vault says", n-1)
	}
	public := ed25519.NewKeyFromSeed(derive(r.lookup, "audit checkpoints")).Public().(ed25519.PublicKey)
	for k := range r.tables["checkpoint"] {
		c := r.record("checkpoint", []byte(k))
		at := time.Unix(0, int64(number(c["1"]))).UTC().Format(time.RFC3339Nano)
		statement := fmt.Sprintf("sigill-audit-1 %d %s %s", binary.BigEndian.Uint64([]byte(k)), at, base64.StdEncoding.EncodeToString(c["2"].([]byte)))
		if !ed25519.Verify(public, []byte(statement), c["3"].([]byte)) {
			r.t.Errorf("the checkpoint %q has no valid signature", statement)
		}
	}
	if len(r.tables["checkpoint"]) != 1 {
		r.t.Errorf("%d checkpoints", len(r.tables["checkpoint"]))
	}
}
