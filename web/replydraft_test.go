package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sigill/vault"
	"sigill/web"
)

// draft is what is kept of Astrid's reply.
func (s *stage) draft(id vault.MessageID) string {
	s.t.Helper()
	r, err := s.vault.Reader(s.t.Context(), vault.Person(astridID), vault.DoorWeb)
	must(s.t, err)
	defer r.Close()
	d, err := r.ReplyDraft(s.t.Context(), id)
	must(s.t, err)
	return d.Text
}

// TestDraftIsKept: what was written of a reply is not lost, whatever stops it, and ends when the reply is sent.
func TestDraftIsKept(t *testing.T) {
	t.Parallel()
	const text = "Hej!\r\nJag har en fråga."
	for _, row := range []struct {
		why string
		do  func(s *stage, v *visitor, id vault.MessageID, page string) answer
	}{
		{"by its button", func(_ *stage, v *visitor, id vault.MessageID, page string) answer {
			a := v.post(page+"/draft", url.Values{"form": {v.form(id)}, "text": {text}})
			return v.follow(a).is(http.StatusOK).has("Din text sparades", `role="status"`)
		}},
		{"too many files", func(_ *stage, v *visitor, id vault.MessageID, _ string) answer {
			return v.replyTo(id, v.form(id), text, upload{"a", "text/plain", "x"}, upload{"b", "text/plain", "x"}).is(http.StatusRequestEntityTooLarge)
		}},
		{"an upload that is cut off", func(_ *stage, v *visitor, id vault.MessageID, page string) answer {
			whole := multipartForm(v.form(id), text, upload{"a", "text/plain", strings.Repeat("x", 5000)})
			r := v.request("POST", page, strings.NewReader(whole[:len(whole)-2000]))
			r.Header.Set("Content-Type", "multipart/form-data; boundary=XXX")
			return v.do(r).is(http.StatusBadRequest)
		}},
		{"the session has ended meanwhile", func(s *stage, v *visitor, id vault.MessageID, _ string) answer {
			form := v.form(id)
			s.clock.pass(31 * time.Minute)
			return v.replyTo(id, form, text).is(http.StatusForbidden).has("Din text är sparad", "Jag har en fråga.", "/login?to=%2fmessages%2f"+id.String()+"%2freply")
		}},
		{"as the page's script does when the time is over, without the login", func(s *stage, v *visitor, id vault.MessageID, page string) answer {
			form := v.form(id)
			return s.visitor().post(page+"/draft", url.Values{"form": {form}, "text": {text}}).is(http.StatusOK)
		}},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, web.Limits{Files: 1})
			id := s.send(letterText, astrid).ID
			page := "/messages/" + id.String() + "/reply"
			row.do(s, s.person(astridID), id, page)
			if got := s.draft(id); got != text {
				t.Fatalf("kept is %q", got)
			}
			v := s.person(astridID)
			v.get("/messages/" + id.String()).has("Fortsätt på svaret")
			v.get(page).is(http.StatusOK).has("Hej!\r\nJag har en fråga.</textarea>", "Din text sparades", "Filer sparas inte").lacks(`note" role="status"`)
			v.replyTo(id, v.form(id), text).is(http.StatusSeeOther)
			if got := s.draft(id); got != "" {
				t.Errorf("after the reply was sent there is %q", got)
			}
			v.get("/messages/" + id.String()).lacks("Fortsätt på svaret")
			if strings.Contains(s.log.String(), "fråga") {
				t.Error("the text is in the log")
			}
		})
	}
}

// TestDraftIsNobodyElses: a form keeps a text for whom it was made, and for its message.
func TestDraftIsNobodyElses(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	id, other := s.send(letterText, astrid).ID, s.send(letterText, astrid).ID
	v := s.person(astridID)
	form := v.form(id)
	post := func(v *visitor, id vault.MessageID, form string, more ...string) answer {
		fields := url.Values{"form": {form}, "text": {"Hej"}}
		for _, name := range more {
			fields.Set(name, "1")
		}
		return v.post("/messages/"+id.String()+"/reply/draft", fields)
	}
	nobody := s.visitor()
	post(nobody, other, form).is(http.StatusForbidden).has("Kopiera den")
	post(nobody, id, form[:len(form)-1]+"A").is(http.StatusForbidden)
	post(s.person(otherID), id, form).is(http.StatusNotFound)
	post(s.staff(), id, form).is(http.StatusForbidden)
	s.clock.pass(9 * time.Hour)
	post(nobody, id, form).is(http.StatusForbidden) // older than any login
	for _, id := range []vault.MessageID{id, other} {
		if got := s.draft(id); got != "" {
			t.Errorf("kept is %q", got)
		}
	}
	v = s.person(astridID)
	post(v, id, v.form(id)).to("/messages/" + id.String() + "/reply?saved=1")
	post(v, id, v.form(id), "drop").to("/messages/" + id.String())
	if got := s.draft(id); got != "" {
		t.Errorf("given up, and still %q", got)
	}
}

// TestExtend: pages tell how long the login lasts, and a press on the button of the script's warning makes it last.
func TestExtend(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{Idle: 30 * time.Minute, Session: time.Hour})
	v := s.person(astridID)
	v.get("/messages").has(`data-left="1800"`, "Du loggas ut efter 30 minuter")
	for _, row := range []struct{ pass, left time.Duration }{
		{25 * time.Minute, 30 * time.Minute}, {25 * time.Minute, 10 * time.Minute}, // the hour is nearly over
	} {
		s.clock.pass(row.pass)
		got, err := time.ParseDuration(v.post("/logins/extend", nil).is(http.StatusOK).body + "s")
		if must(t, err); got > row.left || got < row.left-time.Minute {
			t.Errorf("%v left, want %v", got, row.left)
		}
	}
	s.clock.pass(11 * time.Minute)
	v.post("/logins/extend", nil).is(http.StatusSeeOther)
	s.visitor().get("/").lacks("<dialog", "time.js")
}
