package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sigill/policy"
)

// takenKeyword begins the keyword that tells who takes care of a message in the mailbox of a function address:
// "$Taken-anna.ek@exempel.se". It is a keyword as any, so members see it in their mail programs and may set it there.
const takenKeyword = "$taken-"

// ErrTaken means that another member has taken the message, or given it back, since it was looked at.
var ErrTaken = errors.New("vault: another member was faster")

// Taker tells who takes care of a message; zero if nobody does. Shared tells that it came to a function address of the
// principal's, so that somebody has to.
func (r *Reader) Taker(ctx context.Context, id MessageID) (taker policy.Address, shared bool, err error) {
	err = r.view(ctx, func(a *access) error {
		taker, shared = policy.Address{}, false
		return a.eachShared(id, func(p spot, e entryRecord) error {
			shared = true
			if t, ok := TakerOf(e.Keywords); ok {
				taker = t
			}
			return nil
		})
	})
	return taker, shared, err
}

// Take changes who takes care of a message from was, zero for nobody, to the principal, or to nobody. ErrTaken if it is
// not was any more; ErrNotFound if it came to no function address of the principal's.
func (r *Reader) Take(ctx context.Context, id MessageID, was policy.Address, take bool) error {
	return r.update(ctx, func(a *access) error {
		var places []spot
		err := a.eachShared(id, func(p spot, e entryRecord) error {
			places = append(places, p)
			if now, _ := TakerOf(e.Keywords); now.Key() != was.Key() {
				return ErrTaken
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(places) == 0 {
			return ErrNotFound
		}
		action, keyword := "give back", ""
		if take {
			action, keyword = "take", takenBy(a.reader.p.Address())
		}
		for _, p := range places {
			err = errors.Join(err, a.each(p.box, []UID{p.uid}, func(box *mailboxRecord, uid UID, e entryRecord) error {
				after := slices.DeleteFunc(slices.Clone(e.Keywords), isTaken)
				if take {
					after = append(after, keyword)
					slices.Sort(after)
				}
				return a.saveMarks(p.box, box, uid, e.marks(), marks{e.Flags, after})
			}))
		}
		return errors.Join(err, a.record(Event{Actor: a.v.actor(a.reader.p), Action: action, Message: id, Result: "ok"}))
	})
}

// eachShared runs fn on the entries of a message in the mailboxes of function addresses it came to.
func (a *access) eachShared(id MessageID, fn func(spot, entryRecord) error) error {
	places, err := a.places(id)
	if err != nil {
		return err
	}
	for _, p := range places {
		box, err := a.mailbox(p.box)
		if err != nil {
			return err
		}
		if a.reader.p.IsPerson() || box.Owner == a.reader.own || box.Role == Sent {
			continue
		}
		e, found, err := a.entry(p.box, p.uid)
		if err == nil && found {
			err = fn(p, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// TakerOf reads who takes care of a message from its keywords.
func TakerOf(keywords []string) (policy.Address, bool) {
	for _, k := range keywords {
		if !isTaken(k) {
			continue
		}
		if a, err := policy.ParseAddress(unquoted(k[len(takenKeyword):])); err == nil {
			return a, true
		}
	}
	return policy.Address{}, false
}

func isTaken(k string) bool {
	return len(k) > len(takenKeyword) && strings.EqualFold(k[:len(takenKeyword)], takenKeyword)
}

// takenBy is the keyword of an account. What is no part of an atom (RFC 9051 section 9) is written as "=C3".
func takenBy(a policy.Address) string {
	var b strings.Builder
	b.WriteString(takenKeyword)
	for _, c := range []byte(a.Key()) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\]=`, c) >= 0 {
			fmt.Fprintf(&b, "=%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unquoted(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '=' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(c))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}
