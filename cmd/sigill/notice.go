package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"sigill/cmd/sigill/internal/config"
	"sigill/smtpd/outbox"
	"sigill/vault"
)

type noticeCommand struct {
	Preview previewCommand `cmd:"" help:"Show the notices as they go out."`
}

type previewCommand struct {
	configFile
	HTML  string `name:"html" help:"Write the HTML of the notices into this folder, one file for each kind." placeholder:"DIR"`
	Brand string `help:"Those of messages from this domain, one of a notices.brand." placeholder:"DOMAIN"`
	Kind  string `arg:"" optional:"" help:"Such as message, reminder or receipt; all if left out. A wrong one tells which there are."`
}

// Help is shown below the flags.
func (previewCommand) Help() string {
	return `Every notice with the texts and templates of the configuration, and a link that leads nowhere. Nothing is sent. A template of your own is a file of the name of its kind, such as message.tmpl, in the folder notices.templates; it may refer to the municipality's own values and to nothing of a message.

Examples:

  sigill notice preview --config /etc/sigill/sigill.toml message
      What a recipient gets, as text.

  sigill notice preview --config /etc/sigill/sigill.toml --html ./preview
      All of them, to look at in a browser.`
}

// Run prints or writes them.
func (c previewCommand) Run(p *program) error {
	kinds := outbox.Kinds
	if c.Kind != "" {
		if !slices.Contains(kinds, vault.JobKind(c.Kind)) {
			return usageError{fmt.Sprintf("there is no notice %q; there are %s", c.Kind, strings.Trim(fmt.Sprint(kinds), "[]"))}
		}
		kinds = []vault.JobKind{vault.JobKind(c.Kind)}
	}
	whole, err := c.load("hostname", "organisation", "web", "notices", "retention")
	if err != nil {
		return err
	}
	texts, err := c.texts(whole)
	if err != nil {
		return err
	}
	if c.HTML != "" {
		if err := os.MkdirAll(c.HTML, 0o755); err != nil {
			return err
		}
	}
	for _, kind := range kinds {
		subject, text, html, err := outbox.Preview(texts, kind)
		if err != nil {
			return err
		}
		if c.HTML != "" {
			if err := os.WriteFile(fmt.Sprintf("%s/%s.html", c.HTML, kind), []byte(html), 0o644); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(p.stdout, "%s\nSubject: %s\n\n%s\n", strings.Repeat("=", 72), subject, text)
	}
	return nil
}

// texts are the organisation's, or those of a brand.
func (c previewCommand) texts(whole config.Config) (outbox.Notices, error) {
	if c.Brand == "" {
		return whole.NoticeTexts(), nil
	}
	brands := whole.BrandedNotices()
	texts, ok := brands[strings.ToLower(c.Brand)]
	if !ok {
		return texts, usageError{fmt.Sprintf("%s has no notices of its own; those that have are: %s", c.Brand, strings.Join(slices.Sorted(maps.Keys(brands)), ", "))}
	}
	return texts, nil
}
