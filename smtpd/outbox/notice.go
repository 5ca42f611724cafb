package outbox

import (
	"bytes"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"net/url"
	"regexp"
	"slices"
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
	// Links says where notices to persons lead.
	Links LinkMode
	// Languages are those of a notice, in order; Swedish and English if empty. Each is a part of the templates.
	Languages []string
	// Templates are the organisation's own, in place of the built-in ones of the same name; nil has none.
	Templates fs.FS
}

// LinkMode says where the notices to persons lead.
type LinkMode string

// The link modes. All others than LinkMessage make it harder to play the municipality by mail, and cost the person a step.
const (
	LinkMessage LinkMode = "message" // to the message; what "" means
	LinkPortal  LinkMode = "portal"  // to the front page, the same in all mails
	LinkNone    LinkMode = "none"    // nowhere: the notice tells how to get there
)

// texts writes notices of one brand.
type texts struct {
	Notices
	kinds  map[vault.JobKind]*template.Template
	layout *htmltemplate.Template
}

// notice is one notice as text and as HTML.
type notice struct{ Subject, Text, HTML string }

// Kinds are the kinds of notices, in the order of a preview.
var Kinds = []vault.JobKind{
	vault.NoticeMessage, vault.NoticeReminder, vault.NoticeStaff, vault.NoticeHold, vault.NoticeFailed, vault.NoticeUndelivered, vault.NoticeUnread,
	vault.NoticeDisposal, vault.NoticeIdentify, vault.NoticeIdentified, vault.NoticeMismatch,
	vault.NoticeDeclined, vault.NoticeReceipt,
}

// newTexts checks what it is given, and the templates by writing a notice of each kind.
func newTexts(n Notices) (*texts, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	t := &texts{Notices: n, kinds: map[vault.JobKind]*template.Template{}}
	var err error
	if t.layout, err = readLayout(n.Templates); err != nil {
		return nil, err
	}
	for _, kind := range Kinds {
		if t.kinds[kind], err = readKind(n.Templates, kind, n.languages()); err != nil {
			return nil, err
		}
		if _, err := t.write(sample(kind)); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// sample is a job to try a template with.
func sample(kind vault.JobKind) vault.Job {
	day := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	return vault.Job{Kind: kind, Link: "sample", Disposal: day, Received: day}
}

// Preview is a notice as it would go out, with a link that leads nowhere.
func Preview(n Notices, kind vault.JobKind) (subject, text, html string, err error) {
	t, err := newTexts(n)
	if err != nil {
		return "", "", "", err
	}
	out, err := t.write(sample(kind))
	return out.Subject, out.Text, out.HTML, err
}

func (n Notices) languages() []string {
	if len(n.Languages) == 0 {
		return []string{"sv", "en"}
	}
	return n.Languages
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
	if !slices.Contains([]LinkMode{"", LinkMessage, LinkPortal, LinkNone}, n.Links) {
		faults = append(faults, fmt.Errorf("outbox: Links must be %q, %q or %q, not %q", LinkMessage, LinkPortal, LinkNone, n.Links))
	}
	if strings.HasSuffix(n.BaseURL, "/") {
		faults = append(faults, errors.New("outbox: BaseURL must not end in a slash"))
	}
	return errors.Join(faults...)
}

// link is where a notice leads. A person's link is an id without meaning, and opens nothing without login.
func (n Notices) link(j vault.Job) string {
	switch j.Kind {
	case vault.NoticeMessage, vault.NoticeReminder:
		return n.personal("/m/" + j.Link)
	case vault.NoticeReceipt:
		return n.personal("/receipts/" + j.Message.String())
	case vault.NoticeIdentify: // in every mode: without it nobody knows which recipient has logged in
		return n.BaseURL + "/m/" + j.Link
	case vault.NoticeHold, vault.NoticeIdentified:
		return n.BaseURL + "/holds/" + j.Message.String()
	default:
		return n.BaseURL + "/messages/" + j.Message.String()
	}
}

// personal is a link to a person, as the mode has it.
func (n Notices) personal(path string) string {
	switch n.Links {
	case LinkNone:
		return ""
	case LinkPortal:
		return n.BaseURL + "/"
	}
	return n.BaseURL + path
}

func (t *texts) write(j vault.Job) (notice, error) {
	kind, ok := t.kinds[j.Kind]
	if !ok {
		return notice{}, fmt.Errorf("outbox: no notice for jobs of kind %q", j.Kind)
	}
	values := fields{
		Organisation: t.Organisation, BaseURL: t.BaseURL, MunicipalityURL: t.MunicipalityURL, Phone: t.Phone,
		Retention: t.Retention, Link: t.link(j), Day: dayOf(j.Disposal), Time: timeOf(j.Received),
	}
	run := func(name string) (string, error) {
		var b strings.Builder
		if err := kind.ExecuteTemplate(&b, name, values); err != nil {
			return "", fmt.Errorf("outbox: notice %s: %w", j.Kind, err)
		}
		return strings.TrimSpace(b.String()), nil
	}
	subject, err := run("subject")
	if err != nil {
		return notice{}, err
	}
	var parts []part
	for _, language := range t.languages() {
		text, err := run(language)
		if err != nil {
			return notice{}, err
		}
		parts = append(parts, part{language, paragraphs(text)})
	}
	html, err := t.html(subject, parts)
	return notice{Subject: subject, Text: plain(parts), HTML: html}, err
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

// timeOf is a time to the second, and its day.
func timeOf(t time.Time) Text {
	day, t := dayOf(t), t.In(stockholm())
	return Text{Swedish: day.Swedish + " kl. " + t.Format("15.04.05"), English: day.English + " at " + t.Format("15:04:05")}
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
