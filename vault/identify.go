package vault

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"sigill/policy"
)

// When the sender of a held message has no number for a recipient, the recipient may identify: a notice goes out with a
// link, whoever comes by it logs in with e-ID, and the sender sees name and masked number and says whether that is the one.
// Until then nothing of the message can be read. The message stays one decision: all its recipients wait.

// Claim is somebody who came by the link of a recipient who is to identify. It holds no whole number.
type Claim struct {
	// ID names the claim among those of its recipient.
	ID string
	// Name is the e-ID's; "" if it told none.
	Name string
	// Masked is the identity number in the form the sender recognises.
	Masked string
	At     time.Time
}

// maxClaims of one recipient. More come by only if a link is passed around; then the sender has to look.
const maxClaims = 5

// ErrAwaitsApproval means that the link is right, and its message waits for its sender to say that this is the person.
var ErrAwaitsApproval = errors.New("vault: the sender has to approve who this is")

// Approve says that a recipient of a held message is the one who claims to be it. The address is bound to that person.
// When every outside recipient has an identity the hold ends as with Complete. ErrNotFound if the message is not held, was
// not sent by the principal's side, or has no such claim; ErrOtherPerson if the address is bound to another person by now.
func (r *Reader) Approve(ctx context.Context, id MessageID, to policy.Address, claim string) error {
	return r.decide(ctx, id, to, claim, func(a *access, rec *messageRecord, n int, c claimRecord) error {
		who := &rec.Recipients[n]
		if err := a.mayBe(who.Address, c.Person); err != nil {
			return err
		}
		who.Person, who.Claims = c.Person, nil
		person, err := policy.ParsePersonID(c.Person)
		if err != nil {
			return errors.Join(ErrDamaged, err)
		}
		event := Event{Actor: a.v.actor(r.p), Action: "approve", Message: id, Result: "ok", Detail: a.v.personActor(c.Person)}
		if err := errors.Join(
			a.saveBinding(Binding{Address: who.Address, Person: person, Verified: a.v.now()}), a.record(event),
		); err != nil {
			return err
		}
		if rec.identified() {
			return a.endHold(id, rec)
		}
		return save(a.tx, tMessage, id[:], rec)
	})
}

// mayBe is ErrOtherPerson if an address is bound to another person: what was verified for all of the organisation does not
// fall by one sender's word.
func (a *access) mayBe(address policy.Address, person string) error {
	binding, known, err := a.binding(address)
	if err != nil || !known {
		return err
	}
	if !slices.Contains(a.numbersOf(a.v.personOwner(person), hadBefore), a.v.personOwner(binding.Person)) {
		return ErrOtherPerson
	}
	return nil
}

// Reject says that a claim is not the recipient's. Whoever made it is told nothing.
func (r *Reader) Reject(ctx context.Context, id MessageID, to policy.Address, claim string) error {
	return r.decide(ctx, id, to, claim, func(a *access, rec *messageRecord, n int, c claimRecord) error {
		claims := &rec.Recipients[n].Claims
		for i := range *claims {
			if (*claims)[i].ID == claim {
				(*claims)[i].Rejected = true
			}
		}
		event := Event{Actor: a.v.actor(r.p), Action: "reject", Message: id, Result: "ok", Detail: a.v.personActor(c.Person)}
		return errors.Join(a.record(event), save(a.tx, tMessage, id[:], rec))
	})
}

// decide finds an open claim on a held message of the principal's side.
func (r *Reader) decide(ctx context.Context, id MessageID, to policy.Address, claim string, fn func(*access, *messageRecord, int, claimRecord) error) error {
	return r.update(ctx, func(a *access) error {
		rec, err := a.heldBySide(id)
		if err != nil {
			return err
		}
		for n, who := range rec.Recipients {
			for _, c := range who.Claims {
				if who.Address.Key() == to.Key() && c.ID == claim && !c.Rejected {
					return fn(a, &rec, n, c)
				}
			}
		}
		return ErrNotFound
	})
}

// heldBySide is a held message that was sent by the principal's side.
func (a *access) heldBySide(id MessageID) (messageRecord, error) {
	rec, found, err := load[messageRecord](a.tx, tMessage, id[:])
	if err == nil && (!found || !rec.Held || !a.sender(rec)) {
		err = ErrNotFound
	}
	return rec, err
}

// identified tells that every outside recipient has an identity.
func (rec *messageRecord) identified() bool {
	for _, r := range rec.Recipients {
		if r.Kind.Outside() && r.Person == "" {
			return false
		}
	}
	return true
}

// ask sends a recipient the notice by which they identify, once.
func (a *access) ask(id MessageID, rec *messageRecord, n int) error {
	r := &rec.Recipients[n]
	if r.Asked != 0 {
		return nil
	}
	r.Asked = instantOf(a.v.now())
	d := delivery{tx: a.tx, s: &sealed{id: id}, rec: rec}
	return d.queue(NoticeIdentify, r.Address, id, n)
}

// claim notes who came by the link of a recipient who is to identify, and tells the sender.
func (a *access) claim(link linkRecord, rec *messageRecord) error {
	r := &rec.Recipients[link.Recipient]
	person := a.reader.p.PersonID().Digits()
	for _, c := range r.Claims {
		if c.Person == person {
			return nil // told already, or rejected
		}
	}
	if len(r.Claims) >= maxClaims {
		return nil
	}
	r.Claims = append(r.Claims, claimRecord{ID: rand.Text(), Person: person, Name: a.reader.p.name, At: instantOf(a.v.now())})
	return errors.Join(save(a.tx, tMessage, link.Message[:], rec), a.queue(NoticeIdentified, rec.From, link.Message, -1))
}

// mismatch tells the sender, once for each recipient, that somebody else has logged in by the recipient's link. Whoever
// did is told nothing.
func (a *access) mismatch(link linkRecord, rec *messageRecord) error {
	if link.Recipient >= len(rec.Recipients) {
		return nil // the message was disposed of
	}
	r := &rec.Recipients[link.Recipient]
	if !a.reader.p.IsPerson() || rec.Held || r.Person == "" || r.Mismatch != 0 {
		return nil
	}
	r.Mismatch = instantOf(a.v.now())
	return errors.Join(save(a.tx, tMessage, link.Message[:], rec), a.queue(NoticeMismatch, rec.From, link.Message, -1))
}

func (r recipientRecord) claims() (out []Claim) {
	for _, c := range r.Claims {
		if !c.Rejected {
			out = append(out, Claim{ID: c.ID, Name: c.Name, Masked: masked(c.Person), At: c.At.time()})
		}
	}
	return out
}
