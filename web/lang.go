package web

import (
	"embed"
	"fmt"
	"net/http"
	"strings"
	"time"
	_ "time/tzdata" // Swedish time also where the system has no zones

	"github.com/BurntSushi/toml"
	"golang.org/x/text/language"
)

// catalogue is the texts of all pages in one language, and how its people write times and numbers.
type catalogue struct {
	tag   string // BCP 47
	name  string // of the language, in it
	texts map[string]string
	// other has what texts lacks; nil in Swedish, which is complete.
	other  *catalogue
	date   string // day, month and year for Sprintf
	months [12]string
	clock  string // between date and time
	hour   string // layout of the time of day
	comma  string // of a decimal number
}

//go:embed texts/*.toml
var textFiles embed.FS

// languages are those of the pages, in the order they are offered; the first is for those who ask for none of them.
var languages = readLanguages(
	catalogue{
		tag: "sv", name: "Svenska", date: "%d %s %d", clock: " kl. ", hour: "15.04", comma: ",",
		months: [12]string{"januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december"},
	},
	catalogue{
		tag: "en", name: "English", date: "%d %s %d", clock: " at ", hour: "15:04", comma: ".",
		months: [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
	},
	catalogue{
		tag: "fi", name: "Suomi", date: "%d. %s %d", clock: " klo ", hour: "15.04", comma: ",",
		months: [12]string{"tammikuuta", "helmikuuta", "maaliskuuta", "huhtikuuta", "toukokuuta", "kesäkuuta", "heinäkuuta", "elokuuta", "syyskuuta", "lokakuuta", "marraskuuta", "joulukuuta"},
	},
)

// readLanguages fills in the texts. The files are part of the program, so a fault in one is a fault of the program.
func readLanguages(all ...catalogue) (out []*catalogue) {
	for i := range all {
		c := &all[i]
		b, err := textFiles.ReadFile("texts/" + c.tag + ".toml")
		if err == nil {
			err = toml.Unmarshal(b, &c.texts)
		}
		if err != nil {
			panic(fmt.Sprintf("web: texts in %s: %v", c.name, err))
		}
		if i > 0 {
			c.other = out[0]
		}
		out = append(out, c)
	}
	return out
}

func languageOf(tag string) *catalogue {
	for _, c := range languages {
		if c.tag == tag {
			return c
		}
	}
	return nil
}

var (
	stockholm = mustZone("Europe/Stockholm")
	matcher   = language.NewMatcher([]language.Tag{language.Swedish, language.English, language.Finnish})
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
	switch {
	case ok:
	case c.other != nil:
		return c.other.text(key, args...)
	default:
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
	return fmt.Sprintf(c.date, t.Day(), c.months[t.Month()-1], t.Year())
}

// size writes a number of octets as people do.
func (c *catalogue) size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d byte", n)
	case n < 999_500:
		return fmt.Sprintf("%d kB", (n+500)/1000)
	}
	unit, name := 1e6, " MB"
	if n >= 999_950_000 {
		unit, name = 1e9, " GB"
	}
	number := strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/unit), ".0")
	return strings.Replace(number, ".", c.comma, 1) + name
}

// langCookie remembers a language that was chosen. It is no secret and says nothing of the person.
const langCookie = "__Host-lang"

// language is the visitor's: what the address asks for, what was chosen before, what the browser asks for, Swedish.
func (s *Server) language(w http.ResponseWriter, r *http.Request) *catalogue {
	if c := languageOf(r.URL.Query().Get("lang")); c != nil {
		http.SetCookie(w, cookie(langCookie, c.tag, 365*24*3600))
		return c
	}
	if k, err := r.Cookie(langCookie); err == nil {
		if c := languageOf(k.Value); c != nil {
			return c
		}
	}
	asked, _, _ := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	_, i, _ := matcher.Match(asked...)
	return languages[i]
}
