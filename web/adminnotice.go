package web

import (
	"net/http"
	"slices"

	"sigill/vault"
)

type noticesBody struct {
	adminBody
	Kinds []string
	Kind  string
	// Brands are there to choose from, beside the organisation's own notices; Brand is the one shown.
	Brands []string
	Brand  string
	Notice
}

// notices lists the kinds of notices.
func (s *Server) notices(v *visit, _ *vault.Administration) error {
	if s.config.Admin.Notices == nil {
		return errNoPage
	}
	b := noticesBody{adminBody: v.part("notices"), Kinds: s.config.Admin.Notices.Kinds()}
	return s.adminPage(v, "adminnotices", v.lang.text("admin.nav.notices"), b.adminBody, b)
}

// preview is a notice as it would go out now.
func (s *Server) preview(v *visit) (b noticesBody, err error) {
	b = noticesBody{adminBody: v.part("notices"), Kind: v.r.PathValue("kind"), Brand: v.r.URL.Query().Get("view")}
	composer := s.config.Admin.Notices
	if composer == nil || !slices.Contains(composer.Kinds(), b.Kind) {
		return b, errNoPage
	}
	if b.Brands = composer.Brands(); b.Brand != "" && !slices.Contains(b.Brands, b.Brand) {
		return b, errNoPage
	}
	b.Notice, err = composer.Preview(b.Kind, b.Brand)
	return b, err
}

func (s *Server) notice(v *visit, _ *vault.Administration) error {
	b, err := s.preview(v)
	if err != nil {
		return err
	}
	return s.adminPage(v, "adminnotice", v.lang.text("admin.kind."+b.Kind), b.adminBody, b)
}

// noticeHTML is for the frame in the page. Templates are the organisation's own, and are shown like a mail of a stranger.
func (s *Server) noticeHTML(v *visit, _ *vault.Administration) error {
	b, err := s.preview(v)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policyMail)
	v.w.WriteHeader(http.StatusOK)
	v.w.Write([]byte(b.HTML))
	return nil
}
