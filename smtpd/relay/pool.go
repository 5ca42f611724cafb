package relay

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// upstream is one relay and the connections to it. A connection in use holds a slot; a new one is made only when none is
// parked, so there are never more of them than slots.
type upstream struct {
	Upstream
	hello    string
	pool     Pool
	timeouts Timeouts
	slots    chan struct{}

	mu     sync.Mutex
	parked []*link // the one used last comes last
	closed bool
	rests  time.Time // until then others are tried first
	// reached and failed are those of State.
	reached, failed time.Time
}

// State is how an upstream was when it was last tried.
type State struct {
	Addr string
	// Reached is when it last took an envelope, Failed when it last could not be reached; zero if never.
	Reached, Failed time.Time
}

// States are those of all upstreams, in their order.
func (c *Client) States() (out []State) {
	for _, u := range c.upstreams {
		u.mu.Lock()
		out = append(out, State{u.Upstream.Addr, u.reached, u.failed})
		u.mu.Unlock()
	}
	return out
}

// coolDown is how long an upstream that failed comes last.
const coolDown = 30 * time.Second

var errBusy = errors.New("all connections to the upstream are in use")

func newUpstream(u Upstream, hello string, pool Pool, timeouts Timeouts) *upstream {
	return &upstream{Upstream: u, hello: hello, pool: pool, timeouts: timeouts, slots: make(chan struct{}, pool.Connections)}
}

// order is the upstreams as they are to be tried. One that rests is tried all the same when no other is left.
func (c *Client) order() []*upstream {
	if len(c.upstreams) == 1 {
		return c.upstreams
	}
	now := time.Now()
	var first, last []*upstream
	for _, u := range c.upstreams {
		if u.resting(now) {
			last = append(last, u)
		} else {
			first = append(first, u)
		}
	}
	return append(first, last...)
}

func (u *upstream) resting(now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return now.Before(u.rests)
}

// rest lets others be tried first for a while.
func (u *upstream) rest() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.failed = time.Now()
	u.rests = u.failed.Add(coolDown)
}

// open gives a connection on which the upstream took the envelope and awaits the message.
func (u *upstream) open(ctx context.Context, m Mail) (*link, error) {
	if err := u.wait(ctx); err != nil {
		return nil, err
	}
	for l := u.take(); l != nil; l = u.take() {
		l.hold(ctx)
		err := l.envelope(m)
		if err == nil || !elsewhere(err) || ctx.Err() != nil {
			return u.opened(l, err)
		}
		// The upstream closed it while it was parked. Those that were parked before it are older still.
		l.stop()
		l.close()
	}
	l, err := u.connect(ctx)
	if err != nil {
		<-u.slots
		return nil, err
	}
	return u.opened(l, l.envelope(m))
}

func (u *upstream) opened(l *link, err error) (*link, error) {
	if err == nil {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.reached = time.Now()
		return l, nil
	}
	if !l.broken {
		l.reset()
	}
	u.release(l)
	return nil, err
}

// wait gets a slot.
func (u *upstream) wait(ctx context.Context) error {
	select {
	case u.slots <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(u.timeouts.Dial)
	defer timer.Stop()
	select {
	case u.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return unreachable(errBusy)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take gives the connection that was parked last, nil if there is none.
func (u *upstream) take() *link {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := len(u.parked)
	if n == 0 {
		return nil
	}
	l := u.parked[n-1]
	u.parked[n-1] = nil
	u.parked = u.parked[:n-1]
	l.expiry.Stop()
	return l
}

// release parks a connection, or ends it if it is not to be used again.
func (u *upstream) release(l *link) {
	defer func() { <-u.slots }()
	if !l.let() {
		l.close()
		return
	}
	if time.Since(l.born) >= u.pool.Age || !u.park(l) {
		l.quit()
	}
}

func (u *upstream) park(l *link) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return false
	}
	u.parked = append(u.parked, l)
	if l.expiry == nil {
		l.expiry = time.AfterFunc(u.pool.Idle, func() { u.expire(l) })
	} else {
		l.expiry.Reset(u.pool.Idle)
	}
	return true
}

// expire ends a connection that was not used for long.
func (u *upstream) expire(l *link) {
	u.mu.Lock()
	i := slices.Index(u.parked, l)
	if i >= 0 {
		u.parked = slices.Delete(u.parked, i, i+1)
	}
	u.mu.Unlock()
	if i >= 0 {
		l.quit()
	}
}

// Close ends the connections that are not in use; those in use end after their mail. It returns when they are closed.
func (c *Client) Close() error {
	var all sync.WaitGroup
	for _, u := range c.upstreams {
		u.mu.Lock()
		u.closed = true
		u.mu.Unlock()
		for l := u.take(); l != nil; l = u.take() {
			all.Go(l.quit)
		}
	}
	all.Wait()
	return nil
}
