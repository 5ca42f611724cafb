package detect

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sigill/policy"
)

// TestTurns: what mails unpack to is in memory for as many as there are processors, however many come at once.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var begun atomic.Int64
		var all sync.WaitGroup
		hold := make(chan struct{})
		rules := []policy.Rule{{Name: "numbers", Action: policy.ActionSeal, When: []policy.Condition{policy.Contains{Numbers: true}}}}
		d := New(rules, Limits{}, nil)
		d.now = func() time.Time {
			begun.Add(1)
			<-hold
			return time.Now()
		}
		for range 2 * runtime.GOMAXPROCS(0) {
			all.Go(func() { d.Look([]byte("Subject: Hej\r\n\r\nHej\r\n")) })
		}
		synctest.Wait()
		if n := begun.Load(); n != int64(runtime.GOMAXPROCS(0)) {
			t.Errorf("%d mails are looked through at once", n)
		}
		close(hold)
		all.Wait()
	})
}
