package vault

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// throttle slows down who guesses, whichever door it is tried at, and keeps nobody else out.
//
// An account at one network address has few tries, so whoever guesses is locked out, and the account's owner elsewhere is
// not. A network address has more tries, over all accounts, so one that goes through the accounts is locked out. An
// account that is tried from everywhere is never locked, or anyone could lock it; its logins wait some seconds. An account
// that has logged in from an address meets only the first of the three there. All are forgotten within minutes, and
// memory is bounded: where there is no room for more, an old one goes.
type throttle struct {
	now  func() time.Time
	slow time.Duration

	mu       sync.Mutex
	pairs    tries[pair]
	networks tries[netip.Prefix]
	accounts tries[owner]
	codes    tries[owner]    // of the second factor
	notes    tries[struct{}] // failed logins in the audit
	unnoted  int
	known    map[pair]seen
}

// pair is an account, or zero if none was named, and a network address.
type pair struct {
	account owner
	network netip.Prefix
}

// seen is when an account last logged in from an address, and when that was last news.
type seen struct{ at, told time.Time }

const (
	knownFor  = 30 * 24 * time.Hour
	knownMost = 50_000
	newsAfter = time.Hour
	triesMost = 20_000
)

func newThrottle(now func() time.Time) *throttle {
	return &throttle{
		now: now, slow: 3 * time.Second, known: map[pair]seen{},
		pairs:    newTries[pair](5, time.Minute),
		networks: newTries[netip.Prefix](100, 30*time.Second),
		accounts: newTries[owner](20, time.Minute),
		codes:    newTries[owner](10, 5*time.Minute),
		notes:    newTries[struct{}](100, 10*time.Second),
	}
}

// verdict ends a try: it was wrong, or it was not, or that was not the client's fault.
type verdict func(wrong bool)

// begin counts a try as failed until its verdict, which must come. One too many waits for those that are still being looked
// at: a mail program opens many connections at once, all with the right password.
func (t *throttle) begin(ctx context.Context, p pair) (verdict, error) {
	for {
		end, slow, before, err := t.count(p)
		switch {
		case before != nil:
			select {
			case <-before:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		case err != nil || !slow:
			return end, err
		default:
			return t.slowed(ctx, end)
		}
	}
}

// slowed is for an account that is tried from everywhere.
func (t *throttle) slowed(ctx context.Context, end verdict) (verdict, error) {
	timer := time.NewTimer(t.slow)
	defer timer.Stop()
	select {
	case <-timer.C:
		return end, nil
	case <-ctx.Done():
		end(false)
		return nil, ctx.Err()
	}
}

// count is begin without the waits; before is closed when a verdict may have made room. What it does not count is not
// undone, or one good login could pay for another's tries.
func (t *throttle) count(p pair) (end verdict, slow bool, before <-chan struct{}, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	known, named := now.Sub(t.known[p].at) < knownFor, p.account != (owner{})
	if named && !t.pairs.take(p, now) {
		return nil, false, t.pairs.verdicts(p), ErrTooManyTries
	}
	if !known && !t.networks.take(p.network, now) {
		if named {
			t.pairs.giveBack(p, now)
		}
		return nil, false, t.networks.verdicts(p.network), ErrTooManyTries
	}
	counted := !known && named && t.accounts.take(p.account, now)
	if named {
		t.pairs.begin(p)
	}
	if !known {
		t.networks.begin(p.network)
	}
	return func(wrong bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		now := t.now()
		if named {
			t.pairs.end(p, wrong, now)
		}
		if !known {
			t.networks.end(p.network, wrong, now)
		}
		if counted && !wrong {
			t.accounts.giveBack(p.account, now)
		}
	}, !known && named && !counted, nil, nil
}

// succeeded forgets the tries of who is in now. News is false if the same was told within the hour.
func (t *throttle) succeeded(is pair) (news bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	delete(t.pairs.until, is)
	before, ok := t.known[is]
	if !ok && len(t.known) >= knownMost {
		evict(t.known, func(a, b seen) bool { return a.at.Before(b.at) })
	}
	s := seen{at: now, told: before.told}
	if news = now.Sub(before.told) >= newsAfter; news {
		s.told = now
	}
	t.known[is] = s
	return news
}

// beginCode counts a code of the second factor as wrong until undo says otherwise. An account is locked as a whole here: a
// code has six digits, and only who knows the password gets this far.
func (t *throttle) beginCode(o owner) (undo func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.codes.take(o, t.now()) {
		return nil, ErrTooManyTries
	}
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.codes.giveBack(o, t.now())
	}, nil
}

// mayNote tells whether one more failed login may go to the audit, and how many did not since the last.
func (t *throttle) mayNote() (before int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.notes.take(struct{}{}, t.now()) {
		t.unnoted++
		return 0, false
	}
	before, t.unnoted = t.unnoted, 0
	return before, true
}

// tries allows each key some tries at once, and then one each time every has passed. It remembers a single time for a
// key: when all its tries will be forgotten (the generic cell rate algorithm).
type tries[K comparable] struct {
	span  time.Duration // of all tries at once
	every time.Duration
	until map[K]time.Time
	open  map[K]*openTries
}

// openTries are those that have no verdict yet; next is closed at the next one.
type openTries struct {
	count int
	next  chan struct{}
}

func newTries[K comparable](atOnce int, every time.Duration) tries[K] {
	return tries[K]{span: time.Duration(atOnce) * every, every: every, until: map[K]time.Time{}, open: map[K]*openTries{}}
}

// take counts a try, if it is allowed.
func (t *tries[K]) take(k K, now time.Time) bool {
	until, ok := t.until[k]
	if until.Before(now) {
		until = now
	}
	if until = until.Add(t.every); until.Sub(now) > t.span {
		return false
	}
	if !ok && len(t.until) >= triesMost {
		evict(t.until, time.Time.Before)
	}
	t.until[k] = until
	return true
}

// begin takes note that a try that was taken is being looked at.
func (t *tries[K]) begin(k K) {
	if t.open[k] == nil {
		t.open[k] = &openTries{next: make(chan struct{})}
	}
	t.open[k].count++
}

// end takes its verdict.
func (t *tries[K]) end(k K, wrong bool, now time.Time) {
	if !wrong {
		t.giveBack(k, now)
	}
	o := t.open[k]
	close(o.next)
	o.next = make(chan struct{})
	if o.count--; o.count == 0 {
		delete(t.open, k)
	}
}

// verdicts is closed at the next verdict; nil if none is to come.
func (t *tries[K]) verdicts(k K) <-chan struct{} {
	if o := t.open[k]; o != nil {
		return o.next
	}
	return nil
}

func (t *tries[K]) giveBack(k K, now time.Time) {
	if until := t.until[k].Add(-t.every); until.After(now) {
		t.until[k] = until
	} else {
		delete(t.until, k)
	}
}

// evict removes about the least of a full map: the least of a few, taken at random by the map's own order. To look at all
// would make a flood expensive.
func evict[K comparable, V any](m map[K]V, less func(a, b V) bool) {
	const look = 8
	var least K
	n := 0
	for k, v := range m {
		if n == 0 || less(v, m[least]) {
			least = k
		}
		if n++; n == look {
			break
		}
	}
	delete(m, least)
}

// neighbourhood is the addresses that count as one: a subscriber has a whole IPv6 /64 network.
func neighbourhood(ip netip.Addr) netip.Prefix {
	bits := 32
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits) // zero if there is no address
	return p
}
