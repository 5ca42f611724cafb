package outbox

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"text/template"
	"time"
	_ "time/tzdata" // Swedish time, also where the system has no zones

	"sigill/vault"
)

// Text is a sentence or two in the languages of a notice.
type Text struct{ Swedish, English string }

// Notices is what the texts of notices are made of. All of it is the municipality's; none of it is of one message.
type Notices struct {
	// Organisation is the municipality's name, never a unit's: that a unit writes to somebody may itself be secret.
	Organisation string
	// BaseURL is where the links lead, https and without a slash at the end.
	BaseURL string
	// MunicipalityURL is where a person goes who does not follow links in mails.
	MunicipalityURL string
	// Phone of the municipality's contact centre.
	Phone string
	// Retention says how long messages are kept.
	Retention Text
}

//go:embed notices
var files embed.FS

// texts writes notices.
type texts struct {
	Notices
	kinds  map[vault.JobKind]*template.Template
	layout *htmltemplate.Template
}

// notice is one notice as text and as HTML.
type notice struct{ Subject, Text, HTML string }

// newTexts checks what it is given, and the templates by writing a notice of each kind.
func newTexts(n Notices) (*texts, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	layout, err := htmltemplate.ParseFS(files, "notices/layout.html")
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	t := &texts{Notices: n, kinds: map[vault.JobKind]*template.Template{}, layout: layout}
	for _, kind := range []vault.JobKind{vault.NoticeMessage, vault.NoticeStaff, vault.NoticeHold, vault.NoticeFailed, vault.NoticeDisposal} {
		parsed, err := template.New("").Option("missingkey=error").ParseFS(files, "notices/"+string(kind)+".tmpl")
		if err != nil {
			return nil, fmt.Errorf("outbox: notice %s: %w", kind, err)
		}
		t.kinds[kind] = parsed
		if _, err := t.write(vault.Job{Kind: kind, Link: "sample"}); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (n Notices) check() error {
	var faults []error
	for _, field := range []struct{ name, value string }{
		{"Organisation", n.Organisation}, {"BaseURL", n.BaseURL}, {"MunicipalityURL", n.MunicipalityURL}, {"Phone", n.Phone},
		{"Retention.Swedish", n.Retention.Swedish}, {"Retention.English", n.Retention.English},
	} {
		if strings.TrimSpace(field.value) == "" || strings.ContainsFunc(field.value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			faults = append(faults, fmt.Errorf("outbox: %s is empty or has control characters", field.name))
		}
	}
	for _, field := range []struct{ name, value string }{{"BaseURL", n.BaseURL}, {"MunicipalityURL", n.MunicipalityURL}} {
		u, err := url.Parse(field.value)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil ||
			!linked.MatchString(field.value) || linked.FindString(field.value) != field.value {
			faults = append(faults, fmt.Errorf("outbox: %s must be a plain https URL", field.name))
		}
	}
	if strings.HasSuffix(n.BaseURL, "/") {
		faults = append(faults, errors.New("outbox: BaseURL must not end in a slash"))
	}
	return errors.Join(faults...)
}

// link is where a notice leads. A person's link is an id without meaning, and opens nothing without login.
func (n Notices) link(j vault.Job) string {
	switch j.Kind {
	case vault.NoticeMessage:
		return n.BaseURL + "/m/" + j.Link
	case vault.NoticeHold:
		return n.BaseURL + "/holds/" + j.Message.String()
	default:
		return n.BaseURL + "/messages/" + j.Message.String()
	}
}

func (t *texts) write(j vault.Job) (notice, error) {
	kind, ok := t.kinds[j.Kind]
	if !ok {
		return notice{}, fmt.Errorf("outbox: no notice for jobs of kind %q", j.Kind)
	}
	values := struct {
		Notices
		Link string
		Day  Text
	}{t.Notices, t.link(j), dayOf(j.Disposal)}
	var texts []string
	for _, name := range []string{"subject", "sv", "en"} {
		var b strings.Builder
		if err := kind.ExecuteTemplate(&b, name, values); err != nil {
			return notice{}, fmt.Errorf("outbox: notice %s: %w", j.Kind, err)
		}
		texts = append(texts, strings.TrimSpace(b.String()))
	}
	parts := []part{{"sv", paragraphs(texts[1])}, {"en", paragraphs(texts[2])}}
	html, err := t.html(texts[0], parts)
	return notice{Subject: texts[0], Text: plain(parts), HTML: html}, err
}

// months in Swedish, where their names are written small.
var months = [...]string{
	"januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december",
}

// stockholm is where days begin and end for those who read notices; UTC where the system has no zones.
var stockholm = sync.OnceValue(func() *time.Location {
	zone, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		return time.UTC
	}
	return zone
})

// dayOf is the day of a time.
func dayOf(t time.Time) Text {
	t = t.In(stockholm())
	return Text{
		Swedish: fmt.Sprintf("%d %s %d", t.Day(), months[t.Month()-1], t.Year()),
		English: t.Format("2 January 2006"),
	}
}

// part is a notice in one language.
type part struct {
	Language   string
	Paragraphs []paragraph
}

// paragraph is a heading (a line that begins with "# ") or running text.
type paragraph struct {
	Heading bool
	Text    string
}

func paragraphs(text string) (out []paragraph) {
	for p := range strings.SplitSeq(text, "\n\n") {
		p = strings.Join(strings.Fields(p), " ")
		heading, is := strings.CutPrefix(p, "# ")
		if is {
			p = heading
		}
		out = append(out, paragraph{is, p})
	}
	return out
}

// linked finds URLs in running text; a full stop or comma after one is not part of it.
var linked = regexp.MustCompile(`https://[^\s"<>]*[^\s"<>.,;:!?)]`)

// run is a stretch of text, or a URL that is its own link text.
type run struct{ Text, URL string }

// Runs cuts a paragraph at its URLs.
func (p paragraph) Runs() (out []run) {
	at := 0
	for _, m := range linked.FindAllStringIndex(p.Text, -1) {
		out = append(out, run{Text: p.Text[at:m[0]]}, run{URL: p.Text[m[0]:m[1]]})
		at = m[1]
	}
	return append(out, run{Text: p.Text[at:]})
}

func (t *texts) html(title string, parts []part) (string, error) {
	var b bytes.Buffer
	err := t.layout.Execute(&b, struct {
		Title string
		Parts []part
	}{title, parts})
	if err != nil {
		return "", fmt.Errorf("outbox: layout of notices: %w", err)
	}
	return b.String(), nil
}

// width is the characters of a line of text, where words allow it. Quoted-printable has 76 octets, and å takes six.
const width = 72

// plain is the notice as text.
func plain(parts []part) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteString("* * *\n\n")
		}
		for _, q := range p.Paragraphs {
			b.WriteString(wrap(q.Text))
			if q.Heading {
				b.WriteString("\n" + strings.Repeat("-", min(len([]rune(q.Text)), width)))
			}
			b.WriteString("\n\n")
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func wrap(text string) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		n := len([]rune(word))
		switch {
		case column == 0:
		case column+1+n > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
