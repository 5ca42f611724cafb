package imapd

import (
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"mime/quotedprintable"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"sigill/vault/message"
)

// encodings are the standard library's encoders, and whether what they encode may have NUL.
var encodings = map[string]struct {
	nul    bool
	encode func([]byte) string
}{
	"base64": {true, func(b []byte) string {
		var lines []string
		for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(b)), 76) {
			lines = append(lines, string(line))
		}
		return strings.Join(lines, "\r\n")
	}},
	"quoted-printable": {true, func(b []byte) string {
		var out strings.Builder
		w := quotedprintable.NewWriter(&out)
		w.Binary = true
		w.Write(b)
		w.Close()
		return out.String()
	}},
	"binary": {true, func(b []byte) string { return string(b) }},
	"8bit":   {false, func(b []byte) string { return string(b) }},
	"7bit":   {false, func(b []byte) string { return string(b) }},
	"":       {false, func(b []byte) string { return string(b) }},
}

func withPart(encoding, body string) string {
	field := ""
	if encoding != "" {
		field = "Content-Transfer-Encoding: " + encoding + "\r\n"
	}
	return "Subject: delar\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: application/octet-stream\r\n" +
		field + "\r\n" + body + "\r\n--x--\r\n"
}

// TestBinary fetches parts decoded (RFC 3516), whole and cut, and compares with what was encoded.
func TestBinary(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const size = 3000
	random := make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(random)
	contents := map[bool]string{true: string(random), false: strings.Repeat("Hej ", size/4)}
	names := slices.Sorted(maps.Keys(encodings))
	for _, name := range names {
		f.deposit(withPart(name, encodings[name].encode([]byte(contents[encodings[name].nul]))))
	}
	w := f.login(anna)
	w.ok("SELECT INBOX")
	for i, name := range names {
		plain, literal := contents[encodings[name].nul], "{"
		if encodings[name].nul {
			literal = "~{"
		}
		if got, want := w.ok("FETCH %d BINARY.SIZE[1]", i+1), fmt.Sprintf("* %d FETCH (UID %d BINARY.SIZE[1] %d)", i+1, i+1, size); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
		if got := w.ok("FETCH %d BINARY.PEEK[1]", i+1); literalOf(got) != plain || !strings.Contains(got, "BINARY[1] "+literal) {
			t.Errorf("%q: %.80q", name, got)
		}
		for _, cut := range [][2]int{{0, 1}, {0, 4000}, {1, 1}, {75, 3}, {1000, 1999}, {2999, 5}, {3000, 5}, {9000, 1}} {
			want := plain[min(cut[0], size):min(cut[0]+cut[1], size)]
			got := w.ok("FETCH %d BINARY.PEEK[1]<%d.%d>", i+1, cut[0], cut[1])
			if literalOf(got) != want || !strings.Contains(got, fmt.Sprintf("BINARY[1]<%d> ", cut[0])) {
				t.Errorf("%q from %d, %d: %.80q, want %q", name, cut[0], cut[1], got, want)
			}
		}
	}
	if got := w.ok("SEARCH SEEN"); got != "* SEARCH" {
		t.Errorf("PEEK and SIZE have set Seen: %s", got)
	}
	w.ok("FETCH 1 BINARY[1]<0.1>")
	if got := w.ok("SEARCH SEEN"); got != "* SEARCH 1" {
		t.Errorf("BINARY has not set Seen: %s", got)
	}
}

// TestBinaryRefused: what BINARY cannot give is a NO with the reason, whatever else was asked for is given.
func TestBinaryRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.deposit(withPart("x-uuencode", "begin 644 x\r\n`\r\nend"))
	f.deposit(goodMails["forwarded"])
	w := f.login(anna)
	w.ok("SELECT INBOX")
	for _, row := range []struct{ want, command, why string }{
		{"NO [UNKNOWN-CTE]", "FETCH 1 BINARY[1]", "an encoding nobody knows"},
		{"NO [UNKNOWN-CTE]", "FETCH 1 BINARY.SIZE[1]", "its size either"},
		{"BAD", "FETCH 1 BINARY[1]<4294967296.1>", "the offset is a number of 32 bits"},
		{"BAD", "FETCH 1 BINARY[1.MIME]", "only part numbers"},
	} {
		w.fails(row.want, "%s", row.command)
	}
	if got := w.fails("NO [UNKNOWN-CTE]", "FETCH 1:2 (UID BINARY.PEEK[1])"); !strings.Contains(got, "* 1 FETCH (UID 1)") || !strings.Contains(got, "se nedan") {
		t.Errorf("the other message: %q", got)
	}
	if got := w.ok("FETCH 2 (BINARY.PEEK[9] BINARY.SIZE[9.9])"); got != "* 2 FETCH (UID 2 BINARY.SIZE[9.9] 0 BINARY[9] {0}\r\n)" {
		t.Errorf("parts that do not exist: %q", got)
	}
	body := w.ok("FETCH 2 BODY.PEEK[2]<7.90>")
	if got := w.ok("FETCH 2 BINARY.PEEK[2]<7.90>"); literalOf(got) != literalOf(body) {
		t.Errorf("an embedded message has no encoding: %q, want %q", got, body)
	}
	if got := w.ok("FETCH 2 BINARY.PEEK[]"); literalOf(got) != goodMails["forwarded"] {
		t.Errorf("no number is the message: %q", got)
	}
	if got := w.ok("SEARCH SEEN"); got != "* SEARCH" {
		t.Errorf("what was not given is not seen: %s", got)
	}
}

// TestAppendBinary: a literal8 is taken as a literal, and NUL octets are refused with the code of RFC 3516 section 4.4, by
// either.
func TestAppendBinary(t *testing.T) {
	t.Parallel()
	w := newFixture(t).login(anna)
	w.ok("APPEND Drafts ~{14}\r\nSubject: a\r\n\r\n")
	w.fails("NO [UNKNOWN-CTE]", "APPEND Drafts ~{15+}\r\nSubject: a\r\n\r\n\x00")
	w.fails("NO [UNKNOWN-CTE]", "APPEND Drafts {15+}\r\nSubject: a\r\n\r\n\x00")
	if got := w.ok("STATUS Drafts (MESSAGES)"); got != "* STATUS \"Drafts\" (MESSAGES 1)" {
		t.Error(got)
	}
}

// FuzzBinary: whatever a part is, its size is what its decoder gives, and a partial one a piece of it.
func FuzzBinary(f *testing.F) {
	for name, e := range encodings {
		f.Add(name, e.encode([]byte("Hej på dig, \x01\x02= \r\n.\r\n")), uint16(3), uint16(5))
	}
	f.Add("base64", "====QQ==\r\nQUI", uint16(1), uint16(1))
	f.Add("quoted-printable", "a=\r\n=", uint16(0), uint16(9))
	f.Fuzz(func(t *testing.T, encoding, body string, from, size uint16) {
		raw := []byte(withPart(strings.Map(func(r rune) rune {
			if r < ' ' {
				return -1
			}
			return r
		}, encoding), body))
		x := message.NewIndexer(message.Limits{})
		x.Write(raw)
		c := stub{raw: raw, index: x.Close()}
		read := func(partial *imap.SectionPartial) string {
			s, err := openBinary(c, &imap.FetchItemBinarySection{Part: []int{1}, Partial: partial})
			if err != nil {
				if err != errUnknownCTE {
					t.Fatal(err)
				}
				return ""
			}
			out, err := io.ReadAll(s)
			if err != nil || int64(len(out)) != s.size {
				t.Fatalf("%d octets of %d, %v", len(out), s.size, err)
			}
			return string(out)
		}
		whole := read(nil)
		piece := read(&imap.SectionPartial{Offset: int64(from), Size: int64(size)})
		if want := whole[min(int(from), len(whole)):min(int(from)+int(size), len(whole))]; piece != want {
			t.Errorf("%q, want %q", piece, want)
		}
	})
}
