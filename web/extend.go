package web

import (
	"fmt"
	"time"
)

// session is what a page tells of the login: WCAG 2.2, success criterion 2.2.1, asks that people know of the limit, are
// warned and can extend it. Without script the page tells how long it is, and each page that is opened extends it.
type session struct {
	// Left is how many seconds it lasts if nothing is done, less than Minutes only where it ends for good.
	Left    int
	Minutes int
	// LastClock is when it ends whatever is done.
	LastClock string
	// Out leads to the login and back to the page.
	Out string
}

func (s *Server) session(v *visit) session {
	if !v.in {
		return session{}
	}
	now := s.now()
	ends := s.store.ends(s.sessions.Token(v.r.Context()))
	out := doorTo(v.r.URL.Path) + "?ended=1"
	if to := ourPath(s.pageOf(v.r)); to != "" {
		out += "&to=" + to // it has nothing in it that an address would have to escape
	}
	return session{
		Left: int(min(s.config.Limits.Idle, ends.Sub(now)).Seconds()), Minutes: int(s.config.Limits.Idle.Minutes()),
		LastClock: ends.In(stockholm).Format(v.lang.hour), Out: out,
	}
}

// ends is when a session ends whatever is done; a whole life from now for one that is not kept yet.
func (s *sessionStore) ends(token string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h, ok := s.held[hashOf(token)]; ok && s.alive(h) {
		return h.began.Add(s.life)
	}
	return s.now().Add(s.life)
}

// extend keeps the login on, as every request does, and answers how many seconds it lasts now.
func (s *Server) extend(v *visit) error {
	v.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprint(v.w, s.session(v).Left)
	return nil
}
