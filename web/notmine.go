package web

import (
	"net/http"

	"sigill/vault"
)

// declineLink takes the word of whoever got a notice that it is not for them. The answer is the same for every link.
func (s *Server) declineLink(v *visit) error {
	if !s.visitors.allow(network(v.r)) {
		return errTooMany
	}
	token := v.r.PathValue("token")
	if !s.linkAllowed(token) {
		return errTooMany
	}
	if len(token) <= maxLink {
		if err := s.config.Vault.DeclineLink(v.r.Context(), token); err != nil {
			return err
		}
	}
	return v.redirect("/told")
}

// notMine takes the word of a person who can read a message that it is not for them.
func (s *Server) notMine(v *visit, r *vault.Reader) error {
	id, err := vault.ParseMessageID(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := r.NotMine(v.r.Context(), id); err != nil {
		return err
	}
	return v.redirect("/told")
}

// told thanks whoever said so.
func (s *Server) told(v *visit) error {
	return s.render(v, http.StatusOK, "told", v.lang.text("told.title"), nil)
}
