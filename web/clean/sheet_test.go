package clean

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// sameWhole tells how a page differs from what the allow-list makes of the whole of it; "" if it does not.
func sameWhole(mail string) string {
	r := newRewriter(Options{Inline: someInline}, len(mail))
	read(mail, r)
	r.closeTo(0)
	if page, whole := r.page("", ""), r.judgedWhole(); !bytes.Equal(page, whole) {
		return fmt.Sprintf("%s\nbecame\n%s\nand as a whole\n%s", mail, page, whole)
	}
	return ""
}

// TestJudgedOnce: a page whose tags were judged once each is the page that was judged as a whole.
func TestJudgedOnce(t *testing.T) {
	t.Parallel()
	for _, mail := range someMails(t) {
		if fault := sameWhole(mail); fault != "" {
			t.Error(fault)
		}
	}
}

// someMails are the mails at hand and those made of what may go wrong.
func someMails(t testing.TB) []string {
	hostile, err := txtar.ParseFile("testdata/hostile.txtar")
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob("testdata/mail/*.html")
	if err != nil || len(names) == 0 {
		t.Fatalf("no mails: %v", err)
	}
	var mails []string
	for _, f := range hostile.Files {
		mails = append(mails, string(f.Data))
	}
	for _, name := range names {
		mail, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		mails = append(mails, string(mail))
	}
	for seed := range uint64(300) {
		mails = append(mails, invented(rand.New(rand.NewPCG(seed, 0))))
	}
	return mails
}

// invented is a mail made of pieces that are spelt in many ways.
func invented(r *rand.Rand) string {
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	names := []string{"p", "P", "div", "b", "i", "a", "A", "a", "span", "font", "table", "tr", "td", "ul", "li", "pre", "blockquote", "br", "hr",
		"img", "image", "body", "html", "script", "noscript", "title", "svg", "plaintext\x00", "q", "ins", "textarea", "iframe", "style", "o:p"}
	keys := []string{"href", "href", "HREF", "style", "title", "class", "src", "alt", "cite", "width", "dir", "lang", "onclick", "target", "rel", "href/", "data-x"}
	values := []string{"https://a.example/?b=1&amp;c=2", "https://a.example/å", "https://a.example/x?y=z", "http://b.example", "HTTP://A.example", "https://a.example/?x\u2003", "https://a.example/%7e", "https://link.invalid/",
		"mailto:a@b.se?subject=x", "mailto:å", "tel:+46", "javascript:x", " https://a b.example/\t", "https://a.example/a b", "https://[::1]:1/x#", "https://u:p@a.example?", "//a.example",
		"https://a.example/?x=>&quot;", "https://a.example/\r\nx", "cid:ok", "data:image/png;base64,AAAA", "color:red", "color:red;margin:0;position:fixed", "MsoNormal",
		"&#13;&#10;", "a\x00b", "<b>", "10", "sv", "\xff", "_blank", "`"}
	quotes := []string{`"`, `'`, ""}
	texts := []string{"ett ", "två\r\n", "&lt;b&gt;", "&#13;", "\x00", "a > b", "<", "</", "<!-- x -->", "<!", "å\xff", "&", "&amp;amp;", "\u200b", "\u00a0"}
	var mail []string
	for range 1 + r.IntN(40) {
		piece := pick(texts)
		switch r.IntN(5) {
		case 0:
			piece = "</" + pick(names) + ">"
		case 1:
			if mail != nil {
				piece = pick(mail) // spelt as before
			}
		case 2, 3:
			piece = "<" + pick(names)
			for range r.IntN(4) {
				q := pick(quotes)
				piece += " " + pick(keys) + "=" + q + pick(values) + q
			}
			piece += pick([]string{">", ">", ">", "/>", " >", "\n>"})
		}
		mail = append(mail, piece)
	}
	return strings.Join(mail, "")
}

// TestTakenAway: were an element written that is not on the list, the page would still be what the list makes of it.
func TestTakenAway(t *testing.T) {
	t.Parallel()
	s := sheet{known: map[string]int32{}}
	for _, name := range []string{"p", "object", "b"} {
		s.put(start{tag: s.tag(name, nil, "")})
		s.rest.WriteString("x</" + name + ">")
	}
	want := slices.Concat([]byte("head "), s.judgedWhole(), []byte(" foot"))
	if page := s.page("head ", " foot"); !bytes.Equal(page, want) || bytes.Contains(page, []byte("object")) {
		t.Errorf("got %s, want %s", page, want)
	}
}
