package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"sigill/smtpd/outbox"
	"sigill/vault"
)

type noticeCommand struct {
	Preview previewCommand `cmd:"" help:"Show the notices as they go out."`
}

type previewCommand struct {
	configFile
	HTML string `name:"html" help:"Write the HTML of the notices into this folder, one file for each kind." placeholder:"DIR"`
	Kind string `arg:"" optional:"" help:"Such as message, reminder or receipt; all if left out. A wrong one tells which there are."`
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
	config, err := c.load("hostname", "organisation", "web", "notices", "retention")
	if err != nil {
		return err
	}
	if c.HTML != "" {
		if err := os.MkdirAll(c.HTML, 0o755); err != nil {
			return err
		}
	}
	for _, kind := range kinds {
		subject, text, html, err := outbox.Preview(config.NoticeTexts(), kind)
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
