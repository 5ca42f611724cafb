package imapd

import (
	"errors"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"sigill/vault"
)

// selected is the mailbox a session has open.
type selected struct {
	id       vault.MailboxID
	shared   bool
	readOnly bool // EXAMINE; the library does not enforce it
	watch    *vault.Watch
	view     *view
}

// Select is SELECT and EXAMINE.
func (s *session) Select(name string, o *imap.SelectOptions) (*imap.SelectData, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unselect()
	data, err := s.selectMailbox(name, o.ReadOnly)
	if err != nil {
		return nil, s.status("SELECT", err)
	}
	return data, nil
}

func (s *session) selectMailbox(name string, readOnly bool) (*imap.SelectData, error) {
	m, err := s.find(name)
	if err != nil {
		return nil, err
	}
	// Watched before it is listed, so that nothing falls in between; what comes twice the view tells apart.
	watch, err := s.reader.Watch(s.ctx, m.ID)
	if err != nil {
		return nil, err
	}
	entries, err := s.reader.Entries(s.ctx, m.ID, 0, 0)
	if err != nil {
		watch.Close()
		return nil, err
	}
	s.server.recents.begin(m.ID, entries)
	v := newView(entries, s.server.recents.claimer(m.ID, readOnly))
	v.words = s.server.words.take(m.ID)
	for _, e := range entries {
		v.words.learn(e.Keywords)
	}
	v.hearsWords()
	flags, permanent := v.words.first(v.heard)
	s.selected = &selected{id: m.ID, shared: m.Shared, readOnly: readOnly, watch: watch, view: v}
	data := &imap.SelectData{
		Flags: flags, PermanentFlags: []imap.Flag{}, NumMessages: uint32(len(entries)), NumRecent: v.told,
		FirstUnseenSeqNum: firstUnseen(entries), UIDValidity: m.UIDValidity,
		UIDNext: imap.UID(max(m.UIDNext, v.last+1)),
	}
	if !readOnly {
		data.PermanentFlags = permanent
	}
	return data, nil
}

func firstUnseen(entries []vault.Entry) uint32 {
	for i, e := range entries {
		if e.Flags&vault.Seen == 0 {
			return uint32(i + 1)
		}
	}
	return 0
}

// Unselect is UNSELECT and the end of CLOSE.
func (s *session) Unselect() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unselect()
	return nil
}

func (s *session) unselect() {
	if s.selected != nil {
		s.selected.watch.Close()
		s.server.words.giveBack(s.selected.id)
		s.selected = nil
	}
}

// Poll tells the client what has happened, after each command.
func (s *session) Poll(w *imapserver.UpdateWriter, allowExpunge bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.poll(w, expunges(allowExpunge))
}

func (s *session) poll(w *imapserver.UpdateWriter, when expunges) error {
	if s.selected == nil {
		return nil
	}
	updates, err := s.news(when)
	if err != nil {
		return s.status("poll", err)
	}
	for _, u := range updates {
		if err := s.tell(w, u); err != nil {
			return err
		}
	}
	return nil
}

// news brings the view up to date.
func (s *session) news(when expunges) ([]update, error) {
	changes, overflow := s.selected.watch.Take()
	if (overflow || len(changes) > 0) && !s.admitted() {
		return nil, nil
	}
	if !overflow {
		return s.selected.view.advance(changes, when), nil
	}
	entries, err := s.reader.Entries(s.ctx, s.selected.id, 0, 0)
	if err != nil {
		return nil, err
	}
	return s.selected.view.relist(entries, when), nil
}

// admitted tells whether the client may be told more of the mailbox. One that may not, since its login or its membership has
// ended, is hung up.
func (s *session) admitted() bool {
	if s.selected != nil {
		if _, err := s.reader.Mailbox(s.ctx, s.selected.id); !errors.Is(err, vault.ErrNotFound) {
			return true // another error shows itself
		}
	}
	if _, err := s.folders(); err == errEnded {
		return false
	}
	if s.selected != nil && s.selected.shared {
		s.conn.hangUp("You no longer have access to this mailbox")
		return false
	}
	return true // a folder of its own that is deleted: it is told of what was in it
}

func (s *session) tell(w *imapserver.UpdateWriter, u update) error {
	switch u.kind {
	case expunge:
		return gone(w.WriteExpunge(u.num))
	case exists:
		return gone(w.WriteNumMessages(u.num))
	case recent:
		return gone(w.WriteNumRecent(u.num))
	case vocable:
		return s.tellKeywords()
	default:
		return gone(w.WriteMessageFlags(u.num, imap.UID(u.uid), slices.Collect(flagsOf(u.marks))))
	}
}

// Idle is IDLE (RFC 2177). The library may go on with the next command or with Close before Idle has returned.
func (s *session) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	s.mu.Lock()
	var ready <-chan struct{}
	if s.selected != nil {
		ready = s.selected.watch.C()
	}
	s.mu.Unlock()
	check := time.NewTicker(s.server.limits.AccessCheck)
	defer check.Stop()
	for {
		if err := s.idleTurn(w, stop); err != nil {
			return err
		}
		select {
		case <-ready:
		case <-check.C:
			s.idleCheck(stop)
		case <-stop:
			return nil
		case <-s.ctx.Done():
			return nil
		}
	}
}

// idleCheck hangs up a client that has lost its access and hears of nothing, since nothing happens.
func (s *session) idleCheck(stop <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-stop:
	default:
		s.admitted()
	}
}

func (s *session) idleTurn(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-stop:
		return nil // what is selected may be another mailbox by now
	default:
		return errors.Join(s.poll(w, tellExpunges), gone(s.conn.output.send()))
	}
}
