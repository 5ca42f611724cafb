package web

import (
	"context"
	"net/http"

	"sigill/policy"
	"sigill/vault"
)

type confirmBody struct {
	fields
	Warnings []warning
}

// confirm sends a mail that waited, or gives it back to be changed. The form has all that was typed: what waits may have been
// given up meanwhile, and nobody writes a mail twice for that.
func (s *Server) confirm(v *visit) error {
	if err := s.textForm(v); err != nil {
		return err
	}
	f := fieldsOf(v.r.PostForm.Get)
	switch {
	case !v.in:
		return s.lostMail(v, f)
	case v.who.IsPerson():
		return vault.ErrNotFound
	case v.r.PostForm.Has("change"):
		return s.change(v, f)
	}
	sent, err := s.writeOnce(v, f, func(r *vault.Reader) (id vault.MessageID, err error) {
		d := s.unsent.take(f.Token)
		if d == nil {
			return id, errOldForm
		}
		defer d.draft.Abort()
		return s.sendUnsent(v.r.Context(), v, r, d)
	})
	return s.written(v, f, sent, err)
}

// sendUnsent asks again whether its writer may send from there, since a membership may have ended meanwhile.
func (s *Server) sendUnsent(ctx context.Context, v *visit, r *vault.Reader, d *unsentDraft) (id vault.MessageID, err error) {
	from, err := policy.ParseAddress(d.From)
	if err != nil {
		return id, err
	}
	may, err := s.config.Vault.Directory().MaySendAs(ctx, v.who, from)
	if err == nil && !may {
		err = vault.ErrNotFound
	}
	if err != nil {
		return id, err
	}
	return s.link(ctx, r, d.draft, d.fields)
}

// change gives the draft up, if it still waits, and its text back.
func (s *Server) change(v *visit, f fields) error {
	about, err := f.about()
	if err != nil {
		return err
	}
	if s.replies.valid(f.Token, v.who, about) {
		if d := s.unsent.take(f.Token); d != nil {
			d.draft.Abort()
		}
	}
	return s.reading(func(v *visit, r *vault.Reader) error { return s.showWrite(v, r, http.StatusOK, writeBody{fields: f}) })(v)
}
