package message

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	gomessage "github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"
)

var update = flag.Bool("update", false, "write the golden files of testdata/mail anew, for review")

// corpus is the mails of testdata/mail by name. They are stored in LF to be read by people and meant in CRLF, but for
// those named *.raw.eml, which are taken as they are.
func corpus(t testing.TB) map[string]string {
	t.Helper()
	names, err := filepath.Glob("testdata/mail/*.eml")
	if err != nil || len(names) < 25 {
		t.Fatalf("the corpus: %d mails, %v", len(names), err)
	}
	mails := map[string]string{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, ".raw.eml") {
			b = bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
		}
		mails[strings.TrimSuffix(filepath.Base(name), ".eml")] = string(b)
	}
	return mails
}

// describe writes all an index tells and what its readers make of it.
func describe(ix *Index, raw string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "size %d\n", ix.Size)
	for _, d := range ix.Defects {
		fmt.Fprintf(&b, "defect: %s\n", d)
	}
	describeEnvelope(&b, "", &ix.Envelope)
	for path, p := range ix.Walk() {
		indent := strings.Repeat("  ", len(path))
		fmt.Fprintf(&b, "%s%s/%s %s", indent, p.Type, p.Subtype, p.Encoding)
		for _, q := range p.Params {
			fmt.Fprintf(&b, " %s=%q", q.Name, q.Value)
		}
		fmt.Fprintf(&b, "\n%s  header %d+%d body %d+%d lines %d decoded %d\n", indent, p.Header.Offset, p.Header.Size, p.Body.Offset, p.Body.Size, p.Lines, p.Decoded)
		if p.Disposition != "" {
			fmt.Fprintf(&b, "%s  %s %q\n", indent, p.Disposition, p.DispositionParams)
		}
		if p.ID+p.Description+p.Location != "" || p.Language != nil {
			fmt.Fprintf(&b, "%s  id %q description %q language %q location %q\n", indent, p.ID, p.Description, p.Language, p.Location)
		}
		if p.Envelope != nil {
			describeEnvelope(&b, indent+"  ", p.Envelope)
		}
		if len(p.Children) == 0 && p.Type == "text" {
			s, _, _ := TextString(p, strings.NewReader(raw[p.Body.Offset:p.Body.Offset+p.Body.Size]), 60)
			fmt.Fprintf(&b, "%s  %q\n", indent, s)
		}
	}
	html := ""
	for _, prefer := range []string{"html", "plain"} {
		for _, p := range ix.Texts(prefer) {
			s, _, _ := TextString(p, strings.NewReader(raw[p.Body.Offset:p.Body.Offset+p.Body.Size]), 1000)
			fmt.Fprintf(&b, "shown as %s: %s/%s at %d\n", prefer, p.Type, p.Subtype, p.Body.Offset)
			if prefer == "html" {
				html += s
			}
		}
	}
	for _, p := range ix.Attachments(ContentIDs(html)) {
		fmt.Fprintf(&b, "attachment: %s/%s %q\n", p.Type, p.Subtype, p.FileName())
	}
	return b.String()
}

func describeEnvelope(b *strings.Builder, indent string, e *Envelope) {
	if !e.Date.IsZero() {
		fmt.Fprintf(b, "%sdate %s\n", indent, e.Date.UTC().Format(time.RFC3339))
	}
	fmt.Fprintf(b, "%ssubject %q\n", indent, e.Subject)
	for _, list := range []struct {
		name string
		list []Mailbox
	}{{"from", e.From}, {"sender", e.Sender}, {"reply-to", e.ReplyTo}, {"to", e.To}, {"cc", e.Cc}, {"bcc", e.Bcc}} {
		if list.list != nil {
			fmt.Fprintf(b, "%s%s %s\n", indent, list.name, show(list.list))
		}
	}
	if e.MessageID != "" || e.References != nil || e.InReplyTo != nil {
		fmt.Fprintf(b, "%sid %q in reply to %q references %q\n", indent, e.MessageID, e.InReplyTo, e.References)
	}
}

func TestCorpus(t *testing.T) {
	t.Parallel()
	for name, raw := range corpus(t) {
		ix := index(raw)
		within(t, &ix)
		golden := filepath.Join("testdata/mail", name+".index")
		got := describe(&ix, raw)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || got != string(want) {
			t.Errorf("%s (%v):\n%s\nwant:\n%s", name, err, got, want)
		}
	}
}

// How a message is cut into writes makes no difference, nor does where it is cut off make one to ranges.
func TestWritesMakeNoDifference(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for name, raw := range corpus(t) {
		long := strings.Replace(raw, "\r\n\r\n", "\r\n\r\n"+strings.Repeat("x", 3000)+"\r\n", 2)
		for _, raw := range []string{raw, long} {
			for _, l := range []Limits{{}, {Depth: 2}, {Parts: 4}, {HeaderSize: 100}} {
				want := indexWith(l, raw)
				within(t, &want)
				for range 5 {
					if got := split(r, l, raw); !reflect.DeepEqual(got, want) {
						t.Fatalf("%s, %+v:\n%s\nwant:\n%s", name, l, describe(&got, raw), describe(&want, raw))
					}
				}
			}
		}
		for range 50 {
			cut := raw[:r.IntN(len(raw)+1)]
			ix := index(cut)
			within(t, &ix)
		}
	}
}

// Where go-message reads a mail, both see the same parts with the same content.
func TestAsGoMessage(t *testing.T) {
	t.Parallel()
	// What go-message reads otherwise or not at all; see the golden files for what is right.
	skip := []string{"mbox", "no-header", "cut-off", "no-boundary", "junk-headers", "crcrlf.raw", "form-latin1-raw.raw", "digest"}
	seen := 0
	for name, raw := range corpus(t) {
		if slices.Contains(skip, name) {
			continue
		}
		ix := index(raw)
		e, err := gomessage.Read(strings.NewReader(raw))
		if err != nil && !gomessage.IsUnknownCharset(err) {
			t.Fatalf("%s: %v", name, err)
		}
		compare(t, name, raw, e, &ix.Root)
		seen++
	}
	if seen < 15 {
		t.Errorf("only %d mails were compared", seen)
	}
}

func compare(t *testing.T, name, raw string, e *gomessage.Entity, p *Part) {
	t.Helper()
	kind, params, _ := e.Header.ContentType()
	if kind != p.Type+"/"+p.Subtype {
		t.Errorf("%s: go-message says %s, we %s/%s", name, kind, p.Type, p.Subtype)
	}
	for k, v := range params {
		if p.Param(k) != v && !strings.Contains(v, "=?") { // it leaves encoded words whose characters are split
			t.Errorf("%s: parameter %s is %q, ours %q", name, k, v, p.Param(k))
		}
	}
	if mr := e.MultipartReader(); mr != nil {
		for i := 0; ; i++ {
			child, err := mr.NextPart()
			if err == io.EOF {
				if i != len(p.Children) {
					t.Errorf("%s: %d parts, ours %d", name, i, len(p.Children))
				}
				return
			}
			if err != nil && !gomessage.IsUnknownCharset(err) || i >= len(p.Children) {
				t.Fatalf("%s: part %d of our %d: %v", name, i, len(p.Children), err)
			}
			compare(t, name, raw, child, &p.Children[i])
		}
	}
	want, err := io.ReadAll(e.Body)
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	body := strings.NewReader(raw[p.Body.Offset : p.Body.Offset+p.Body.Size])
	read := Body
	if p.Type == "text" {
		read = Text
	}
	got, err := io.ReadAll(read(p, body))
	if err != nil || normal(got) != normal(want) {
		t.Errorf("%s: %s/%s is %q %v, go-message says %q", name, p.Type, p.Subtype, got, err, want)
	}
	if p.embeds() {
		inner, err := gomessage.Read(bytes.NewReader(want))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		compare(t, name, raw, inner, &p.Children[0])
	}
}

// normal evens out line ends, which go-message changes.
func normal(b []byte) string { return strings.ReplaceAll(string(b), "\r\n", "\n") }

func FuzzIndexer(f *testing.F) {
	for _, raw := range corpus(f) {
		f.Add([]byte(raw), uint16(7), uint8(0))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint16, limit uint8) {
		l := Limits{}
		if limit > 0 {
			l = Limits{Depth: 1 + int(limit)%5, Parts: 1 + int(limit)%7, HeaderSize: 20 + int(limit)}
		}
		raw := string(b)
		want := indexWith(l, raw)
		within(t, &want)
		x := NewIndexer(l)
		x.OnAttached(func(Header) {})
		for rest := b; len(rest) > 0; {
			n := min(len(rest), 1+int(cut))
			x.Write(rest[:n])
			rest = rest[n:]
		}
		if got := x.Close(); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q written in pieces of %d:\n%s\nwant:\n%s", raw, 1+cut, describe(&got, raw), describe(&want, raw))
		}
		for _, p := range want.Walk() {
			if len(p.Children) > 0 {
				continue
			}
			n, err := io.Copy(io.Discard, Body(p, strings.NewReader(raw[p.Body.Offset:p.Body.Offset+p.Body.Size])))
			if err != nil || n != p.Decoded {
				t.Fatalf("%q: %s gives %d octets, the index says %d (%v)", raw, p.Encoding, n, p.Decoded, err)
			}
		}
	})
}
