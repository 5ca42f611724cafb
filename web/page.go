package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"sigill/policy"
	"sigill/vault"
	"sigill/web/login"
)

//go:embed templates/*.html static/*
var files embed.FS

// pages are the templates by name, each with the frame around it.
type pages map[string]*template.Template

func (s *Server) load() (err error) {
	if err := s.loadAssets(); err != nil {
		return err
	}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return err
	}
	s.pages = pages{}
	for _, name := range names {
		if base := path.Base(name); base == "frame.html" || base == "adminparts.html" || base == "purposeparts.html" {
			continue
		}
		t, err := template.ParseFS(files, "templates/frame.html", "templates/adminparts.html", "templates/purposeparts.html", name)
		if err != nil {
			return fmt.Errorf("web: template %s: %w", name, err)
		}
		s.pages[strings.TrimSuffix(path.Base(name), ".html")] = t
	}
	return nil
}

// page is what every template gets; Body is the page's own.
type page struct {
	*catalogue
	Title string
	Org   Organisation
	Host  string
	addresses

	In    bool
	Staff bool
	Name  string
	session
	// Roles are those of the staff member who is in.
	Roles vault.StaffRoles
	// Languages are the other languages this page can be had in.
	Languages []inLanguage
	// Narrow is for pages of a few sentences.
	Narrow bool
	Body   any
}

// With is the page for a part of it about one provider.
func (p page) With(about login.About, phone bool) page {
	p.Body = struct {
		About login.About
		Phone bool
	}{about, phone}
	return p
}

// About is the page for a part of it about one thing.
func (p page) About(thing any) page {
	p.Body = thing
	return p
}

// FileName is what a file is called in a list.
func (p page) FileName(f file) string {
	switch {
	case f.Name == "" && f.Type == "message/rfc822":
		return p.text("file.message")
	case f.Name == "":
		return p.text("file.unnamed") + " " + f.Part
	}
	return f.Name
}

// T is a text of the page's language.
func (p page) T(key string, args ...any) string { return p.text(key, args...) }

// Status is how far a message has come with a recipient, in words. A partner organisation gets it itself, and no notice.
func (p page) Status(kind policy.RecipientKind, s vault.Status) string {
	word := p.text("status." + string(s))
	if kind == policy.Partner {
		return p.wordOr("status.partner."+string(s), word)
	}
	return word
}

// Lang is the page's language.
func (p page) Lang() string { return p.tag }

// Size writes octets, Moment a time and Exact a time with seconds, as people of the page's language do.
func (p page) Size(n int64) string { return p.size(n) }

// Moment is a time to the minute.
func (p page) Moment(t time.Time) string { return p.moment(t) }

// Day is the day of a time, in words of the page's language.
func (p page) Day(t time.Time) string { return p.day(t) }

// Exact is a time to the second.
func (p page) Exact(t time.Time) string { return p.exact(t) }

// Tel is the telephone number as a link takes it (RFC 3966).
func (p page) Tel() template.URL {
	digits := strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' || r == '+' {
			return r
		}
		return -1
	}, p.Org.Phone)
	return template.URL("tel:" + digits) // nothing but digits and plus
}

// render answers with a page.
func (s *Server) render(v *visit, status int, name, title string, body any) error {
	text, err := s.execute(v, name, "frame.html", title, body)
	if err != nil {
		return err
	}
	if v.in {
		v.script = true
		v.formOrigins = append(v.formOrigins, s.endOrigin(v.r)...)
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.lang.tag)
	h.Set("Content-Security-Policy", pagePolicy(v.formOrigins, v.script))
	h.Add("Vary", "Accept-Language, Cookie")
	v.w.WriteHeader(status)
	v.w.Write(text)
	return nil
}

// renderPart answers with a part of a page, for the page's script.
func (s *Server) renderPart(v *visit, name, part string, body any) error {
	text, err := s.execute(v, name, part, "", body)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Write(text)
	return nil
}

// execute makes a page before its first octet goes out, so that a fault in a template is a page too.
func (s *Server) execute(v *visit, name, template, title string, body any) ([]byte, error) {
	p := page{
		catalogue: v.lang, Title: title, Org: s.config.Organisation, Host: s.base.Host,
		addresses: s.assets.addresses(), session: s.session(v),
		In: v.in, Staff: v.in && !v.who.IsPerson(), Name: v.name, Roles: s.roles(v),
		Languages: s.otherLanguages(v), Body: body,
	}
	var b bytes.Buffer
	if err := s.pages[name].ExecuteTemplate(&b, template, p); err != nil {
		return nil, fmt.Errorf("web: template %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// kept are the parameters that say what a page shows.
var kept = []string{"view", "at", "before", "to", "ended"}

// inLanguage is a page in another language.
type inLanguage struct{ Tag, Name, URL string }

func (s *Server) otherLanguages(v *visit) (out []inLanguage) {
	for _, c := range languages {
		if c != v.lang {
			out = append(out, inLanguage{c.tag, c.name, s.addressIn(v, c.tag)})
		}
	}
	return out
}

// addressIn is the address of the page in a language; what a provider sent back counts once, so its page leads to the start.
func (s *Server) addressIn(v *visit, tag string) string {
	at := s.pageOf(v.r)
	if strings.HasSuffix(v.r.Pattern, "/callback") {
		at = "/"
	}
	q := url.Values{"lang": {tag}}
	for _, name := range kept {
		if values := v.r.URL.Query()[name]; len(values) > 0 {
			q[name] = values
		}
	}
	return (&url.URL{Path: at, RawQuery: q.Encode()}).String()
}

// pageOf is the path of the page that a request is about. The address of a form may be one that cannot be asked for: then
// it is that of the nearest above it that can.
func (s *Server) pageOf(r *http.Request) string {
	at := path.Clean("/" + r.URL.Path) // "//name/" would be another host
	for r.Method == http.MethodPost && !s.canGet(at) {
		at = path.Dir(at)
	}
	return at
}

// canGet tells whether there is a page at a path; the start always is.
func (s *Server) canGet(at string) bool {
	_, pattern := s.mux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: at}})
	return pattern != "" || at == "/"
}
