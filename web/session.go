package web

import (
	"net/http"
	"sync"

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
	keyAt      = "at"      // when a staff member logged in, in seconds since 1970
	keyPending = "pending" // a login under way
	keyFull    = "full"    // person's name, as the e-ID told it
	keyEnd     = "end"     // where the provider logs out
	// A device password that was just made, and its name, until the next page shows it.
	keyMade     = "made"
	keyMadeName = "made name"
)

// newSessions does without scs.New, which starts a goroutine for a store of its own.
func newSessions(l Limits, store scs.Store) *scs.SessionManager {
	return &scs.SessionManager{
		IdleTimeout: l.Idle,
		Lifetime:    l.Session,
		Store:       store, // keeps hashes of tokens only
		Codec:       sessionCodec{},
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
			return
		}
		if token != sent {
			http.SetCookie(w, cookie(sessionCookie, token, 0))
		}
		if who, _, ok := s.principal(r); ok {
			s.store.describe(token, who, r.UserAgent())
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
		return vault.Person(id).Named(s.sessions.GetString(ctx, keyFull)), id.Masked(), err == nil
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
	s.sessions.Put(ctx, keyAt, s.now().Unix())
	return nil
}
