package clean

import (
	"net/url"
	"slices"
	"strings"
)

// linkRel keeps the page that a link opens from reaching back or learning where it was opened from.
const linkRel = "noopener noreferrer nofollow"

// maxLink is how long a link may be, in octets. Longer ones are dropped and their text stays.
const maxLink = 8192

// cleanLink gives the target of a link as browsers read it, spelt and parsed; u is nil if it is none that people may follow.
func cleanLink(s string) (spelt string, u *url.URL) {
	s = browserURL(s)
	if len(s) > maxLink || !slices.ContainsFunc(schemes, func(p string) bool { return len(s) >= len(p) && strings.EqualFold(s[:len(p)], p) }) {
		return "", nil
	}
	// A target that net/url cannot parse is one that two programs may read in two ways.
	u, err := url.Parse(s)
	if err != nil || u.Opaque == "" && u.Host == "" {
		return "", nil
	}
	return s, u
}

// schemes are what a link may start with, which is what hrefShape says.
var schemes = []string{"https://", "http://", "mailto:", "tel:"}

// plain tells whether a target is one that net/url takes and leaves as it is, by its spelling alone: http or https, a host
// and a path of letters, digits and what cannot mean anything else there, or in an attribute.
func plain(s string) bool {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(s, "http://")
	}
	host, path, _ := strings.Cut(rest, "/")
	return ok && len(s) <= maxLink && host != "" && !strings.ContainsFunc(host, notOfHost) && !strings.ContainsFunc(path, notOfPath)
}

func notOfHost(c rune) bool {
	return !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '-')
}

func notOfPath(c rune) bool {
	return notOfHost(c) && !('A' <= c && c <= 'Z' || c == '/' || c == '_' || c == '~' || c == '?' || c == '=')
}

// standIn is the target that the allow-list sees in place of a settled one, so that links are one tag to it.
const standIn = "https://link.invalid/"

// toStandIn are the attributes of a link with it.
var toStandIn = linkTo(standIn)

// settled tells whether the allow-list leaves a target as it is. Of one with such a scheme it writes what net/url makes
// of it, less the space around it.
func settled(spelt string, u *url.URL) bool {
	return u.String() == spelt && strings.TrimSpace(spelt) == spelt
}

// linkTo are the attributes of a link with a target, escaped.
func linkTo(target string) string {
	return ` href="` + target + `" target="_blank" rel="` + linkRel + `"`
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
