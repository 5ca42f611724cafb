package clean

import (
	"bytes"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// maxQuote is how deep quotes nest. Deeper ones are shown at that depth.
const maxQuote = 10

// TextToHTML gives the text of a plain mail as a fragment of HTML: paragraphs, line breaks, quotes as blockquote, and
// links to http, https and mailto that open in a new tab. It has no style, class or other attribute than those of a
// link, so it may stand in any page.
func TextToHTML(text string) []byte {
	var p plain
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	for line := range strings.SplitSeq(text, "\n") {
		p.line(line)
	}
	p.quote(0)
	p.endParagraph()
	return p.out.Bytes()
}

// plain writes lines of text as HTML.
type plain struct {
	out    bytes.Buffer
	depth  int  // open quotes
	inside bool // a paragraph is open
}

func (p *plain) line(s string) {
	depth, s := quoteDepth(s)
	p.quote(depth)
	if strings.TrimSpace(s) == "" {
		p.endParagraph()
		return
	}
	if p.inside {
		p.out.WriteString("<br>\n")
	} else {
		p.out.WriteString("<p>")
		p.inside = true
	}
	p.linked(s)
}

// quoteDepth takes the quote marks from a line (RFC 3676 section 4.5, and the spaces that mail programs put between).
func quoteDepth(s string) (depth int, rest string) {
	rest = s
	for strings.HasPrefix(rest, ">") {
		depth++
		rest = rest[1:]
		if strings.HasPrefix(rest, " >") {
			rest = rest[1:]
		}
	}
	if depth > 0 {
		rest = strings.TrimPrefix(rest, " ")
	}
	return min(depth, maxQuote), rest
}

// quote ends and starts blockquotes until depth of them are open.
func (p *plain) quote(depth int) {
	if depth != p.depth {
		p.endParagraph()
	}
	for ; p.depth > depth; p.depth-- {
		p.out.WriteString("</blockquote>\n")
	}
	for ; p.depth < depth; p.depth++ {
		p.out.WriteString("<blockquote>\n")
	}
}

func (p *plain) endParagraph() {
	if p.inside {
		p.out.WriteString("</p>\n")
		p.inside = false
	}
}

// linkText finds where a link starts; it ends at a space, a quotation mark or an angle bracket (RFC 3986 appendix C).
var linkText = regexp.MustCompile(`(?i)\b(?:https?://|mailto:)[^\s<>"\x00-\x20\x7f\p{Cc}\p{Cf}]+`)

func (p *plain) linked(s string) {
	for {
		at := linkText.FindStringIndex(s)
		if at == nil {
			break
		}
		link := trimLink(s[at[0]:at[1]])
		href, ok := cleanLink(link)
		p.text(s[:at[0]])
		if ok {
			p.out.WriteString(`<a href="` + html.EscapeString(href) + `" target="_blank" rel="` + linkRel + `">`)
			p.text(link)
			p.out.WriteString("</a>")
		} else {
			p.text(link)
		}
		s = s[at[0]+len(link):]
	}
	p.text(s)
}

// trimLink takes the punctuation of the sentence from the end of a link, and a closing bracket that it did not open.
func trimLink(s string) string {
	spare := strings.Count(s, ")") - strings.Count(s, "(")
	for s != "" {
		short := strings.TrimRight(s, ".,;:!?'*_”’»]}")
		if spare > 0 && strings.HasSuffix(short, ")") {
			short = short[:len(short)-1]
			spare--
		}
		if short == s {
			break
		}
		s = short
	}
	return s
}

// text writes s with its runs of spaces kept, since people align text with them.
func (p *plain) text(s string) {
	s = html.EscapeString(strings.ReplaceAll(s, "\t", "    "))
	s = strings.ReplaceAll(s, "  ", "\u00a0 ")
	p.out.WriteString(strings.ReplaceAll(s, "\x00", "\uFFFD"))
}
