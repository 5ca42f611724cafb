package web

import (
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// interrupted keeps mails whose form came in when the login of their writer had ended, until that is back: in memory alone,
// the newest of each writer, for an hour. Their files are not kept: they would be a mail before anybody has sent one.
//
// The form's own token says whose a mail is. All that can be done with a form that was left open is to change what its
// writer sees before it is sent.
type interrupted struct {
	now   func() time.Time
	mu    sync.Mutex
	mails map[string]interruptedMail // by the writer's formKey
}

type interruptedMail struct {
	fields
	until time.Time
}

// Bounds of what is kept: each is a form of text.
const (
	maxInterrupted  = 64
	interruptedTime = time.Hour
)

// keep keeps a mail; if there are too many the oldest is given up.
func (i *interrupted) keep(writer string, f fields) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, ok := i.mails[writer]; !ok && len(i.mails) >= maxInterrupted {
		delete(i.mails, slices.MinFunc(slices.Collect(maps.Keys(i.mails)), func(a, b string) int {
			return i.mails[a].until.Compare(i.mails[b].until)
		}))
	}
	i.mails[writer] = interruptedMail{f, i.now().Add(interruptedTime)}
}

// of is the mail that is kept for a writer.
func (i *interrupted) of(writer string) (fields, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	m, ok := i.mails[writer]
	return m.fields, ok && !i.now().After(m.until)
}

// drop forgets the mail of a form that has been sent.
func (i *interrupted) drop(token string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	maps.DeleteFunc(i.mails, func(_ string, m interruptedMail) bool { return m.Token == token })
}

func (i *interrupted) sweep() {
	i.mu.Lock()
	defer i.mu.Unlock()
	maps.DeleteFunc(i.mails, func(_ string, m interruptedMail) bool { return i.now().After(m.until) })
}

// lostMail keeps a mail whose writer was logged out meanwhile, and gives it back to be copied too.
func (s *Server) lostMail(v *visit, f fields) error {
	b := lostBody{Lead: "lost.lead", Door: "/staff/login", To: "/compose"}
	if s.keepMail(f) {
		b.Kept, b.Lead, b.To = true, "write.lost", "/compose/kept"
	}
	for _, w := range []written{{"to", "write.to", f.To}, {"cc", "write.cc", f.Cc}, {"bcc", "write.bcc", f.Bcc}, {"subject", "write.subject", f.Subject}, {"text", "lost.text", f.Text}} {
		if w.Text != "" {
			b.Written = append(b.Written, w)
		}
	}
	return s.lost(v, http.StatusForbidden, b)
}

// keepMail keeps a mail for the one of staff its form was made for, and tells whether there is such a one.
func (s *Server) keepMail(f fields) bool {
	about, err := f.about()
	writer, ok := s.replies.writer(f.Token, about)
	if err != nil || !ok {
		return false
	}
	if _, err := policy.ParseAddress(writer); err != nil {
		return false // a person's form
	}
	s.interrupted.keep(writer, f)
	return true
}

// keptMail is the form of a mail that was kept, as it came in.
func (s *Server) keptMail(v *visit, r *vault.Reader) error {
	f, ok := s.interrupted.of(formKey(v.who))
	if !ok {
		return v.redirect("/compose")
	}
	return s.showWrite(v, r, http.StatusOK, writeBody{fields: f, Kept: true})
}
