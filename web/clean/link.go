package clean

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// linkRel keeps the page that a link opens from reaching back or learning where it was opened from.
const linkRel = "noopener noreferrer nofollow"

// maxLink is how long a link may be, in octets. Longer ones are dropped and their text stays.
const maxLink = 8192

// cleanLink gives the target of a link as browsers read it, if it is one that people may follow.
func cleanLink(s string) (string, bool) {
	s = browserURL(s)
	if len(s) > maxLink || !hrefShape.MatchString(s) {
		return "", false
	}
	// A target that net/url cannot parse is one that two programs may read in two ways.
	u, err := url.Parse(s)
	if err != nil || u.Opaque == "" && u.Host == "" {
		return "", false
	}
	return s, true
}

func linkAttrs(href string) []html.Attribute {
	return []html.Attribute{{Key: "href", Val: href}, {Key: "target", Val: "_blank"}, {Key: "rel", Val: linkRel}}
}

// browserURL does to a URL what browsers do first (URL Standard, "basic URL parser"): spaces and control characters
// around it go, tabs and line ends in it go. Other spaces are percent-encoded.
func browserURL(s string) string {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	if !strings.ContainsAny(s, "\t\r\n ") {
		return s
	}
	return strings.NewReplacer("\t", "", "\r", "", "\n", "", " ", "%20").Replace(s)
}
