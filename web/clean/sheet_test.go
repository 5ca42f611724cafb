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

// sameWhole tells how a page differs from what the allow-list makes of the whole of it, and from that of a rewriter that
// remembers no tags; "" if it does not.
func sameWhole(mail string) string {
	r := newRewriter(Options{Inline: someInline})
	r.run(mail, maxTags)
	page, whole := r.page("", ""), r.judgedWhole()
	forgetful := newRewriter(Options{Inline: someInline})
	forgetful.run(mail, 0)
	switch {
	case !bytes.Equal(page, whole):
		return fmt.Sprintf("%s\nbecame\n%s\nand as a whole\n%s", mail, page, whole)
	case !bytes.Equal(forgetful.judgedWhole(), whole) || forgetful.remote != r.remote:
		return fmt.Sprintf("%s\nbecame\n%s\nand with no tags remembered\n%s", mail, whole, forgetful.judgedWhole())
	}
	return ""
}

// TestJudgedOnce: a page whose tags were judged once each is the page that was judged as a whole, for the mails at hand and
// for those made of what may go wrong.
func TestJudgedOnce(t *testing.T) {
	t.Parallel()
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
	for _, mail := range mails {
		if fault := sameWhole(mail); fault != "" {
			t.Error(fault)
		}
	}
}

// invented is a mail made of pieces that are spelt in many ways.
func invented(r *rand.Rand) string {
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	names := []string{"p", "P", "div", "b", "i", "a", "A", "a", "span", "font", "table", "tr", "td", "ul", "li", "pre", "blockquote", "br", "hr",
		"img", "image", "body", "html", "script", "noscript", "title", "svg", "plaintext\x00", "q", "ins"}
	keys := []string{"href", "href", "HREF", "style", "title", "class", "src", "alt", "cite", "width", "dir", "lang", "onclick", "target", "rel", "href/", "data-x"}
	values := []string{"https://a.example/?b=1&amp;c=2", "https://a.example/å", "HTTP://A.example", "https://a.example/?x\u2003", "https://a.example/%7e", "https://link.invalid/",
		"mailto:a@b.se?subject=x", "mailto:å", "tel:+46", "javascript:x", " https://a b.example/\t", "https://a.example/a b", "https://[::1]:1/x#", "https://u:p@a.example?", "//a.example",
		"https://a.example/?x=>&quot;", "https://a.example/\r\nx", "cid:ok", "data:image/png;base64,AAAA", "color:red", "color:red;margin:0;position:fixed", "MsoNormal",
		"&#13;&#10;", "a\x00b", "<b>", "10", "sv", "\xff", "_blank", "`"}
	quotes := []string{`"`, `'`, ""}
	texts := []string{"ett ", "två\r\n", "&lt;b&gt;", "&#13;", "\x00", "a > b", "<", "</", "<!-- x -->", "<!", "å\xff", "&", "&amp;amp;", "\u200b", "\u00a0"}
	var b strings.Builder
	for range 1 + r.IntN(40) {
		switch r.IntN(4) {
		case 0:
			b.WriteString(pick(texts))
		case 1:
			fmt.Fprintf(&b, "</%s>", pick(names))
		default:
			b.WriteString("<" + pick(names))
			for range r.IntN(4) {
				q := pick(quotes)
				b.WriteString(" " + pick(keys) + "=" + q + pick(values) + q)
			}
			b.WriteString(pick([]string{">", ">", ">", "/>", " >", "\n>"}))
		}
	}
	return b.String()
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
