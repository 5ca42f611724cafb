package web

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Info are pages of information that the organisation has written itself, by name and language. The zero value has none.
type Info map[string]map[string]string

// maxInfo is the octets of a page.
const maxInfo = 64 << 10

// ReadInfo reads a folder of files <page>.<language>.txt, such as privacy.sv.txt. What is called otherwise is refused: a
// page whose name is mistyped would not be missed until somebody needs it.
func ReadInfo(folder fs.FS) (Info, error) {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return nil, err
	}
	out, faults := Info{}, []error{}
	for _, e := range entries {
		page, lang, ok := pageName(e.Name())
		if !ok {
			faults = append(faults, fmt.Errorf("%s: no page is called so: %s, a language (sv, en, fi) and txt, such as privacy.sv.txt", e.Name(), strings.Join(infoPages, ", ")))
			continue
		}
		text, err := readPage(folder, e.Name())
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", e.Name(), err))
			continue
		}
		if out[page] == nil {
			out[page] = map[string]string{}
		}
		out[page][lang] = text
	}
	return out, errors.Join(faults...)
}

func pageName(file string) (page, lang string, ok bool) {
	parts := strings.Split(file, ".")
	if len(parts) != 3 || parts[2] != "txt" {
		return "", "", false
	}
	return parts[0], parts[1], slices.Contains(infoPages, parts[0]) && languageOf(parts[1]) != nil
}

func readPage(folder fs.FS, name string) (string, error) {
	f, err := folder.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxInfo+1))
	switch text := strings.TrimPrefix(strings.ReplaceAll(string(b), "\r\n", "\n"), "\ufeff"); {
	case err != nil:
		return "", err
	case len(b) > maxInfo:
		return "", fmt.Errorf("it has more than %d octets", maxInfo)
	case !utf8.Valid(b):
		return "", errors.New("it is not UTF-8: save it anew with that encoding")
	case strings.TrimSpace(text) == "":
		return "", errors.New("it is empty")
	default:
		return text, nil
	}
}

// page is what the organisation has written, in the language or else in Swedish: its own words in another language are
// truer than our default would be. The text is "" if it has not.
func (i Info) page(name, lang string) (text, in string) {
	for _, in := range []string{lang, languages[0].tag} {
		if text := i[name][in]; text != "" {
			return text, in
		}
	}
	return "", ""
}

// block is a heading, a list or a paragraph of a page of information.
type block struct {
	Heading string
	Text    []segment
	Items   [][]segment
}

// blocks reads paragraphs with an empty line between them; one that begins with "# " is a heading, lines that begin with
// "- " are a list. Web and mail addresses become links; there is no other markup, so that nothing can be broken by it.
func blocks(text string) (out []block) {
	for p := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		p = strings.TrimSpace(p)
		if heading, ok := strings.CutPrefix(p, "# "); ok {
			heading, rest, _ := strings.Cut(heading, "\n")
			out = append(out, block{Heading: heading})
			p = rest
		}
		if rest, ok := strings.CutPrefix(p, "- "); ok {
			var list block
			for item := range strings.SplitSeq(rest, "\n- ") {
				list.Items = append(list.Items, linked(item))
			}
			out = append(out, list)
			continue
		}
		if p != "" {
			out = append(out, block{Text: linked(p)})
		}
	}
	return out
}

var mailAddress = regexp.MustCompile(`[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`)

// linked is segments with mail addresses as links too. What a mail says is not read so: an address there is its sender's.
func linked(text string) (out []segment) {
	for _, s := range segments(text) {
		if s.Link {
			out = append(out, s)
			continue
		}
		at := 0
		for _, m := range mailAddress.FindAllStringIndex(s.Text, -1) {
			out = append(out, segment{Text: s.Text[at:m[0]]}, segment{Text: s.Text[m[0]:m[1]], Mail: true})
			at = m[1]
		}
		out = append(out, segment{Text: s.Text[at:]})
	}
	return out
}
