package config

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"sigill/policy"
	"sigill/smtpd/outbox"
	"sigill/vault"
)

// Notices are the mails without content that say a message waits.
type Notices struct {
	From       policy.Address `toml:"from"`
	ReturnPath policy.Address `toml:"return_path"`
	AnswersTo  policy.Address `toml:"answers_to"`
	Links      string         `toml:"links"`
	Languages  []string       `toml:"languages"`
	Templates  File           `toml:"templates"`
	Remind     []int          `toml:"remind_after_days"`
	RemindFrom int            `toml:"remind_sender_after_days"`
	Brands     []NoticeBrand  `toml:"brand"`
	DKIM       []DKIM         `toml:"dkim"`
}

// DKIM is a key that signs notices.
type DKIM struct {
	Selector string `toml:"selector"`
	Domain   string `toml:"domain"`
	Key      File   `toml:"key"`
}

func defaultNotices() Notices {
	return Notices{Links: string(outbox.LinkMessage), Languages: []string{"sv", "en"}, Remind: []int{}}
}

func (n Notices) check(f faults, whole *Config) {
	f.need("from", !n.From.IsZero(), "must be the address notices come from, such as \"sakert@example.se\"")
	if !n.From.IsZero() && len(whole.Domains) > 0 {
		f.need("from", whole.owns(n.From.Domain), "%s is in none of the domains of this organisation (domains)", n.From)
	}
	f.need("return_path", n.ReturnPath.IsZero() || len(whole.Domains) == 0 || whole.owns(n.ReturnPath.Domain), "%s is in none of the domains of this organisation (domains)", n.ReturnPath)
	f.need("links", slices.Contains([]outbox.LinkMode{outbox.LinkMessage, outbox.LinkPortal, outbox.LinkNone}, outbox.LinkMode(n.Links)), "must be \"message\", \"portal\" or \"none\"")
	f.need("languages", len(n.Languages) > 0, "must name a part of the templates, such as \"sv\"")
	for _, days := range append([]int{n.RemindFrom}, n.Remind...) {
		f.need("remind_after_days", days >= 0 && days <= 365, "must be days from 1 to 365, not %d", days)
	}
	f.fits("templates", checkTemplates(n.Languages, n.Templates))
	n.checkBrands(f, whole)
	for i, d := range n.DKIM {
		_, err := d.Signer()
		f.fits(fmt.Sprintf("dkim[%d]", i+1), err)
	}
}

// checkTemplates writes a notice, which has all kinds tried. Other values than languages and templates are checked where they
// stand.
func checkTemplates(languages []string, templates File) error {
	n := outbox.Notices{
		Organisation: "x", BaseURL: "https://x", MunicipalityURL: "https://x", Phone: "x", Retention: outbox.Text{Swedish: "x", English: "x"},
		Languages: languages, Templates: folder(templates),
	}
	_, _, _, err := outbox.Preview(n, outbox.Kinds[0])
	return err
}

// folder is where templates are; nil for none.
func folder(templates File) fs.FS {
	if templates == "" {
		return nil
	}
	return os.DirFS(string(templates))
}

// Reminders gives what the vault takes.
func (n Notices) Reminders() vault.Reminders {
	const day = 24 * time.Hour
	out := vault.Reminders{Sender: time.Duration(n.RemindFrom) * day}
	for _, days := range n.Remind {
		out.Recipient = append(out.Recipient, time.Duration(days)*day)
	}
	return out
}

// NoticeTexts gives what the notices say, of several sections.
func (c *Config) NoticeTexts() outbox.Notices {
	return outbox.Notices{
		Organisation: c.Organisation.Name, BaseURL: c.Web.URL, MunicipalityURL: c.Organisation.URL, Phone: c.Organisation.Phone,
		Retention: c.Retention.Text(), Links: outbox.LinkMode(c.Notices.Links), Languages: c.Notices.Languages, Templates: folder(c.Notices.Templates),
	}
}

// Signer reads the key.
func (d DKIM) Signer() (outbox.Signer, error) {
	if d.Key == "" {
		return outbox.Signer{}, fmt.Errorf("key must be the file of the private key; sigill init makes one")
	}
	text, err := d.Key.ReadPrivate()
	if err != nil {
		return outbox.Signer{}, err
	}
	return outbox.ParseSigner(d.Selector, d.Domain, text)
}

// Signers reads all keys.
func (n Notices) Signers() (out []outbox.Signer, err error) {
	for i, d := range n.DKIM {
		s, err := d.Signer()
		if err != nil {
			return nil, fmt.Errorf("notices.dkim[%d]: %w", i+1, err)
		}
		out = append(out, s)
	}
	return out, nil
}
