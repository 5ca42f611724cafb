package web

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"sigill/policy"
	"sigill/vault/message"
)

// TestComposeHoldsAnything: whatever subject, ids, text and names are, the mail is a mail and gives them back.
func TestComposeHoldsAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := letter{
			From: policy.MustAddress("astrid@example.com"), Name: rapid.String().Draw(t, "name"), recipients: recipients{to: []policy.Address{policy.MustAddress("hemtjanst@exempel.se"), policy.MustAddress("b@exempel.se")}},
			Subject: rapid.String().Draw(t, "subject"), Date: time.Unix(1_800_000_000, 0), MessageID: "new@example.se",
			InReplyTo:  rapid.SampledFrom([]string{"old@x", "", "evil\r\nBcc: x@y", "a b"}).Draw(t, "id"),
			References: rapid.SliceOf(rapid.String()).Draw(t, "references"), Mixed: true,
		}
		text, name, content := rapid.String().Draw(t, "text"), rapid.String().Draw(t, "name"), rapid.SliceOf(rapid.Byte()).Draw(t, "content")
		var b bytes.Buffer
		c, err := compose(&b, l, text)
		if err == nil {
			_, err = c.attach(name, rapid.String().Draw(t, "type"), bytes.NewReader(content))
		}
		if err == nil {
			err = c.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		checkComposed(t, b.Bytes(), l, text, name, content)
	})
}

func checkComposed(t *rapid.T, raw []byte, l letter, text, name string, content []byte) {
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
			t.Fatalf("not a line of RFC 5322: %q", line)
		}
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for name := range m.Header {
		if !strings.Contains(" From To Subject Date Message-Id In-Reply-To References Mime-Version Content-Type ", " "+name+" ") {
			t.Fatalf("a field %q came in", name)
		}
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	p, err := parts.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(p); err != nil || string(got) != canonical(text) {
		t.Fatalf("text %q came out as %q: %v", text, got, err)
	}
	x := message.NewIndexer(message.Limits{})
	x.Write(raw)
	ix := x.Close()
	if len(ix.Root.Children) != 2 {
		t.Fatalf("%d parts", len(ix.Root.Children))
	}
	a := &ix.Root.Children[1]
	if utf8.ValidString(name) && name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }) && a.FileName() != name {
		t.Fatalf("name %q came out as %q", name, a.FileName())
	}
	got, err := io.ReadAll(message.Body(a, bytes.NewReader(raw[a.Body.Offset:a.Body.Offset+a.Body.Size])))
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("attachment came out as %q: %v", got, err)
	}
}

func TestLongNamesAreFolded(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("Läkarintyg från vårdcentralen ", 10) + ".pdf"
	got := parameter("filename", name)
	for line := range strings.SplitSeq(got, "\r\n") {
		if len(line) > 78 {
			t.Errorf("%d octets: %s", len(line), line)
		}
	}
	_, params, err := mime.ParseMediaType("attachment;\r\n " + got)
	if err != nil || params["filename"] != name {
		t.Errorf("%q, %v", params["filename"], err)
	}
}

func TestFileNames(t *testing.T) {
	t.Parallel()
	rows := []struct{ in, want, why string }{
		{"brev.pdf", "brev.pdf", "as it is"},
		{"../../etc/passwd", "passwd", "no folders"},
		{`C:\temp\brev.pdf`, "brev.pdf", "no folders of Windows"},
		{"a\x00b\r\n.pdf", "ab.pdf", "no control characters"},
		{"brev\u202efdp.exe", "brevfdp.exe", "no direction marks"},
		{"...", "", "not only dots"},
		{strings.Repeat("å", 200) + ".pdf", strings.Repeat("å", 73) + ".pdf", "short, with its ending"},
		{`a<b>:"c"|d?*.txt`, "abcd.txt", "nothing a file system refuses"},
	}
	for _, row := range rows {
		if got := cleanName(row.in); got != row.want {
			t.Errorf("%s: %q, want %q", row.why, got, row.want)
		}
	}
}

func TestSegments(t *testing.T) {
	t.Parallel()
	rows := []struct{ text, links string }{
		{"Se https://a.se/b?c=d, och (http://e.se).", "https://a.se/b?c=d http://e.se"},
		{"javascript:alert(1) ftp://x.se www.x.se", ""},
		{`"https://a.se/"onclick`, "https://a.se/"},
		{"https://", ""},
	}
	for _, row := range rows {
		links, all := "", ""
		for _, s := range segments(row.text) {
			if all += s.Text; s.Link {
				links = strings.TrimSpace(links + " " + s.Text)
			}
		}
		if links != row.links || all != row.text {
			t.Errorf("%q gave %q", row.text, links)
		}
	}
}
