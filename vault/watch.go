package vault

import (
	"context"
	"slices"
	"sync"
)

// watchLimit is how many changes wait for a slow watcher before it must list the mailbox anew.
const watchLimit = 4096

// hub tells watchers of changes, in the order of commits. The zero value is ready.
type hub struct {
	mu      sync.Mutex
	watches map[MailboxID]map[*Watch]struct{}
}

// Watch is a stream of changes in some mailboxes. A slow taker never keeps a deposit waiting.
type Watch struct {
	hub   *hub
	ids   []MailboxID
	ready chan struct{}

	mu       sync.Mutex
	changes  []Change
	overflow bool
}

// Watch tells of changes in the principal's mailboxes from now on: list them after the call and nothing is missed. It
// outlives the Reader; close it. ErrNotFound if one is not the principal's.
func (r *Reader) Watch(ctx context.Context, ids ...MailboxID) (*Watch, error) {
	w := &Watch{hub: &r.v.hub, ids: ids, ready: make(chan struct{}, 1)}
	err := r.view(ctx, func(a *access) error {
		for _, id := range ids {
			if _, err := a.box(id); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		w.hub.add(w)
	}
	return w, err
}

// C is ready when there is something to take.
func (w *Watch) C() <-chan struct{} { return w.ready }

// Take gives the changes since the last Take in the order of commits. overflow tells that too many came: list the
// mailbox anew.
func (w *Watch) Take() (changes []Change, overflow bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	changes, overflow = w.changes, w.overflow
	w.changes, w.overflow = nil, false
	return changes, overflow
}

// Close ends the stream.
func (w *Watch) Close() { w.hub.remove(w) }

// put takes changes that were committed together.
func (w *Watch) put(changes []Change, own bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if own {
		changes = w.unknown(changes)
	}
	if len(changes) == 0 {
		return
	}
	if len(w.changes)+len(changes) > watchLimit {
		w.changes, w.overflow = nil, true
	}
	if !w.overflow {
		w.changes = append(w.changes, changes...)
	}
	select {
	case w.ready <- struct{}{}:
	default: // it is told already
	}
}

// unknown are those of its own changes that a watcher must be told of all the same: where another's change of the same entry
// waits, which came before, or what it was told last would be what was first.
func (w *Watch) unknown(own []Change) []Change {
	if len(w.changes) == 0 {
		return nil
	}
	waiting := map[spot]bool{}
	for _, c := range w.changes {
		waiting[spot{c.Mailbox, c.Entry.UID}] = true
	}
	return slices.DeleteFunc(slices.Clone(own), func(c Change) bool { return !waiting[spot{c.Mailbox, c.Entry.UID}] })
}

func (h *hub) add(w *Watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watches == nil {
		h.watches = map[MailboxID]map[*Watch]struct{}{}
	}
	for _, id := range w.ids {
		if h.watches[id] == nil {
			h.watches[id] = map[*Watch]struct{}{}
		}
		h.watches[id][w] = struct{}{}
	}
}

func (h *hub) remove(w *Watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range w.ids {
		delete(h.watches[id], w)
		if len(h.watches[id]) == 0 {
			delete(h.watches, id)
		}
	}
}

// publish tells of what was committed; by made the changes and knows of them, if it is not nil.
func (h *hub) publish(changes []Change, by *Watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(changes) > 0 {
		id, n := changes[0].Mailbox, 1
		for n < len(changes) && changes[n].Mailbox == id {
			n++
		}
		for w := range h.watches[id] {
			w.put(changes[:n], w == by)
		}
		changes = changes[n:]
	}
}
