package web

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"sigill/policy"
	"sigill/vault"
)

// sessionCookie has the prefix that makes browsers refuse it from anywhere but this host over TLS (RFC 6265bis section
// 4.1.3.2). It ends with the browser: people read on computers of others.
const sessionCookie = "__Host-sigill"

// What a session holds.
const (
	keyPerson  = "person"  // identity number
	keyAddress = "address" // staff member's address
	keyName    = "name"    // staff member's name
	keyPending = "pending" // a login under way
	keyEnd     = "end"     // where the provider logs out
)

// newSessions does without scs.New, which starts a goroutine for a store of its own.
func newSessions(l Limits, store scs.Store) *scs.SessionManager {
	return &scs.SessionManager{
		IdleTimeout:      l.Idle,
		Lifetime:         l.Session,
		Store:            store,
		Codec:            scs.GobCodec{},
		HashTokenInStore: true,
	}
}

// sessionStore keeps sessions in memory, by the server's clock. Unlike the one of scs it remembers which were ended, so
// that a slow request that began before a logout cannot bring its session back.
type sessionStore struct {
	now  func() time.Time
	idle time.Duration
	life time.Duration
	mu   sync.Mutex
	held map[string]heldSession
}

type heldSession struct {
	data    []byte // nil when ended
	began   time.Time
	expires time.Time
}

// maxSessions is about 100 MB.
const maxSessions = 200_000

var errSessions = errors.New("web: too many sessions")

func newSessionStore(now func() time.Time, l Limits) *sessionStore {
	return &sessionStore{now: now, idle: l.Idle, life: l.Session, held: map[string]heldSession{}}
}

func (s *sessionStore) Find(token string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.held[token]
	if !ok || h.data == nil || s.now().After(h.expires) {
		return nil, false, nil
	}
	return h.data, true, nil
}

// Commit keeps a session for another while, at most until its life is over.
func (s *sessionStore) Commit(token string, data []byte, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	h, ok := s.held[token]
	switch {
	case ok && (h.data == nil || now.After(h.expires)):
		return nil // ended while the request was under way
	case !ok && len(s.held) >= maxSessions:
		return errSessions
	case !ok:
		h.began = now
	}
	h.data, h.expires = data, now.Add(s.idle)
	if end := h.began.Add(s.life); h.expires.After(end) {
		h.expires = end
	}
	s.held[token] = h
	return nil
}

func (s *sessionStore) Delete(token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.held[token]; ok {
		s.held[token] = heldSession{expires: s.now().Add(24 * time.Hour)} // longer than any request
	}
	return nil
}

func (s *sessionStore) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token, h := range s.held {
		if s.now().After(h.expires) {
			delete(s.held, token)
		}
	}
}

// withSession loads the session for a request and keeps it before the first octet of the answer. It stands in for scs's
// own LoadAndSave, which sets the cookie and a second Cache-Control at every request.
func (s *Server) withSession(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := ""
		if c, err := r.Cookie(sessionCookie); err == nil {
			sent = c.Value
		}
		ctx, err := s.sessions.Load(r.Context(), sent)
		if err != nil {
			s.problem(w, s.visit(w, r), err)
			return
		}
		r = r.WithContext(ctx)
		sw := &sessionWriter{ResponseWriter: w, keep: func() { s.keep(w, r, sent) }}
		next.ServeHTTP(sw, r)
		sw.once.Do(sw.keep)
	})
}

func (s *Server) keep(w http.ResponseWriter, r *http.Request, sent string) {
	switch s.sessions.Status(r.Context()) {
	case scs.Modified:
		token, _, err := s.sessions.Commit(r.Context())
		if err != nil {
			s.log.Error("web: session not kept", "err", err)
		} else if token != sent {
			http.SetCookie(w, cookie(sessionCookie, token, 0))
		}
	case scs.Destroyed:
		http.SetCookie(w, cookie(sessionCookie, "", -1))
	}
}

func cookie(name, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value, MaxAge: maxAge,
		Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

type sessionWriter struct {
	http.ResponseWriter
	once sync.Once
	keep func()
}

func (w *sessionWriter) WriteHeader(code int) {
	w.once.Do(w.keep)
	w.ResponseWriter.WriteHeader(code)
}

func (w *sessionWriter) Write(p []byte) (int, error) {
	w.once.Do(w.keep)
	return w.ResponseWriter.Write(p)
}

func (w *sessionWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// principal is who the session says the visitor is.
func (s *Server) principal(r *http.Request) (p vault.Principal, name string, ok bool) {
	ctx := r.Context()
	if digits := s.sessions.GetString(ctx, keyPerson); digits != "" {
		id, err := policy.ParsePersonID(digits)
		return vault.Person(id), id.Masked(), err == nil
	}
	if address := s.sessions.GetString(ctx, keyAddress); address != "" {
		a, err := policy.ParseAddress(address)
		return vault.Staff(a), s.sessions.GetString(ctx, keyName), err == nil
	}
	return vault.Principal{}, "", false
}

// enter makes the session that of a person or a staff member, under a new token.
func (s *Server) enter(r *http.Request, p vault.Principal, name string) error {
	ctx := r.Context()
	if err := s.sessions.Clear(ctx); err != nil {
		return err
	}
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	if p.IsPerson() {
		s.sessions.Put(ctx, keyPerson, p.PersonID().Digits())
		return nil
	}
	s.sessions.Put(ctx, keyAddress, p.Address().String())
	s.sessions.Put(ctx, keyName, name)
	return nil
}
