package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Form is a form as it stands on a page, filled in with what the page filled in.
type Form struct {
	page   *Page
	method string
	action *url.URL
	parts  bool     // multipart/form-data
	order  []string // names of all values, as they stand on the page: that is how a browser sends them
	values url.Values
	fields []string   // that a person can fill in
	files  []string   // fields for files
	choice url.Values // boxes that are not ticked, and buttons, with their values
}

// File is a file to attach.
type File struct {
	Field, Name, Type string
	Content           []byte
}

// Form is the first form of the page that has these fields.
func (p *Page) Form(fields ...string) (*Form, error) {
	for n := range p.nodes() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		f, err := p.readForm(n)
		if err != nil {
			return nil, err
		}
		if f.has(fields) {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%w: %v on %s", errNoForm, fields, p.URL.Path)
}

// FormTo is the first form whose action has this in its path.
func (p *Page) FormTo(part string) (*Form, error) {
	for n := range p.nodes() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		if f, err := p.readForm(n); err == nil && strings.Contains(f.action.Path, part) {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%w: to %s on %s", errNoForm, part, p.URL.Path)
}

// Fields are the names of the fields a person can fill in, in order.
func (f *Form) Fields() []string { return f.fields }

// FileFields are the names of the fields for files.
func (f *Form) FileFields() []string { return f.files }

func (f *Form) has(fields []string) bool {
	for _, name := range fields {
		if !slices.Contains(f.fields, name) && !slices.Contains(f.files, name) {
			return false
		}
	}
	return true
}

func (p *Page) readForm(n *html.Node) (*Form, error) {
	f := &Form{page: p, method: http.MethodGet, action: p.URL, values: url.Values{}, choice: url.Values{}}
	if m, ok := attribute(n, "method"); ok {
		f.method = strings.ToUpper(m)
	}
	if a, ok := attribute(n, "action"); ok && a != "" {
		to, err := p.URL.Parse(a)
		if err != nil {
			return nil, err
		}
		f.action = to
	}
	kind, _ := attribute(n, "enctype")
	f.parts = kind == "multipart/form-data"
	for d := range n.Descendants() {
		if d.Type == html.ElementNode {
			f.readField(d)
		}
	}
	return f, nil
}

func (f *Form) readField(n *html.Node) {
	name, _ := attribute(n, "name")
	if name == "" {
		return
	}
	value, _ := attribute(n, "value")
	switch n.Data {
	case "button":
		f.choice.Add(name, value)
	case "textarea":
		f.fields = append(f.fields, name)
		text := ""
		for c := range n.ChildNodes() {
			text += c.Data
		}
		f.fill(name, text)
	case "input":
		switch kind, _ := attribute(n, "type"); kind {
		case "hidden":
			f.fill(name, value)
		case "file":
			f.files = append(f.files, name)
		case "submit", "button", "image", "reset":
		case "checkbox", "radio":
			if !hasAttribute(n, "value") {
				value = "on"
			}
			if hasAttribute(n, "checked") {
				f.fill(name, value)
			} else {
				f.choice.Add(name, value)
			}
		default:
			f.fields = append(f.fields, name)
			f.fill(name, value)
		}
	}
}

func hasAttribute(n *html.Node, name string) bool {
	_, ok := attribute(n, name)
	return ok
}

// Choose ticks a box or presses a button of the form.
func (f *Form) Choose(name, value string) error {
	if !slices.Contains(f.choice[name], value) {
		return fmt.Errorf("%w: with %s=%s to choose on %s", errNoForm, name, value, f.page.URL.Path)
	}
	f.fill(name, value)
	return nil
}

func (f *Form) fill(name, value string) {
	if !f.values.Has(name) {
		f.order = append(f.order, name)
	}
	f.values.Add(name, value)
}

// Submit sends a form, with values in place of what stood in its fields.
func (b *Browser) Submit(ctx context.Context, f *Form, values map[string]string, files ...File) (*Page, error) {
	all := url.Values{}
	for name, v := range f.values {
		all[name] = v
	}
	for name, v := range values {
		if !all.Has(name) {
			return nil, fmt.Errorf("%w: with a field %s on %s", errNoForm, name, f.page.URL.Path)
		}
		all.Set(name, v)
	}
	body, kind, err := f.encode(all, files)
	if err != nil {
		return nil, err
	}
	to := *f.action
	if f.method == http.MethodGet {
		to.RawQuery, body = all.Encode(), nil
	}
	r, err := http.NewRequestWithContext(ctx, f.method, to.String(), body)
	if err != nil {
		return nil, err
	}
	if f.method != http.MethodGet {
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Origin", f.page.URL.Scheme+"://"+f.page.URL.Host)
		site := "same-origin"
		if f.action.Host != f.page.URL.Host {
			site = "cross-site"
		}
		r.Header.Set("Sec-Fetch-Site", site)
	}
	return b.load(r)
}

func (f *Form) encode(values url.Values, files []File) (body io.Reader, kind string, err error) {
	if !f.parts {
		return strings.NewReader(values.Encode()), "application/x-www-form-urlencoded", nil
	}
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, name := range f.order {
		for _, v := range values[name] {
			if err := w.WriteField(name, v); err != nil {
				return nil, "", err
			}
		}
	}
	if len(files) == 0 { // as a browser sends a field for files that is left empty
		for _, name := range f.files {
			files = append(files, File{Field: name, Type: "application/octet-stream"})
		}
	}
	for _, file := range files {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", multipart.FileContentDisposition(file.Field, file.Name))
		h.Set("Content-Type", file.Type)
		part, err := w.CreatePart(h)
		if err == nil {
			_, err = part.Write(file.Content)
		}
		if err != nil {
			return nil, "", err
		}
	}
	return &out, w.FormDataContentType(), w.Close()
}
