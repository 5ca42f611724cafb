package web

import (
	"context"
	"sync"

	"sigill/vault"
)

// turns lets each person and staff member have so many requests for messages under way. One such request can hold tens of
// megabytes, of a mail made safe or of what lay in a winmail.dat, for as long as its reader takes them slowly.
type turns struct {
	most int

	mu    sync.Mutex
	lines map[vault.Principal]*line // of those who have any
}

// line is one principal's.
type line struct {
	slots chan struct{}
	users int // who hold a slot or wait for one
}

// take waits for a turn, which done ends.
func (t *turns) take(ctx context.Context, who vault.Principal) (done func(), err error) {
	if who.IsPerson() {
		who = vault.Person(who.PersonID()) // whatever name the e-ID told
	}
	l := t.join(who)
	select {
	case l.slots <- struct{}{}:
		return func() {
			<-l.slots
			t.part(who)
		}, nil
	case <-ctx.Done():
		t.part(who)
		return nil, ctx.Err()
	}
}

func (t *turns) join(who vault.Principal) *line {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lines[who]
	if l == nil {
		l = &line{slots: make(chan struct{}, t.most)}
		t.lines[who] = l
	}
	l.users++
	return l
}

func (t *turns) part(who vault.Principal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l := t.lines[who]; l.users > 1 {
		l.users--
	} else {
		delete(t.lines, who)
	}
}
