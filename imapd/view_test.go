package imapd

import (
	"slices"
	"testing"

	"github.com/emersion/go-imap/v2"
	"pgregory.net/rapid"

	"sigill/vault"
)

// world is the reference of the model test: the mailbox as it is, and the client that believes what it is told.
type world struct {
	entries []vault.Entry
	next    vault.UID
	pending []vault.Change
	lost    bool // changes were dropped

	view   *view
	client []vault.UID
	flags  map[vault.UID]vault.Flags
}

func newWorld(n int) *world {
	w := &world{next: 1, flags: map[vault.UID]vault.Flags{}}
	for range n {
		w.deliver()
	}
	w.pending = nil
	w.view = newView(w.entries, nil)
	w.learn(w.view.uids)
	return w
}

func (w *world) deliver() {
	e := vault.Entry{UID: w.next}
	w.next++
	w.entries = append(w.entries, e)
	w.change(vault.Change{Kind: vault.Added, Entry: e})
}

func (w *world) change(c vault.Change) {
	if !w.lost {
		w.pending = append(w.pending, c)
	}
}

func (w *world) remove(i int) vault.UID {
	uid := w.entries[i].UID
	w.entries = slices.Delete(w.entries, i, i+1)
	w.change(vault.Change{Kind: vault.Expunged, Entry: vault.Entry{UID: uid}})
	return uid
}

func (w *world) reflag(i int, f vault.Flags) vault.Entry {
	w.entries[i].Flags = f
	w.change(vault.Change{Kind: vault.Reflagged, Entry: w.entries[i]})
	return w.entries[i]
}

// learn is the client fetching UID and flags of messages it has been told of.
func (w *world) learn(uids []vault.UID) {
	for _, uid := range uids {
		w.client = append(w.client, uid)
		w.flags[uid] = 0
		if i := w.at(uid); i >= 0 {
			w.flags[uid] = w.entries[i].Flags
		}
	}
}

func (w *world) at(uid vault.UID) int {
	return slices.IndexFunc(w.entries, func(e vault.Entry) bool { return e.UID == uid })
}

// hear is what a client does with what it is told.
func (w *world) hear(t *rapid.T, updates []update, when expunges) {
	for _, u := range updates {
		switch u.kind {
		case expunge:
			if when == holdExpunges {
				t.Fatalf("told of expunge %d when it may not be", u.num)
			}
			if w.client[u.num-1] != u.uid {
				t.Fatalf("expunge %d is UID %d for the client, %d for the server", u.num, w.client[u.num-1], u.uid)
			}
			w.client = slices.Delete(w.client, int(u.num)-1, int(u.num))
		case exists:
			if int(u.num) <= len(w.client) {
				t.Fatalf("exists %d, client has %d", u.num, len(w.client))
			}
			w.learn(w.view.uids[len(w.client):u.num])
		case reflag:
			w.flags[w.client[u.num-1]] = u.flags
		}
	}
}

func (w *world) poll(t *rapid.T, when expunges) {
	var updates []update
	if w.lost {
		updates = w.view.relist(slices.Clone(w.entries), when)
	} else {
		updates = w.view.advance(w.pending, when)
	}
	w.pending, w.lost = nil, false
	w.hear(t, updates, when)
	if !slices.Equal(w.client, w.view.uids) {
		t.Fatalf("client has %v, view %v", w.client, w.view.uids)
	}
	for _, e := range w.entries {
		if got := w.flags[e.UID]; got != e.Flags {
			t.Fatalf("client believes flags %b of UID %d, they are %b", got, e.UID, e.Flags)
		}
	}
	if when == tellExpunges && len(w.client) != len(w.entries) {
		t.Fatalf("client counts %d messages, there are %d", len(w.client), len(w.entries))
	}
}

func TestViewModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(rapid.IntRange(0, 6).Draw(t, "messages"))
		some := func() int { return rapid.IntRange(0, len(w.entries)-1).Draw(t, "which") }
		flags := func() vault.Flags { return vault.Flags(rapid.IntRange(0, 3).Draw(t, "flags")) }
		t.Repeat(map[string]func(*rapid.T){
			"deliver": func(*rapid.T) { w.deliver() },
			"expunge by another": func(t *rapid.T) {
				if len(w.entries) > 0 {
					w.remove(some())
				}
			},
			"expunge by this one": func(t *rapid.T) {
				if len(w.entries) == 0 {
					return
				}
				gone := w.remove(some())
				for _, num := range w.view.remove([]vault.UID{gone}) {
					w.client = slices.Delete(w.client, int(num)-1, int(num))
				}
			},
			"flags by another": func(t *rapid.T) {
				if len(w.entries) > 0 {
					w.reflag(some(), flags())
				}
			},
			"flags by this one": func(t *rapid.T) {
				if len(w.entries) == 0 {
					return
				}
				i, f := some(), flags()
				e := w.entries[i]
				if !slices.Contains(w.client, e.UID) {
					return
				}
				waits := func(c vault.Change) bool { return c.Entry.UID == e.UID }
				if e.Flags != f && slices.ContainsFunc(w.pending, waits) {
					w.reflag(i, f) // the vault tells of an own change only after another's
				}
				w.entries[i].Flags, w.flags[e.UID] = f, f
			},
			"too many changes": func(*rapid.T) { w.pending, w.lost = nil, true },
			"poll":             func(t *rapid.T) { w.poll(t, tellExpunges) },
			"poll in FETCH":    func(t *rapid.T) { w.poll(t, holdExpunges) },
		})
		w.poll(t, tellExpunges)
	})
}

func TestResolve(t *testing.T) {
	t.Parallel()
	v := newView([]vault.Entry{{UID: 2}, {UID: 5}, {UID: 6}, {UID: 9}}, nil)
	empty := newView(nil, nil)
	star := uint32(0)
	for _, c := range []struct {
		view *view
		set  imap.NumSet
		want []vault.UID
		err  error
		why  string
	}{
		{v, imap.SeqSet{{Start: 1, Stop: 2}}, []vault.UID{2, 5}, nil, "a range"},
		{v, imap.SeqSet{{Start: 3, Stop: star}}, []vault.UID{6, 9}, nil, "to the last"},
		{v, imap.SeqSet{{Start: star, Stop: star}}, []vault.UID{9}, nil, "the last"},
		{v, imap.SeqSet{{Start: 9, Stop: star}}, []vault.UID{9}, nil, "RFC 3501: 9:* holds the last, whatever it is"},
		{v, imap.SeqSet{{Start: 3, Stop: 70}}, []vault.UID{6, 9}, nil, "some exist"},
		{v, imap.SeqSet{{Start: 7, Stop: 8}}, nil, errNoSuchNumber, "none exists"},
		{v, imap.SeqSet{{Start: 1, Stop: 3}, {Start: 2, Stop: 4}}, []vault.UID{2, 5, 6, 9}, nil, "each once"},
		{v, imap.UIDSet{{Start: 3, Stop: 6}}, []vault.UID{5, 6}, nil, "UIDs between"},
		{v, imap.UIDSet{{Start: 7, Stop: 8}}, nil, nil, "RFC 3501: no UID is no fault"},
		{v, imap.UIDSet{{Start: 100, Stop: 0}}, []vault.UID{9}, nil, "the last"},
		{v, imap.UIDSet{{Start: 1, Stop: 1<<32 - 1}}, []vault.UID{2, 5, 6, 9}, nil, "the greatest UID"},
		{v, imap.SearchRes(), nil, nil, "nothing is saved"},
		{empty, imap.SeqSet{{Start: 1, Stop: star}}, nil, nil, "all of nothing"},
		{empty, imap.UIDSet{{Start: 1, Stop: 0}}, nil, nil, "all of nothing"},
		{empty, imap.SeqSet{{Start: 1, Stop: 1}}, nil, errNoSuchNumber, "none exists"},
	} {
		spans, err := c.view.resolve(c.set)
		if got := c.view.uidsIn(spans); !slices.Equal(got, c.want) || err != nil && err != c.err || (err == nil) != (c.err == nil) {
			t.Errorf("%s: %v gives %v, %v; want %v, %v", c.why, c.set, got, err, c.want, c.err)
		}
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var spans []span
		at := 0
		for range rapid.IntRange(0, 20).Draw(t, "spans") {
			at += rapid.IntRange(1, 2*maxGap).Draw(t, "gap")
			n := rapid.IntRange(1, 3*entryBatch).Draw(t, "size")
			spans = append(spans, span{at, at + n})
			at += n
		}
		var joined []span
		for _, b := range batches(slices.Clone(spans)) {
			n := 0
			for _, s := range b {
				n += s.to - s.from
			}
			if n == 0 || n > entryBatch {
				t.Fatalf("a batch of %d", n)
			}
			joined = append(joined, b...)
		}
		if got := merged(joined); !slices.Equal(got, spans) {
			t.Fatalf("got %v, want %v", got, spans)
		}
	})
}
