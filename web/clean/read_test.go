package clean

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// readSlowly is read by the tokenizer alone, which remembers nothing.
func readSlowly(mail string, r reader) {
	within := false
	for z := html.NewTokenizer(strings.NewReader(mail)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.TextToken:
			if !within {
				r.text(string(z.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			t := tags{}.at(z)
			if t.target = ""; t.fallback {
				z.NextIsNotRawText()
			}
			within = t.silent && t.Type != html.EndTagToken
			give(r, t)
		default:
			within = false
		}
	}
}

// heard is what a reader got, with the pieces of a text put together.
type heard []string

func (h *heard) text(s string) {
	if n := len(*h); n > 0 && strings.HasPrefix((*h)[n-1], "text ") {
		(*h)[n-1] += s
		return
	}
	*h = append(*h, "text "+s)
}

func (h *heard) startTag(t *tag) { *h = append(*h, fmt.Sprintf("%v %q", t.Type, withTarget(t))) }
func (h *heard) endTag(t *tag)   { *h = append(*h, fmt.Sprintf("%v %q", t.Type, withTarget(t))) }

// withTarget is a tag as the tokenizer gives it.
func withTarget(t *tag) html.Token {
	token := t.Token
	if t.target != "" {
		token.Attr = slices.Clone(token.Attr)
		token.Attr[0].Val = t.target
	}
	return token
}

// sameRead tells how a mail is read otherwise than by the tokenizer alone; "" if it is not.
func sameRead(mail string) string {
	var got, want heard
	read(mail, &got)
	readSlowly(mail, &want)
	if !slices.Equal(got, want) {
		return fmt.Sprintf("%q\nis read as\n%q\nand by the tokenizer as\n%q", mail, got, want)
	}
	page, whole := newRewriter(Options{Inline: someInline}, len(mail)), newRewriter(Options{Inline: someInline}, len(mail))
	read(mail, page)
	readSlowly(mail, whole)
	if got, want := string(page.page("", "")), string(whole.page("", "")); got != want || page.remote != whole.remote {
		return fmt.Sprintf("%q\nbecame\n%s\nand read by the tokenizer\n%s", mail, got, want)
	}
	w := &walker{}
	readSlowly(mail, w)
	if got, want := Text(mail), w.written(); got != want {
		return fmt.Sprintf("%q\nhas the text\n%s\nand read by the tokenizer\n%s", mail, got, want)
	}
	return ""
}

// TestRead: a mail is read as the tokenizer reads it, though most of it goes past that.
func TestRead(t *testing.T) {
	t.Parallel()
	mails := someMails(t)
	for _, twice := range []string{
		"<p>a</p>", `<a href="https://a.example/x">a</a><a href="https://a.example/y">b</a>`, `<a href="https://a.example/" title="a>b">c</a>`,
		`<a href="https://a.example/" href="https://b.example/">c</a>`, `<a href="https://a.example/"/>`, `<a href="https://a.example/"b>`,
		"<script><p></script><p>", "<textarea><p></textarea><p>", "<textarea/><p>", "<xmp><p></xmp><p>", "<style></style><p>", "<noscript><p></noscript>",
		"<p title='>'>", "<p title='", "< p>", "a < b > c", "</>", "</p", "<!p>", "<?p>", "<!-->-->", "<p>&lt</p>", "<p>&l<b>t;</b>", "a\r<p>\nb\r\n<p>", "<p>\x00",
	} {
		mails = append(mails, twice+twice, "<p>"+twice+"<p>"+twice, twice+"<plaintext>"+twice)
	}
	for _, mail := range mails {
		if fault := sameRead(mail); fault != "" {
			t.Error(fault)
		}
	}
}

// TestSource: a long token with brackets in it is not given octet by octet, as it would be copied each time.
func TestSource(t *testing.T) {
	t.Parallel()
	s := &source{mail: "<!--" + strings.Repeat(">", 1<<20)}
	times := 0
	for p := make([]byte, 1<<21); s.at < len(s.mail); times++ {
		if _, err := s.Read(p); err != nil {
			t.Fatal(err)
		}
	}
	if times > 22 {
		t.Errorf("read in %d pieces", times)
	}
}

// TestPlain: a plain target is one that net/url takes and leaves as it is, and that means nothing in an attribute.
func TestPlain(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		target string
		want   bool
		reason string
	}{
		{"https://www.exempel.se/a/b_c~d?e=F1", true, "as most are"},
		{"http://exempel.se", true, "without a path"},
		{"HTTPS://exempel.se/", false, "a scheme that is written anew"},
		{"https:///a", false, "no host"},
		{"https://a.se/#", false, "an empty fragment that is left out"},
		{"https://a.se/%7e", false, "an escape that may be written anew"},
		{"https://a.se/?a&copy=1", false, "a character of HTML"},
		{"https://a.se/å", false, "what is escaped"},
		{"https://a.se?b", false, "a host with more in it"},
		{"https://a@b.se/", false, "a name before the host"},
		{"ftp://a.se/", false, "another scheme"},
		{"https://a.se/" + strings.Repeat("a", maxLink), false, "too long"},
	} {
		if got := plain(row.target); got != row.want {
			t.Errorf("%s: %s", row.target, row.reason)
		}
	}
}

// FuzzPlain holds plain to what it promises.
func FuzzPlain(f *testing.F) {
	f.Add("https://www.exempel.se/a//../b_c~d??e=F1")
	f.Fuzz(func(t *testing.T, target string) {
		if !plain(target) {
			return
		}
		if u, err := url.Parse(target); err != nil || !settled(target, u) || u.Host == "" || html.EscapeString(target) != target || html.UnescapeString(target) != target {
			t.Errorf("%q becomes %v, %v", target, u, err)
		}
	})
}
