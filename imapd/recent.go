package imapd

import (
	"slices"
	"sync"

	"sigill/vault"
)

// recents knows, of each mailbox, which messages some client has been told of already; the others are \Recent for the first
// client that is (RFC 3501 section 2.3.2). UIDs grow and a client is told of all there are, so one number for each mailbox
// says it. It lives as long as the process: after that, what lies above the last message that was read counts as not told,
// as the RFC wants it where it is not known.
type recents struct {
	mu   sync.Mutex
	from map[vault.MailboxID]vault.UID // the least UID that nobody was told of
}

// begin says what is known of a mailbox that nothing is known of yet, by all that lies in it. Who has read a message was told
// of those before it, too.
func (r *recents) begin(box vault.MailboxID, entries []vault.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.from[box]; ok {
		return
	}
	i := len(entries)
	for i > 0 && entries[i-1].Flags&vault.Seen == 0 {
		i--
	}
	from := vault.UID(1)
	if i > 0 {
		from = entries[i-1].UID + 1
	}
	if r.from == nil {
		r.from = map[vault.MailboxID]vault.UID{}
	}
	r.from[box] = from
}

// unclaimed is the least UID that nobody was told of; false if nothing is known of the mailbox.
func (r *recents) unclaimed(box vault.MailboxID) (vault.UID, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	from, ok := r.from[box]
	return from, ok
}

// claim is unclaimed for a client that is being told of the messages up to last, so that they are recent for no other.
func (r *recents) claim(box vault.MailboxID, last vault.UID) vault.UID {
	r.mu.Lock()
	defer r.mu.Unlock()
	from := r.from[box]
	r.from[box] = max(from, last+1)
	return from
}

// claimer is claim for a mailbox that is open, or unclaimed if it is open for reading only, which leaves \Recent to others
// (RFC 3501 section 6.3.2).
func (r *recents) claimer(box vault.MailboxID, readOnly bool) func(last vault.UID) vault.UID {
	return func(last vault.UID) vault.UID {
		if readOnly {
			from, _ := r.unclaimed(box)
			return from
		}
		return r.claim(box, last)
	}
}

// run is UIDs from the first to the last.
type run struct{ first, last vault.UID }

// welcome makes recent what is new in the view and no other client was told of.
func (v *view) welcome() {
	if v.claim == nil || v.last <= v.welcomed {
		return
	}
	from := max(v.claim(v.last), v.welcomed+1)
	v.welcomed = v.last
	if from > v.last {
		return
	}
	if n := len(v.recent); n > 0 && v.recent[n-1].last+1 == from {
		v.recent[n-1].last = v.last
		return
	}
	v.recent = append(v.recent, run{from, v.last})
}

func (v *view) isRecent(uid vault.UID) bool {
	if n := len(v.recent); n == 0 || uid >= v.recent[n-1].first { // as most are
		return n > 0 && uid <= v.recent[n-1].last
	}
	i, _ := slices.BinarySearchFunc(v.recent, uid, func(r run, uid vault.UID) int { return int(int64(r.last) - int64(uid)) })
	return i < len(v.recent) && v.recent[i].first <= uid
}

// recentCount is how many of the messages in the view are recent.
func (v *view) recentCount() (n uint32) {
	for _, r := range v.recent {
		from, _ := slices.BinarySearch(v.uids, r.first)
		to, there := slices.BinarySearch(v.uids, r.last)
		if there {
			to++
		}
		n += uint32(to - from)
	}
	return n
}

// marks are what a client is told of a message: flags, keywords, and whether it is recent.
func (v *view) marks(e vault.Entry) marks {
	m := marksOf(e)
	m.recent = v.isRecent(e.UID)
	return m
}

// countRecent is STATUS's RECENT, which takes the flag from nobody.
func (s *session) countRecent(m *vault.Mailbox) (uint32, error) {
	from, ok := s.server.recents.unclaimed(m.ID)
	if ok && from >= m.UIDNext {
		return 0, nil
	}
	entries, err := s.reader.Entries(s.ctx, m.ID, from, 0)
	if err != nil {
		return 0, err
	}
	if !ok {
		s.server.recents.begin(m.ID, entries)
		from, _ = s.server.recents.unclaimed(m.ID)
		entries = slices.DeleteFunc(entries, func(e vault.Entry) bool { return e.UID < from })
	}
	return uint32(len(entries)), nil
}
