package web

import (
	"html"
	"html/template"
	"regexp"
	"strings"
)

// segment is a run of plain text, or a link in it: a web address, or a mail address.
type segment struct {
	Text       string
	Link, Mail bool
}

// HTML is the text for the page.
func (s segment) HTML() template.HTML { return escaped(s.Text) }

// escaped is a text as HTML. The templates would do it by themselves, but look at each character by itself, which took a
// quarter of the time of a long text's page.
func escaped(text string) template.HTML {
	return template.HTML(html.EscapeString(strings.ReplaceAll(text, "\x00", "\ufffd")))
}

var webAddress = regexp.MustCompile(`https?://[^\s<>"'()\[\]{}]+`)

// segments finds the web addresses in a text. What ends a sentence is not part of an address.
func segments(text string) (out []segment) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	at := 0
	for _, m := range webAddress.FindAllStringIndex(text, 1000) {
		end := m[0] + len(strings.TrimRight(text[m[0]:m[1]], ".,;:!?*_"))
		out = append(out, segment{Text: text[at:m[0]]}, segment{Text: text[m[0]:end], Link: true})
		at = end
	}
	return append(out, segment{Text: text[at:]})
}
