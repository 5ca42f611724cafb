package web

import (
	"maps"
	"slices"
	"sync"
	"time"

	"sigill/vault"
)

// unsent keeps mails that wait for their writer to confirm them. Their content is sealed in the vault already and lies
// there unlinked, so that large files need not be sent twice; what is given up, or forgotten for too long, is taken away.
type unsent struct {
	now    func() time.Time
	mu     sync.Mutex
	drafts map[string]*unsentDraft // by the token of their form
}

type unsentDraft struct {
	draft *vault.Draft
	fields
	until time.Time
}

// Bounds of what waits. A draft holds 1 MiB of memory at most.
const (
	maxUnsent  = 64
	unsentTime = 15 * time.Minute
)

// keep puts a draft aside; if there are too many the oldest is given up, and so is one of the same form, which its writer
// went back to.
func (u *unsent) keep(token string, draft *vault.Draft, f fields) {
	u.mu.Lock()
	old := u.drafts[token]
	if old == nil && len(u.drafts) >= maxUnsent {
		oldest := slices.MinFunc(slices.Collect(maps.Keys(u.drafts)), func(a, b string) int {
			return u.drafts[a].until.Compare(u.drafts[b].until)
		})
		old = u.drafts[oldest]
		delete(u.drafts, oldest)
	}
	u.drafts[token] = &unsentDraft{draft: draft, fields: f, until: u.now().Add(unsentTime)}
	u.mu.Unlock()
	if old != nil {
		old.draft.Abort()
	}
}

// take gives a draft to one caller, who ends it; nil if there is none.
func (u *unsent) take(token string) *unsentDraft {
	u.mu.Lock()
	defer u.mu.Unlock()
	d := u.drafts[token]
	delete(u.drafts, token)
	return d
}

func (u *unsent) sweep() {
	var over []*unsentDraft
	u.mu.Lock()
	for token, d := range u.drafts {
		if u.now().After(d.until) {
			over = append(over, d)
			delete(u.drafts, token)
		}
	}
	u.mu.Unlock()
	for _, d := range over {
		d.draft.Abort()
	}
}
