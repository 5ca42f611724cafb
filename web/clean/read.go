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
	target           string // plain, of a link: what links that are otherwise spelt alike may differ in; "" of any other tag

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

// reader gets the tags and texts of a mail as they come. A text may come in pieces, each but the last up to a <.
type reader interface {
	text(s string)
	startTag(t *tag)
	endTag(t *tag)
}

// read reads a mail to r, less the texts that no reader sees.
//
// Among text a tag is what it is spelt like. So what the tokenizer has found out about a spelling holds wherever that comes
// again, and that tag and the text before it go to r without the tokenizer, which looks at every octet by itself.
func read(mail string, r reader) {
	rest := newSource(mail)
	z := html.NewTokenizer(rest)
	known := tags{}
	among := true   // text; not at the content of an element that is read in a way of its own
	within := false // a silent element, whose text comes next
	for {
		if among && len(z.Buffered()) == 0 {
			if s := rest.text(); s != "" {
				r.text(s)
			}
			raw := rest.tag()
			if t := known.spelt(raw); t != nil && t.amongText() {
				rest.skip(len(raw))
				give(r, t)
				continue
			}
		}
		among = true
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.TextToken:
			if !within {
				r.text(string(z.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			t := known.at(z)
			if t.fallback {
				z.NextIsNotRawText()
			}
			among, within = t.amongText(), t.silent && t.Type != html.EndTagToken
			give(r, t)
		default:
			within = false
		}
	}
}

func give(r reader, t *tag) {
	if t.Type == html.EndTagToken {
		r.endTag(t)
	} else {
		r.startTag(t)
	}
}

// amongText tells whether what comes after a tag is text and tags. The content of some elements is not; none of those is
// on the list.
func (t *tag) amongText() bool { return t.element != nil || t.Type == html.EndTagToken }

// maxTags is how many tags are remembered, and maxTag how long those may be.
const maxTags, maxTag = 2000, maxStyle

// tags are those that are remembered, by their spelling.
type tags map[string]*tag

// spelt is the tag of a spelling; nil if there is none.
func (k tags) spelt(raw string) *tag {
	key, target := spelling(raw)
	t := k[key]
	if t != nil {
		t.target = target
	}
	return t
}

// at is the tag that z is at. Of links only those with a plain target are remembered: mails seldom have two alike.
func (k tags) at(z *html.Tokenizer) *tag {
	raw := string(z.Raw()) // before Token, which changes what it reads
	if t := k.spelt(raw); t != nil {
		return t
	}
	t := &tag{Token: z.Token()}
	t.element, t.silent, t.fallback = elements[t.Data], silent[t.Data], fallback[t.Data]
	key, target := spelling(raw)
	t.target = target
	if link := t.Data == "a" && t.Type != html.EndTagToken; len(k) < maxTags && len(raw) <= maxTag && (!link || target != "") {
		k[key] = t
	}
	return t
}

// spelling gives what a tag is known by: how it is spelt, or how a link with a plain target is spelt after that.
func spelling(raw string) (key, target string) {
	if after, ok := strings.CutPrefix(raw, `<a href="`); ok {
		if i := strings.IndexByte(after, '"'); i >= 0 && plain(after[:i]) {
			return after[i:], after[:i]
		}
	}
	return raw, ""
}
