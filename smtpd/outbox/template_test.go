package outbox

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"sigill/policy"
	"sigill/vault"
)

func own(name, text string) Notices {
	n := notices()
	n.Templates = fstest.MapFS{name: {Data: []byte(text)}}
	return n
}

const ownParts = `{{define "subject"}}S {{.Organisation}}{{end}}{{define "sv"}}# Hej{{end}}{{define "en"}}# Hello {{if .Link}}{{.Link}}{{else}}{{.Phone}}{{end}}{{end}}`

func TestOwnTemplates(t *testing.T) {
	t.Parallel()
	for why, row := range map[string]struct {
		name, text, want string // part of the error; "" is taken
	}{
		"fields and if":           {"message.tmpl", ownParts, ""},
		"a part is missing":       {"message.tmpl", `{{define "subject"}}a{{end}}{{define "sv"}}b{{end}}`, `no part "en"`},
		"bad syntax":              {"staff.tmpl", ownParts + "{{", "staff.tmpl"},
		"an unknown field":        {"message.tmpl", strings.Replace(ownParts, "{{.Phone}}", "{{.Subject}}", 1), "{{.Subject}} is not allowed"},
		"where no sample goes":    {"message.tmpl", strings.Replace(ownParts, "# Hej", "{{if .Link}}{{else}}{{.To}}{{end}}", 1), "{{.To}} is not allowed"},
		"a method":                {"message.tmpl", strings.Replace(ownParts, "# Hej", "{{.Day.String}}", 1), "not allowed"},
		"a function":              {"message.tmpl", strings.Replace(ownParts, "# Hej", `{{printf "%v" .}}`, 1), "not allowed"},
		"all of it":               {"message.tmpl", strings.Replace(ownParts, "# Hej", `{{.}}`, 1), "not allowed"},
		"a pipe":                  {"message.tmpl", strings.Replace(ownParts, "# Hej", `{{.Link | js}}`, 1), "not allowed"},
		"a variable":              {"message.tmpl", strings.Replace(ownParts, "# Hej", `{{$x := .Link}}`, 1), "not allowed"},
		"another part":            {"message.tmpl", strings.Replace(ownParts, "# Hej", `{{template "en" .}}`, 1), "not allowed"},
		"a part nobody asks for":  {"message.tmpl", ownParts + `{{define "fi"}}{{.To}}{{end}}`, "not allowed"},
		"a layout":                {"layout.html", `<p>{{.Title}}{{range .Parts}}{{.Language}}{{end}}`, ""},
		"a picture":               {"layout.html", `<p><IMG  src="https://t.example/p.gif">`, "not allowed"},
		"a style that fetches":    {"layout.html", `<style>p{background: url (x)}</style>`, "not allowed"},
		"a script":                {"layout.html", `<script>1</script>`, "not allowed"},
		"a handler":               {"layout.html", `<p onclick="x">`, "not allowed"},
		"an unknown layout field": {"layout.html", `<p>{{.Link}}`, "Link"},
	} {
		_, err := newTexts(own(row.name, row.text))
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: %v, want %q", why, err, row.want)
		}
	}
}

func TestLinkModes(t *testing.T) {
	t.Parallel()
	for mode, want := range map[LinkMode]string{
		"": "https://saker.kommun.example/m/sample", LinkMessage: "https://saker.kommun.example/m/sample", LinkPortal: "https://saker.kommun.example/", LinkNone: "",
	} {
		for _, kind := range []vault.JobKind{vault.NoticeMessage, vault.NoticeReminder} {
			n := notices()
			n.Links = mode
			_, text, html, err := Preview(n, kind)
			if err != nil {
				t.Fatal(err)
			}
			if has := strings.Contains(text, "saker.kommun.example"); has != (want != "") || want != "" && !strings.Contains(text, want+"\n") || strings.Contains(html, "/m/") != strings.Contains(want, "/m/") {
				t.Errorf("%s in mode %q:\n%s", kind, mode, text)
			}
			if !strings.Contains(text, n.MunicipalityURL) {
				t.Errorf("%s in mode %q does not tell the way without link", kind, mode)
			}
		}
	}
	n := notices()
	n.Links = "maybe"
	if _, err := newTexts(n); err == nil {
		t.Error("an unknown mode is taken")
	}
}

func TestBrands(t *testing.T) {
	t.Parallel()
	energy := own("message.tmpl", ownParts)
	energy.Organisation, energy.Languages = "Exempels Energi AB", []string{"en"}
	w := worker(t, openVault(t), &outside{}, func(c *Config) { c.Brands = map[string]Notices{"Energi.example": energy} })
	j := job(vault.NoticeMessage)
	for domain, want := range map[string]string{"energi.example": "Energi AB", "kommun.example": "rnsk", "": "rnsk"} {
		j.Domain = domain
		raw, err := w.mail(j)
		if err != nil {
			t.Fatal(err)
		}
		if from := header(t, string(raw), "From"); !strings.Contains(from, want) {
			t.Errorf("from %q: %s", domain, from)
		}
		if only := header(t, string(raw), "Content-Language") == "en"; only != (domain == "energi.example") {
			t.Errorf("languages of %q", domain)
		}
	}
}

func TestReturn(t *testing.T) {
	t.Parallel()
	path, token := policy.MustAddress("bounces@kommun.example"), strings.Repeat("a", vault.ReturnToken)
	a, err := Return(path, token)
	if got, ok := ReturnToken(path, a); err != nil || !ok || got != token {
		t.Error(a, err, got, ok)
	}
	for _, other := range []string{"bounces@kommun.example", "bounce+x@kommun.example", "bounces+x@ut.example"} {
		if _, ok := ReturnToken(path, policy.MustAddress(other)); ok {
			t.Errorf("%s has a token", other)
		}
	}
	if _, err := New(Config{Outbox: openVault(t).Outbox(), Sender: &outside{}, Notices: notices(), From: policy.MustAddress("a.very.long.address@kommun.example")}); err == nil {
		t.Error("a return path with no room for the token is taken")
	}
}

// TestSlowDomain has one domain that takes an hour for each mail: the others do not wait for it.
func TestSlowDomain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := openVault(t)
		eva := policy.MustAddress("eva@snabb.example")
		if err := v.Directory().PutBinding(t.Context(), vault.Binding{Address: eva, Person: person, Verified: time.Now()}); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			deposit(t, v, cecil)
		}
		deposit(t, v, eva)
		up := &outside{slowTo: "ut.example", slow: time.Hour}
		stop := begin(t, worker(t, v, up, nil))
		defer stop()
		time.Sleep(time.Minute)
		var to []string
		up.mu.Lock()
		for _, m := range up.mails {
			to = append(to, m.To[0].Local)
		}
		up.mu.Unlock()
		if slices.Sort(to); !slices.Equal(to, []string{"cecil", "cecil", "eva"}) {
			t.Errorf("under way or sent: %v", to)
		}
		time.Sleep(3 * time.Hour)
		if n := len(up.sent()); n != 6 {
			t.Errorf("%d sent in the end", n)
		}
	})
}

// TestManyToASlowDomain has more notices to a slow domain, all older, than are looked at first: the others do not wait.
func TestManyToASlowDomain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var q waiting
		for n := range 5 * lookAhead {
			q.jobs = append(q.jobs, vault.Job{ID: [16]byte{byte(n), byte(n >> 8)}, Kind: vault.NoticeMessage, To: cecil, Link: "x", Created: time.Now()})
		}
		q.jobs = append(q.jobs, vault.Job{ID: [16]byte{15: 1}, Kind: vault.NoticeMessage, To: policy.MustAddress("eva@snabb.example"), Link: "x", Created: time.Now()})
		up := &outside{slowTo: "ut.example", slow: time.Hour}
		w := worker(t, openVault(t), up, nil)
		w.queue, w.results = &q, &q
		stop := begin(t, w)
		time.Sleep(time.Minute)
		up.mu.Lock()
		if n := len(up.mails); n != 3 || up.mails[0].To[0].Local != "eva" && up.mails[1].To[0].Local != "eva" && up.mails[2].To[0].Local != "eva" {
			t.Errorf("%d under way or sent, eva's not among them", n)
		}
		up.mu.Unlock()
		stop()
	})
}

// waiting is a queue in memory.
type waiting struct {
	mu   sync.Mutex
	jobs []vault.Job
}

func (q *waiting) Due(_ context.Context, now time.Time, n int) (due []vault.Job, next time.Time, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n >= len(q.jobs) {
		return slices.Clone(q.jobs), time.Time{}, nil
	}
	return slices.Clone(q.jobs[:n]), now, nil
}

func (q *waiting) Wake() <-chan struct{} { return nil }

func (q *waiting) Sent(_ context.Context, j vault.Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = slices.DeleteFunc(q.jobs, func(other vault.Job) bool { return other.ID == j.ID })
	return nil
}

func (q *waiting) Retry(context.Context, vault.Job, time.Time, string) error { return nil }
func (q *waiting) Fail(context.Context, vault.Job, string) error             { return nil }
