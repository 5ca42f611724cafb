// Package clean makes the HTML of a mail safe to show, and readable as plain text.
//
// A mail's HTML is hostile. [HTML] gives a page that holds text, tables, lists, links and pictures and nothing that
// loads, runs, submits or covers: it is built by an allow-list of elements, attributes, URL schemes and CSS properties
// with their values, so what the package does not know is not in it. The page is meant for a route of its own under
// [CSP], in a sandboxed frame; each of the two alone would stop a script, and neither is relied on.
//
// What it promises: the output names no address the browser would fetch; every element and attribute in it is on the
// list; elements are nested properly and at most 200 deep; time and memory are linear in the input. Text is kept even
// where its markup is not.
//
// What it does not: it does not judge where a link leads, decode charsets (input is UTF-8), honour style sheets in
// <style> (they go; inline styles stay) or keep the look of a mail that hangs on them. A mail can still hide text by
// its colours.
package clean

import "errors"

// MaxSize is how many octets of HTML a mail may have.
const MaxSize = 10 << 20

// MaxInline is how many octets of data: URIs a page may hold in all. A picture that passes it is dropped and its
// alternative text is kept.
const MaxInline = 24 << 20

// ErrTooLarge says that the HTML is larger than MaxSize. The text of the mail is what to show then.
var ErrTooLarge = errors.New("clean: the HTML is too large")

// CSP is the Content-Security-Policy that a [Document] is served with. It is the only policy of the site that allows
// anything inline, and it is the policy of this document alone.
const CSP = "sandbox" + // an origin of its own: no scripts, no forms, no cookies, no storage, no top navigation
	" allow-popups" + // a link opens in a new tab, which is all it may do
	" allow-popups-to-escape-sandbox" + // the site in that tab works as it would from anywhere else
	"; default-src 'none'" + // nothing is fetched: no remote pictures, fonts, frames, scripts, connections
	"; img-src data:" + // pictures of the mail itself, put in by HTML
	"; style-src 'unsafe-inline'" // style attributes that HTML let through, and the page's own style element

// Options are what HTML needs of its caller.
type Options struct {
	// Inline gives the picture with a Content-ID (RFC 2392; without "cid:" and angle brackets, percent-decoded) as a
	// URI like data:image/png;base64,…, where the type is one of png, jpeg, gif and webp. It is asked once for each
	// id. If it is nil or says !ok, or the URI is of another shape, the picture is dropped and its alternative text kept.
	Inline func(cid string) (dataURI string, ok bool)
}

// Document is a mail's HTML made safe.
type Document struct {
	// HTML is a complete page in UTF-8.
	HTML []byte
	// RemoteDropped is how many pictures and backgrounds the mail would have fetched from elsewhere.
	RemoteDropped int
}
