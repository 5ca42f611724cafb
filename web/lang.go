package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"
	_ "time/tzdata" // Swedish time also where the system has no zones

	"golang.org/x/text/language"
)

// catalogue is the texts of all pages in one language.
type catalogue struct {
	tag    string // BCP 47
	other  string // the language one can change to
	texts  map[string]string
	months [12]string
	clock  string // between date and time
	hour   string // layout of the time of day
	comma  string // of a decimal number
}

var catalogues = map[string]*catalogue{
	"sv": {
		tag: "sv", other: "en", texts: textsSV, clock: " kl. ", hour: "15.04", comma: ",",
		months: [12]string{"januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december"},
	},
	"en": {
		tag: "en", other: "sv", texts: textsEN, clock: " at ", hour: "15:04", comma: ".",
		months: [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
	},
}

var (
	stockholm = mustZone("Europe/Stockholm")
	matcher   = language.NewMatcher([]language.Tag{language.Swedish, language.English})
)

func mustZone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		panic(err) // the zones are compiled in
	}
	return z
}

// text gives a text with its arguments filled in. A key that is not there gives the key; a test reads every use.
func (c *catalogue) text(key string, args ...any) string {
	t, ok := c.texts[key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return t
	}
	return fmt.Sprintf(t, args...)
}

// heading is a page's title; that of a form with faults says so first, since a screen reader begins there.
func (c *catalogue) heading(key string, fault bool) string {
	if fault {
		return c.text("frame.error", c.text(key))
	}
	return c.text(key)
}

// moment writes a time as people do: "24 november 2026 kl. 14.05".
func (c *catalogue) moment(t time.Time) string {
	t = t.In(stockholm)
	return c.day(t) + c.clock + t.Format(c.hour)
}

// exact is moment with seconds.
func (c *catalogue) exact(t time.Time) string {
	t = t.In(stockholm)
	return c.day(t) + c.clock + t.Format(c.hour+c.hour[2:3]+"05")
}

func (c *catalogue) day(t time.Time) string {
	t = t.In(stockholm)
	return fmt.Sprintf("%d %s %d", t.Day(), c.months[t.Month()-1], t.Year())
}

// size writes a number of octets as people do.
func (c *catalogue) size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d byte", n)
	case n < 999_500:
		return fmt.Sprintf("%d kB", (n+500)/1000)
	}
	mega := strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/1e6), ".0")
	return strings.Replace(mega, ".", c.comma, 1) + " MB"
}

// langCookie remembers a language that was chosen. It is no secret and says nothing of the person.
const langCookie = "__Host-lang"

// language is the visitor's: what the address asks for, what was chosen before, what the browser asks for, Swedish.
func (s *Server) language(w http.ResponseWriter, r *http.Request) *catalogue {
	if c := catalogues[r.URL.Query().Get("lang")]; c != nil {
		http.SetCookie(w, cookie(langCookie, c.tag, 365*24*3600))
		return c
	}
	if k, err := r.Cookie(langCookie); err == nil && catalogues[k.Value] != nil {
		return catalogues[k.Value]
	}
	asked, _, _ := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	_, i, _ := matcher.Match(asked...)
	return catalogues[[]string{"sv", "en"}[i]]
}
