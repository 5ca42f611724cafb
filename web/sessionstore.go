package web

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"time"

	"sigill/vault"
)

// sessionStore keeps sessions in memory, by the server's clock and by hashes of their tokens. Unlike the one of scs it
// remembers which were ended, so that a slow request that began before a logout cannot bring its session back, and whose
// they are, so that a person can see and end them.
type sessionStore struct {
	now  func() time.Time
	idle time.Duration
	life time.Duration
	most int // sessions
	mu   sync.Mutex
	held map[tokenHash]heldSession
}

type tokenHash [sha256.Size]byte

func hashOf(token string) tokenHash { return sha256.Sum256([]byte(token)) }

type heldSession struct {
	data    []byte // nil when ended
	began   time.Time
	used    time.Time
	expires time.Time
	// who is logged in, with what browser; name is the session's on pages.
	who   vault.Principal
	agent string
	name  string
}

// maxSessions is about 100 MB.
const maxSessions = 200_000

// maxAgent is what is kept of a browser's name.
const maxAgent = 300

var errSessions = errors.New("web: too many sessions")

func newSessionStore(now func() time.Time, l Limits) *sessionStore {
	return &sessionStore{now: now, idle: l.Idle, life: l.Session, most: maxSessions, held: map[tokenHash]heldSession{}}
}

func (s *sessionStore) Find(token string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.held[hashOf(token)]
	if !ok || !s.alive(h) {
		return nil, false, nil
	}
	return h.data, true, nil
}

func (s *sessionStore) alive(h heldSession) bool { return h.data != nil && !s.now().After(h.expires) }

// Commit keeps a session for another while, at most until its life is over.
func (s *sessionStore) Commit(token string, data []byte, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, hash := s.now(), hashOf(token)
	h, ok := s.held[hash]
	switch {
	case ok && !s.alive(h):
		return nil // ended while the request was under way
	case !ok && len(s.held) >= s.most && !s.evict():
		return errSessions
	case !ok:
		h.began = now
	}
	h.data, h.used, h.expires = data, now, now.Add(s.idle)
	if end := h.began.Add(s.life); h.expires.After(end) {
		h.expires = end
	}
	s.held[hash] = h
	return nil
}

// evict makes room by a session that nobody has logged in with, if one is found soon: anybody can begin a login without
// going through with it, as often as they have addresses. The caller holds s.mu.
func (s *sessionStore) evict() bool {
	const look = 64 // of those the map gives, in its own order
	n := 0
	for hash, h := range s.held {
		if h.name == "" {
			delete(s.held, hash)
			return true
		}
		if n++; n == look {
			return false
		}
	}
	return false
}

func (s *sessionStore) Delete(token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(hashOf(token))
	return nil
}

// drop ends a session and remembers that it did, longer than any request takes. The caller holds s.mu.
func (s *sessionStore) drop(hash tokenHash) {
	if _, ok := s.held[hash]; ok {
		s.held[hash] = heldSession{expires: s.now().Add(24 * time.Hour)}
	}
}

func (s *sessionStore) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for hash, h := range s.held {
		if s.now().After(h.expires) {
			delete(s.held, hash)
		}
	}
}

// describe notes whose a session is.
func (s *sessionStore) describe(token string, who vault.Principal, agent string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hash := hashOf(token)
	h, ok := s.held[hash]
	if !ok || !s.alive(h) {
		return
	}
	if h.name == "" {
		h.name = rand.Text()
	}
	h.who, h.agent = who, agent[:min(len(agent), maxAgent)]
	s.held[hash] = h
}

// openSession is one as its owner sees it.
type openSession struct {
	Name        string
	Agent       string
	Began, Used time.Time
	Current     bool
}

// of are somebody's sessions, the one used last first; current is the token of the one that asks.
func (s *sessionStore) of(who vault.Principal, current string) (out []openSession) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for hash, h := range s.held {
		if s.alive(h) && h.name != "" && same(h.who, who) {
			out = append(out, openSession{h.name, h.agent, h.began, h.used, hash == hashOf(current)})
		}
	}
	slices.SortFunc(out, func(a, b openSession) int { return b.Used.Compare(a.Used) })
	return out
}

// end ends one of somebody's sessions, or with an empty name all but the current one. It tells how many.
func (s *sessionStore) end(who vault.Principal, name, current string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for hash, h := range s.held {
		if !s.alive(h) || !same(h.who, who) || h.name == "" || name != "" && h.name != name || name == "" && hash == hashOf(current) {
			continue
		}
		s.drop(hash)
		n++
	}
	return n
}

// same tells whether two principals are one, however their address or name is written.
func same(a, b vault.Principal) bool {
	return a.PersonID() == b.PersonID() && a.Address().Key() == b.Address().Key()
}

// count is how many sessions of people there are.
func (s *sessionStore) count() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.held {
		if s.alive(h) && h.name != "" {
			n++
		}
	}
	return n
}
