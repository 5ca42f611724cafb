package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// maxPage is the octets of a page or a download a browser takes.
const maxPage = 256 << 20

// Browser is a browser without scripts: cookies, redirects, links, forms.
type Browser struct {
	http      *http.Client
	transport *http.Transport
	// Language is what it asks pages to be in.
	Language string
}

// NewBrowser makes one that has been nowhere.
func NewBrowser(c *tls.Config) *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // it fails for no reason
	}
	t := &http.Transport{TLSClientConfig: c.Clone()}
	return &Browser{http: &http.Client{Transport: t, Jar: jar, Timeout: 4 * time.Minute}, transport: t, Language: "sv"}
}

// Close closes its connections.
func (b *Browser) Close() { b.transport.CloseIdleConnections() }

// Page is what the browser shows: where it ended up, and with what.
type Page struct {
	URL    *url.URL
	Status int
	Type   string // content type
	Body   []byte
	root   *html.Node
}

// Open goes to an address.
func (b *Browser) Open(ctx context.Context, address string) (*Page, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return b.load(r)
}

// Follow goes where a link of a page leads.
func (b *Browser) Follow(ctx context.Context, p *Page, href string) (*Page, error) {
	to, err := p.URL.Parse(href)
	if err != nil {
		return nil, err
	}
	return b.Open(ctx, to.String())
}

func (b *Browser) load(r *http.Request) (*Page, error) {
	r.Header.Set("Accept-Language", b.Language)
	answer, err := b.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxPage))
	if err != nil {
		return nil, err
	}
	p := &Page{URL: answer.Request.URL, Status: answer.StatusCode, Type: answer.Header.Get("Content-Type"), Body: body}
	if strings.HasPrefix(p.Type, "text/html") {
		if p.root, err = html.Parse(bytes.NewReader(body)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Text is the page's text, with white space as people see it.
func (p *Page) Text() string {
	var b strings.Builder
	for n := range p.nodes() {
		if n.Type == html.TextNode && n.Parent.Data != "style" && n.Parent.Data != "script" {
			b.WriteString(n.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// Links are the addresses of the page's links as they are written, in order.
func (p *Page) Links() (out []string) {
	for n := range p.nodes() {
		if n.Data == "a" && n.Type == html.ElementNode {
			if href, ok := attribute(n, "href"); ok {
				out = append(out, href)
			}
		}
	}
	return out
}

// Link is the first link whose address has this in it.
func (p *Page) Link(part string) (string, error) {
	for _, href := range p.Links() {
		if strings.Contains(href, part) {
			return href, nil
		}
	}
	return "", fmt.Errorf("no link with %q on %s", part, p.URL.Path)
}

// LinkCalled is the first link that says this.
func (p *Page) LinkCalled(text string) (string, error) {
	for n := range p.nodes() {
		if n.Data != "a" || n.Type != html.ElementNode {
			continue
		}
		for d := range n.Descendants() {
			if d.Type == html.TextNode && strings.Contains(d.Data, text) {
				href, _ := attribute(n, "href")
				return href, nil
			}
		}
	}
	return "", fmt.Errorf("no link that says %q on %s", text, p.URL.Path)
}

func (p *Page) nodes() func(func(*html.Node) bool) {
	return func(yield func(*html.Node) bool) {
		if p.root == nil {
			return
		}
		for n := range p.root.Descendants() {
			if !yield(n) {
				return
			}
		}
	}
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

var errNoForm = errors.New("the page has no such form")
