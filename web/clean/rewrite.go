package clean

import (
	"bytes"
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

func newRewriter(opts Options) *rewriter {
	return &rewriter{opts: opts, room: MaxInline, pictures: map[string]string{}, styles: map[string]string{}, nest: nest{over: map[string]int{}, many: map[string]int{}}}
}

func (r *rewriter) run(mail []byte) {
	z := html.NewTokenizer(bytes.NewReader(mail))
	r.rewrite = len(mail) + 64<<10
	var within string // the silent element the next text is of
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			r.closeTo(0)
			return
		}
		if kind == html.TextToken {
			if t := z.Token(); within == "" {
				r.text(t.Data)
			}
			continue
		}
		within = ""
		switch kind {
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			if fallback[t.Data] {
				z.NextIsNotRawText()
			}
			if silent[t.Data] {
				within = t.Data
			}
			r.startTag(t)
		case html.EndTagToken:
			r.endTag(z.Token().Data)
		}
	}
}

func (r *rewriter) startTag(t html.Token) {
	if r.isRemote(get(t, "background"), get(t, "style")) {
		r.remote++
	}
	switch {
	case t.Data == "html":
		r.setLang(t)
	case t.Data == "body" && !r.bodied:
		r.bodied = true
		r.setLang(t)
		r.start("div", bodyAttrs(t))
	case t.Data == "img" || t.Data == "image": // HTML makes <image> an <img>
		r.picture(t)
	case t.Data == "a":
		if href, ok := cleanLink(get(t, "href")); ok {
			r.start("a", append(r.attrs(t), linkAttrs(href)...))
		}
	case elements[t.Data] != 0:
		r.start(t.Data, r.attrs(t))
	}
}

func (r *rewriter) endTag(name string) {
	switch {
	case name == "br": // browsers take </br> for <br>
		r.start("br", nil)
	case elements[name] != 0 && elements[name] != void:
		r.end(name)
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
