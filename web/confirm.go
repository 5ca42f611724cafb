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

// confirm sends a mail that waited, or gives it back to be changed.
func (s *Server) confirm(v *visit) error {
	if err := v.form(); err != nil {
		return err
	}
	f := fields{Token: v.r.PostForm.Get("form"), About: v.r.PostForm.Get("about"), Kind: v.r.PostForm.Get("kind")}
	if v.r.PostForm.Has("change") {
		return s.change(v, f)
	}
	typed := f
	sent, err := s.writeOnce(v, f, func(r *vault.Reader) (id vault.MessageID, err error) {
		d := s.unsent.take(f.Token)
		if d == nil {
			return id, errOldForm
		}
		defer d.draft.Abort()
		typed = d.fields
		return s.sendUnsent(v.r.Context(), v, r, d)
	})
	return s.written(v, typed, sent, err)
}

// sendUnsent asks again whether its writer may send from there, since a membership may have ended meanwhile.
func (s *Server) sendUnsent(ctx context.Context, v *visit, r *vault.Reader, d *unsentDraft) (id vault.MessageID, err error) {
	from, err := policy.ParseAddress(d.From)
	if err != nil {
		return id, err
	}
	may, err := s.config.Vault.Directory().MaySendAs(ctx, v.who.Address(), from)
	if err == nil && !may {
		err = vault.ErrNotFound
	}
	if err != nil {
		return id, err
	}
	return s.link(ctx, r, d.draft, d.fields)
}

// change gives the draft up and its text back.
func (s *Server) change(v *visit, f fields) error {
	about, err := f.about()
	if err != nil {
		return err
	}
	if !s.replies.valid(f.Token, v.who, about) {
		return errOldForm
	}
	d := s.unsent.take(f.Token)
	if d == nil {
		return errOldForm
	}
	d.draft.Abort()
	return s.reading(func(v *visit, r *vault.Reader) error {
		return s.showWrite(v, r, http.StatusOK, writeBody{fields: d.fields})
	})(v)
}
