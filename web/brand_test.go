package web_test

import (
	"encoding/base64"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"sigill/web"
	"sigill/web/brand"
)

// ownBrand has a green accent and a logo of so many octets that no packing makes smaller.
func ownBrand(t *testing.T, size int) web.Brand {
	t.Helper()
	const begin, end = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path fill="#0b6e3f" d="M0 0h8v8z"/><desc>`, `</desc></svg>`
	noise := make([]byte, size)
	chance := rand.NewChaCha8([32]byte{})
	chance.Read(noise)
	logo, err := brand.NewLogo([]byte(begin + base64.RawStdEncoding.EncodeToString(noise)[:max(0, size-len(begin)-len(end))] + end))
	must(t, err)
	colours, err := brand.NewColours("#0b6e3f", "")
	must(t, err)
	return web.Brand{Logo: logo, Colours: colours}
}

// TestBrand: the organisation's logo and colour are on the page, and a logo that is opened by itself may do nothing.
func TestBrand(t *testing.T) {
	t.Parallel()
	s := stageOf(t, func(c *web.Config) { c.Brand = ownBrand(t, 500) })
	v := s.visitor()
	page := v.get("/").is(http.StatusOK)
	for _, row := range []struct{ path, kind, policy, has string }{
		{`/static/logo\.svg\?v=[0-9a-f]{12}`, "image/svg+xml", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox", `fill="#0b6e3f"`},
		{`/static/colours\.css\?v=[0-9a-f]{12}`, "text/css; charset=utf-8", pagePolicy, "--accent: #0b6e3f;"},
	} {
		path := regexp.MustCompile(row.path).FindString(page.body)
		if path == "" {
			t.Fatalf("%s is not in\n%s", row.path, page.body)
		}
		a := v.get(path).is(http.StatusOK).has(row.has)
		header(t, a, "Content-Type", row.kind)
		header(t, a, "Content-Security-Policy", row.policy)
	}
	if strings.Contains(page.body, "seal.svg") {
		t.Error("our own sign is beside the organisation's")
	}
	plain := newStage(t, web.Limits{}).visitor()
	plain.get("/").lacks("colours.css", "logo.").has("seal.svg")
	plain.get("/static/logo.svg").is(http.StatusNotFound)
	plain.get("/static/colours.css").is(http.StatusNotFound)
}

// TestStyleKnowsTheBrandsColours: what the brand package computes contrasts with is what the style sheet paints.
func TestStyleKnowsTheBrandsColours(t *testing.T) {
	t.Parallel()
	sheet := newStage(t, web.Limits{}).visitor().get("/static/style.css").body
	for _, row := range []struct{ light, dark, name string }{
		{"#ffffff", "#1a2229", "sheet"}, {"#f3f5f7", "#10161b", "paper"}, {"#1c2833", "#e7ecf0", "ink"}, {"#50606f", "#a9b6c1", "muted"},
	} {
		got := regexp.MustCompile(`--`+row.name+`: (#[0-9a-f]{6});`).FindAllStringSubmatch(sheet, -1)
		if len(got) != 2 || got[0][1] != row.light || got[1][1] != row.dark {
			t.Errorf("--%s is %v; change web/brand/scheme.go too", row.name, got)
		}
	}
}
