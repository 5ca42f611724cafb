package web

import (
	"net/http"
	"slices"
)

// infoPages are the pages of information that every page's footer leads to: info.<name>.title is the link, info.<name>.text
// what the page says unless the organisation has written its own.
var infoPages = []string{"how", "contact", "accessibility", "cookies", "privacy"}

// InfoPages are they, for the footer.
func (page) InfoPages() []string { return infoPages }

// infoBody is a page of information, in the language it is written in if that is not the page's.
type infoBody struct {
	Blocks []block
	Lang   string
}

// info shows a page of information. It says the same to everybody.
func (s *Server) info(v *visit) error {
	name := v.r.PathValue("page")
	if !slices.Contains(infoPages, name) {
		return errNoPage
	}
	body := infoBody{Blocks: s.ownInfo(v.lang, name)}
	if text, lang := s.config.Info.page(name, v.lang.tag); text != "" {
		body.Blocks = blocks(text)
		if lang != v.lang.tag {
			body.Lang = lang
		}
	}
	return s.render(v, http.StatusOK, "info", v.lang.text("info."+name+".title"), body)
}

// ownInfo is what the page says by default. The texts name by number the organisation's name, this server, the telephone
// and the organisation's own site.
func (s *Server) ownInfo(lang *catalogue, name string) []block {
	o := s.config.Organisation
	text := lang.text("info."+name+".text", o.Name, "https://"+s.base.Host, o.Phone, o.URL)
	switch {
	case name == "contact" && o.Email != "":
		text += "\n\n" + lang.text("info.contact.email", o.Email)
	case name == "privacy" && o.DataProtection != "":
		text += "\n\n" + lang.text("info.privacy.officer", o.DataProtection)
	}
	return blocks(text)
}
