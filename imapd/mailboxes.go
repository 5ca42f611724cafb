package imapd

import (
	"cmp"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"golang.org/x/text/unicode/norm"

	"sigill/policy"
	"sigill/vault"
)

const (
	delimiter    = '/'
	inbox        = "INBOX"
	shared       = "Shared"
	sharedPrefix = shared + string(delimiter)
)

// roleNames are the names of mailboxes and the uses clients know them by in any language (RFC 6154).
var roleNames = map[vault.Role]struct {
	name string
	use  imap.MailboxAttr
}{
	vault.Inbox:   {name: inbox},
	vault.Sent:    {"Sent", imap.MailboxAttrSent},
	vault.Drafts:  {"Drafts", imap.MailboxAttrDrafts},
	vault.Trash:   {"Trash", imap.MailboxAttrTrash},
	vault.Archive: {"Archive", imap.MailboxAttrArchive},
	vault.Junk:    {use: imap.MailboxAttrJunk},
}

// folder is a mailbox with its name. One without a mailbox is only a level of names.
type folder struct {
	name    string
	use     imap.MailboxAttr // "" if none
	mailbox *vault.Mailbox
	// subscribed is what subscriptions finds out; absent is a name that is subscribed to, and no more.
	subscribed, absent bool
}

// folders are all the client may see, asked anew, since membership can end at any time. Who may see none is hung up: every
// account has some, and a program that is told of none may forget what it has stored.
func (s *session) folders() ([]folder, error) {
	mailboxes, err := s.reader.Mailboxes(s.ctx)
	switch {
	case err != nil:
		return nil, err
	case len(mailboxes) == 0:
		s.conn.hangUp(ended)
		return nil, errEnded
	}
	var own, others []folder
	for i := range mailboxes {
		m := &mailboxes[i]
		role := roleNames[m.Role]
		name := cmp.Or(m.Name, role.name)
		switch {
		case !m.Shared:
			own = append(own, folder{name: name, use: role.use, mailbox: m})
		case m.Role == vault.Inbox:
			others = append(others, folder{name: sharedName(m.Owner), mailbox: m})
		default:
			// No special use: a client that finds two Sent may file its own mail in the wrong one.
			others = append(others, folder{name: sharedName(m.Owner) + string(delimiter) + name, mailbox: m})
		}
	}
	if len(others) > 0 {
		own = append(own, folder{name: shared})
	}
	return append(own, others...), nil
}

// sharedName is the name of a function address's inbox. What names of mailboxes are made with is escaped: the delimiter,
// the wildcards of LIST, and the shift of modified UTF-7 (RFC 3501 section 5.1.3).
func sharedName(a policy.Address) string { return sharedPrefix + escapeName.Replace(a.String()) }

var escapeName = strings.NewReplacer("=", "=3D", "/", "=2F", "%", "=25", "*", "=2A", "&", "=26")

// find gives the mailbox with a name; errNotHere if there is none.
func (s *session) find(name string) (*vault.Mailbox, error) {
	folders, err := s.folders()
	if err != nil {
		return nil, err
	}
	return named(folders, name)
}

func named(folders []folder, name string) (*vault.Mailbox, error) {
	name = norm.NFC.String(name) // as the vault has them
	for _, f := range folders {
		if f.name == name && f.mailbox != nil {
			return f.mailbox, nil
		}
	}
	return nil, errNotHere
}

// List is LIST, LSUB and LIST-EXTENDED (RFC 5258).
func (s *session) List(w *imapserver.ListWriter, ref string, patterns []string, o *imap.ListOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(patterns) == 0 { // only the delimiter is asked for
		return gone(w.WriteList(&imap.ListData{Attrs: []imap.MailboxAttr{imap.MailboxAttrNoSelect}, Delim: delimiter}))
	}
	match, err := newMatcher(ref, patterns)
	if err != nil {
		return s.status("LIST", err)
	}
	folders, err := s.folders()
	if err != nil {
		return s.status("LIST", err)
	}
	if o.SelectSubscribed || o.ReturnSubscribed {
		if folders, err = s.subscriptions(folders); err != nil {
			return s.status("LIST", err)
		}
	}
	for _, f := range folders {
		data := f.list(folders, match, o)
		if data == nil {
			continue
		}
		if o.ReturnStatus != nil && f.mailbox != nil {
			if data.Status, err = s.statusData(f.name, f.mailbox, o.ReturnStatus); err != nil {
				return s.status("LIST", err)
			}
		}
		if err := gone(w.WriteList(data)); err != nil {
			return err
		}
	}
	return nil
}

// list is what is told of a folder; nil if nothing is.
func (f folder) list(all []folder, match matcher, o *imap.ListOptions) *imap.ListData {
	if !match(f.name) || o.SelectSpecialUse && f.use == "" || f.absent && !o.SelectSubscribed {
		return nil
	}
	data := &imap.ListData{Delim: delimiter, Mailbox: f.name}
	child, hidden := f.children(all, match)
	if f.subscribed {
		data.Attrs = append(data.Attrs, imap.MailboxAttrSubscribed)
	} else if o.SelectSubscribed && !hidden {
		return nil
	}
	switch {
	case f.absent:
		data.Attrs = append(data.Attrs, imap.MailboxAttrNonExistent)
	case f.mailbox == nil, o.SelectSubscribed && !f.subscribed && !o.SelectRecursiveMatch: // for those below it (RFC 3501 section 6.3.9)
		data.Attrs = append(data.Attrs, imap.MailboxAttrNoSelect)
	}
	if o.SelectRecursiveMatch && hidden {
		data.ChildInfo = &imap.ListDataChildInfo{Subscribed: true}
	}
	if child {
		data.Attrs = append(data.Attrs, imap.MailboxAttrHasChildren)
	} else {
		data.Attrs = append(data.Attrs, imap.MailboxAttrHasNoChildren)
	}
	if f.use != "" {
		data.Attrs = append(data.Attrs, f.use)
	}
	return data
}

// children tells whether a folder has any, and whether one of them is subscribed to, does not match and so would not be known
// of.
func (f folder) children(all []folder, match matcher) (some, hidden bool) {
	for _, other := range all {
		if strings.HasPrefix(other.name, f.name+string(delimiter)) {
			some = some || !other.absent
			hidden = hidden || other.subscribed && !match(other.name)
		}
	}
	return some, hidden
}

// Status is STATUS.
func (s *session) Status(name string, o *imap.StatusOptions) (*imap.StatusData, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.find(name)
	if err != nil {
		return nil, s.status("STATUS", err)
	}
	data, err := s.statusData(name, m, o)
	return data, s.status("STATUS", err)
}

func (s *session) statusData(name string, m *vault.Mailbox, o *imap.StatusOptions) (*imap.StatusData, error) {
	var recent, deleted uint32
	var deletedSize int64
	var err error
	if o.NumRecent {
		if recent, err = s.countRecent(m); err != nil {
			return nil, err
		}
	}
	limit := s.AppendLimit()
	if s.stubs != nil {
		m.Size = int64(m.Messages) * s.stubs.size
	}
	if o.NumDeleted || o.DeletedStorage {
		entries, err := s.reader.Entries(s.ctx, m.ID, 0, 0)
		if err != nil {
			return nil, err
		}
		for _, e := range slices.DeleteFunc(s.sized(entries), func(e vault.Entry) bool { return e.Flags&vault.Deleted == 0 }) {
			deleted++
			deletedSize += e.Size
		}
	}
	return &imap.StatusData{
		Mailbox: name, NumMessages: &m.Messages, NumRecent: &recent, UIDNext: imap.UID(m.UIDNext), UIDValidity: m.UIDValidity,
		NumUnseen: &m.Unseen, NumDeleted: &deleted, Size: &m.Size, AppendLimit: &limit, DeletedStorage: &deletedSize,
	}, nil
}

// gone marks an error of writing to the client.
func gone(err error) error {
	if err != nil {
		return errGone
	}
	return nil
}
