package config

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"sigill/smtpd/outbox"
)

// NoticeBrand is whom the notices of messages from some domains speak for, in place of the organisation: a company of the
// municipality's. What is left out is the organisation's.
type NoticeBrand struct {
	Domains   []string `toml:"domains"`
	Name      string   `toml:"name"`
	Phone     string   `toml:"phone"`
	URL       string   `toml:"url"`
	Templates File     `toml:"templates"`
}

func (b NoticeBrand) check(whole *Config) error {
	var wrong []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	need(len(b.Domains) > 0, "domains must name some of the domains of this organisation")
	for _, d := range b.Domains {
		need(len(whole.Domains) == 0 || whole.owns(d), "%s is in none of the domains of this organisation (domains)", d)
	}
	need(isLine(b.Name), "name must be the name on one line, such as \"Exempel Energi AB\"")
	need(b.Phone == "" || isLine(b.Phone), "phone must be a number on one line")
	need(b.URL == "" || isPlainURL(b.URL), "url must be an https address")
	return errors.Join(wrong...)
}

// checkBrands tells what is wrong with each brand, and of a domain that has two.
func (n Notices) checkBrands(f faults, whole *Config) {
	seen := map[string]bool{}
	for i, b := range n.Brands {
		key := numbered("brand", i)
		f.fits(key, b.check(whole))
		f.fits(key+".templates", checkTemplates(n.Languages, cmp.Or(b.Templates, n.Templates)))
		for _, d := range b.Domains {
			f.need(key+".domains", !seen[strings.ToLower(d)], "%s has another brand already", d)
			seen[strings.ToLower(d)] = true
		}
	}
}

// BrandedNotices gives what the notices of a domain's messages say, by domain, for those that have a brand.
func (c *Config) BrandedNotices() map[string]outbox.Notices {
	out := map[string]outbox.Notices{}
	for _, b := range c.Notices.Brands {
		n := c.NoticeTexts()
		n.Organisation = b.Name
		n.Phone, n.MunicipalityURL = cmp.Or(b.Phone, n.Phone), cmp.Or(b.URL, n.MunicipalityURL)
		n.Templates = folder(cmp.Or(b.Templates, c.Notices.Templates))
		for _, d := range b.Domains {
			out[d] = n
		}
	}
	return out
}
