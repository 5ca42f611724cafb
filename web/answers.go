package web

import (
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"sigill/web/login"
)

// answers are forms that providers had browsers post to us (SAML's HTTP-POST binding), for the moment until the browser
// asks for them.
//
// Such a form comes from another site, and our cookies are such that they do not come along then. Rather than making them
// weaker, the form is kept under a name that nobody can guess, and the browser is sent on to a page of ours under that
// name; with that request, a GET, its session comes along. The form proves nothing by itself: it is judged with the memory
// of that session's login, which it must be the answer to.
type answers struct {
	now  func() time.Time
	mu   sync.Mutex
	held map[string]heldAnswer
	size int // octets in all
}

type heldAnswer struct {
	provider string
	form     url.Values
	size     int
	until    time.Time
}

const (
	answerLife = 2 * time.Minute
	maxAnswer  = 512 << 10 // octets of one form
	maxAnswers = 64 << 20  // of all
)

func newAnswers(now func() time.Time) *answers {
	return &answers{now: now, held: map[string]heldAnswer{}}
}

// put keeps a form. Where there is no room the oldest goes: anybody can post forms, and a browser asks for its own at once.
func (a *answers) put(provider string, form url.Values) (name string) {
	size := 0
	for key, values := range form {
		size += len(key)
		for _, v := range values {
			size += len(v)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drop()
	for a.size+size > maxAnswers {
		a.dropOldest()
	}
	name = rand.Text()
	a.held[name] = heldAnswer{provider, form, size, a.now().Add(answerLife)}
	a.size += size
	return name
}

// dropOldest forgets the form that has waited longest. The caller holds a.mu, and there is one.
func (a *answers) dropOldest() {
	oldest := slices.MinFunc(slices.Collect(maps.Keys(a.held)), func(x, y string) int { return a.held[x].until.Compare(a.held[y].until) })
	a.size -= a.held[oldest].size
	delete(a.held, oldest)
}

// take gives a form, once.
func (a *answers) take(provider, name string) (url.Values, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drop()
	h, ok := a.held[name]
	if !ok || h.provider != provider {
		return nil, false
	}
	delete(a.held, name)
	a.size -= h.size
	return h.form, true
}

// drop forgets what nobody asked for. The caller holds a.mu.
func (a *answers) drop() {
	for name, h := range a.held {
		if a.now().After(h.until) {
			delete(a.held, name)
			a.size -= h.size
		}
	}
}

func (a *answers) sweep() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drop()
}

// callbackPattern is the one route that takes forms from other sites.
const callbackPattern = "POST /login/{provider}/callback"

// takeForm keeps what a provider had the browser post, and sends the browser on to the login it is for.
func (s *Server) takeForm(v *visit) error {
	provider := s.provider(v.r.PathValue("provider"))
	if provider == nil || !provider.About().Form {
		return errNoPage
	}
	if !s.visitors.allow(network(v.r)) {
		return errTooMany
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxAnswer)
	if err := v.r.ParseForm(); err != nil {
		return errBadForm
	}
	name := s.answers.put(provider.About().ID, v.r.PostForm)
	return v.redirect(v.r.URL.Path + "?answer=" + name)
}

// answer is what the browser came back with: the query, or the form it was made to post before.
func (s *Server) answer(v *visit, about login.About) (url.Values, error) {
	query := v.r.URL.Query()
	if !about.Form {
		return query, nil
	}
	form, ok := s.answers.take(about.ID, query.Get("answer"))
	if !ok {
		return nil, login.ErrState
	}
	return form, nil
}

// describer is a provider that wants to know us by metadata.
type describer interface {
	// Metadata describes us; callback is where answers are to be posted.
	Metadata(callback string) ([]byte, error)
}

func (s *Server) metadata(v *visit) error {
	provider := s.provider(v.r.PathValue("provider"))
	d, ok := provider.(describer)
	if !ok {
		return errNoPage
	}
	text, err := d.Metadata(s.loginVisit(v, provider).Callback)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/samlmetadata+xml")
	v.w.Write(text)
	return nil
}
