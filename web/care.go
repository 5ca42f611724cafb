package web

import (
	"errors"
	"net/http"

	"sigill/policy"
	"sigill/vault"
)

// form reads a small form of somebody who is logged in.
func (v *visit) form() error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	if err := v.r.ParseForm(); err != nil {
		return errBadForm
	}
	return nil
}

// careBody is a page about one message.
type careBody struct {
	ID      string
	Subject string
	Info    vault.Info
	// Unread, Read and Handed are the recipients of a recall, before it or after; those of Handed have the message in their own
	// organisation, where nobody can take it back.
	Unread, Read, Handed []policy.Address
	// Shared are the function addresses whose members see the message, too.
	Shared []policy.Address
}

// cared is what a page about the message of the address needs.
func (s *Server) cared(v *visit, r *vault.Reader) (b careBody, id vault.MessageID, err error) {
	if id, err = vault.ParseMessageID(v.r.PathValue("id")); err != nil {
		return b, id, err
	}
	if b.Info, err = r.Info(v.r.Context(), id); err != nil {
		return b, id, err
	}
	indexes, err := r.Indexes(v.r.Context(), id)
	if err != nil {
		return b, id, err
	}
	if indexes[0] == nil {
		return b, id, vault.ErrNotFound
	}
	b.ID, b.Subject = id.String(), indexes[0].Envelope.Subject
	return b, id, nil
}

// ours is cared for a message that the visitor's side sent.
func (s *Server) ours(v *visit, r *vault.Reader) (careBody, vault.MessageID, error) {
	b, id, err := s.cared(v, r)
	if err != nil {
		return b, id, err
	}
	froms, err := s.senders(v)
	if err == nil && !isOwn(froms, b.Info.From) {
		err = vault.ErrNotFound
	}
	return b, id, err
}

// recallPage says what a recall can do and what not; after it, what it did.
func (s *Server) recallPage(v *visit, r *vault.Reader) error {
	b, _, err := s.ours(v, r)
	if err != nil {
		return err
	}
	for _, to := range b.Info.Recipients {
		switch to.Status {
		case vault.Opened, vault.Saved, vault.Replied, vault.Disowned, vault.Disposed:
			b.Read = append(b.Read, to.Address)
		default:
			if handed(to) {
				b.Handed = append(b.Handed, to.Address)
			} else {
				b.Unread = append(b.Unread, to.Address)
			}
		}
	}
	return s.render(v, http.StatusOK, "recall", v.lang.text("recall.title"), b)
}

// handed tells a partner organisation that has the message itself. One that sent it back may have read it all the same.
func handed(to vault.RecipientState) bool {
	return to.Kind == policy.Partner && (to.Status == vault.Delivered || to.Status == vault.Bounced)
}

func (s *Server) recall(v *visit, r *vault.Reader) error {
	_, id, err := s.ours(v, r)
	if err != nil {
		return err
	}
	if _, err := r.Recall(v.r.Context(), id); err != nil {
		return err
	}
	return v.redirect("/messages/" + id.String() + "/recall")
}

// notifyAgain sends a notice again that had failed. If it has not, somebody was faster, and the page tells how it is.
func (s *Server) notifyAgain(v *visit, r *vault.Reader) error {
	if err := v.form(); err != nil {
		return err
	}
	_, id, err := s.ours(v, r)
	if err != nil {
		return err
	}
	to, err := policy.ParseAddress(v.r.PostForm.Get("to"))
	if err != nil {
		return errBadForm
	}
	if err := r.NotifyAgain(v.r.Context(), id, to); err != nil && !errors.Is(err, vault.ErrNotFound) {
		return err
	}
	return v.redirect("/messages/" + id.String())
}

// deletePage says what goes and what stays.
func (s *Server) deletePage(v *visit, r *vault.Reader) error {
	b, _, err := s.cared(v, r)
	if err != nil {
		return err
	}
	froms, err := s.senders(v)
	if err != nil {
		return err
	}
	for _, f := range froms[1:] {
		if f.Address.Key() == b.Info.From.Key() || isRecipient(b.Info, f.Address) {
			b.Shared = append(b.Shared, f.Address)
		}
	}
	return s.render(v, http.StatusOK, "delete", v.lang.text("delete.title"), b)
}

func isRecipient(info vault.Info, a policy.Address) bool {
	for _, to := range info.Recipients {
		if to.Address.Key() == a.Key() {
			return true
		}
	}
	return false
}

func (s *Server) deleteMessage(v *visit, r *vault.Reader) error {
	id, err := vault.ParseMessageID(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := r.Delete(v.r.Context(), id); err != nil {
		return err
	}
	return v.redirect("/messages?deleted=1")
}

// take says who takes care of a message to a function address, as all its members see.
func (s *Server) take(v *visit, r *vault.Reader) error {
	if err := v.form(); err != nil {
		return err
	}
	id, err := vault.ParseMessageID(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	var was policy.Address
	if text := v.r.PostForm.Get("was"); text != "" {
		if was, err = policy.ParseAddress(text); err != nil {
			return errBadForm
		}
	}
	if err := r.Take(v.r.Context(), id, was, v.r.PostForm.Get("take") == "1"); err != nil {
		return err
	}
	return v.redirect("/messages/" + id.String())
}
