package vault_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
)

const (
	// childEnv makes the test binary a child that works in the vault of that folder until it is killed.
	childEnv = "SIGILL_TEST_VAULT_CHILD"
	// killsEnv is how often TestKilled kills, if not as often as it does by itself.
	killsEnv     = "SIGILL_TEST_KILLS"
	defaultKills = 200
	// killsOfAVault is after how many kills a vault is begun anew, so that to look through one stays cheap.
	killsOfAVault = 20
	// killsAtOnce are under way in vaults of their own: most of one is waiting for a process and for the disk.
	killsAtOnce = 8
)

// killedMail is the mail of one name, small or, as each eighth, large enough to be staged.
func killedMail(name string, n int) []byte {
	size := 100 + n%7*1000
	if n%8 == 7 {
		size = 1200_000
	}
	return mail(name+"@x", "Beslut", strings.Repeat(name+" ", size/(len(name)+1)))
}

// child deposits from some goroutines beside the vault's upkeep, and says on standard output what it got
// acknowledged: the message and its mail.
func child(dir, run string) error {
	ctx := context.Background()
	keys, err := vault.OpenKeyFile(filepath.Join(dir, "vault.key"))
	if err != nil {
		return err
	}
	v, err := vault.Open(ctx, filepath.Join(dir, "vault"), keys, vault.Options{Retention: vault.Retention{Default: deposit10}})
	if err != nil {
		return err
	}
	failed := make(chan error)
	var out sync.Mutex
	for g := range 4 {
		go func() {
			for n := g; ; n++ {
				name := fmt.Sprintf("%s-%d-%d", run, g, n)
				receipt, err := depositAs(ctx, v, killedMail(name, n))
				if err != nil {
					failed <- err
				}
				out.Lock()
				fmt.Println(receipt.ID, name, n)
				out.Unlock()
			}
		}()
	}
	go v.Run(ctx)
	go func() {
		for {
			if err := upkeep(ctx, v, filepath.Join(dir, "vault"), keys); err != nil {
				failed <- err
			}
		}
	}()
	return <-failed
}

// upkeep is all that writes besides: disposal, erasure, a new version of the key and the end of the old one.
func upkeep(ctx context.Context, v *vault.Vault, dir string, keys *vault.KeyFile) error {
	if _, err := v.Dispose(ctx); err != nil {
		return err
	}
	if err := v.Maintain(ctx, nil); err != nil {
		return err
	}
	if _, err := vault.RotateKey(ctx, dir, keys); err != nil {
		return err
	}
	if err := v.RewrapKeyring(ctx); err != nil {
		return err
	}
	_, err := vault.DropKeyVersions(ctx, dir, keys)
	return err
}

func depositAs(ctx context.Context, v *vault.Vault, raw []byte) (vault.Receipt, error) {
	to, err := v.Directory().Classify(ctx, []policy.Address{kim, cia})
	if err != nil {
		return vault.Receipt{}, err
	}
	w := v.Depositor().Begin(vault.Deposit{From: anna, Account: anna, Recipients: to, Rule: policy.RuleTag})
	if _, err := w.Write(raw); err != nil {
		w.Abort()
		return vault.Receipt{}, err
	}
	return w.Commit(ctx)
}

// TestKilled kills a process under load, at random, and wants all that it acknowledged: whole, once, in a vault that
// verifies.
func TestKilled(t *testing.T) {
	t.Parallel()
	kills := defaultKills
	if n, err := strconv.Atoi(os.Getenv(killsEnv)); err == nil {
		kills = n
	}
	var total, gone atomic.Int64
	vaults := make(chan int)
	var lanes sync.WaitGroup
	for range killsAtOnce {
		lanes.Go(func() {
			for first := range vaults {
				sent, disposed := killOneVault(t, first, min(killsOfAVault, kills-first))
				total.Add(int64(sent))
				gone.Add(int64(disposed))
			}
		})
	}
	for first := 0; first < kills && !t.Failed(); first += killsOfAVault {
		vaults <- first
	}
	close(vaults)
	lanes.Wait()
	t.Logf("%d kills, %d acknowledged deposits, %d disposals", kills, total.Load(), gone.Load())
	if total.Load() < int64(kills/2) || gone.Load() == 0 {
		t.Error("the processes hardly worked")
	}
}

// killOneVault kills the processes of one vault, and gives how many deposits they acknowledged, and how many mails whose
// time had come they disposed of.
func killOneVault(t *testing.T, first, kills int) (sent, disposed int) {
	const old = 20
	monthAgo := func() time.Time { return time.Now().AddDate(0, -1, 0) }
	h, acknowledged := newHouseWith(t, vault.Options{Now: monthAgo}), map[string][]byte{}
	h.depositMany(old, bo, bo)
	h.opts.Now = nil
	for kill := first; kill < first+kills && !t.Failed(); kill++ {
		must(t, h.Close())
		runAndKill(t, h.dir, kill, acknowledged)
		h.open()
		wantAcknowledged(t, h, acknowledged)
		if t.Failed() {
			t.Logf("stopped at kill %d", kill)
		}
	}
	left := len(entries(t, h.reader(vault.Staff(bo)), bo, vault.Inbox))
	must(t, h.Close())
	return len(acknowledged), old - left
}

// runAndKill kills the child some time after its first answer, and each fifth one while it opens the vault.
func runAndKill(t *testing.T, dir string, run int, acknowledged map[string][]byte) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir, childEnv+"_RUN="+strconv.Itoa(run))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	kill := sync.OnceFunc(func() {
		after := time.Duration(rand.IntN(20_000)) * time.Microsecond
		timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
		t.Cleanup(func() { timer.Stop() })
	})
	if run%5 == 4 {
		kill()
	}
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // the last line may be cut off
		}
		var id, name string
		var n int
		if _, err := fmt.Sscan(line, &id, &name, &n); err != nil {
			t.Errorf("the child says %q", line)
			break
		}
		acknowledged[id] = killedMail(name, n)
		kill()
	}
	cmd.Process.Kill()
	cmd.Wait()
	if s, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGKILL {
		t.Errorf("the child ended by itself: %v", cmd.ProcessState)
	}
}

// wantAcknowledged looks that every acknowledged mail lies once with its sender and its recipient, and reads whole.
func wantAcknowledged(t testing.TB, h *house, acknowledged map[string][]byte) {
	t.Helper()
	for _, at := range []struct {
		who  policy.Address
		role vault.Role
	}{{anna, vault.Sent}, {cia, vault.Inbox}} {
		r := h.reader(vault.Staff(at.who))
		times := map[string]int{}
		for _, e := range entries(t, r, at.who, at.role) {
			times[e.Message.String()]++
		}
		for id := range acknowledged {
			if times[id] != 1 {
				t.Errorf("%s lies %d times in %s of %s", id, times[id], at.role, at.who)
			}
		}
	}
	var ids []vault.MessageID
	for id := range acknowledged {
		message, err := vault.ParseMessageID(id)
		must(t, err)
		ids = append(ids, message)
	}
	r := h.reader(vault.Person(kimsID))
	contents, err := r.Open(t.Context(), ids...) // which is one commit
	must(t, err)
	for _, c := range contents {
		got := make([]byte, c.Size())
		_, err := c.ReadAt(got, 0)
		if err != nil || !bytes.Equal(got, acknowledged[c.ID().String()]) {
			t.Errorf("%s reads otherwise, %v", c.ID(), err)
		}
		c.Close()
	}
	if report := verify(t, h.Vault); len(report.Faults) != 0 {
		t.Errorf("verify: %q", report.Faults)
	}
}
