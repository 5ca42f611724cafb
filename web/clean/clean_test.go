package clean

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "write the golden files")

const pixel = "data:image/png;base64,iVBORw0KGgo="

func someInline(cid string) (string, bool) { return pixel, cid == "ok" || cid == "image001.png@01DA" }

// violations walks a page as a browser builds it and names what is not allowed, by a list of its own.
func violations(page []byte) []string {
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	for n := range root.Descendants() {
		switch n.Type {
		case html.CommentNode, html.RawNode:
			found = append(found, "comment or raw text")
		case html.ElementNode:
			found = append(found, elementFaults(n)...)
		}
	}
	return found
}

var pageElements = strings.Fields("html head body meta style")

func elementFaults(n *html.Node) (found []string) {
	fault := func(format string, args ...any) {
		found = append(found, "<"+n.Data+"> "+fmt.Sprintf(format, args...))
	}
	own := n.Data == "meta" || n.Data == "style" // the page's own, if they stand in its head
	if n.Namespace != "" || elements[n.Data] == nil && !slices.Contains(pageElements, n.Data) || own && n.Parent.Data != "head" {
		fault("must not be there")
	}
	if own {
		return found
	}
	for _, a := range n.Attr {
		v := strings.ToLower(strings.Map(func(r rune) rune {
			if r <= ' ' {
				return -1
			}
			return r
		}, a.Val))
		switch a.Key {
		case "href":
			if n.Data != "a" || !hasPrefix(v, "http://", "https://", "mailto:", "tel:") {
				fault("href=%q", a.Val)
			}
			if attr(n, "rel") != linkRel || attr(n, "target") != "_blank" {
				fault("link without rel or target")
			}
		case "src":
			if n.Data != "img" || !hasPrefix(v, "data:image/png;base64,", "data:image/jpeg;base64,", "data:image/gif;base64,", "data:image/webp;base64,") {
				fault("src=%q", a.Val)
			}
		case "style":
			for _, bad := range []string{"url", "expression", "import", "position", "z-index", "\\", "/*", "@", "<", "behavior", "binding", "transform", "opacity", "margin-top:-", "9999"} {
				if strings.Contains(v, bad) {
					fault("style=%q", a.Val)
				}
			}
		case "class":
			if v != "mso" && v != "picture" {
				fault("class=%q", a.Val)
			}
		case "target", "rel", "alt", "title", "lang", "dir", "align", "valign", "bgcolor", "width", "height", "border",
			"cellpadding", "cellspacing", "colspan", "rowspan", "span", "color", "face", "size", "start", "value", "type":
		default:
			fault("attribute %s", a.Key)
		}
	}
	return found
}

func hasPrefix(s string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func TestHostile(t *testing.T) {
	t.Parallel()
	corpus, err := txtar.ParseFile("testdata/hostile.txtar")
	if err != nil {
		t.Fatal(err)
	}
	// What the mail says must still be there to read.
	keeps := map[string][]string{
		"script.html": {"före", "efter", "slut"}, "svg.html": {"svgtext"}, "svg-style.html": {"efter"},
		"css-import.html": {"text", "efter"}, "form.html": {"Ange lösenord:", "Skicka", "ett", "två"},
		"frames.html": {"ersättning"}, "media.html": {"rullar"}, "remote.html": {"Vår logotyp"}, "background.html": {"cell"},
		"conditional.html": {"synlig"}, "doctype.html": {"text"}, "page-break-out.html": {"text"}, "mxss-noscript.html": nil,
		"unclosed.html": {"synligt"}, "entities.html": {"&lt;script&gt;alert(1)&lt;/script&gt;"}, "plaintext.html": {"&lt;script&gt;"},
		"misnested.html": {"<b><p>fet</p></b><p> inte</p>"},
	}
	remote := map[string]int{"remote.html": 8, "background.html": 4, "css-url.html": 5, "meta.html": 0}
	for _, f := range corpus.Files {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			d, err := HTML(string(f.Data), Options{Inline: someInline})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range violations(d.HTML) {
				t.Error(v)
			}
			for _, k := range keeps[f.Name] {
				if !bytes.Contains(d.HTML, []byte(k)) {
					t.Errorf("lost %q", k)
				}
			}
			if want, ok := remote[f.Name]; ok && d.RemoteDropped != want {
				t.Errorf("%d remote pictures, want %d", d.RemoteDropped, want)
			}
			if !bytes.HasSuffix(d.HTML, []byte("\n</body>\n</html>\n")) {
				t.Error("the page has another end")
			}
			if bytes.Contains(d.HTML, []byte("evil.example")) {
				t.Error("names a place that it would have loaded from")
			}
			if t.Failed() {
				_, body, _ := bytes.Cut(d.HTML, []byte(`<body dir="auto">`))
				t.Logf("%s", body)
			}
		})
	}
	if len(corpus.Files) < 25 {
		t.Errorf("%d cases", len(corpus.Files))
	}
}

// TestMail holds the look of mails of ordinary programs to golden files: the page and the text.
func TestMail(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/mail/*.html")
	if err != nil || len(names) == 0 {
		t.Fatalf("no mails: %v", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			mail, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			d, err := HTML(string(mail), Options{Inline: someInline})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range violations(d.HTML) {
				t.Error(v)
			}
			_, body, _ := strings.Cut(string(d.HTML), "<body dir=\"auto\">\n")
			golden(t, strings.TrimSuffix(name, ".html")+".page", fmt.Sprintf("remote: %d\n%s", d.RemoteDropped, body))
			golden(t, strings.TrimSuffix(name, ".html")+".txt", Text(string(mail))+"\n")
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is now\n%s", name, got)
	}
}

func TestLang(t *testing.T) {
	t.Parallel()
	for mail, want := range map[string]string{
		`<html lang=sv>x`: `<html lang="sv">`, `<body lang="SV">x`: `<html lang="SV">`, `<html lang='"><script>'>x`: "<html>", `x`: "<html>",
	} {
		if d, _ := HTML(mail, Options{}); !bytes.Contains(d.HTML, []byte(want)) {
			t.Errorf("%s: no %s", mail, want)
		}
	}
}

func TestPictures(t *testing.T) {
	t.Parallel()
	asked := map[string]int{}
	d, err := HTML(`<img src=cid:a%20b><img src="CID:a b"><img src=cid:svg alt=svg><img src=cid:none alt="ingen &lt;b&gt;">
		<img src="data:image/gif;base64,R0lGODlh">`, Options{Inline: func(cid string) (string, bool) {
		asked[cid]++
		return map[string]string{"a b": pixel, "svg": "data:image/svg+xml;base64,AAAA", "none": pixel}[cid], cid != "none"
	}})
	if err != nil {
		t.Fatal(err)
	}
	for want, n := range map[string]int{
		`<img src="` + pixel + `"`: 2, `<span class="picture">svg</span>`: 1, `<span class="picture">ingen &lt;b&gt;</span>`: 1,
		`<img src="data:image/gif;base64,R0lGODlh"`: 1,
	} {
		if got := bytes.Count(d.HTML, []byte(want)); got != n {
			t.Errorf("%d of %s, want %d in %s", got, want, n, d.HTML)
		}
	}
	if asked["a b"] != 1 || len(asked) != 3 || d.RemoteDropped != 0 {
		t.Errorf("asked %v, %d remote", asked, d.RemoteDropped)
	}
}

func TestInlineIsBounded(t *testing.T) {
	t.Parallel()
	large := pixel + strings.Repeat("A", 1<<10)
	r := newRewriter(Options{Inline: func(string) (string, bool) { return large, true }}, 0)
	if r.room != MaxInline {
		t.Errorf("room for %d octets", r.room)
	}
	r.room = 10 * len(large)
	read(strings.Repeat("<img src=cid:x alt=bild>", 100), r)
	r.closeTo(0)
	page := string(r.page("", ""))
	if shown, dropped := strings.Count(page, "<img"), strings.Count(page, ">bild<"); shown != 10 || dropped != 90 {
		t.Errorf("%d shown and %d dropped, want 10 and 90", shown, dropped)
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	if _, err := HTML(strings.Repeat("x", MaxSize+1), Options{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

// TestCSP holds the policy to its letter: a word more or less in it is a decision.
func TestCSP(t *testing.T) {
	t.Parallel()
	const want = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"
	if CSP != want {
		t.Errorf("CSP is %q", CSP)
	}
}

// TestTime gives inputs that take a slow program minutes, and allows a processor time that no linear one needs.
func TestTime(t *testing.T) {
	t.Parallel()
	const size = 1 << 16
	long := " title=\"" + strings.Repeat("'", maxTitle) + "\""
	for _, row := range []struct{ name, start, again string }{
		{"nested divs", "", "<div>"},
		{"end tags that reach far", "<b>" + strings.Repeat("<div>", 199), "</b>"},
		{"paragraphs behind a table", "<p><table><td>" + strings.Repeat("<span>", 190), "<div></div>"},
		{"items behind spans", "<ul><li>" + strings.Repeat("<span>", 190), "<li></li>"},
		{"formatting that is never closed", "", "<font color=red><p>"},
		{"formatting with long attributes that end tags cross", "",
			strings.Repeat("<b>", 190) + "<i" + long + "><u" + long + "><s" + long + ">" + strings.Repeat("</b>", 190) + "</s></u></i>"},
		{"attributes", "<p ", "a=b "},
		{"one style", "<p style='", `\41 `},
		{"styles", "", `<p style="color:red;margin:0 0 0 0">x`},
		{"brackets", "", "<"},
		{"comments", "", "<!--"},
		{"a comment of brackets", "<!--", ">"},
		{"a script of brackets", "<script>", ">"},
		{"brackets that are no tag", "", "< >"},
		{"quotes", "", ">"},
		{"link of brackets", "http://", ")"},
		{"links", "", "http://a) "},
		{"tables", "", "<table><tr><td>"},
		{"breaks in quotes", "", "<blockquote>x<br>"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			mail := row.start + strings.Repeat(row.again, size/len(row.again))
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			begun := used(t)
			d, err := HTML(mail, Options{})
			if err != nil {
				t.Fatal(err)
			}
			text := Text(mail)
			if took := used(t) - begun; took > 6*time.Second {
				t.Errorf("took %v", took)
			}
			if most := 20 * size; len(d.HTML) > most || len(text) > most {
				t.Errorf("%d octets became %d and %d", len(mail), len(d.HTML), len(text))
			}
			if n := depth(d.HTML); n > maxDepth+2 {
				t.Errorf("%d deep", n)
			}
		})
	}
}

// used is the processor time of this goroutine's thread.
func used(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// depth is how deep start tags nest by what is written.
func depth(page []byte) (most int) {
	z := html.NewTokenizer(bytes.NewReader(page))
	for now := 0; ; {
		switch z.Next() {
		case html.ErrorToken:
			return most
		case html.StartTagToken:
			if name, _ := z.TagName(); !isVoid(string(name)) {
				now++
				most = max(most, now)
			}
		case html.EndTagToken:
			now--
		}
	}
}

func isVoid(name string) bool {
	return name == "meta" || elements[name] != nil && elements[name].kind == void
}

func FuzzHTML(f *testing.F) {
	corpus, err := txtar.ParseFile("testdata/hostile.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range corpus.Files {
		f.Add(file.Data)
	}
	f.Fuzz(func(t *testing.T, mail []byte) {
		d, err := HTML(string(mail), Options{Inline: someInline})
		if err != nil {
			return
		}
		if found := violations(d.HTML); found != nil {
			t.Errorf("%s in\n%s", found, d.HTML)
		}
		Text(string(mail))
		Height(string(mail), func(string) (int, int, bool) { return 1, 1, true })
		if fault := cmp.Or(sameWhole(string(mail)), sameRead(string(mail))); fault != "" {
			t.Error(fault)
		}
	})
}
