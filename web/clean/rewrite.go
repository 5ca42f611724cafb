package clean

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// rewriter makes a mail's tags into those of a page.
type rewriter struct {
	nest
	opts     Options
	pictures map[string]string // by Content-ID; "" where there is none
	styles   map[string]string // filtered, as mails repeat theirs; at most maxStyles
	room     int               // octets of data: URIs that may still come
	remote   int
	lang     string
	bodied   bool
}

// newRewriter makes one for a mail of so many octets.
func newRewriter(opts Options, size int) *rewriter {
	r := &rewriter{opts: opts, room: MaxInline, pictures: map[string]string{}, styles: map[string]string{}, nest: newNest()}
	r.rewrite = size + 64<<10
	r.sheet.grow(size)
	return r
}

func (r *rewriter) startTag(t *tag) {
	if !t.seen {
		t.seen, t.remote, t.kept = true, r.isRemote(get(t.Token, "background"), get(t.Token, "style")), r.keep(t)
	}
	if t.remote {
		r.remote++
	}
	switch {
	case t.kept != dropped && t.target != "":
		r.begin(t.element, start{t.kept.tag, r.note(t.target)})
	case t.kept != dropped:
		r.begin(t.element, t.kept)
	case t.Data == "html":
		r.setLang(t.Token)
	case t.Data == "body" && !r.bodied:
		r.bodied = true
		r.setLang(t.Token)
		r.write("div", bodyAttrs(t.Token))
	case t.Data == "img" || t.Data == "image": // HTML makes <image> an <img>
		r.picture(t.Token)
	}
}

// keep gives the page's start tag that a mail's becomes, wherever it stands, or dropped.
func (r *rewriter) keep(t *tag) start {
	switch {
	case t.Data == "img":
		return dropped // what becomes of a picture hangs on those before it
	case t.Data == "a":
		return r.link(t)
	case t.element != nil:
		return start{tag: r.tag(t.Data, r.attrs(t.Token), "")}
	}
	return dropped
}

// link is the tag of a link. The target of one is put into it where it is plain, or settled.
func (r *rewriter) link(t *tag) start {
	if t.target != "" {
		return start{tag: r.tag("a", r.attrs(t.Token), toStandIn)}
	}
	switch href, u := cleanLink(get(t.Token, "href")); {
	case u == nil:
		return dropped
	case settled(href, u):
		return start{r.tag("a", r.attrs(t.Token), toStandIn), r.note(href)}
	default:
		return start{tag: r.tag("a", r.attrs(t.Token), linkTo(html.EscapeString(href)))}
	}
}

// write writes a start tag of our own.
func (r *rewriter) write(name string, attrs []html.Attribute) {
	r.begin(elements[name], start{tag: r.tag(name, attrs, "")})
}

func (r *rewriter) endTag(t *tag) {
	switch e := t.element; {
	case e == nil:
	case e.kind != void:
		r.end(e)
	case e.name == "br": // browsers take </br> for <br>
		r.write("br", nil)
	}
}

func (r *rewriter) setLang(t html.Token) {
	if lang := get(t, "lang"); r.lang == "" && langShape.MatchString(lang) {
		r.lang = lang
	}
}

// get is the value of t's first attribute of that name, which is the one that counts.
func get(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name && a.Namespace == "" {
			return a.Val
		}
	}
	return ""
}

// plainAttrs are taken as they are if their value has the shape. The allow-list says where they may stand.
var plainAttrs = map[string]*regexp.Regexp{
	"align": alignShape, "bgcolor": colorShape, "border": numberShape, "cellpadding": numberShape,
	"cellspacing": numberShape, "color": colorShape, "colspan": spanShape, "dir": dirShape, "face": faceShape,
	"height": lengthShape, "lang": langShape, "rowspan": spanShape, "size": fontSize, "span": spanShape,
	"start": numberShape, "type": listShape, "valign": alignShape, "value": numberShape, "width": lengthShape,
}

// maxTitle is how many octets of a title or an alternative text are kept.
const maxTitle = 2000

// attrs are the attributes that t keeps, less those of links and pictures.
func (r *rewriter) attrs(t html.Token) []html.Attribute {
	var kept []html.Attribute
	for i, a := range t.Attr {
		if a.Namespace != "" || i > 100 || slices.ContainsFunc(kept, func(k html.Attribute) bool { return k.Key == a.Key }) {
			continue
		}
		shape := plainAttrs[a.Key]
		switch {
		case a.Key == "style":
			a.Val = r.style(a.Val)
		case a.Key == "title":
			a.Val = cut(a.Val, maxTitle)
		case a.Key == "class":
			a.Val = knownClass(a.Val)
		case shape == nil || !shape.MatchString(strings.TrimSpace(a.Val)):
			a.Val = ""
		default:
			a.Val = strings.TrimSpace(a.Val)
		}
		if a.Val != "" {
			kept = append(kept, html.Attribute{Key: a.Key, Val: a.Val})
		}
	}
	return kept
}

// maxStyles is how many styles are remembered.
const maxStyles = 1000

func (r *rewriter) style(s string) string {
	if kept, ok := r.styles[s]; ok {
		return kept
	}
	kept := filterStyle(s)
	if len(r.styles) < maxStyles && len(s) <= maxStyle {
		r.styles[s] = kept
	}
	return kept
}

// knownClass keeps what Outlook's own paragraph classes say: no space between lines. Their style sheet is gone.
func knownClass(v string) string {
	v, _, _ = strings.Cut(strings.TrimSpace(v), " ")
	if strings.HasPrefix(v, "Mso") && !strings.HasPrefix(v, "MsoTable") {
		return "mso"
	}
	return ""
}

// bodyAttrs are those of the div that stands for the mail's body.
func bodyAttrs(t html.Token) []html.Attribute {
	var style []string
	if c := strings.TrimSpace(get(t, "bgcolor")); colorShape.MatchString(c) {
		style = append(style, "background-color: "+c)
	}
	if c := strings.TrimSpace(get(t, "text")); colorShape.MatchString(c) {
		style = append(style, "color: "+c)
	}
	style = append(style, get(t, "style"))
	s := filterStyle(strings.Join(style, "; "))
	if s == "" {
		return nil
	}
	return []html.Attribute{{Key: "style", Val: s}}
}

// cut shortens s to at most n octets of whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
