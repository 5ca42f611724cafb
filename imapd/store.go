package imapd

import (
	"errors"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"sigill/vault"
)

// storeBatch is how many messages one transaction changes: so many that its syncs hardly count, and so few that deliveries
// need not wait long (some ms), and that others who watch the mailbox take the changes in.
const storeBatch = 4000

// Store is STORE and UID STORE.
func (s *session) Store(_ *imapserver.FetchWriter, set imap.NumSet, f *imap.StoreFlags, _ *imap.StoreOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status("STORE", s.store(set, f))
}

func (s *session) store(set imap.NumSet, f *imap.StoreFlags) error {
	spans, err := s.writable(set)
	if err != nil {
		return err
	}
	m, err := parseFlags(f.Flags)
	if err != nil {
		return err
	}
	how := map[imap.StoreFlagsOp]vault.FlagChange{
		imap.StoreFlagsSet: vault.SetFlags, imap.StoreFlagsAdd: vault.AddFlags, imap.StoreFlagsDel: vault.RemoveFlags,
	}[f.Op]
	m.keywords = slices.DeleteFunc(m.keywords, vault.IsStatusKeyword) // only the vault sets them
	s.selected.view.words.learn(m.keywords)                           // also to take them off: imaptest wants to hear of what it has named
	missing, t := false, &text{}
	for uids := range slices.Chunk(s.selected.view.uidsIn(spans), storeBatch) {
		entries, err := s.selected.watch.StoreFlags(s.ctx, s.reader, s.selected.id, uids, how, m.flags, m.keywords)
		if err != nil {
			return err
		}
		missing = missing || len(entries) < len(uids)
		if err := s.introduce(entries...); err != nil {
			return err
		}
		for _, e := range entries {
			if f.Silent {
				break
			}
			if err := s.writeFlags(t, e); err != nil {
				return err
			}
		}
	}
	if _, seq := set.(imap.SeqSet); seq && missing {
		return errExpunged // RFC 2180 section 4.2
	}
	return nil
}

func (s *session) writeFlags(t *text, e vault.Entry) error {
	num, ok := s.selected.view.seq(e.UID)
	if !ok {
		return nil
	}
	t.begin(num)
	t.item("UID")
	t.number(int64(e.UID))
	t.item("FLAGS")
	t.flags(s.selected.view.marks(e))
	t.raw(")\r\n")
	_, err := s.conn.Write(t.b)
	t.b = t.b[:0]
	return gone(err)
}

// writable resolves a set of messages that are to be changed.
func (s *session) writable(set imap.NumSet) ([]span, error) {
	if s.selected.readOnly {
		return nil, errReadOnly
	}
	return s.selected.view.resolve(set)
}

// Expunge is EXPUNGE, UID EXPUNGE and the first half of CLOSE, which must succeed in a mailbox that is open for reading
// only (RFC 3501 section 6.4.2) and is known by its writer that writes nothing.
func (s *session) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	closing := *w == (imapserver.ExpungeWriter{})
	if closing && s.selected.readOnly {
		return nil
	}
	err := s.expunge(w, uids)
	if closing && stays(err) {
		err = nil // CLOSE has no answer NO (RFC 9051 section 6.4.1)
	}
	return s.status("EXPUNGE", err)
}

// stays tells that some messages were kept, and the others removed.
func stays(err error) bool {
	return errors.Is(err, vault.ErrLegalHold) || errors.Is(err, vault.ErrHeld)
}

func (s *session) expunge(w *imapserver.ExpungeWriter, set *imap.UIDSet) error {
	if s.selected.readOnly {
		return errReadOnly
	}
	var among []vault.UID
	if set != nil {
		spans, err := s.selected.view.resolve(*set)
		if err != nil || len(spans) == 0 {
			return err
		}
		among = s.selected.view.uidsIn(spans)
	}
	removed, err := s.reader.Expunge(s.ctx, s.selected.id, among)
	if err != nil && !stays(err) {
		return err
	}
	for _, num := range s.selected.view.remove(removed) {
		if err := gone(w.WriteExpunge(num)); err != nil {
			return err
		}
	}
	return err
}

// Copy is COPY and UID COPY, also out of a mailbox that is open for reading only.
func (s *session) Copy(set imap.NumSet, dest string) (*imap.CopyData, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	spans, err := s.selected.view.resolve(set)
	if err != nil {
		return nil, s.status("COPY", err)
	}
	data, _, err := s.transfer(s.reader.Copy, spans, dest)
	return data, s.status("COPY", err)
}

// Move is MOVE and UID MOVE (RFC 6851).
func (s *session) Move(w *imapserver.MoveWriter, set imap.NumSet, dest string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status("MOVE", s.move(w, set, dest))
}

func (s *session) move(w *imapserver.MoveWriter, set imap.NumSet, dest string) error {
	spans, err := s.writable(set)
	if err != nil {
		return err
	}
	data, moved, err := s.transfer(s.reader.Move, spans, dest)
	if err != nil {
		return err
	}
	if data != nil {
		if err := gone(w.WriteCopyData(data)); err != nil {
			return err
		}
	}
	for _, num := range s.selected.view.remove(moved) {
		if err := gone(w.WriteExpunge(num)); err != nil {
			return err
		}
	}
	return nil
}
