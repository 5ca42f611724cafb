package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// keepTime is for keeping a text whose writer may be gone.
const keepDraftTime = 10 * time.Second

// keepDraft is the button that saves what is written so far, or gives it up. The form comes without its files, which are
// not kept: they would be a second mail, sealed and disposed of as such, before anybody has sent one.
//
// It needs no login, only the form's own token: somebody who was logged out while writing must not lose what is written.
// All that can be done with a form that was left open is to change that text, which its writer sees before it is sent.
func (s *Server) keepDraft(v *visit) error {
	if err := s.textForm(v); err != nil {
		return err
	}
	id, err := vault.ParseMessageID(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	form, text, page := v.r.PostForm.Get("form"), v.r.PostForm.Get("text"), "/messages/"+id.String()
	if !v.in {
		if s.keepText(v, id, form, text) {
			return s.lostReply(v, http.StatusOK, text, true)
		}
		return s.lostReply(v, http.StatusForbidden, text, false)
	}
	if v.r.PostForm.Has("drop") {
		text = ""
	} else {
		page += "/reply?saved=1"
	}
	return s.reading(func(v *visit, r *vault.Reader) error {
		if err := r.KeepReplyDraft(v.r.Context(), id, text); err != nil {
			return err
		}
		return v.redirect(page)
	})(v)
}

// textForm reads a form with what somebody wrote, without files.
func (s *Server) textForm(v *visit) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, 6*int64(s.config.Limits.ReplyText)+overhead) // encoded, an octet takes three
	if err := v.r.ParseForm(); err != nil {
		return errBadForm
	}
	return nil
}

// keepText keeps the text of a reply that could not be sent, and tells whether it has. Without a login the token of its form
// says whose it is. It does so also when the visitor has gone.
func (s *Server) keepText(v *visit, id vault.MessageID, token, text string) bool {
	who := v.who
	if !v.in {
		key, ok := s.replies.writer(token, id)
		person, err := policy.ParsePersonID(key)
		if !ok || err != nil {
			return false
		}
		who = vault.Person(person)
	}
	if strings.TrimSpace(text) == "" || !who.IsPerson() {
		return false
	}
	ctx, end := context.WithTimeout(context.WithoutCancel(v.r.Context()), keepDraftTime)
	defer end()
	r, err := s.config.Vault.Reader(ctx, who, vault.DoorWeb)
	if err == nil {
		defer r.Close()
		err = r.KeepReplyDraft(ctx, id, text)
	}
	if err != nil {
		s.log.Warn("web: the text of a reply is not kept", "message", id.String(), "err", err)
	}
	return err == nil
}

type lostBody struct {
	Lead    string // the key of its text
	Kept    bool   // it waits in the form
	Written []written
	Door    string // the page to log in on
	To      string
}

// written is what somebody wrote in a field.
type written struct{ Field, Label, Text string }

// lostReply gives the text of a reply back whose writer was logged out meanwhile.
func (s *Server) lostReply(v *visit, status int, text string, kept bool) error {
	to := s.pageOf(v.r)
	b := lostBody{Lead: "lost.lead", Kept: kept, Written: []written{{"text", "lost.text", text}}, Door: doorTo(to), To: ourPath(to)}
	if kept {
		b.Lead = "lost.kept"
	}
	return s.lost(v, status, b)
}

func (s *Server) lost(v *visit, status int, b lostBody) error {
	v.ended(s)
	return s.render(v, status, "lost", v.lang.text("lost.title"), b)
}
