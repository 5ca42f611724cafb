package vault

import (
	"context"
	"errors"

	"sigill/policy"
)

// ReplyTo is what the header of a reply needs.
type ReplyTo struct {
	// From is the person's address, as the message was sent to it.
	From policy.Address
	// To is the account or function address the message came from.
	To policy.Address
	// Subject is that of the message which is answered.
	Subject string
	// InReplyTo is its Message-ID without angle brackets; "" if it has none.
	InReplyTo string
	// References are those of its header, oldest first.
	References []string
}

// Reply starts a person's answer to a message: it goes to the mailbox the message came from, in the same conversation,
// with a notice to staff. The raw message written is a whole mail (RFC 5322). ErrNoReply if the principal is staff or
// wrote the message; ErrNotFound.
func (r *Reader) Reply(ctx context.Context, id MessageID) (*Draft, ReplyTo, error) {
	var to ReplyTo
	err := r.view(ctx, func(a *access) (err error) {
		rec, n, err := a.answerable(id)
		if err != nil {
			return err
		}
		to, err = a.replyTo(id, rec, n)
		return err
	})
	if err != nil {
		return nil, ReplyTo{}, err
	}
	draft := r.v.newDraft(func(t *tx, s *sealed) (answer Receipt, err error) {
		err = r.with(t, func(a *access) (err error) {
			answer, err = a.reply(id, s)
			return err
		})
		return answer, err
	})
	draft.fences = true // it is delivered and dated whatever is attached
	return draft, to, nil
}

// answerable gives a message the principal, a person, may answer, and which of its recipients the person is.
func (a *access) answerable(id MessageID) (messageRecord, int, error) {
	rec, err := a.message(id)
	if err != nil {
		return rec, 0, err
	}
	if !a.reader.p.IsPerson() || rec.FromPerson {
		return rec, 0, ErrNoReply
	}
	for n, to := range rec.Recipients {
		if to.Person != "" && a.is(to) {
			return rec, n, nil
		}
	}
	return rec, 0, ErrNoReply
}

func (a *access) replyTo(id MessageID, rec messageRecord, n int) (ReplyTo, error) {
	key, err := a.contentKey(id)
	if err != nil {
		return ReplyTo{}, err
	}
	defer key.Wipe()
	ix, err := a.index(id, key)
	if err != nil {
		return ReplyTo{}, err
	}
	e := ix.Envelope
	return ReplyTo{
		From: rec.Recipients[n].Address, To: rec.From, Subject: e.Subject, InReplyTo: e.MessageID, References: e.References,
	}, nil
}

func (a *access) reply(id MessageID, s *sealed) (Receipt, error) {
	original, n, err := a.answerable(id)
	if err != nil {
		return Receipt{}, err
	}
	to := a.v.staffOwner(original.From)
	kind := a.kindOf(to)
	if kind.Outside() {
		return Receipt{}, ErrNoReply // the address it came from is no more
	}
	me := original.Recipients[n]
	rec := messageRecord{
		Conversation: original.Conversation, From: me.Address, FromPerson: true, At: instantOf(s.at), Size: s.size, Answers: id,
		Person: a.reader.p.PersonID().Digits(), Fence: s.fence,
		Recipients: []recipientRecord{{Address: original.From, Kind: kind, Status: Delivered, At: instantOf(s.at)}},
	}
	d := delivery{tx: a.tx, s: s, rec: &rec}
	return Receipt{ID: s.id, At: s.at}, errors.Join(
		d.place(to, original.From, Inbox, 0),
		d.place(a.reader.own, policy.Address{}, Sent, Seen),
		a.queue(NoticeStaff, original.From, s.id, -1),
		a.acknowledge(me.Address, s.id),
		a.changeRecipient(id, n, Replied),
		a.w.Delete(tReplyDraft, a.replyDraftKey(id)),
		d.register(a.v.actor(a.reader.p)),
		a.fenced(s.id, s.fence),
	)
}

// acknowledge queues the notice that a reply came in, unless its writer gets no notices.
func (a *access) acknowledge(to policy.Address, id MessageID) error {
	if a.quiet(a.reader.own) {
		return nil
	}
	return a.queue(NoticeReceipt, to, id, -1)
}
