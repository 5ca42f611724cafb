package web_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"sigill/web"
)

// TestInfoPages: every page leads to all of them, in the reader's language, logged in or not.
func TestInfoPages(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	for _, row := range []struct{ page, swedish, english, reason string }{
		{"how", "Inloggningen börjar först när du trycker", "does not begin before you press", "what happens is told before the login"},
		{"contact", "08-123 45 67", "08-123 45 67", "the configured telephone"},
		{"accessibility", "2018:1937", "Agency for Digital Government", "what the act on accessibility asks for"},
		{"cookies", "__Host-lang", "__Host-sigill", "each cookie by name"},
		{"privacy", "Integritetsskyddsmyndigheten", "Article 6(1)(e)", "controller, ground, rights and complaints"},
	} {
		nobody := s.visitor()
		a := nobody.get("/info/"+row.page).is(http.StatusOK).has(row.swedish, "Exempels kommun").lacks("%!", "%[")
		header(t, a, "Content-Security-Policy", pagePolicy)
		nobody.get("/info/"+row.page+"?lang=en").is(http.StatusOK).has(row.english, `lang="en"`).lacks("%!", "%[")
		for _, on := range []string{"/", "/login", "/nowhere", "/info/how"} {
			if !strings.Contains(s.visitor().get(on).body, `href="/info/`+row.page+`"`) {
				t.Errorf("%s does not lead to %s (%s)", on, row.page, row.reason)
			}
		}
	}
	s.person(astridID).get("/messages").has(`href="/info/contact"`)
	s.visitor().get("/info/nothing").is(http.StatusNotFound)
}

// TestCookiesAreListed reads the code: whatever cookie it sets is on the page of cookies, in each language.
func TestCookiesAreListed(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.go")
	must(t, err)
	var cookies []string
	for _, name := range names {
		b, err := os.ReadFile(name)
		must(t, err)
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`"(__Host-[a-z]+)"`).FindAllStringSubmatch(string(b), -1) {
			cookies = append(cookies, m[1])
		}
	}
	if len(cookies) < 3 {
		t.Fatalf("only %q are found", cookies)
	}
	v := newStage(t, web.Limits{}).visitor()
	for _, lang := range []string{"sv", "en", "fi"} {
		v.get("/info/cookies?lang=" + lang).is(http.StatusOK).has(cookies...)
	}
}

// TestOwnInfoPages: what the organisation has written itself stands in place of the default, as text and no more.
func TestOwnInfoPages(t *testing.T) {
	t.Parallel()
	info, err := web.ReadInfo(fstest.MapFS{
		"privacy.sv.txt": {Data: []byte("\ufeffSå gör vi.\r\n\r\n# Frågor\r\nSkriv till dso@exempel.se.\r\n\r\n- Läs https://www.exempel.se/gdpr.\r\n- <b>Inte</b> fet\r\n")},
		"cookies.en.txt": {Data: []byte("Two cookies.")},
	})
	must(t, err)
	s := stageOf(t, func(c *web.Config) { c.Info = info })
	nobody := s.visitor()
	nobody.get("/info/privacy").is(http.StatusOK).lacks("Integritetsskyddsmyndigheten", `info" lang=`).has(
		"<p>Så gör vi.</p>", "<h2>Frågor</h2>", `<a href="mailto:dso@exempel.se">dso@exempel.se</a>.`,
		`<a href="https://www.exempel.se/gdpr" rel="noopener noreferrer nofollow">https://www.exempel.se/gdpr</a>.`, "&lt;b&gt;Inte&lt;/b&gt; fet")
	nobody.get("/info/privacy?lang=en").has(`info" lang="sv"`, `<h1 lang="en">`, "Så gör vi.")
	nobody.get("/info/cookies?lang=en").has("Two cookies.").lacks("__Host-sigill")
	nobody.get("/info/cookies?lang=sv").has("__Host-sigill") // nothing of theirs in Swedish
}

func TestReadInfo(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, text, want, why string }{
		{"privacy.sv.txt", "Text", "", "a page"},
		{"privacy.sv.md", "Text", "no page is called so", "another ending"},
		{"privacy.de.txt", "Text", "no page is called so", "a language the pages do not have"},
		{"privat.sv.txt", "Text", "no page is called so", "mistyped"},
		{"contact.sv.txt", " \n", "it is empty", "an empty page helps nobody"},
		{"contact.sv.txt", "\xe5", "not UTF-8", "as old editors save it"},
		{"contact.sv.txt", strings.Repeat("a", 64<<10+1), "more than 65536 octets", "a book"},
	} {
		_, err := web.ReadInfo(fstest.MapFS{row.name: {Data: []byte(row.text)}})
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: %v, want %q (%s)", row.name, err, row.want, row.why)
		}
	}
}
