package message

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestPartNumbers(t *testing.T) {
	t.Parallel()
	// The example of RFC 9051 section 6.4.5.1, less its deepest level.
	example := index(crlf(`Content-Type: multipart/mixed; boundary=a

--a

1
--a
Content-Type: application/octet-stream

2
--a
Content-Type: message/rfc822

Content-Type: multipart/mixed; boundary=b

--b

3.1
--b
Content-Type: application/octet-stream

3.2
--b--
--a
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: image/gif

4.1
--c
Content-Type: message/rfc822

Content-Type: text/html

4.2.1
--c--
--a--
`))
	single := index("Subject: x\r\n\r\n1")
	embedded := index("Content-Type: message/rfc822\r\n\r\nContent-Type: text/html\r\n\r\n1.1")
	for _, tt := range []struct {
		reason string
		ix     *Index
		number []int
		want   string // type, or "" if there is no such part
	}{
		{"no number is the message", &example, nil, "multipart/mixed"},
		{"a leaf", &example, []int{1}, "text/plain"},
		{"another", &example, []int{2}, "application/octet-stream"},
		{"a message", &example, []int{3}, "message/rfc822"},
		{"a part of its multipart", &example, []int{3, 2}, "application/octet-stream"},
		{"a multipart", &example, []int{4}, "multipart/mixed"},
		{"a part of it", &example, []int{4, 1}, "image/gif"},
		{"a message in it", &example, []int{4, 2}, "message/rfc822"},
		{"the only part of that", &example, []int{4, 2, 1}, "text/html"},
		{"no further", &example, []int{4, 2, 1, 1}, ""},
		{"no second part of a single one", &example, []int{4, 2, 2}, ""},
		{"none of number 0", &example, []int{0}, ""},
		{"none below", &example, []int{-1}, ""},
		{"none above", &example, []int{5}, ""},
		{"a leaf has none", &example, []int{1, 1}, ""},
		{"a message that is no multipart has a part 1", &single, []int{1}, "text/plain"},
		{"and no more", &single, []int{2}, ""},
		{"nor below it", &single, []int{1, 1}, ""},
		{"a message that is a message", &embedded, []int{1}, "message/rfc822"},
		{"and its part", &embedded, []int{1, 1}, "text/html"},
		{"and no further", &embedded, []int{1, 1, 1}, ""},
	} {
		p, ok := tt.ix.Part(tt.number...)
		got := ""
		if ok {
			got = p.Type + "/" + p.Subtype
		}
		if got != tt.want {
			t.Errorf("%s: %v is %q, want %q", tt.reason, tt.number, got, tt.want)
		}
	}
}

func TestWalkStops(t *testing.T) {
	t.Parallel()
	ix := index(crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n1\n--b\n\n2\n--b--\n"))
	var paths []string
	for path := range ix.Walk() {
		if paths = append(paths, fmt.Sprint(path)); len(paths) == 2 {
			break
		}
	}
	if !slices.Equal(paths, []string{"[]", "[0]"}) {
		t.Error(paths)
	}
}

func TestTextsAndAttachments(t *testing.T) {
	t.Parallel()
	// tree writes a multipart of parts given as "type;header lines", in order of the text.
	multi := func(sub string, parts ...string) string {
		b := fmt.Sprintf("b%d", len(strings.Join(parts, "")))
		return "Content-Type: multipart/" + sub + "; boundary=" + b + "\n\n--" + b + "\n" + strings.Join(parts, "\n--"+b+"\n") + "\n--" + b + "--"
	}
	leaf := func(kind, body string, fields ...string) string {
		return strings.Join(append([]string{"Content-Type: " + kind}, fields...), "\n") + "\n\n" + body
	}
	plain, html := leaf("text/plain", "P"), leaf("text/html", "H")
	logo := leaf("image/png", "I", "Content-ID: <logo>")
	pdf := leaf("application/pdf", "F")
	for _, tt := range []struct {
		reason, raw               string
		html, plain               string // bodies of Texts
		attachments, unreferenced string // with the logo used, and with nothing used
	}{
		{"a text alone", plain, "P", "P", "", ""},
		{"HTML alone", html, "H", "H", "", ""},
		{"alternatives", multi("alternative", plain, html), "H", "P", "", ""},
		{"the last of two alternatives of a kind", multi("alternative", plain, html, leaf("text/html", "h")), "h", "P", "", ""},
		{"alternatives with an image for the HTML", multi("alternative", plain, multi("related", html, logo)), "H", "P", "", "I"},
		{"an image around alternatives, as Outlook has it", multi("related", multi("alternative", plain, html), logo), "H", "P", "", "I"},
		{"a file", multi("mixed", multi("alternative", plain, html), pdf), "H", "P", "F", "F"},
		{"text, file, text, as Apple has it", multi("mixed", plain, pdf, leaf("text/plain", "Q")), "PQ", "PQ", "F", "F"},
		{"a list's footer after HTML", multi("mixed", html, plain), "HP", "HP", "", ""},
		{"a text that is a file", multi("mixed", plain, leaf("text/plain", "F", "Content-Disposition: attachment")), "P", "P", "F", "F"},
		{"a text with a file name", multi("mixed", plain, leaf("text/plain; name=a.txt", "F")), "P", "P", "F", "F"},
		{"an image outside related", multi("mixed", html, logo), "H", "H", "", "I"},
		{"an image in related that says it is a file", multi("related", html, leaf("image/png", "I", "Content-ID: <logo>", "Content-Disposition: attachment")), "H", "H", "I", "I"},
		{"an image in related without an id", multi("related", html, leaf("image/png", "I")), "H", "H", "I", "I"},
		{"an invitation", multi("alternative", plain, html, leaf("text/calendar", "C")), "H", "P", "C", "C"},
		{"another form of the text", multi("alternative", plain, leaf("text/x-amp-html", "A"), html), "H", "P", "", ""},
		{"a signature", multi("signed", plain, leaf("application/pkcs7-signature", "S")), "P", "P", "", ""},
		{"a message", multi("mixed", plain, "Content-Type: message/rfc822\n\nContent-Type: text/html\n\nM"), "P", "P", "Content-Type: text/html\r\n\r\nM", "Content-Type: text/html\r\n\r\nM"},
		{"no text at all", pdf, "", "", "F", "F"},
	} {
		raw := crlf(tt.raw)
		ix := index(raw)
		bodies := func(parts []*Part) (s string) {
			for _, p := range parts {
				s += raw[p.Body.Offset : p.Body.Offset+p.Body.Size]
			}
			return s
		}
		got := []string{bodies(ix.Texts("html")), bodies(ix.Texts("plain")), bodies(ix.Attachments(map[string]bool{"logo": true})), bodies(ix.Attachments(map[string]bool{}))}
		if want := []string{tt.html, tt.plain, tt.attachments, tt.unreferenced}; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", tt.reason, got, want)
		}
	}
	related := index(crlf(multi("related", html, logo)))
	if n := len(related.Attachments(nil)); n != 0 {
		t.Errorf("%d attachments when nobody has looked at the HTML", n)
	}
	if p, ok := related.ByContentID("logo"); !ok || p.Type != "image" {
		t.Errorf("ByContentID: %v %v", p, ok)
	}
	if _, ok := related.ByContentID(""); ok {
		t.Error("a part without an id was found by none")
	}
	if p, ok := related.BestText("html"); !ok || p.Subtype != "html" {
		t.Errorf("BestText html: %v %v", p, ok)
	}
	if _, ok := related.BestText("plain"); ok {
		t.Error("BestText plain found HTML")
	}
}

func TestContentIDs(t *testing.T) {
	t.Parallel()
	got := ContentIDs(`<img src="cid:a@b"><img src='CID:c%40d'> url(cid:e) http://x/ <a href=cid:f&amp;g>`)
	for _, id := range []string{"a@b", "c@d", "e", "f&g"} {
		if !got[id] {
			t.Errorf("%q is missing in %v", id, got)
		}
	}
	if len(got) != 4 {
		t.Errorf("%v", got)
	}
}
