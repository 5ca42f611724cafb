package web_test

import (
	"net/http"
	"strings"
	"testing"

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
