package clean

import (
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// What a page looks like, about, in CSS pixels.
const (
	lineHeight = 24
	lineLength = 60 // characters
	pageWidth  = 640
	// farTooTall is the height of a picture that nothing is known of.
	farTooTall = 10_000
)

// Height guesses how tall a mail's HTML is when it is shown, in CSS pixels. Picture gives the size of the picture with a
// Content-ID, zeros if it cannot be told, and whether there is one that is shown; it is asked as Options.Inline is.
func Height(mail string, picture func(cid string) (width, height int, ok bool)) int {
	m := &measurer{picture: picture}
	read(mail, m)
	for line := range strings.Lines(m.written()) {
		m.pixels += lineHeight * (1 + len(line)/lineLength)
	}
	return m.pixels
}

// measurer is a walker that adds up how tall pictures are.
type measurer struct {
	walker
	picture func(cid string) (width, height int, ok bool)
	asked   int
	pixels  int
}

func (m *measurer) startTag(t *tag) {
	if m.hidden == 0 && (t.Data == "img" || t.Data == "image") {
		if tall := m.tall(t.Token); tall > 0 {
			m.pixels += tall // and its words are not shown
			return
		}
	}
	m.walker.startTag(t)
}

// tall is the height of a picture: that of its style, or what its width makes of its own.
func (m *measurer) tall(t html.Token) int {
	style := declared(filterStyle(get(t, "style")))
	scheme, rest, _ := strings.Cut(browserURL(get(t, "src")), ":")
	switch scheme = strings.ToLower(scheme); {
	case style["display"] == "none" || scheme != "cid" && scheme != "data":
		return 0
	case scheme == "data" || m.asked >= maxPictures:
		return farTooTall
	}
	m.asked++
	width, height, ok := m.picture(cidOf(rest))
	switch shown := inPixels(style["height"]); {
	case !ok:
		return 0
	case shown > 0:
		return shown
	case width <= 0 || height <= 0:
		return farTooTall
	}
	shown := width
	if w := inPixels(style["width"]); w > 0 {
		shown = w
	} else if w, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(get(t, "width")), "px")); err == nil && w > 0 {
		shown = w
	}
	return min(farTooTall, int(float64(height)*float64(min(shown, pageWidth))/float64(width)))
}

// cidOf is the Content-ID of a cid URL (RFC 2392), less its scheme.
func cidOf(s string) string {
	if id, err := url.PathUnescape(s); err == nil {
		s = id
	}
	return strings.Trim(s, "<>")
}

// declared are the declarations of a filtered style, the last of each property.
func declared(style string) map[string]string {
	out := map[string]string{}
	for d := range strings.SplitSeq(style, "; ") {
		name, value, _ := strings.Cut(d, ": ")
		out[name] = value
	}
	return out
}

// inPixels is a length; 0 if it hangs on something else.
func inPixels(v string) int {
	m := quantity.FindStringSubmatch(v)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(m[1], 64) // "" is 0
	return int(n * pixels[m[2]])
}
