package clean

import (
	"strings"

	"golang.org/x/net/html"
)

// maxPictures is how many Content-IDs Inline is asked for.
const maxPictures = 500

// picture writes an img if the mail brings the picture along, else its alternative text.
func (r *rewriter) picture(t html.Token) {
	alt := cut(strings.TrimSpace(get(t, "alt")), maxTitle)
	src, srcset := browserURL(get(t, "src")), get(t, "srcset")
	scheme, rest, _ := strings.Cut(src, ":")
	var data string
	switch strings.ToLower(scheme) {
	case "cid":
		data = r.resolve(rest)
	case "data":
		data = rasterURI(src)
	default:
		if src != "" || srcset != "" {
			r.remote++
		}
	}
	if data == "" || len(data) > r.room {
		r.placeholder(alt)
		return
	}
	r.room -= len(data)
	r.write("img", append(r.attrs(t), html.Attribute{Key: "src", Val: data}, html.Attribute{Key: "alt", Val: alt}))
}

// resolve gives the data: URI of the part with that Content-ID, "" if there is none.
func (r *rewriter) resolve(cid string) string {
	cid = cidOf(cid)
	if data, ok := r.pictures[cid]; ok || len(r.pictures) >= maxPictures || r.opts.Inline == nil {
		return data
	}
	var data string
	if uri, ok := r.opts.Inline(cid); ok {
		data = rasterURI(uri)
	}
	r.pictures[cid] = data
	return data
}

func (r *rewriter) placeholder(alt string) {
	if alt == "" {
		return
	}
	r.write("span", []html.Attribute{{Key: "class", Val: "picture"}})
	r.text(alt)
	r.end(elements["span"])
}

// isRemote tells whether a background attribute or a style names something to fetch from elsewhere.
func (r *rewriter) isRemote(background, style string) bool {
	if b := strings.ToLower(browserURL(background)); b != "" && !strings.HasPrefix(b, "cid:") && !strings.HasPrefix(b, "data:") {
		return true
	}
	_, target, found := strings.Cut(strings.ToLower(cut(style, maxStyle)), "url(")
	target = strings.TrimLeft(target, ` "'`)
	return found && !strings.HasPrefix(target, "cid:") && !strings.HasPrefix(target, "data:")
}

// rasterURI gives a data: URI of a raster picture (RFC 2397) in the one spelling that the allow-list knows, "" for any
// other. An SVG is a document and not a picture.
func rasterURI(s string) string {
	head, data, ok := strings.Cut(s, ",")
	if !ok {
		return ""
	}
	head = strings.ToLower(strings.ReplaceAll(head, "%20", ""))
	switch head {
	case "data:image/png;base64", "data:image/jpeg;base64", "data:image/gif;base64", "data:image/webp;base64":
	case "data:image/jpg;base64":
		head = "data:image/jpeg;base64"
	default:
		return ""
	}
	data = strings.ReplaceAll(data, "%20", "")
	if data == "" || strings.ContainsFunc(data, func(c rune) bool { return !isBase64(c) }) {
		return ""
	}
	return head + "," + data
}

func isBase64(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/' || c == '='
}
