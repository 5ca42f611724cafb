package imapd

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestSessionsModel lets three sessions work on one mailbox in turns, each believing what it is told and nothing else, and
// compares what they believe with a reference that only knows RFC 3501.
func TestSessionsModel(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.login(anna)
	a.ok("CREATE Shared/omsorg@kommun.example/sink")
	wires := []*wire{a, f.login(anna), f.login(bo)}
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		m := &model{T: rt, name: fmt.Sprintf("Shared/omsorg@kommun.example/m%d", round), next: 1}
		a.ok("CREATE %s", m.name)
		for _, w := range wires {
			w.SetDeadline(time.Now().Add(30 * time.Second))
			w.ok("SELECT %s", m.name)
			m.clients = append(m.clients, &client{wire: w, model: m, flags: map[int]string{}, recent: map[int]bool{}})
		}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			m.step(rapid.SampledFrom(m.clients).Draw(rt, "client"))
		}
		m.settle()
		for _, w := range wires {
			w.ok("UNSELECT")
		}
		a.ok("DELETE %s", m.name)
	})
}

// model is a mailbox as RFC 3501 has it.
type model struct {
	*rapid.T
	name    string
	next    int // UIDNEXT
	msgs    []*modelMessage
	clients []*client
}

type modelMessage struct {
	uid   int
	flags map[string]bool
	text  string
}

// client is what one session has been told.
type client struct {
	*wire
	*model
	uids   []int // by sequence number; 0 until it has asked
	flags  map[int]string
	recent map[int]bool
	saved  []int // the UIDs that "$" means (RFC 5182)
}

func flagText(flags map[string]bool) string {
	return strings.Join(slices.Sorted(maps.Keys(flags)), " ")
}

func (m *model) find(uid int) *modelMessage {
	if i := slices.IndexFunc(m.msgs, func(x *modelMessage) bool { return x.uid == uid }); i >= 0 {
		return m.msgs[i]
	}
	return nil
}

func (m *model) add(text string, flags map[string]bool) {
	m.msgs = append(m.msgs, &modelMessage{m.next, flags, text})
	m.next++
}

func (m *model) remove(uid int) {
	m.msgs = slices.DeleteFunc(m.msgs, func(x *modelMessage) bool { return x.uid == uid })
}

var untaggedNumber = regexp.MustCompile(`^\* (\d+) (EXISTS|EXPUNGE|FETCH)(.*)`)

// run sends a command and believes the answer. A client that speaks in sequence numbers must not be told of removals
// meanwhile (RFC 3501 section 7.4.1).
func (c *client) run(format string, args ...any) (untagged []string, status string) {
	command := fmt.Sprintf(format, args...)
	untagged, status = c.do("%s", command)
	for _, line := range untagged {
		g := untaggedNumber.FindStringSubmatch(line)
		if g == nil {
			continue
		}
		n, _ := strconv.Atoi(g[1])
		switch g[2] {
		case "EXISTS":
			if n < len(c.uids) {
				c.model.Fatalf("%s: %d EXISTS after %d messages", command, n, len(c.uids))
			}
			c.uids = append(c.uids, make([]int, n-len(c.uids))...)
		case "EXPUNGE":
			for _, verb := range []string{"FETCH", "STORE", "SEARCH"} {
				if strings.HasPrefix(command, verb) {
					c.model.Fatalf("%s was answered with EXPUNGE", command)
				}
			}
			if n < 1 || n > len(c.uids) {
				c.model.Fatalf("%s: EXPUNGE %d of %d", command, n, len(c.uids))
			}
			c.uids = slices.Delete(c.uids, n-1, n)
		case "FETCH":
			c.told(command, n, g[3])
		}
	}
	return untagged, status
}

var (
	toldUID   = regexp.MustCompile(`UID (\d+)`)
	toldFlags = regexp.MustCompile(`FLAGS \(([^)]*)\)`)
)

func (c *client) told(command string, n int, what string) {
	if n < 1 || n > len(c.uids) {
		c.model.Fatalf("%s: FETCH %d of %d", command, n, len(c.uids))
	}
	if g := toldUID.FindStringSubmatch(what); g != nil {
		uid, _ := strconv.Atoi(g[1])
		if known := c.uids[n-1]; known != 0 && known != uid {
			c.model.Fatalf("%s: message %d was UID %d and is %d", command, n, known, uid)
		}
		c.uids[n-1] = uid
	}
	if g := toldFlags.FindStringSubmatch(what); g != nil && c.uids[n-1] != 0 {
		uid, flags := c.uids[n-1], strings.Fields(g[1])
		all := len(flags)
		flags = slices.DeleteFunc(flags, func(f string) bool { return f == `\Recent` })
		recent := len(flags) < all
		if was, known := c.recent[uid]; known && was != recent {
			c.model.Fatalf("%s: UID %d was recent, %v, and is, %v", command, uid, was, recent)
		}
		c.recent[uid] = recent
		slices.Sort(flags)
		c.flags[uid] = strings.Join(flags, " ")
	}
}

// ask learns the UIDs and flags of messages the client does not know yet: twice, since the end of the first answer may tell
// of more. What it has not learnt then is gone.
func (c *client) ask() {
	for range 2 {
		if i := slices.Index(c.uids, 0); i >= 0 {
			c.run("FETCH %d:* (UID FLAGS)", i+1)
		}
	}
}

func (m *model) step(c *client) {
	c.ask()
	verb := rapid.SampledFrom([]string{"append", "append", "store", "uid store", "expunge", "uid expunge", "copy", "move", "noop", "fetch", "search", "save", "saved"}).Draw(m.T, "verb")
	from := rapid.IntRange(1, max(len(c.uids), 1)).Draw(m.T, "from")
	to := rapid.IntRange(from, max(len(c.uids), from)).Draw(m.T, "to")
	var picked []int // the UIDs the client means, of those it knows
	if len(c.uids) > 0 {
		picked = slices.DeleteFunc(slices.Clone(c.uids[from-1:to]), func(uid int) bool { return uid == 0 })
	}
	set := fmt.Sprintf("%d:%d", from, to)
	switch {
	case verb == "append":
		m.doAppend(c)
	case verb == "noop":
		c.run("NOOP")
	case verb == "search":
		m.doSearch(c)
	case verb == "save":
		if !slices.Contains(c.uids, 0) {
			c.saved = slices.Clone(picked)
			c.run("SEARCH RETURN (SAVE) %s", set)
		}
	case verb == "saved":
		m.doSaved(c)
	case verb == "expunge":
		c.run("EXPUNGE")
		m.expunge(func(int) bool { return true })
	case len(picked) == 0:
	case verb == "store":
		// One the client has not learnt the UID of when it asked was gone by then.
		m.doStore(c, "STORE "+set, picked, len(picked) < to-from+1)
	case verb == "uid store":
		m.doStore(c, "UID STORE "+uidSet(picked), picked, false)
	case verb == "uid expunge":
		c.run("UID EXPUNGE %s", uidSet(picked))
		m.expunge(func(uid int) bool { return slices.Contains(picked, uid) })
	case verb == "copy":
		m.doCopy(c, picked)
	case verb == "move":
		c.run("UID MOVE %s Shared/omsorg@kommun.example/sink", uidSet(picked))
		for _, uid := range picked {
			m.remove(uid)
		}
	case verb == "fetch":
		m.doFetch(c, set, picked)
	}
}

func uidSet(uids []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(uids), " ", ","), "[]")
}

var modelFlags = []string{`\Deleted`, `\Seen`, `\Flagged`, "$Klart"}

func (m *model) drawFlags(label string) map[string]bool {
	flags := map[string]bool{}
	for _, f := range rapid.SliceOfNDistinct(rapid.SampledFrom(modelFlags), 0, 2, rapid.ID).Draw(m.T, label) {
		flags[f] = true
	}
	return flags
}

func (m *model) doAppend(c *client) {
	flags, text := m.drawFlags("flags"), mail(fmt.Sprintf("nr %d", m.next))
	_, status := c.run("APPEND %s (%s) {%d+}\r\n%s", m.name, flagText(flags), len(text), text)
	if want := fmt.Sprintf(" %d]", m.next); !strings.HasPrefix(status, "OK [APPENDUID ") || !strings.Contains(status, want) {
		m.Fatalf("append: %s, want%s", status, want)
	}
	m.add(text, flags)
}

func (m *model) doStore(c *client, command string, picked []int, gone bool) {
	sign, flags := rapid.SampledFrom([]string{"", "+", "-"}).Draw(m.T, "sign"), m.drawFlags("flags")
	silent := rapid.SampledFrom([]string{"", ".SILENT"}).Draw(m.T, "silent")
	for _, uid := range picked {
		x := m.find(uid)
		if x == nil {
			continue
		}
		if sign == "" {
			x.flags = map[string]bool{}
		}
		for f := range flags {
			if x.flags[f] = sign != "-"; sign == "-" {
				delete(x.flags, f)
			}
		}
		if silent != "" {
			c.flags[uid] = flagText(x.flags) // RFC 3501 section 6.4.6: the client knows
		}
	}
	_, status := c.run("%s %sFLAGS%s (%s)", command, sign, silent, flagText(flags))
	gone = gone || slices.ContainsFunc(picked, func(uid int) bool { return m.find(uid) == nil })
	if !strings.HasPrefix(status, "OK") && !(gone && strings.HasPrefix(command, "STORE") && strings.HasPrefix(status, "NO [EXPUNGEISSUED]")) {
		m.Fatalf("%s: %s", command, status)
	}
}

func (m *model) expunge(among func(uid int) bool) {
	for _, x := range slices.Clone(m.msgs) {
		if x.flags[`\Deleted`] && among(x.uid) {
			m.remove(x.uid)
		}
	}
}

func (m *model) doCopy(c *client, picked []int) {
	_, status := c.run("UID COPY %s %s", uidSet(picked), m.name)
	if !strings.HasPrefix(status, "OK") {
		m.Fatalf("copy: %s", status)
	}
	slices.Sort(picked)
	for _, uid := range picked {
		if x := m.find(uid); x != nil {
			m.add(x.text, maps.Clone(x.flags))
		}
	}
}

func (m *model) doFetch(c *client, set string, picked []int) {
	untagged, _ := c.run("FETCH %s (UID FLAGS BODY.PEEK[])", set)
	got := map[int]string{}
	for _, line := range untagged {
		if g := toldUID.FindStringSubmatch(line); g != nil && strings.Contains(line, "BODY[]") {
			uid, _ := strconv.Atoi(g[1])
			got[uid] = literalOf(line)
		}
	}
	for _, uid := range picked {
		x, text := m.find(uid), got[uid]
		switch {
		case x != nil && text != x.text:
			m.Fatalf("UID %d reads %q, want %q", uid, text, x.text)
		case x == nil && text != "":
			m.Fatalf("UID %d is gone and reads %q", uid, text)
		}
	}
}

// doSearch searches what the client has been told of before; what has come since may be found only once it is told.
func (m *model) doSearch(c *client) {
	if slices.Contains(c.uids, 0) {
		return
	}
	var want []string
	for i, uid := range c.uids {
		if x := m.find(uid); x != nil && x.flags[`\Flagged`] {
			want = append(want, strconv.Itoa(i+1))
		}
	}
	untagged, _ := c.run("SEARCH FLAGGED")
	for _, line := range untagged {
		if got, ok := strings.CutPrefix(line, "* SEARCH"); ok && strings.TrimSpace(got) != strings.Join(want, " ") {
			m.Fatalf("search: %q, want %q", got, want)
		}
	}
}

// doSaved fetches what was saved, and finds all of it that is there.
func (m *model) doSaved(c *client) {
	untagged, _ := c.run("UID FETCH $ (UID BODY.PEEK[])")
	var got, want []int
	for _, line := range untagged {
		if g := toldUID.FindStringSubmatch(line); g != nil && strings.Contains(line, "BODY[]") {
			uid, _ := strconv.Atoi(g[1])
			got = append(got, uid)
		}
	}
	for _, uid := range c.saved {
		if m.find(uid) != nil {
			want = append(want, uid)
		}
	}
	if !slices.Equal(got, want) {
		m.Fatalf("saved %v, there are %v of them, and got %v", c.saved, want, got)
	}
}

// settle lets every client hear of everything; then all must believe the same, and one that a message is recent.
func (m *model) settle() {
	var want []int
	for _, x := range m.msgs {
		want = append(want, x.uid)
	}
	for i, c := range m.clients {
		c.run("NOOP")
		c.ask()
		c.run("NOOP")
		if !slices.Equal(c.uids, want) {
			m.Fatalf("client %d believes in %v, there are %v", i, c.uids, want)
		}
		for _, x := range m.msgs {
			if got := c.flags[x.uid]; got != flagText(x.flags) {
				m.Fatalf("client %d: UID %d has %q, believes %q", i, x.uid, flagText(x.flags), got)
			}
		}
	}
	for _, x := range m.msgs {
		n := 0
		for _, c := range m.clients {
			if c.recent[x.uid] {
				n++
			}
		}
		if n != 1 {
			m.Fatalf("UID %d is recent for %d clients", x.uid, n)
		}
	}
}
