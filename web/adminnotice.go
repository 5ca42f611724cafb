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
func (s *Server) preview(v *visit) (kind string, n Notice, err error) {
	kind = v.r.PathValue("kind")
	if s.config.Admin.Notices == nil || !slices.Contains(s.config.Admin.Notices.Kinds(), kind) {
		return "", n, errNoPage
	}
	n, err = s.config.Admin.Notices.Preview(kind)
	return kind, n, err
}

func (s *Server) notice(v *visit, _ *vault.Administration) error {
	kind, n, err := s.preview(v)
	if err != nil {
		return err
	}
	b := noticesBody{adminBody: v.part("notices"), Kind: kind, Notice: n}
	return s.adminPage(v, "adminnotice", v.lang.text("admin.kind."+kind), b.adminBody, b)
}

// noticeHTML is for the frame in the page. Templates are the organisation's own, and are shown like a mail of a stranger.
func (s *Server) noticeHTML(v *visit, _ *vault.Administration) error {
	_, n, err := s.preview(v)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policyMail)
	v.w.WriteHeader(http.StatusOK)
	v.w.Write([]byte(n.HTML))
	return nil
}
