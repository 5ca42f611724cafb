package imapd

import (
	"cmp"
	"slices"

	"sigill/vault"
)

// view is a selected mailbox as one client knows it: which message each sequence number means (RFC 3501 section 2.3.1.2).
// It changes only when the client is told, so a number the client sends always means what the client thinks.
//
// A view is a pure value: changes go in, updates to be told come out. It knows neither vault nor network.
type view struct {
	// uids are in order; the message with sequence number n is uids[n-1].
	uids []vault.UID
	// last is the greatest UID that was ever in the view. UIDs grow, so what is not greater is not new.
	last vault.UID
	// gone are messages that are expunged and that the client still counts.
	gone map[vault.UID]bool
	// words are the mailbox's keywords, of which the client has heard so many.
	words *vocabulary
	heard int
	// recent are the UIDs the client is the first to be told of, in order, of which it was told that there are so many;
	// those up to welcomed were asked about by claim, which may be nil.
	recent   []run
	told     uint32
	welcomed vault.UID
	claim    func(last vault.UID) (from vault.UID)
	// saved are the UIDs that "$" means (RFC 5182), in order.
	saved []vault.UID
}

// marks are the flags and keywords of one message.
type marks struct {
	flags    vault.Flags
	keywords []string
	recent   bool // for the client that is told
}

func marksOf(e vault.Entry) marks { return marks{flags: e.Flags, keywords: e.Keywords} }

// update is one untagged response a client is to be told.
type update struct {
	kind updateKind
	num  uint32 // sequence number; for exists and recent the number of messages
	uid  vault.UID
	marks
}

type updateKind int

const (
	expunge updateKind = iota
	exists
	recent
	vocable // there are keywords that were not told
	reflag
)

// expunges says whether the client may be told of removed messages now (RFC 3501 section 7.4.1: not while it may be
// speaking in sequence numbers).
type expunges bool

const (
	tellExpunges expunges = true
	holdExpunges expunges = false
)

// newView makes the view a client has after SELECT.
func newView(entries []vault.Entry, claim func(vault.UID) vault.UID) *view {
	v := &view{claim: claim, words: &vocabulary{}, gone: map[vault.UID]bool{}}
	v.uids = make([]vault.UID, len(entries))
	for i, e := range entries {
		v.uids[i] = e.UID
		v.last = e.UID
	}
	v.welcome()
	v.told = v.recentCount()
	return v
}

// advance takes the mailbox's changes in and gives what the client is to be told, in the order to tell it.
func (v *view) advance(changes []vault.Change, when expunges) []update {
	known := len(v.uids)
	flags := map[vault.UID]marks{}
	for _, c := range changes {
		v.take(c, flags)
	}
	return v.tell(known, flags, when)
}

// relist is advance for a view that has missed changes: entries are all that lie in the mailbox now. All flags are told
// anew, since the view does not know which have changed.
func (v *view) relist(entries []vault.Entry, when expunges) []update {
	known := len(v.uids)
	flags := make(map[vault.UID]marks, len(entries))
	there := make(map[vault.UID]bool, len(entries))
	for _, e := range entries {
		there[e.UID] = true
		v.words.learn(e.Keywords)
		v.add(e.UID)
		flags[e.UID] = marksOf(e)
	}
	for _, uid := range v.uids {
		if !there[uid] {
			v.gone[uid] = true
		}
	}
	return v.tell(known, flags, when)
}

func (v *view) take(c vault.Change, flags map[vault.UID]marks) {
	uid := c.Entry.UID
	if c.Kind != vault.Expunged {
		v.words.learn(c.Entry.Keywords)
	}
	switch c.Kind {
	case vault.Added:
		v.add(uid)
	case vault.Expunged:
		if _, ok := v.seq(uid); ok {
			v.gone[uid] = true
		}
	case vault.Reflagged:
		flags[uid] = marksOf(c.Entry)
	}
}

func (v *view) add(uid vault.UID) {
	if uid > v.last {
		v.uids = append(v.uids, uid)
		v.last = uid
	}
}

// hearsWords tells whether there are keywords that the client has not heard of, and that it does now.
func (v *view) hearsWords() bool {
	n := v.words.size()
	news := n > v.heard
	v.heard = n
	return news
}

// tell makes the updates. The first known messages are those the client counts already; messages that came and went
// since are not worth a word.
func (v *view) tell(known int, flags map[vault.UID]marks, when expunges) []update {
	var out []update
	v.welcome()
	if len(v.gone) > 0 {
		out = v.sweep(known, when)
	}
	if len(v.uids) > known-len(out) {
		out = append(out, update{kind: exists, num: uint32(len(v.uids))})
	}
	if n := v.recentCount(); n != v.told {
		out = append(out, update{kind: recent, num: n})
		v.told = n
	}
	if v.hearsWords() {
		out = append(out, update{kind: vocable})
	}
	return append(out, v.reflags(flags)...)
}

// sweep takes out of the view what is gone, as far as the client may be told.
func (v *view) sweep(known int, when expunges) []update {
	var out []update
	kept := v.uids[:0]
	for i, uid := range v.uids {
		switch {
		case !v.gone[uid], i < known && when == holdExpunges:
			kept = append(kept, uid)
		case i < known:
			out = append(out, update{kind: expunge, num: uint32(i + 1), uid: uid})
			delete(v.gone, uid)
		default:
			delete(v.gone, uid)
		}
	}
	v.uids = kept
	slices.Reverse(out) // from the end, so that each number is right when it is told
	return out
}

func (v *view) reflags(flags map[vault.UID]marks) []update {
	var out []update
	for uid, m := range flags {
		if n, ok := v.seq(uid); ok && !v.gone[uid] {
			m.recent = v.isRecent(uid)
			out = append(out, update{kind: reflag, num: n, uid: uid, marks: m})
		}
	}
	slices.SortFunc(out, func(a, b update) int { return cmp.Compare(a.num, b.num) })
	return out
}

// remove takes messages out that this client has expunged or moved itself, and gives the numbers to tell, in order.
func (v *view) remove(uids []vault.UID) []uint32 {
	for _, uid := range uids {
		if _, ok := v.seq(uid); ok {
			v.gone[uid] = true
		}
	}
	var out []uint32
	for _, u := range v.sweep(len(v.uids), tellExpunges) {
		out = append(out, u.num)
	}
	return out
}

// seq is the sequence number of a message.
func (v *view) seq(uid vault.UID) (uint32, bool) {
	i, ok := slices.BinarySearch(v.uids, uid)
	return uint32(i + 1), ok
}

// span is a run of positions in view.uids: [from, to).
type span struct{ from, to int }

// merged sorts spans and joins those that touch or overlap.
func merged(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
		} else if s.from < s.to {
			out = append(out, s)
		}
	}
	return out
}
