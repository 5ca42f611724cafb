package outbox

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"sigill/vault"
)

// The organisation's own templates may say what they like and refer to nothing but these fields, none of which is of one
// message. The trees are looked through at start-up: a template in use cannot find out anything else, and one that tries
// is refused before a notice goes out.

//go:embed notices
var files embed.FS

// fields are what a template may refer to.
type fields struct {
	Organisation, BaseURL, MunicipalityURL, Phone string
	Retention                                     Text
	Link                                          string // "" if notices have none
	Day, Time                                     Text
}

var allowed = []string{
	"Organisation", "BaseURL", "MunicipalityURL", "Phone", "Retention.Swedish", "Retention.English", "Link", "Day.Swedish",
	"Day.English", "Time.Swedish", "Time.English",
}

// readFile gives the organisation's own file, or else the built-in one.
func readFile(own fs.FS, name string) (string, error) {
	if own != nil {
		text, err := fs.ReadFile(own, name)
		if !errors.Is(err, fs.ErrNotExist) {
			return string(text), err
		}
	}
	text, err := files.ReadFile("notices/" + name)
	return string(text), err
}

// readKind reads the template of a kind of notice.
func readKind(own fs.FS, kind vault.JobKind, languages []string) (*template.Template, error) {
	name := string(kind) + ".tmpl"
	text, err := readFile(own, name)
	if err != nil {
		return nil, fmt.Errorf("outbox: template %s: %w", name, err)
	}
	t, err := template.New(name).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err) // the cause names the file and the line
	}
	for _, part := range append([]string{"subject"}, languages...) {
		if t.Lookup(part) == nil {
			return nil, fmt.Errorf("outbox: template %s: it has no part %q", name, part)
		}
	}
	for _, part := range t.Templates() {
		if part.Tree == nil {
			continue
		}
		if err := onlyFields(part.Root); err != nil {
			return nil, fmt.Errorf("outbox: template %s, part %q: %w", name, part.Name(), err)
		}
	}
	return t, nil
}

// onlyFields refuses all of the template language but text, {{.Field}} and {{if .Field}}.
func onlyFields(n parse.Node) error {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, child := range n.Nodes {
			if err := onlyFields(child); err != nil {
				return err
			}
		}
		return nil
	case *parse.TextNode, *parse.CommentNode:
		return nil
	case *parse.ActionNode:
		return onlyFields(n.Pipe)
	case *parse.IfNode:
		return errors.Join(onlyFields(n.Pipe), onlyFields(n.List), onlyFields(n.ElseList))
	case *parse.PipeNode:
		if len(n.Decl) == 0 && len(n.Cmds) == 1 && len(n.Cmds[0].Args) == 1 {
			if field, ok := n.Cmds[0].Args[0].(*parse.FieldNode); ok && slices.Contains(allowed, strings.Join(field.Ident, ".")) {
				return nil
			}
		}
	}
	return fmt.Errorf("{{%s}} is not allowed; a notice may say {{.%s}}", strings.Trim(n.String(), "{}"), strings.Join(allowed, "}}, {{."))
}

// loads finds what makes a mail program fetch something, which tells the sender of the fetched that and when the mail was
// read, or what runs.
var loads = regexp.MustCompile(`(?i)<\s*(img|script|iframe|object|embed|link|form|input|video|audio|svg|base)\b|\bsrc\s*=|\burl\s*\(|@import|\bon[a-z]+\s*=|\bbackground\s*=|http-equiv`)

// readLayout reads the HTML around the text of a notice.
func readLayout(own fs.FS) (*htmltemplate.Template, error) {
	const name = "layout.html"
	text, err := readFile(own, name)
	if err != nil {
		return nil, fmt.Errorf("outbox: template %s: %w", name, err)
	}
	if found := loads.FindString(text); found != "" {
		return nil, fmt.Errorf("outbox: template %s: %q is not allowed: a notice fetches nothing and runs nothing", name, found)
	}
	t, err := htmltemplate.New(name).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return t, nil
}
