package web

import (
	"net/http"
	"strconv"
	"strings"

	"sigill/policy"
	"sigill/vault"
)

type loginsBody struct {
	Sessions []openSession
	Others   bool // there are more than this one
	Ended    int
}

// logins shows where one is logged in.
func (s *Server) logins(v *visit) error {
	open := s.store.of(v.who, s.sessions.Token(v.r.Context()))
	ended, _ := strconv.Atoi(v.r.URL.Query().Get("out"))
	body := loginsBody{Sessions: open, Others: len(open) > 1, Ended: ended}
	return s.render(v, http.StatusOK, "logins", v.lang.text("logins.title"), body)
}

// endLogins ends one of them, or all others.
func (s *Server) endLogins(v *visit) error {
	if err := s.smallForm(v); err != nil {
		return err
	}
	name := v.r.PostForm.Get("name")
	if name == "" && !v.r.PostForm.Has("others") {
		return errBadForm
	}
	n := s.store.end(v.who, name, s.sessions.Token(v.r.Context()))
	if err := s.audit(v.r.Context(), v.who, "end logins", strconv.Itoa(n)); err != nil {
		return err
	}
	return v.redirect("/logins?out=" + strconv.Itoa(n))
}

// EndLogins ends all of an account's, for whoever administers accounts elsewhere than here.
func (s *Server) EndLogins(account policy.Address) { s.store.end(vault.Staff(account), "", "") }

// marks tell browsers and systems by what they call themselves. Many name others too, so the first that fits counts.
var marks = struct{ browsers, systems [][2]string }{
	browsers: [][2]string{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	},
	systems: [][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "Mac"}, {"CrOS", "Chromebook"},
		{"Linux", "Linux"},
	},
}

// Browser is what people call the browser, "" if it cannot be told.
func (o openSession) Browser() string { return firstMark(o.Agent, marks.browsers) }

// System is what people call the device.
func (o openSession) System() string { return firstMark(o.Agent, marks.systems) }

func firstMark(agent string, marks [][2]string) string {
	for _, m := range marks {
		if strings.Contains(agent, m[0]) {
			return m[1]
		}
	}
	return ""
}
