package web

import (
	"net/http"
	"slices"
	"strings"
)

// infoPages are the pages of information that every page's footer leads to: info.<name>.title is the link, info.<name>.text
// what the page says.
var infoPages = []string{"how", "contact", "accessibility", "cookies", "privacy"}

// InfoPages are they, for the footer.
func (page) InfoPages() []string { return infoPages }

// block is a heading, a list or a paragraph of a page of information.
type block struct {
	Heading, Text string
	Items         []string
}

// info shows a page of information. It says the same to everybody.
func (s *Server) info(v *visit) error {
	name := v.r.PathValue("page")
	if !slices.Contains(infoPages, name) {
		return errNoPage
	}
	text := s.infoText(v.lang, "info."+name+".text")
	switch o := s.config.Organisation; {
	case name == "contact" && o.Email != "":
		text += "\n\n" + v.lang.text("info.contact.email", o.Email)
	case name == "privacy" && o.DataProtection != "":
		text += "\n\n" + v.lang.text("info.privacy.officer", o.DataProtection)
	}
	return s.render(v, http.StatusOK, "info", v.lang.text("info."+name+".title"), blocks(text))
}

// infoText fills in what the texts name by number: the organisation's name, this server, the telephone and the
// organisation's own site.
func (s *Server) infoText(lang *catalogue, key string) string {
	o := s.config.Organisation
	return lang.text(key, o.Name, "https://"+s.base.Host, o.Phone, o.URL)
}

// blocks reads paragraphs with an empty line between them; one that begins with "# " is a heading, lines that begin with
// "- " are a list.
func blocks(text string) (out []block) {
	for p := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		p = strings.TrimSpace(p)
		if heading, ok := strings.CutPrefix(p, "# "); ok {
			out = append(out, block{Heading: heading})
			continue
		}
		if rest, ok := strings.CutPrefix(p, "- "); ok {
			out = append(out, block{Items: strings.Split(rest, "\n- ")})
			continue
		}
		out = append(out, block{Text: p})
	}
	return out
}
