package clean

import (
	"regexp"

	"github.com/microcosm-cc/bluemonday"
)

// HTML makes the HTML of a mail, in UTF-8, into a safe page. The error is ErrTooLarge or nil.
//
// Two that do not share code judge the mail: a rewriter that puts the elements in order, resolves pictures and filters
// styles, and bluemonday, which lets through what is on the list and nothing else. The latter sees each start tag once; the
// page is that which it would make of the whole, to the octet, which the tests hold it to.
func HTML(mail string, opts Options) (Document, error) {
	if len(mail) > MaxSize {
		return Document{}, ErrTooLarge
	}
	r := newRewriter(opts, len(mail))
	read(mail, r)
	r.closeTo(0)
	head := "<!DOCTYPE html>\n<html"
	if r.lang != "" {
		head += ` lang="` + r.lang + `"`
	}
	page := r.page(head+pageHead, "\n</body>\n</html>\n")
	return Document{HTML: page, RemoteDropped: r.remote}, nil
}

// pageHead is what stands before the mail. The paper is always light: a mail that sets dark text and no background
// must be readable for those who prefer dark pages.
const pageHead = `>
<head>
<meta charset="utf-8">
<meta name="color-scheme" content="only light">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
html { color-scheme: only light; background: #fff; }
body { margin: 1rem; color: #1a1a1a; background: #fff; font: 1rem/1.5 system-ui, "Segoe UI", Roboto, Arial, sans-serif; overflow-wrap: break-word; }
img { max-width: 100%; height: auto; }
table { max-width: 100%; font: inherit; }
pre { white-space: pre-wrap; }
blockquote { margin: .5rem 0 .5rem .25rem; padding-left: .75rem; border-left: .2rem solid #c4c4c4; }
a { color: #0b4fad; }
.mso { margin: 0; }
.picture { color: #595959; border: 1px dashed #8c8c8c; padding: 0 .3em; font-size: .875em; }
</style>
</head>
<body dir="auto">
`

// Shapes of attribute values.
var (
	numberShape = regexp.MustCompile(`^[0-9]{1,4}$`)
	spanShape   = regexp.MustCompile(`^[1-9][0-9]{0,2}$`)
	lengthShape = regexp.MustCompile(`^[0-9]{1,4}(\.[0-9]{1,3})?(px|%)?$`)
	alignShape  = regexp.MustCompile(`^(?i:left|right|center|justify|middle|top|bottom|baseline)$`)
	colorShape  = regexp.MustCompile(`^(#?[0-9A-Fa-f]{3,8}|[A-Za-z]{3,24})$`)
	faceShape   = regexp.MustCompile(`^[\p{L}0-9 ,'"-]{1,200}$`)
	fontSize    = regexp.MustCompile(`^[+-]?[1-7]$`)
	listShape   = regexp.MustCompile(`^(1|a|A|i|I|(?i:disc|circle|square))$`)
	langShape   = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$`)
	dirShape    = regexp.MustCompile(`^(?i:ltr|rtl|auto)$`)
	hrefShape   = regexp.MustCompile(`^(?i:https?://|mailto:|tel:)`)
	srcShape    = regexp.MustCompile(`^data:image/(png|jpeg|gif|webp);base64,`)
	// styleShape is what filterStyle writes: no backslash, comment, url(, at-rule or angle bracket can be spelt in it.
	styleShape = regexp.MustCompile(`^[a-z-]+: [a-z0-9 #%.,()'"-]+(; [a-z-]+: [a-z0-9 #%.,()'"-]+)*$`)
)

// allowList is never changed after it is made.
var allowList = newAllowList()

func newAllowList() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	for name := range elements {
		p.AllowElements(name)
		p.AllowNoAttrs().OnElements(name)
	}
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(false)
	p.AllowURLSchemes("http", "https", "mailto", "tel", "data")
	p.AllowAttrs("href").Matching(hrefShape).OnElements("a")
	p.AllowAttrs("target").Matching(regexp.MustCompile(`^_blank$`)).OnElements("a")
	p.AllowAttrs("rel").Matching(regexp.MustCompile(`^` + linkRel + `$`)).OnElements("a")
	p.AllowAttrs("src").Matching(srcShape).OnElements("img")
	p.AllowAttrs("alt").OnElements("img")
	p.AllowAttrs("title").Globally()
	p.AllowAttrs("style").Matching(styleShape).Globally()
	p.AllowAttrs("lang").Matching(langShape).Globally()
	p.AllowAttrs("dir").Matching(dirShape).Globally()
	p.AllowAttrs("class").Matching(regexp.MustCompile(`^(mso|picture)$`)).OnElements("p", "div", "li", "span")
	p.AllowAttrs("align", "valign").Matching(alignShape).Globally()
	p.AllowAttrs("bgcolor").Matching(colorShape).OnElements("table", "thead", "tbody", "tfoot", "tr", "td", "th", "div")
	p.AllowAttrs("width", "height").Matching(lengthShape).OnElements("table", "td", "th", "col", "colgroup", "img", "hr", "tr")
	p.AllowAttrs("border", "cellpadding", "cellspacing").Matching(numberShape).OnElements("table", "img")
	p.AllowAttrs("colspan", "rowspan").Matching(spanShape).OnElements("td", "th")
	p.AllowAttrs("span").Matching(spanShape).OnElements("col", "colgroup")
	p.AllowAttrs("color").Matching(colorShape).OnElements("font")
	p.AllowAttrs("face").Matching(faceShape).OnElements("font")
	p.AllowAttrs("size").Matching(fontSize).OnElements("font")
	p.AllowAttrs("start", "value").Matching(numberShape).OnElements("ol", "li")
	p.AllowAttrs("type").Matching(listShape).OnElements("ol", "ul", "li")
	return p
}
