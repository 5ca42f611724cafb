package vault

import (
	"context"
	"errors"
	"slices"
)

// Subscription is whether a mail program lists a mailbox.
type Subscription int

// What an account has said of a name. Of most it has said nothing.
const (
	Unsaid Subscription = iota
	Subscribed
	Unsubscribed
)

const (
	maxSubscriptions    = 2000 // that an account has said something of
	maxSubscriptionName = 1000 // octets
)

// Subscriptions are what the account has said of names of mailboxes, as IMAP has them. There need be no such mailbox (RFC 3501
// section 6.3.6).
func (r *Reader) Subscriptions(ctx context.Context) (said map[string]Subscription, err error) {
	err = r.view(ctx, func(a *access) error {
		rec, found, err := load[accountRecord](a.tx, tAccount, r.own[:])
		said = map[string]Subscription{}
		for _, s := range rec.Subscriptions {
			said[s.Name] = s.State
		}
		return errors.Join(err, notIf(found && len(a.owners) > 0 || err != nil))
	})
	return said, err
}

// Subscribe says it. ErrNotFound for who has no account, ErrBadName, ErrTooMany.
func (r *Reader) Subscribe(ctx context.Context, name string, state Subscription) error {
	if name == "" || len(name) > maxSubscriptionName {
		return ErrBadName
	}
	return r.update(ctx, func(a *access) error {
		rec, found, err := load[accountRecord](a.tx, tAccount, r.own[:])
		if err := errors.Join(err, notIf(found && len(a.owners) > 0 || err != nil)); err != nil {
			return err
		}
		before := len(rec.Subscriptions)
		rec.Subscriptions = slices.DeleteFunc(rec.Subscriptions, func(s subscriptionRecord) bool { return s.Name == name })
		if state != Unsaid {
			rec.Subscriptions = append(rec.Subscriptions, subscriptionRecord{name, state})
		}
		if n := len(rec.Subscriptions); n > maxSubscriptions && n > before {
			return ErrTooMany
		}
		return save(a.tx, tAccount, r.own[:], &rec)
	})
}
