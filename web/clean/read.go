package clean

import (
	"strings"

	"golang.org/x/net/html"
)

// tag is a tag of the mail. Mails repeat theirs by the hundred, so one that is spelt as one before is the same tag, with
// what has been found out about it.
type tag struct {
	html.Token
	element          *element // nil if it is not on the list
	silent, fallback bool

	seen bool // the reader has filled in its part of what follows

	// Of the rewriter.
	remote bool  // it names something to fetch from elsewhere
	kept   start // the page's start tag that it becomes, or dropped

	// Of the walker.
	hides bool // it takes its element from the page
	gap   int  // line ends before its element; 0 if that is in a line
}

// dropped is a start tag that is not written.
var dropped = start{tag: -1}

// maxTags is how many tags are remembered, and maxTag how long those may be.
const maxTags, maxTag = 2000, maxStyle

// reader gets the tags and texts of a mail as they come. A text lasts until it returns.
type reader interface {
	text(s []byte)
	startTag(t *tag)
	endTag(t *tag)
}

// read reads a mail to r, less the texts that no reader sees. It remembers as many tags as most says.
func read(mail string, r reader, most int) {
	z := html.NewTokenizer(strings.NewReader(mail))
	known := map[string]*tag{}
	within := false // a silent element, whose text comes next
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		if kind == html.TextToken {
			if !within {
				r.text(z.Text())
			}
			continue
		}
		within = false
		if kind == html.CommentToken || kind == html.DoctypeToken {
			continue
		}
		t := known[string(z.Raw())]
		if t == nil {
			t = newTag(z, known, most)
		}
		if t.Type == html.EndTagToken {
			r.endTag(t)
			continue
		}
		if within = t.silent; t.fallback {
			z.NextIsNotRawText()
		}
		r.startTag(t)
	}
}

// newTag parses the tag that z is at, and remembers it unless it is that of a link, of which mails seldom have two alike.
func newTag(z *html.Tokenizer, known map[string]*tag, most int) *tag {
	t := &tag{}
	if raw := z.Raw(); len(known) < most && len(raw) <= maxTag && !isLink(raw) {
		known[string(raw)] = t // before Token, which changes what it reads
	}
	t.Token = z.Token()
	t.element, t.silent, t.fallback = elements[t.Data], silent[t.Data], fallback[t.Data]
	return t
}

func isLink(raw []byte) bool { return len(raw) > 2 && raw[1]|0x20 == 'a' && isSpace(raw[2]) }
