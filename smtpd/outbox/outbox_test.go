package outbox

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sigill/policy"
	"sigill/vault"
)

// status is that of the message's only recipient.
func status(t testing.TB, v *vault.Vault, id vault.MessageID) vault.Status {
	t.Helper()
	r, err := v.Reader(context.Background(), vault.Staff(anna), vault.DoorWeb)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	info, err := r.Info(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return info.Recipients[0].Status
}

func queued(t testing.TB, v *vault.Vault) []vault.Job {
	t.Helper()
	due, _, err := v.Outbox().Due(context.Background(), time.Now().Add(24*365*time.Hour), 100)
	if err != nil {
		t.Fatal(err)
	}
	return due
}

func TestSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, up := openVault(t), &outside{}
		before := deposit(t, v, cecil)
		stop := begin(t, worker(t, v, up, nil))
		defer stop()
		synctest.Wait()
		after := deposit(t, v, cecil) // wakes the worker
		synctest.Wait()               // notices go out side by side
		held := deposit(t, v, dag)
		time.Sleep(time.Second)
		stop()
		if len(up.mails) != 3 || status(t, v, before) != vault.Notified || status(t, v, after) != vault.Notified || status(t, v, held) != vault.Held {
			t.Fatal(len(up.mails), status(t, v, before), status(t, v, after), status(t, v, held))
		}
		for i, want := range []policy.Address{cecil, cecil, anna} {
			if m := up.mails[i]; !strings.HasPrefix(m.From.String(), "bounces+") || m.From.Domain != "kommun.example" || !slices.Equal(m.To, []policy.Address{want}) || m.Size != int64(len(up.raw[i])) {
				t.Errorf("envelope %+v", m)
			}
		}
		if len(queued(t, v)) != 0 {
			t.Error("jobs are left")
		}
	})
}

func TestRetryTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, up := openVault(t), &outside{says: answers(451)}
		id, created := deposit(t, v, cecil), time.Now()
		stop := begin(t, worker(t, v, up, nil))
		defer stop()
		time.Sleep(6 * 24 * time.Hour)
		stop()
		attempts := 0
		for i, at := range up.at {
			if up.mails[i].To[0] != cecil {
				continue // the sender's notice, later
			}
			if attempts++; attempts == 1 {
				continue
			}
			pause, least := at.Sub(up.at[i-1]), pauses[min(attempts-2, len(pauses)-1)]
			if pause < least || pause > least+least/5+time.Second {
				t.Errorf("pause %d is %s, want %s and up to a fifth more", attempts-1, pause, least)
			}
			if at.Sub(created) > giveUp {
				t.Errorf("still tried after %s", at.Sub(created))
			}
		}
		if attempts < 17 || attempts > 25 {
			t.Errorf("%d attempts", attempts)
		}
		if status(t, v, id) != vault.Failed {
			t.Error(status(t, v, id))
		}
		left := queued(t, v)
		if len(left) != 1 || left[0].Kind != vault.NoticeFailed || left[0].To != anna || left[0].LastError != "451 words" {
			t.Errorf("%+v", left)
		}
	})
}

func TestRefusedForGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, up := openVault(t), &outside{}
		up.says = func(n int) error {
			if n == 0 {
				return answers(550)(n)
			}
			return nil
		}
		id := deposit(t, v, cecil)
		stop := begin(t, worker(t, v, up, nil))
		defer stop()
		time.Sleep(time.Minute)
		stop()
		if status(t, v, id) != vault.Failed || len(up.mails) != 2 || up.mails[1].To[0] != anna || len(queued(t, v)) != 0 {
			t.Error(status(t, v, id), up.mails)
		}
		if !strings.Contains(up.raw[1], "/messages/"+id.String()) {
			t.Error("the sender is not told which message")
		}
	})
}

func TestParallelIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, up := openVault(t), &outside{slow: time.Minute}
		for range 10 {
			deposit(t, v, cecil)
		}
		counted := &counting{queue: v.Outbox()}
		w := worker(t, v, up, func(c *Config) { c.Parallel, c.PerDomain = 4, 4 })
		w.queue = counted
		stop := begin(t, w)
		defer stop()
		time.Sleep(10 * time.Minute)
		stop()
		if up.most != 4 || len(up.mails) != 10 {
			t.Errorf("%d at once, %d in all", up.most, len(up.mails))
		}
		if n := counted.n.Load(); n > 40 {
			t.Errorf("looked %d times for 10 notices", n)
		}
	})
}

type counting struct {
	queue
	n    atomic.Int64
	fail atomic.Bool
}

func (c *counting) Due(ctx context.Context, now time.Time, n int) ([]vault.Job, time.Time, error) {
	c.n.Add(1)
	if c.fail.Load() {
		return nil, time.Time{}, errors.New("vault is away")
	}
	return c.queue.Due(ctx, now, n)
}

func TestVaultAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, up := openVault(t), &outside{}
		deposit(t, v, cecil)
		q := &counting{queue: v.Outbox()}
		q.fail.Store(true)
		w := worker(t, v, up, nil)
		w.queue = q
		stop := begin(t, w)
		defer stop()
		time.Sleep(time.Minute)
		if n := q.n.Load(); n < 10 || n > 20 {
			t.Errorf("looked %d times in a minute", n)
		}
		q.fail.Store(false)
		time.Sleep(time.Minute)
		stop()
		if len(up.mails) != 1 {
			t.Error("not sent when the vault came back")
		}
	})
}

// forgetful loses the results of attempts while it is away.
type forgetful struct {
	results
	mu   sync.Mutex
	away bool
}

func (f *forgetful) set(away bool) { f.mu.Lock(); f.away = away; f.mu.Unlock() }

func (f *forgetful) Sent(ctx context.Context, j vault.Job) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away {
		return vault.ErrFull
	}
	return f.results.Sent(ctx, j)
}

func TestResultNotRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, up := openVault(t), &outside{}
		id := deposit(t, v, cecil)
		w := worker(t, v, up, nil)
		f := &forgetful{results: w.results}
		f.set(true)
		w.results = f
		stop := begin(t, w)
		defer stop()
		time.Sleep(time.Hour)
		if len(up.sent()) != 1 {
			t.Fatalf("sent %d times while the result could not be recorded", len(up.sent()))
		}
		f.set(false)
		time.Sleep(time.Hour)
		stop()
		if status(t, v, id) != vault.Notified || len(up.sent()) != 1 {
			t.Error(status(t, v, id), len(up.sent()))
		}
	})
}

func TestRestartBetweenAttemptAndRecord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, up := openVault(t), &outside{}
		id := deposit(t, v, cecil)
		w := worker(t, v, up, nil)
		f := &forgetful{results: w.results, away: true}
		w.results = f
		stop := begin(t, w)
		time.Sleep(time.Minute)
		stop()
		stop = begin(t, worker(t, v, up, nil)) // the next start of the process
		defer stop()
		time.Sleep(time.Minute)
		stop()
		all := up.sent()
		if len(all) != 2 || header(t, all[0], "Message-ID") != header(t, all[1], "Message-ID") || status(t, v, id) != vault.Notified {
			t.Error(len(all), status(t, v, id))
		}
	})
}

func TestStopLetsNoticesEnd(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		slow time.Duration
		want vault.Status
	}{{5 * time.Second, vault.Notified}, {time.Hour, vault.Queued}} {
		synctest.Test(t, func(t *testing.T) {
			v, up := openVault(t), &outside{slow: row.slow}
			id := deposit(t, v, cecil)
			stop := begin(t, worker(t, v, up, nil))
			synctest.Wait()
			start := time.Now()
			stop()
			if took := time.Since(start); took > stopGrace+time.Second {
				t.Errorf("stopping took %s", took)
			}
			if got := status(t, v, id); got != row.want {
				t.Errorf("a notice that takes %s is %s", row.slow, got)
			}
		})
	}
}
