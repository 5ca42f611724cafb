package vault

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func at(account byte, ip string) pair {
	return pair{owner{account}, neighbourhood(netip.MustParseAddr(ip))}
}

// guess makes n failed tries and tells how many were looked at, and how long they took.
func guess(t *testing.T, th *throttle, n int, p func(i int) pair) (looked int, took time.Duration) {
	t.Helper()
	begin := time.Now()
	for i := range n {
		end, err := th.begin(t.Context(), p(i))
		switch {
		case err == nil:
			looked++
			end(true)
		case !errors.Is(err, ErrTooManyTries):
			t.Fatal(err)
		}
	}
	return looked, time.Since(begin)
}

// atOnce makes n tries at once, each of which takes a while to look at, and tells how many were.
func atOnce(t *testing.T, th *throttle, n int, p pair, wrong bool) int {
	var looked atomic.Int64
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			end, err := th.begin(t.Context(), p)
			if err != nil {
				return
			}
			looked.Add(1)
			time.Sleep(50 * time.Millisecond)
			end(wrong)
			if !wrong {
				th.succeeded(p)
			}
		})
	}
	all.Wait()
	return int(looked.Load())
}

func always(p pair) func(int) pair { return func(int) pair { return p } }

func TestThrottle(t *testing.T) {
	t.Parallel()
	const home, away, office = "192.0.2.1", "198.51.100.7", "203.0.113.9"
	spray := func(i int) pair { return at(byte(i%200)+1, away) }
	botnet := func(i int) pair { return at(1, fmt.Sprintf("10.0.%d.%d", i/250, i%250)) }
	for _, row := range []struct {
		why string
		run func(t *testing.T, th *throttle)
	}{
		{"one who guesses one account has five tries, and then one a minute", func(t *testing.T, th *throttle) {
			if n, _ := guess(t, th, 50, always(at(1, away))); n != 5 {
				t.Errorf("%d tries at once", n)
			}
			time.Sleep(10 * time.Minute)
			if n, _ := guess(t, th, 50, always(at(1, away))); n != 5 {
				t.Errorf("%d tries after ten minutes", n)
			}
			time.Sleep(time.Minute)
			if n, _ := guess(t, th, 50, always(at(1, away))); n != 1 {
				t.Errorf("%d tries after a minute", n)
			}
		}},
		{"the account's owner comes in meanwhile from elsewhere", func(t *testing.T, th *throttle) {
			guess(t, th, 1000, always(at(1, away)))
			if n, took := guess(t, th, 1, always(at(1, home))); n != 1 || took != 0 {
				t.Errorf("%d, after %s", n, took)
			}
		}},
		{"an IPv6 customer is one address", func(t *testing.T, th *throttle) {
			n, _ := guess(t, th, 50, func(i int) pair { return at(1, fmt.Sprintf("2001:db8::%x", i)) })
			if n != 5 {
				t.Errorf("%d tries", n)
			}
		}},
		{"one who goes through the accounts has a hundred tries, and then two a minute", func(t *testing.T, th *throttle) {
			if n, _ := guess(t, th, 600, spray); n != 100 {
				t.Errorf("%d tries at once", n)
			}
			time.Sleep(time.Minute)
			if n, _ := guess(t, th, 600, spray); n != 2 {
				t.Errorf("%d tries after a minute", n)
			}
		}},
		{"the same without a name", func(t *testing.T, th *throttle) {
			if n, took := guess(t, th, 600, always(pair{network: neighbourhood(netip.MustParseAddr(away))})); n != 100 || took != 0 {
				t.Errorf("%d tries, %s", n, took)
			}
		}},
		{"who is known at an address is not locked out by who guesses there", func(t *testing.T, th *throttle) {
			th.succeeded(at(250, away))
			guess(t, th, 600, spray)
			if n, took := guess(t, th, 1, always(at(250, away))); n != 1 || took != 0 {
				t.Errorf("known: %d, %s", n, took)
			}
			if n, _ := guess(t, th, 1, always(at(251, away))); n != 0 {
				t.Error("unknown is let through")
			}
			time.Sleep(knownFor + time.Hour)
			guess(t, th, 600, spray)
			if n, _ := guess(t, th, 1, always(at(250, away))); n != 0 {
				t.Error("known for ever")
			}
		}},
		{"an account that is guessed from everywhere is slow, and not for who is known", func(t *testing.T, th *throttle) {
			th.succeeded(at(1, home))
			if n, took := guess(t, th, 30, botnet); n != 30 || took < 9*th.slow {
				t.Errorf("%d tries in %s", n, took)
			}
			if n, took := guess(t, th, 1, always(at(1, home))); n != 1 || took != 0 {
				t.Errorf("known: %d, %s", n, took)
			}
			if n, took := guess(t, th, 1, always(at(1, office))); n != 1 || took != th.slow {
				t.Errorf("elsewhere: %d, %s", n, took)
			}
			if n, took := guess(t, th, 1, always(at(2, office))); n != 1 || took != 0 {
				t.Errorf("another account: %d, %s", n, took)
			}
		}},
		{"a good login forgets the account's failures, and pays for nobody else's", func(t *testing.T, th *throttle) {
			for range 1000 {
				guess(t, th, 4, always(at(250, away)))
				end, err := th.begin(t.Context(), at(250, away))
				if err != nil {
					t.Fatal(err)
				}
				end(false)
				th.succeeded(at(250, away))
			}
			left, _ := guess(t, th, 600, spray)
			if left > 96 {
				t.Errorf("good logins bought %d tries", left)
			}
		}},
		{"a try that was nobody's fault does not count", func(t *testing.T, th *throttle) {
			for range 1000 {
				end, err := th.begin(t.Context(), at(1, away))
				if err != nil {
					t.Fatal(err)
				}
				end(false)
			}
			if len(th.pairs.until)+len(th.networks.until)+len(th.accounts.until)+len(th.pairs.open)+len(th.networks.open) != 0 {
				t.Error("something is remembered")
			}
		}},
		{"a program that opens many connections at once with the right password is let in by all", func(t *testing.T, th *throttle) {
			if n := atOnce(t, th, 50, at(1, home), false); n != 50 {
				t.Errorf("%d of them", n)
			}
		}},
		{"an office of many programs, too", func(t *testing.T, th *throttle) {
			var offices sync.WaitGroup
			for i := range 30 {
				offices.Go(func() {
					if n := atOnce(t, th, 10, at(byte(i+1), office), false); n != 10 {
						t.Errorf("%d of ten", n)
					}
				})
			}
			offices.Wait()
		}},
		{"one who guesses with many at once has five tries", func(t *testing.T, th *throttle) {
			if n := atOnce(t, th, 50, at(1, away), true); n != 5 {
				t.Errorf("%d tries", n)
			}
			if len(th.pairs.open)+len(th.networks.open) != 0 {
				t.Error("something is remembered")
			}
		}},
		{"who waits can be told to go", func(t *testing.T, th *throttle) {
			guess(t, th, 30, botnet)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := th.begin(ctx, at(1, office)); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}},
		{"a login is news once an hour", func(t *testing.T, th *throttle) {
			var news int
			for range 120 {
				if th.succeeded(at(1, home)) {
					news++
				}
				time.Sleep(time.Minute)
			}
			if news != 2 {
				t.Errorf("%d times in two hours", news)
			}
		}},
		{"failed logins do not flood the audit", func(t *testing.T, th *throttle) {
			noted, told := 0, 0
			for range 3600 {
				if before, ok := th.mayNote(); ok {
					noted, told = noted+1, told+before
				}
				time.Sleep(time.Second)
			}
			if noted > 100+360 || noted+told < 3600-10 {
				t.Errorf("%d noted, %d told of", noted, told)
			}
		}},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { row.run(t, newThrottle(time.Now)) })
		})
	}
}

func TestThrottleIsBounded(t *testing.T) {
	t.Parallel()
	th := newThrottle(time.Now)
	th.slow = 0
	for i := range 3 * triesMost {
		ip := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		p := pair{owner{byte(i), byte(i >> 8), byte(i >> 16)}, neighbourhood(ip)}
		end, err := th.begin(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		end(true)
		th.succeeded(p)
	}
	if a, b, c, d := len(th.pairs.until), len(th.networks.until), len(th.accounts.until), len(th.known); a > triesMost || b > triesMost || c > triesMost || d > knownMost {
		t.Errorf("remembers %d, %d, %d, %d", a, b, c, d)
	}
}
