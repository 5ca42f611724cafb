package config

import (
	"net/url"
	"strings"

	"sigill/web"
)

// Organisation is whom pages and notices speak for.
type Organisation struct {
	Name  string `toml:"name"`
	Phone string `toml:"phone"`
	URL   string `toml:"url"`
	Email string `toml:"email"`

	DataProtection string `toml:"data_protection"`
}

func (o Organisation) check(f faults, _ *Config) {
	f.need("name", isLine(o.Name), "must be the organisation's name on one line, such as \"Exempels kommun\"")
	f.need("phone", isLine(o.Phone), "must be the number of the contact centre, such as \"08-123 45 67\"")
	f.need("email", o.Email == "" || isLine(o.Email) && strings.Contains(o.Email, "@"), "must be the mail address of the contact centre, such as \"kontakt@example.se\"")
	f.need("data_protection", o.DataProtection == "" || isLine(o.DataProtection), "must tell on one line how the data protection officer is reached")
	f.need("url", isPlainURL(o.URL), "must be the https address of the organisation's own site, such as \"https://www.example.se\"")
}

// Web gives the section as the pages take it.
func (o Organisation) Web() web.Organisation {
	return web.Organisation{Name: o.Name, Phone: o.Phone, URL: o.URL, Email: o.Email, DataProtection: o.DataProtection}
}

func isLine(s string) bool {
	return strings.TrimSpace(s) != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func isPlainURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
}
