package imapd

import (
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"sigill/policy"
	"sigill/vault"
)

// Create is CREATE, with the levels above that are missing (RFC 9051 section 6.3.4).
func (s *session) Create(name string, o *imap.CreateOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status("CREATE", s.create(strings.TrimSuffix(name, string(delimiter)), o.SpecialUse))
}

func (s *session) create(name string, use []imap.MailboxAttr) error {
	role, err := roleFor(use)
	if err != nil {
		return err
	}
	folders, err := s.folders()
	if err != nil {
		return err
	}
	of, levels, err := parse(folders, name)
	if err != nil {
		return err
	}
	if _, err := named(folders, name); err == nil {
		return errExists
	}
	if err := s.levels(folders, of, levels[:len(levels)-1]); err != nil {
		return err
	}
	_, err = s.reader.CreateFolder(s.ctx, of, strings.Join(levels, vault.FolderDelimiter), role)
	if err != nil {
		return err
	}
	return s.unsubscribeNew(prefixOf(of), levels, folders)
}

// roleFor is the role of a folder that is to be made for a use (RFC 6154 section 3). Those beside \Junk are taken.
func roleFor(use []imap.MailboxAttr) (vault.Role, error) {
	switch {
	case len(use) == 0:
		return vault.Folder, nil
	case len(use) == 1 && strings.EqualFold(string(use[0]), string(imap.MailboxAttrJunk)):
		return vault.Junk, nil
	}
	return "", errUse
}

// levels makes the levels above a folder that are not there.
func (s *session) levels(folders []folder, of policy.Address, levels []string) error {
	for i := range levels {
		at := strings.Join(levels[:i+1], vault.FolderDelimiter)
		if _, err := named(folders, prefixOf(of)+at); err == nil {
			continue
		}
		if _, err := s.reader.CreateFolder(s.ctx, of, at, vault.Folder); err != nil {
			return err
		}
	}
	return nil
}

// prefixOf leads the names of a function address's folders; those of the account's own have none.
func prefixOf(of policy.Address) string {
	if of.IsZero() {
		return ""
	}
	return sharedName(of) + string(delimiter)
}

// parse parts the name of a folder that is to be into the function address it is of, zero for none, and the levels of the
// name there. The wildcards of LIST would be found by other names' patterns, and the library cannot read "&" from clients
// that have enabled UTF8=ACCEPT.
func parse(folders []folder, name string) (of policy.Address, levels []string, err error) {
	if strings.ContainsAny(name, "%*&") {
		return of, nil, errName
	}
	under := name == shared || strings.HasPrefix(name, sharedPrefix)
	for _, f := range folders {
		if f.mailbox != nil && f.mailbox.Shared && f.mailbox.Role == vault.Inbox {
			if at, ok := strings.CutPrefix(name, f.name+string(delimiter)); ok {
				return f.mailbox.Owner, strings.Split(at, vault.FolderDelimiter), nil
			}
		}
	}
	if under {
		return of, nil, errShared
	}
	levels = strings.Split(name, string(delimiter))
	if strings.EqualFold(levels[0], inbox) { // INBOX is the same in any case (RFC 9051 section 5.1)
		levels[0] = inbox
	}
	return of, levels, nil
}

// destination is where messages are to go. One that is not there but could be made is told so (RFC 3501 section 6.3.11).
func (s *session) destination(name string) (*vault.Mailbox, error) {
	folders, err := s.folders()
	if err != nil {
		return nil, err
	}
	to, err := named(folders, name)
	if err == nil {
		return to, nil
	}
	if _, _, e := parse(folders, name); e == nil {
		err = errTryCreate
	}
	return nil, err
}

// Delete is DELETE, of folders only.
func (s *session) Delete(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.find(name)
	if err != nil {
		return s.status("DELETE", err)
	}
	if err = s.reader.DeleteFolder(s.ctx, m.ID); err == nil {
		err = s.unsay(name)
	}
	return s.status("DELETE", err)
}

// Rename is RENAME, of folders and of INBOX.
func (s *session) Rename(name, to string, _ *imap.RenameOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status("RENAME", s.rename(name, strings.TrimSuffix(to, string(delimiter))))
}

func (s *session) rename(name, to string) error {
	folders, err := s.folders()
	if err != nil {
		return err
	}
	m, err := named(folders, name)
	if err != nil {
		return err
	}
	if name == inbox {
		return s.renameInbox(m, to)
	}
	of, levels, err := parse(folders, to)
	switch {
	case err != nil:
		return err
	case m.Name == "":
		return errFixed
	case of.Key() != s.ownerKey(m):
		return errShared
	}
	if _, err := named(folders, to); err == nil {
		return errExists
	}
	if strings.HasPrefix(to, name+string(delimiter)) {
		return errName
	}
	if err := s.levels(folders, of, levels[:len(levels)-1]); err != nil {
		return err
	}
	if err := s.reader.RenameFolder(s.ctx, m.ID, strings.Join(levels, vault.FolderDelimiter)); err != nil {
		return err
	}
	return s.unsay(name)
}

// ownerKey is the key of the function address that has a mailbox, that of the zero address for the account's own.
func (s *session) ownerKey(m *vault.Mailbox) string {
	if m.Shared {
		return m.Owner.Key()
	}
	return policy.Address{}.Key()
}

// moveBatch is how many messages of INBOX move in one transaction.
const moveBatch = 500

// renameInbox moves what lies in INBOX into a new folder, and leaves INBOX empty (RFC 9051 section 6.3.6).
func (s *session) renameInbox(m *vault.Mailbox, to string) error {
	if err := s.create(to, nil); err != nil {
		return err
	}
	dest, err := s.find(to)
	if err != nil {
		return err
	}
	entries, err := s.reader.Entries(s.ctx, m.ID, 0, 0)
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(entries, moveBatch) {
		uids := make([]vault.UID, len(batch))
		for i, e := range batch {
			uids[i] = e.UID
		}
		if _, err := s.reader.Move(s.ctx, m.ID, uids, dest.ID); err != nil {
			return err
		}
	}
	return nil
}
