package demo

import (
	"embed"
	"html/template"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/text/language"
)

//go:embed pages
var pageFiles embed.FS

var (
	templates  = template.Must(template.ParseFS(pageFiles, "pages/*.html"))
	discardLog = log.New(io.Discard, "", 0)
	languages  = language.NewMatcher([]language.Tag{language.Swedish, language.English})
)

// Neither page loads anything but its own style sheet, and neither has a script.
const contentPolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"

// eidPage is what the e-ID's page shows.
type eidPage struct {
	Lang, Other string // "sv" or "en"
	OtherURL    string
	Login       string // id of the login under way, "" on the front page
	Written     string
	Fault       string // name of a text, "" if all is well
	Persons     []Person
}

func (e *EID) show(w http.ResponseWriter, r *http.Request, status int, p eidPage) {
	p.Lang, p.Other = languageOf(r)
	p.OtherURL = "?" + url.Values{"id": {p.Login}, "lang": {p.Other}}.Encode()
	p.Persons = e.config.Persons
	render(w, status, "eid.html", p)
}

func render(w http.ResponseWriter, status int, name string, page any) {
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, name, page); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, b.String())
}

func style(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, pageFiles, "pages/style.css")
}

// languageOf is what the address asks for, else the browser; Swedish if neither.
func languageOf(r *http.Request) (lang, other string) {
	asked := r.URL.Query().Get("lang")
	if asked == "" {
		asked = r.PostFormValue("lang")
	}
	if asked == "" {
		asked = r.Header.Get("Accept-Language")
	}
	wanted, _, _ := language.ParseAcceptLanguage(asked)
	if _, i, _ := languages.Match(wanted...); i == 1 {
		return "en", "sv"
	}
	return "sv", "en"
}
