package vault

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sigill/vault/internal/kv"
	"sigill/vault/internal/seal"
	"sigill/vault/message"
)

// page is docs/format.md.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// octets are in hexadecimal on the page.
type octets []byte

func (o *octets) UnmarshalText(text []byte) (err error) {
	*o, err = hex.DecodeString(string(text))
	return err
}

// TestVectors opens with the vault's own code what the page has beyond that of seal, whose test has the rest.
func TestVectors(t *testing.T) {
	t.Parallel()
	var v struct {
		Key     octets          `json:"key"`
		ID      octets          `json:"id"`
		Lookup  octets          `json:"lookup"`
		KeyFile string          `json:"key_file"`
		Keyring json.RawMessage `json:"keyring"`
		Content octets          `json:"content"`
		Record  struct {
			Table         kv.Table
			Key           octets
			Plain, Sealed octets
			Link          octets
		}
		Index      struct{ Plain, Sealed octets }
		Header     struct{ Plain, Sealed octets }
		Checkpoint struct {
			Public octets
			Line   string
		}
		Backup octets
	}
	_, block, _ := strings.Cut(page(t), "```json\n")
	block, _, _ = strings.Cut(block, "\n```")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(json.Unmarshal([]byte(block), &v))
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	must(os.WriteFile(path, []byte(v.KeyFile), 0o600))
	must(os.WriteFile(filepath.Join(dir, keyringName), v.Keyring, 0o600))
	keys, err := OpenKeyFile(path)
	must(err)
	if versions := keys.versions; string(formatKeys(versions)) != v.KeyFile || !bytes.Equal(versions[0].key.Bytes(), v.Key) {
		t.Errorf("key file: %q", formatKeys(versions))
	}
	ring, err := openKeyring(t.Context(), dir, keys)
	must(err)
	if !bytes.Equal(ring.lookup.Bytes(), v.Lookup) || ring.current != 3 || ring.file.Sum == nil {
		t.Errorf("keyring: epoch %d", ring.current)
	}
	vault := newVault(nil, ring, Options{})

	e, sealed, err := ring.epochOf(v.Record.Sealed)
	must(err)
	plain, err := e.records.Open(nil, sealed, place(v.Record.Table, v.Record.Key))
	must(err)
	if !bytes.Equal(plain, v.Record.Plain) {
		t.Errorf("record: %x", plain)
	}
	var event eventRecord
	must(decode(plain, &event))
	want := eventRecord{
		At: instantOf(time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)), Actor: "anna@example.org", Action: "read",
		Message: MessageID(v.ID), Result: "ok", Detail: "web",
	}
	if !reflect.DeepEqual(event, want) {
		t.Errorf("event: %+v", event)
	}
	if again, err := encode(&event); err != nil || !bytes.Equal(again, plain) {
		t.Errorf("event encoded: %x, %v", again, err)
	}
	if link := linkOf(1, plain); !bytes.Equal(link[:], v.Record.Link) {
		t.Errorf("link: %x", link)
	}

	e, sealed, err = ring.epochOf(v.Content)
	must(err)
	content, err := seal.Unwrap(e.wrap, sealed, seal.ID(v.ID))
	must(err)
	box := seal.NewBox(content.Derive("index"))
	plain, err = box.Open(nil, v.Index.Sealed, place(tIndex, v.ID))
	must(err)
	var index message.Index
	must(decode(plain, &index))
	if index.Envelope.Subject != "Å" || index.Root.Body != (message.Range{Offset: 14, Size: 2}) || !index.Envelope.Date.Equal(want.At.time()) {
		t.Errorf("index: %+v", index)
	}
	header, err := box.Open(nil, v.Header.Sealed, place(tHeader, v.ID))
	must(err)
	if !bytes.Equal(header, v.Header.Plain) || index.Root.Header.Size != int64(len(header)) {
		t.Errorf("header: %q", header)
	}

	c, err := ParseCheckpoint(v.Checkpoint.Line)
	must(err)
	if !bytes.Equal(vault.Audit().PublicKey(), v.Checkpoint.Public) || c.String() != v.Checkpoint.Line {
		t.Errorf("checkpoint: %s under %x", c, vault.Audit().PublicKey())
	}
	must(Restore(t.Context(), filepath.Join(dir, "restored"), bytes.NewReader(v.Backup)))
}

// TestThePageTellsEveryField compares the fields of each record with those the page has.
func TestThePageTellsEveryField(t *testing.T) {
	t.Parallel()
	told, parenthesis := map[string][]string{}, regexp.MustCompile(`(?s)\(.*?\)`)
	for _, m := range regexp.MustCompile("(?m)^\\* `([\\w.]+)`: (.*(?:\n  .*)*)").FindAllStringSubmatch(page(t), -1) {
		for _, field := range regexp.MustCompile(`(?:^|,\s+)(\d+)\s`).FindAllStringSubmatch(parenthesis.ReplaceAllString(m[2], ""), -1) {
			told[m[1]] = append(told[m[1]], field[1])
		}
	}
	for _, rec := range []any{
		messageRecord{}, fenceRecord{}, recipientRecord{}, claimRecord{}, stepRecord{}, messageIDRecord{}, mailboxRecord{}, entryRecord{}, flagsRecord{}, accountRecord{}, subscriptionRecord{}, totpRecord{}, passkeyRecord{}, functionRecord{},
		deviceRecord{}, bindingRecord{}, linkRecord{}, jobRecord{}, eventRecord{}, checkpointRecord{}, legalHoldRecord{},
		disposalRecord{}, formerRecord{}, replyDraftRecord{}, classRecord{}, protectedRecord{}, searchRecord{}, message.Index{}, message.Envelope{}, message.Mailbox{}, message.Part{}, message.Param{},
		message.Range{},
	} {
		typ := reflect.TypeOf(rec)
		var fields []string
		for i := range typ.NumField() {
			number, _, _ := strings.Cut(typ.Field(i).Tag.Get("codec"), ",")
			fields = append(fields, number)
		}
		name := strings.TrimPrefix(typ.String(), "vault.")
		slices.Sort(fields)
		slices.Sort(told[name])
		if !slices.Equal(fields, told[name]) {
			t.Errorf("%s has fields %v, the page tells %v", name, fields, told[name])
		}
		delete(told, name)
	}
	for name := range told {
		t.Errorf("the page tells of %s, which no test compares", name)
	}
	if want := fmt.Sprintf("`%s`", tables[0]); !strings.Contains(page(t), want) {
		t.Errorf("no %s", want)
	}
	places := regexp.MustCompile("(?s)Places count from 0:(.*?)\n\n").FindString(page(t))
	for i, m := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(places, -1) {
		if i >= len(tables) || string(tables[i]) != m[1] {
			t.Errorf("place %d of a backup is not table %s", i, m[1])
		}
	}
	if n := strings.Count(places, "`"); n != 2*len(tables) {
		t.Errorf("the page has %d tables of a backup, there are %d", n/2, len(tables))
	}
}
