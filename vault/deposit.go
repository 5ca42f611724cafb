package vault

import (
	"errors"
	"fmt"

	"sigill/policy"
	"sigill/vault/message"
)

// Depositor seals and cannot open.
type Depositor struct{ v *Vault }

// Begin starts a message that comes in by mail. The sender must be an account or a function address, or Commit gives
// ErrNotFound.
func (d *Depositor) Begin(m Deposit) *Draft {
	return d.v.newDraft(func(t *tx, s *sealed) (Receipt, error) { return t.deposit(m, s) })
}

// deposit puts a sealed message where it belongs: the sender's Sent, the recipients' Inbox, the outbox, the audit.
func (t *tx) deposit(m Deposit, s *sealed) (Receipt, error) {
	from := t.v.staffOwner(m.From)
	if t.kindOf(from).Outside() {
		return Receipt{}, fmt.Errorf("vault: sender of a deposit: %w", ErrNotFound)
	}
	rec := messageRecord{
		From: m.From, Account: m.Account, At: instantOf(s.at), Size: s.size, Held: m.Hold, Rule: m.Rule,
		Conversation: t.conversationOf(s), Purpose: m.Purpose.Text, LegalBasis: m.Purpose.Basis,
	}
	d := delivery{tx: t, s: s, rec: &rec, given: m.Person, partners: m.Deliver}
	for i, to := range m.Recipients {
		if err := d.recipient(i, to.Address); err != nil {
			return Receipt{}, err
		}
	}
	if err := d.sent(from, m); err != nil {
		return Receipt{}, err
	}
	return Receipt{ID: s.id, At: s.at, Held: rec.Held}, d.register(m.actor())
}

func (m Deposit) actor() string {
	if m.Account.IsZero() {
		return m.From.Key()
	}
	return m.Account.Key()
}

// delivery is one message being put into mailboxes in one transaction.
type delivery struct {
	*tx
	s        *sealed
	rec      *messageRecord
	given    policy.PersonID    // of the one outside recipient; zero once it is used
	partners bool               // those outside are partner organisations'
	placed   map[MailboxID]bool // a person with two addresses gets one entry
}

// recipient resolves one recipient anew, in the transaction, and delivers.
func (d *delivery) recipient(i int, to policy.Address) error {
	r := recipientRecord{Address: to, At: d.rec.At}
	o := d.v.staffOwner(to)
	if r.Kind = d.kindOf(o); r.Kind.Outside() {
		if err := d.person(&r); err != nil {
			return err
		}
	}
	if d.rec.Held {
		r.Status = Held // all wait, colleagues too
	}
	if d.rec.Recipients = append(d.rec.Recipients, r); d.rec.Held {
		return nil
	}
	return d.release(i)
}

// person finds who an outside recipient is: by the binding, or by the number that the sender gave.
func (d *delivery) person(r *recipientRecord) error {
	given := d.given
	d.given = policy.PersonID{}
	binding, known, err := d.binding(r.Address)
	switch {
	case err != nil:
		return err
	case d.partners && known:
		return ErrUnknownRecipient // decided anew, the message goes the ordinary way: never so to a private person
	case d.partners:
		r.Kind = policy.Partner
	case known && !given.IsZero() && given.Digits() != binding.Person:
		return ErrOtherPerson
	case known:
		r.Kind, r.Person = policy.Known, binding.Person
	case !given.IsZero():
		r.Person = given.Digits()
	case !d.rec.Held:
		return ErrUnknownRecipient
	}
	return nil
}

// release gives a recipient access and queues the notice.
func (d *delivery) release(i int) error {
	r, now := &d.rec.Recipients[i], instantOf(d.v.now())
	if !r.Kind.Outside() {
		r.become(Delivered, now)
		return errors.Join(d.place(d.v.staffOwner(r.Address), r.Address, Inbox, 0), d.queue(NoticeStaff, r.Address, d.s.id, -1))
	}
	if r.Kind == policy.Partner {
		r.become(Queued, now)
		return d.queue(Delivery, r.Address, d.s.id, i)
	}
	person := d.v.personOwner(r.Person)
	if err := d.place(person, policy.Address{}, Inbox, 0); err != nil {
		return err
	}
	return d.notify(i)
}

// notify queues the notice to a person, unless that is one who gets none.
func (d *delivery) notify(i int) error {
	r, now := &d.rec.Recipients[i], instantOf(d.v.now())
	if d.quiet(d.v.personOwner(r.Person)) {
		r.become(Delivered, now)
		return nil
	}
	r.become(Queued, now)
	return d.queue(NoticeMessage, r.Address, d.s.id, i)
}

// place adds the message to a mailbox once.
func (d *delivery) place(o owner, address policy.Address, role Role, flags Flags) error {
	box, err := d.ensureMailbox(o, address, role)
	if err != nil || d.placed[box] {
		return err
	}
	if d.placed == nil {
		d.placed = map[MailboxID]bool{}
	}
	d.placed[box] = true
	e := entryRecord{Message: d.s.id, Flags: flags, Date: d.rec.At, Size: d.rec.Size}
	if role == Sent {
		e.Keywords = d.rec.keywords()
	}
	if d.rec.Fence != nil {
		e.Keywords = append(e.Keywords, suspectKeyword)
	}
	_, err = d.addEntry(box, e)
	return err
}

// sent puts the message in the sender's Sent and, if identities are missing, asks the sender for them.
func (d *delivery) sent(from owner, m Deposit) error {
	if err := d.place(from, m.From, Sent, Seen); err != nil || !d.rec.Held {
		return err
	}
	if err := d.mark(tHold, join(from[:], d.s.id[:])); err != nil {
		return err
	}
	to := m.Account
	if to.IsZero() {
		to = m.From
	}
	return d.queue(NoticeHold, to, d.s.id, -1)
}

// register makes the message known: its record, its place in the conversation, its Message-ID, the audit.
func (d *delivery) register(actor string) error {
	if err := d.saveMessage(d.s.id, d.rec); err != nil {
		return err
	}
	if err := d.registerMessageID(); err != nil {
		return err
	}
	action := "seal"
	switch {
	case d.rec.Held:
		action = "hold"
	case d.rec.FromPerson:
		action = "reply"
	}
	return d.record(Event{Actor: actor, Action: action, Message: d.s.id, Result: "ok", Detail: d.rec.Rule})
}

// saveMessage writes the record of a new message and puts it last in its conversation.
func (t *tx) saveMessage(id MessageID, rec *messageRecord) (err error) {
	if rec.Number, err = t.next("message"); err != nil {
		return err
	}
	if round := t.lastRound(); round > rec.At {
		rec.After = round
	}
	if err := t.w.Put(tConversation, rec.conversationKey(), id[:]); err != nil {
		return err
	}
	return save(t, tMessage, id[:], rec)
}

func (rec *messageRecord) conversationKey() []byte {
	return join(rec.Conversation[:], be64(rec.Number))
}

func (d *delivery) registerMessageID() error {
	id := d.s.index.Envelope.MessageID
	if id == "" {
		return nil
	}
	key := d.v.messageIDKey(id)
	if d.r.Get(tMessageID, key) != nil {
		return nil // the first message of that Message-ID names the conversation
	}
	return save(d.tx, tMessageID, key, &messageIDRecord{Message: d.s.id, Conversation: d.rec.Conversation})
}

func (v *Vault) messageIDKey(id string) []byte {
	sum := v.lookup.Digest("message-id", []byte(id))
	return sum[:]
}

// conversationOf is the conversation of the nearest sealed message that the header refers to; a new one if none.
func (t *tx) conversationOf(s *sealed) MessageID {
	for _, id := range references(s.index.Envelope) {
		if rec, found, err := load[messageIDRecord](t, tMessageID, t.v.messageIDKey(id)); err == nil && found {
			return rec.Conversation
		}
	}
	return s.id
}

// references are In-Reply-To, then References from the last to the first (RFC 5322 section 3.6.4).
func references(e message.Envelope) []string {
	out := append([]string(nil), e.InReplyTo...)
	for i := len(e.References) - 1; i >= 0; i-- {
		out = append(out, e.References[i])
	}
	return out
}
