package message

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// index runs an Indexer over a message in one write.
func index(raw string) Index { return indexWith(Limits{}, raw) }

func indexWith(l Limits, raw string) Index {
	x := NewIndexer(l)
	io.WriteString(x, raw)
	return x.Close()
}

// crlf writes a message of the test with the line ends of RFC 5322.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// outline writes a tree on one line: the type of each part with its body, children in parentheses.
func outline(p *Part, raw string) string {
	s := p.Type + "/" + p.Subtype
	if len(p.Children) == 0 {
		return s + fmt.Sprintf("%q", raw[p.Body.Offset:p.Body.Offset+p.Body.Size])
	}
	var kids []string
	for i := range p.Children {
		kids = append(kids, outline(&p.Children[i], raw))
	}
	return s + "(" + strings.Join(kids, " ") + ")"
}

func TestStructure(t *testing.T) {
	t.Parallel()
	const mixed = "Content-Type: multipart/mixed; boundary=b\n\n"
	for _, tt := range []struct {
		reason, raw, want string
		defects           []string
	}{
		{"a plain message", "Subject: x\n\nhej\n", `text/plain"hej\r\n"`, nil},
		{"nothing at all", "", `text/plain""`, []string{defectEmptyLine}},
		{"a header cut off", "Subject: x\nTo: a", `text/plain""`, []string{defectEmptyLine}},
		{"an empty header", "\nhej", `text/plain"hej"`, nil},
		{"no header, only text: nothing written is hidden", "Hej!\nMvh\n", `text/plain"Hej!\r\nMvh\r\n"`, []string{defectNoHeader}},
		{"text where the header should be keeps what follows the empty line", "Hej!\n\nMvh", `text/plain"Hej!\r\n\r\nMvh"`, []string{defectNoHeader}},
		{"junk among fields is skipped", "Subject: x\nwhat is this\nContent-Type: text/html\n\nhej", `text/html"hej"`, []string{defectJunkLine}},
		{"an mbox line", "From a@b Mon Jan 1 00:00:00 2026\nContent-Type: text/html\n\nhej", `text/html"hej"`, []string{defectMbox}},
		{"the line end before a boundary is the boundary's (RFC 2046 section 5.1.1)",
			mixed + "pre\n--b\n\none\n--b\n\ntwo\n\n--b--\nepilogue\n", `multipart/mixed(text/plain"one" text/plain"two\r\n")`, nil},
		{"a part without a body", mixed + "--b\n\n--b\nContent-Type: text/html\n\n--b--", `multipart/mixed(text/plain"" text/html"")`, nil},
		{"a part cut off in its header by a boundary", mixed + "--b\nContent-Type: text/html\n--b--\n", `multipart/mixed(text/html"")`, []string{defectEmptyLine}},
		{"a part without a header or an empty line is text", mixed + "--b\nhej\nhopp\n--b--\n", `multipart/mixed(text/plain"hej\r\nhopp")`, []string{defectNoHeader}},
		{"white space after a boundary", mixed + "--b \t\n\none\n--b-- \n", `multipart/mixed(text/plain"one")`, nil},
		{"what only begins like the boundary is text", mixed + "--b\n\n--bc\n--b-\n--b --\n--b--\n", `multipart/mixed(text/plain"--bc\r\n--b-\r\n--b --")`, nil},
		{"an inner boundary that begins with the outer one",
			mixed + "--b\nContent-Type: multipart/alternative; boundary=bb\n\n--bb\n\none\n--bb--\n--b\n\ntwo\n--b--\n",
			`multipart/mixed(multipart/alternative(text/plain"one") text/plain"two")`, nil},
		{"an outer boundary that begins with the inner one",
			"Content-Type: multipart/mixed; boundary=bb\n\n--bb\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\none\n--bb\n\ntwo\n--bb--\n",
			`multipart/mixed(multipart/alternative(text/plain"one") text/plain"two")`, []string{defectOpen}},
		{"an outer boundary ends the inner parts",
			mixed + "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\none\n--b\n\ntwo\n--b--\n",
			`multipart/mixed(multipart/alternative(text/plain"one") text/plain"two")`, []string{defectOpen}},
		{"one boundary for both: the innermost counts",
			mixed + "--b\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n--b--\n",
			`multipart/mixed(multipart/alternative(text/plain"one") text/plain"two")`, nil},
		{"no closing boundary", mixed + "--b\n\none\n", `multipart/mixed(text/plain"one\r\n")`, []string{defectOpen}},
		{"a cut in the middle of a boundary", mixed + "--b\n\none\n--", `multipart/mixed(text/plain"one\r\n--")`, []string{defectOpen}},
		{"a closing boundary without a line end", mixed + "--b\n\none\n--b--", `multipart/mixed(text/plain"one")`, nil},
		{"boundaries in the epilogue are none", mixed + "--b\n\none\n--b--\n--b\n\ntwo\n", `multipart/mixed(text/plain"one")`, nil},
		{"a multipart without parts is text", mixed + "hej\n", `text/plain"hej\r\n"`, []string{defectOpen, defectChildless}},
		{"a multipart closed before it began is text", mixed + "hej\n--b--\n", `text/plain"hej\r\n--b--\r\n"`, []string{defectChildless}},
		{"a multipart without a boundary is text", "Content-Type: multipart/mixed\n\n--b\n\nhej\n", `text/plain"--b\r\n\r\nhej\r\n"`, []string{defectBoundary}},
		{"a boundary in quotes with a comment after it", "Content-Type: multipart/mixed; boundary=\"a b\" (x)\n\n--a b\n\nhej\n--a b--\n", `multipart/mixed(text/plain"hej")`, nil},
		{"an embedded message", "Content-Type: message/rfc822\n\nContent-Type: text/html\n\nhej", `message/rfc822(text/html"hej")`, nil},
		{"an embedded message of RFC 6532", "Content-Type: message/global\n\nSubject: å\n\nhej", `message/global(text/plain"hej")`, nil},
		{"an embedded message that is empty", mixed + "--b\nContent-Type: message/rfc822\n\n--b--\n", `multipart/mixed(message/rfc822(text/plain""))`, []string{defectEmptyLine}},
		{"an embedded message that is encoded, against RFC 2046 section 5.2.1",
			"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nSGVq", `text/plain"SGVq"`, []string{defectEncoded}},
		{"message/delivery-status is a leaf", "Content-Type: message/delivery-status\n\nReporting-MTA: x\n", `message/delivery-status"Reporting-MTA: x\r\n"`, nil},
		{"the default of a digest's parts (RFC 2046 section 5.1.5)",
			"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: a\n\none\n--b\nContent-Type: text/html\n\ntwo\n--b--\n",
			`multipart/digest(message/rfc822(text/plain"one") text/html"two")`, nil},
		{"the boundary ends an embedded multipart too",
			mixed + "--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\none\n--b--\n",
			`multipart/mixed(message/rfc822(multipart/mixed(text/plain"one")))`, []string{defectOpen}},
		{"a type that is none is text (RFC 2045 section 5.2)", "Content-Type: html\n\nhej", `text/plain"hej"`, nil},
	} {
		raw := crlf(tt.raw)
		ix := index(raw)
		if got := outline(&ix.Root, raw); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.reason, got, tt.want)
		}
		if got := strings.Join(ix.Defects, "; "); got != strings.Join(tt.defects, "; ") {
			t.Errorf("%s: defects %q, want %q", tt.reason, got, tt.defects)
		}
	}
}

func TestCountsOfABody(t *testing.T) {
	t.Parallel()
	const mixed = "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
	for _, tt := range []struct {
		reason, raw    string
		size           int64
		lines, decoded int64
	}{
		{"a last line without a line end is a line", "a\nb", 4, 2, 4},
		{"the line end before a boundary is not of the body", "a\nb\n--b--\n", 4, 2, 4},
		{"an empty last line is", "a\n\n--b--\n", 3, 1, 3},
		{"one empty line", "\n\n--b--\n", 2, 1, 2},
		{"no body", "--b--\n", 0, 0, 0},
		{"nothing but the boundary's line end", "\n--b--\n", 0, 0, 0},
	} {
		raw := crlf(mixed + "\n" + tt.raw)
		p := index(raw).Root.Children[0]
		if p.Body.Size != tt.size || p.Lines != tt.lines || p.Decoded != tt.decoded {
			t.Errorf("%s: size %d, lines %d, decoded %d; want %d, %d, %d", tt.reason, p.Body.Size, p.Lines, p.Decoded, tt.size, tt.lines, tt.decoded)
		}
	}
}

// split writes a message in pieces of random size, often tiny.
func split(r *rand.Rand, l Limits, raw string) Index {
	x := NewIndexer(l)
	for len(raw) > 0 {
		n := 1 + r.IntN(4)
		if r.IntN(3) == 0 {
			n = 1 + r.IntN(3000)
		}
		n = min(n, len(raw))
		io.WriteString(x, raw[:n])
		raw = raw[n:]
	}
	return x.Close()
}

// within fails unless every part lies inside its parent, after its own header, in order.
func within(t fataler, ix *Index) {
	t.Helper()
	var check func(p *Part, outer Range)
	check = func(p *Part, outer Range) {
		end := outer.Offset + outer.Size
		switch {
		case p.Header.Size < 0 || p.Body.Size < 0 || p.Decoded < 0 || p.Decoded > p.Body.Size || p.Lines < 0 || p.Lines > p.Body.Size:
			t.Fatalf("negative or too large: %+v", *p)
		case p.Header.Offset < outer.Offset || p.Header.Offset+p.Header.Size != p.Body.Offset || p.Body.Offset+p.Body.Size > end:
			t.Fatalf("%s/%s lies outside %v: header %v, body %v", p.Type, p.Subtype, outer, p.Header, p.Body)
		case p.Type == typeMultipart && len(p.Children) == 0:
			t.Fatalf("a multipart without children")
		case p.embeds() && (len(p.Children) != 1 || p.Envelope == nil):
			t.Fatalf("%s/%s with %d children", p.Type, p.Subtype, len(p.Children))
		case !p.embeds() && p.Type != typeMultipart && len(p.Children) > 0:
			t.Fatalf("%s/%s with children", p.Type, p.Subtype)
		}
		at := p.Body.Offset
		for i := range p.Children {
			c := &p.Children[i]
			if c.Header.Offset < at {
				t.Fatalf("child %d begins before the one before it ends", i)
			}
			at = c.Body.Offset + c.Body.Size
			check(c, p.Body)
		}
	}
	if ix.Root.Header.Offset != 0 || ix.Root.Body.Offset+ix.Root.Body.Size != ix.Size {
		t.Fatalf("the root is %v %v of %d", ix.Root.Header, ix.Root.Body, ix.Size)
	}
	check(&ix.Root, Range{0, ix.Size})
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

func count(ix *Index) (parts, depth int) {
	for path := range ix.Walk() {
		parts++
		depth = max(depth, len(path)+1)
	}
	return
}

func TestLimits(t *testing.T) {
	t.Parallel()
	nested := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		}
		return crlf(b.String() + "\nhej\n")
	}
	const mixed = "Content-Type: multipart/mixed; boundary=b\n\n"
	for _, tt := range []struct {
		reason, raw  string
		limits       Limits
		parts, depth int
		defect       string
	}{
		{"20000 multiparts in each other", nested(20000), Limits{}, 50, 50, defectDepth},
		{"20000 messages in each other", strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 20000), Limits{}, 50, 50, defectDepth},
		{"50000 parts", crlf(mixed + strings.Repeat("--b\n\n", 50000)), Limits{}, 1000, 2, defectParts},
		{"one part only", crlf(mixed + "--b\n\nhej\n--b--\n"), Limits{Parts: 1}, 1, 1, defectParts},
		{"the last part that is allowed holds the rest", crlf(mixed + "--b\n\nhej\n--b--\n"), Limits{Parts: 2}, 2, 2, defectParts},
		{"fewer parts than are allowed", crlf(mixed + "--b\n\nhej\n--b--\n"), Limits{Parts: 3}, 2, 2, ""},
		{"a header of 2 MB", "X: " + strings.Repeat("x", 2<<20) + "\r\n\r\nhej", Limits{}, 1, 1, defectHeaderSize},
		{"a type that comes after the limit is not seen", "X: " + strings.Repeat("x", 300<<10) + crlf("\n"+mixed+"--b\n\nhej\n--b--\n"), Limits{}, 1, 1, defectHeaderSize},
		{"a multipart whose header passes the limit is not gone into", "Content-Type: multipart/mixed; boundary=b\r\nX: " + strings.Repeat("x", 300<<10) + crlf("\n\n--b\n\nhej\n--b--\n"), Limits{}, 1, 1, defectHeaderSize},
	} {
		ix := indexWith(tt.limits, tt.raw)
		within(t, &ix)
		if parts, depth := count(&ix); parts != tt.parts || depth != tt.depth {
			t.Errorf("%s: %d parts, depth %d; want %d, %d", tt.reason, parts, depth, tt.parts, tt.depth)
		}
		if tt.defect != "" && !strings.Contains(strings.Join(ix.Defects, ";"), tt.defect) {
			t.Errorf("%s: defects %q", tt.reason, ix.Defects)
		}
	}
}

// Past the limit of parts nothing may get lost or be taken for the end of another part.
func TestPartsPastTheLimitStayWhereTheyBelong(t *testing.T) {
	t.Parallel()
	raw := crlf(`Content-Type: multipart/mixed; boundary=out

--out

first
--out
Content-Type: multipart/alternative; boundary=in

--in

one
--in

two
--in

three
--in--
--out

last
--out--
epilogue
`)
	for _, tt := range []struct {
		parts int
		want  string
	}{
		{8, `multipart/mixed(text/plain"first" multipart/alternative(text/plain"one" text/plain"two" text/plain"three") text/plain"last")`},
		{7, `multipart/mixed(text/plain"first" multipart/alternative(text/plain"one" text/plain"two" text/plain"\r\nthree") text/plain"\r\nlast")`},
		{6, `multipart/mixed(text/plain"first" multipart/alternative(text/plain"one" text/plain"\r\ntwo\r\n--in\r\n\r\nthree") text/plain"\r\nlast")`},
		{5, `multipart/mixed(text/plain"first" multipart/alternative(text/plain"\r\none\r\n--in\r\n\r\ntwo\r\n--in\r\n\r\nthree") text/plain"\r\nlast")`},
		{4, `multipart/mixed(text/plain"first" text/plain"--in\r\n\r\none\r\n--in\r\n\r\ntwo\r\n--in\r\n\r\nthree\r\n--in--" text/plain"\r\nlast")`},
		{2, `multipart/mixed(text/plain"\r\nfirst\r\n--out\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n--in\r\n\r\none\r\n--in\r\n\r\ntwo\r\n--in\r\n\r\nthree\r\n--in--\r\n--out\r\n\r\nlast")`},
	} {
		ix := indexWith(Limits{Parts: tt.parts}, raw)
		within(t, &ix)
		if got := outline(&ix.Root, raw); got != tt.want {
			t.Errorf("limit %d:\n got %s\nwant %s", tt.parts, got, tt.want)
		}
		if n, _ := count(&ix); n > tt.parts {
			t.Errorf("limit %d: %d parts", tt.parts, n)
		}
	}
}

func TestDecodedIsWhatBodyGives(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	alphabets := map[string]string{
		"base64":           "ABab01+/= \r\n-!",
		"quoted-printable": "a=40F \t\r\n-",
	}
	for encoding, alphabet := range alphabets {
		for range 3000 {
			b := make([]byte, r.IntN(40))
			for i := range b {
				b[i] = alphabet[r.IntN(len(alphabet))]
			}
			if r.IntN(10) == 0 { // about as long as white space may be
				b = bytes.Replace(b, []byte(" "), bytes.Repeat([]byte(" "), maxHeld-1+r.IntN(3)), 1)
			}
			raw := "Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" + string(b) + "\r\n--q--"
			p := index(raw).Root.Children[0]
			decoded, err := io.ReadAll(Body(&p, strings.NewReader(raw[p.Body.Offset:p.Body.Offset+p.Body.Size])))
			if err != nil || int64(len(decoded)) != p.Decoded {
				t.Fatalf("%s %q: %q is %d octets, the index says %d (%v)", encoding, b, decoded, len(decoded), p.Decoded, err)
			}
			again, err := io.ReadAll(Body(&p, iotest.OneByteReader(strings.NewReader(raw[p.Body.Offset:p.Body.Offset+p.Body.Size]))))
			if err != nil || string(again) != string(decoded) {
				t.Fatalf("%s %q: %q, and octet by octet %q (%v)", encoding, b, decoded, again, err)
			}
		}
	}
}

func BenchmarkIndexer(b *testing.B) {
	line := bytes.Repeat([]byte("A"), 76)
	body := bytes.Repeat(append(line, "\r\n"...), 1<<20/78)
	for _, kind := range []string{"application/pdf\r\nContent-Transfer-Encoding: base64", "text/plain\r\nContent-Transfer-Encoding: quoted-printable", "text/plain"} {
		b.Run(strings.NewReplacer("\r\nContent-Transfer-Encoding: ", " ", "/", "-").Replace(kind), func(b *testing.B) {
			b.SetBytes(int64(16 * len(body)))
			for b.Loop() {
				x := NewIndexer(Limits{})
				io.WriteString(x, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "+kind+"\r\n\r\n")
				for range 16 {
					for rest := body; len(rest) > 0; {
						n := min(len(rest), 32<<10)
						x.Write(rest[:n])
						rest = rest[n:]
					}
				}
				x.Close()
			}
		})
	}
}
