package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"sigill/policy"
	"sigill/vault/internal/kv"
)

// FolderDelimiter parts the levels of a folder's name.
const FolderDelimiter = "/"

// Limits of folders. Mail clients show no more in a useful way.
const (
	maxFolders      = 1000 // of one account or function address
	maxFolderName   = 400  // octets
	maxFolderLevels = 20
)

// CreateFolder makes a mailbox with a name for the principal, a staff member, or for the function address of. The role is
// Folder, or Junk, of which there is one. ErrNotFound if of is not the principal's, ErrBadName, ErrExists, ErrTooMany.
func (r *Reader) CreateFolder(ctx context.Context, of policy.Address, name string, role Role) (out Mailbox, err error) {
	if role != Folder && role != Junk {
		return out, fmt.Errorf("vault: a folder of role %q", role)
	}
	if name, err = folderName(name); err != nil {
		return out, err
	}
	err = r.update(ctx, func(a *access) error {
		o, err := a.staffOf(of)
		if err != nil {
			return err
		}
		all, err := a.folders(o)
		switch {
		case err != nil:
			return err
		case len(all) >= maxFolders:
			return ErrTooMany
		}
		for _, f := range all {
			if f.rec.Name == name || role == Junk && f.rec.Role == Junk {
				return ErrExists
			}
		}
		address := of
		if address.IsZero() {
			address = r.p.Address()
		}
		id, rec, err := a.newMailbox(mailboxRecord{Owner: o, Address: address, Role: role, Name: name})
		out = rec.mailbox(id, o != r.own)
		return err
	})
	return out, err
}

// RenameFolder gives a folder another name, and with it those whose names are within it. Messages, UIDs and UIDVALIDITY
// stay. ErrNotFound, ErrFixed if the mailbox is no folder, ErrBadName, ErrExists.
func (r *Reader) RenameFolder(ctx context.Context, id MailboxID, name string) error {
	name, err := folderName(name)
	if err != nil {
		return err
	}
	return r.update(ctx, func(a *access) error {
		box, err := a.folder(id)
		if err != nil {
			return err
		}
		if within(name, box.Name) {
			return fmt.Errorf("%w: a folder cannot lie within itself", ErrBadName)
		}
		all, err := a.folders(box.Owner)
		if err != nil {
			return err
		}
		return a.renameFolders(all, box.Name, name)
	})
}

func (a *access) renameFolders(all []foundFolder, from, to string) error {
	for _, f := range all {
		if f.rec.Name == to || within(f.rec.Name, to) {
			return ErrExists
		}
	}
	for _, f := range all {
		if f.rec.Name != from && !within(f.rec.Name, from) {
			continue
		}
		moved, err := folderName(to + strings.TrimPrefix(f.rec.Name, from))
		if err != nil {
			return err
		}
		f.rec.Name = moved
		if err := save(a.tx, tMailbox, be64(uint64(f.id)), &f.rec); err != nil {
			return err
		}
	}
	return nil
}

// folderBatch is how many messages of a folder that is deleted one transaction removes.
const folderBatch = 256

// DeleteFolder removes a folder and what lies in it, as Expunge does. ErrNotFound, ErrFixed if the mailbox is no folder,
// ErrHasFolders if the names of others are within it. ErrLegalHold or ErrHeld if messages stay for that reason: the
// others are removed then, and the folder stays with those.
func (r *Reader) DeleteFolder(ctx context.Context, id MailboxID) error {
	var after UID
	var stays error
	for {
		var n int
		var last UID
		var kept error
		err := r.update(ctx, func(a *access) error {
			box, err := a.folder(id)
			if err != nil {
				return err
			}
			if err := a.mayDelete(box); err != nil {
				return err
			}
			n, last, kept, err = a.emptyFolder(id, after)
			if err != nil || n > 0 || stays != nil {
				return err
			}
			return errors.Join(a.w.Delete(tMailbox, be64(uint64(id))), a.w.Delete(tOwner, box.ownerKey(id)))
		})
		if err != nil {
			return err
		}
		if stays = errors.Join(stays, kept); n == 0 {
			return stays
		}
		after = last
	}
}

func (a *access) mayDelete(box mailboxRecord) error {
	all, err := a.folders(box.Owner)
	for _, f := range all {
		if within(f.rec.Name, box.Name) {
			return ErrHasFolders
		}
	}
	return err
}

// emptyFolder removes the next messages after a UID and gives how many it looked at, up to which UID.
func (a *access) emptyFolder(id MailboxID, after UID) (n int, last UID, stays, err error) {
	var uids []UID
	err = a.entries(uidSpan(id, after+1, 0), func(uid UID, _ entryRecord) bool {
		uids, last = append(uids, uid), uid
		return len(uids) < folderBatch
	})
	if err != nil || len(uids) == 0 {
		return 0, 0, nil, err
	}
	err = a.each(id, uids, func(box *mailboxRecord, uid UID, e entryRecord) error {
		kept, err := a.discard(id, box, uid, e)
		stays = errors.Join(stays, kept)
		return err
	})
	return len(uids), last, stays, err
}

// staffOf is the owner of a function address of the principal's, or of the principal's own mailboxes for a zero address.
func (a *access) staffOf(of policy.Address) (owner, error) {
	o := a.v.staffOwner(of)
	if of.IsZero() {
		o = a.reader.own
	}
	if a.reader.p.IsPerson() || !a.mine(o) { // persons have no folders
		return owner{}, ErrNotFound
	}
	return o, nil
}

// folder gives one of the principal's folders.
func (a *access) folder(id MailboxID) (mailboxRecord, error) {
	box, err := a.box(id)
	if err == nil && box.Name == "" {
		err = ErrFixed
	}
	return box, err
}

// foundFolder is a folder of an owner.
type foundFolder struct {
	id  MailboxID
	rec mailboxRecord
}

// folders are all of an owner's mailboxes that have a name.
func (t *tx) folders(o owner) (out []foundFolder, err error) {
	for k, v := range t.r.Range(tOwner, kv.Prefix(append(o[:len(o):len(o)], namedOctet))) {
		id, rec, err := t.owned(k, v)
		if err != nil {
			return nil, err
		}
		out = append(out, foundFolder{id, rec})
	}
	return out, nil
}

// within tells whether a name lies below another.
func within(name, above string) bool { return strings.HasPrefix(name, above+FolderDelimiter) }

// folderName checks a name and normalizes it, so that one name is not two (RFC 5198 section 3). ErrBadName says why.
func folderName(name string) (string, error) {
	bad := func(why string) (string, error) { return "", fmt.Errorf("%w: %s", ErrBadName, why) }
	if !utf8.ValidString(name) {
		return bad("it is not UTF-8")
	}
	name = norm.NFC.String(name)
	levels := strings.Split(name, FolderDelimiter)
	switch {
	case len(name) > maxFolderName:
		return bad("it is too long")
	case len(levels) > maxFolderLevels:
		return bad("it has too many levels")
	case strings.ContainsFunc(name, unicode.IsControl):
		return bad("it has control characters")
	}
	for _, level := range levels {
		if level == "" || level != strings.TrimSpace(level) {
			return bad("a level is empty, or begins or ends with a blank")
		}
	}
	return name, nil
}
