package imapd

import (
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"sigill/vault"
)

// Every mailbox is subscribed to until the account says otherwise, so that what others make and what comes with a function
// address shows in programs that list no more. One that a client makes is not, for that client's account, until it subscribes.

// Subscribe is SUBSCRIBE.
func (s *session) Subscribe(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name = strings.TrimSuffix(name, string(delimiter))
	_, err := s.find(name)
	if err == nil {
		err = s.reader.Subscribe(s.ctx, norm.NFC.String(name), vault.Subscribed)
	}
	return s.status("SUBSCRIBE", err)
}

// Unsubscribe is UNSUBSCRIBE, also of what is there no more (RFC 3501 section 6.3.7).
func (s *session) Unsubscribe(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name = strings.TrimSuffix(name, string(delimiter))
	state := vault.Unsubscribed
	_, err := s.find(name)
	if err == errNotHere {
		state, err = vault.Unsaid, nil
	}
	if err == nil {
		err = s.reader.Subscribe(s.ctx, norm.NFC.String(name), state)
	}
	return s.status("UNSUBSCRIBE", err)
}

// unsubscribeNew says that a mailbox, and those above it that were not there, are not subscribed to, unless the account has
// said so before there were any.
func (s *session) unsubscribeNew(prefix string, levels []string, before []folder) error {
	said, err := s.reader.Subscriptions(s.ctx)
	if err != nil {
		return err
	}
	for i := range levels {
		name := norm.NFC.String(prefix + strings.Join(levels[:i+1], string(delimiter)))
		if _, err := named(before, name); err == nil || said[name] != vault.Unsaid {
			continue
		}
		if err := s.reader.Subscribe(s.ctx, name, vault.Unsubscribed); err != nil {
			return err
		}
	}
	return nil
}

// unsay forgets that a mailbox that is there no more was not subscribed to. That it was stays (RFC 3501 section 6.3.6).
func (s *session) unsay(name string) error {
	name = norm.NFC.String(name)
	said, err := s.reader.Subscriptions(s.ctx)
	if err != nil || said[name] != vault.Unsubscribed {
		return err
	}
	return s.reader.Subscribe(s.ctx, name, vault.Unsaid)
}

// subscriptions are the folders with whether they are subscribed to, and the account's own names that are and lead nowhere
// (RFC 5258 section 3.1).
func (s *session) subscriptions(folders []folder) ([]folder, error) {
	said, err := s.reader.Subscriptions(s.ctx)
	if err != nil {
		return nil, err
	}
	for i := range folders {
		f := &folders[i]
		f.subscribed = f.mailbox != nil && said[f.name] != vault.Unsubscribed
		delete(said, f.name)
	}
	for _, name := range slices.Sorted(maps.Keys(said)) {
		if said[name] == vault.Subscribed && !strings.HasPrefix(name, sharedPrefix) {
			folders = append(folders, folder{name: name, subscribed: true, absent: true})
		}
	}
	return folders, nil
}
