package vault

import (
	"time"

	"sigill/policy"
	"sigill/vault/message"
)

// owner is the keyed hash of whoever owns mailboxes: an account, a function address or a person.
type owner [32]byte

// instant is a time in records: nanoseconds since 1970, UTC; 0 is no time.
type instant int64

func instantOf(t time.Time) instant {
	if t.IsZero() {
		return 0
	}
	return instant(t.UnixNano())
}

func (i instant) time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(i)).UTC()
}

type messageRecord struct {
	// Number counts messages in the order of commits, whatever the clock did.
	Number       uint64            `codec:"11"`
	Conversation MessageID         `codec:"1"`
	From         policy.Address    `codec:"2"`
	FromPerson   bool              `codec:"3,omitempty"`
	Account      policy.Address    `codec:"4,omitempty"` // who authenticated
	At           instant           `codec:"5"`
	Size         int64             `codec:"6"`
	Held         bool              `codec:"7,omitempty"`
	Recipients   []recipientRecord `codec:"8,omitempty"`
	Rule         string            `codec:"9,omitempty"`
	// Answers is the message this one, a person's reply, answers.
	Answers MessageID `codec:"10,omitempty"`
	// Person is the digits of the person who wrote it.
	Person string `codec:"12,omitempty"`
	// FirstRead is when one it is to first opened it; anyone, if it is to nobody.
	FirstRead instant `codec:"13,omitempty"`
	// Told is the time of disposal the owner is told of, Warned when the notice of it went out.
	Told   instant `codec:"14,omitempty"`
	Warned instant `codec:"15,omitempty"`
	// Recalled is when its sender took it back.
	Recalled instant `codec:"16,omitempty"`
	// After is the time of the last round of disposal before it came in, if the clock had gone back behind that.
	After instant `codec:"17,omitempty"`
	// Fence keeps attachments from being handed out; nil if none is suspect.
	Fence *fenceRecord `codec:"18,omitempty"`
	// Purpose and LegalBasis are what the sender said of why personal data is in it.
	Purpose    string `codec:"19,omitempty"`
	LegalBasis string `codec:"20,omitempty"`
}

// came is when the message came in, as far as terms are concerned: a clock that had gone back shortens none.
func (rec messageRecord) came() time.Time { return max(rec.At, rec.After).time() }

type fenceRecord struct {
	Found  string          `codec:"1,omitempty"` // "" as long as nobody has looked
	At     instant         `codec:"2"`
	Bodies []message.Range `codec:"3,omitempty"` // of the attachments behind it, in the order of the message
}

type recipientRecord struct {
	Address policy.Address       `codec:"1"`
	Kind    policy.RecipientKind `codec:"2"`
	Person  string               `codec:"3,omitempty"` // digits
	Status  Status               `codec:"4"`
	At      instant              `codec:"5"`
	// Asked is when the recipient was asked to identify, Claims who did, Mismatch when another first came by the link.
	Asked    instant       `codec:"6,omitempty"`
	Claims   []claimRecord `codec:"7,omitempty"`
	Mismatch instant       `codec:"8,omitempty"`
	// Past are the statuses before Status, oldest first.
	Past []stepRecord `codec:"9,omitempty"`
}

type stepRecord struct {
	Status Status  `codec:"1"`
	At     instant `codec:"2"`
}

type claimRecord struct {
	ID       string  `codec:"1"`
	Person   string  `codec:"2"` // digits
	Name     string  `codec:"3,omitempty"`
	At       instant `codec:"4"`
	Rejected bool    `codec:"5,omitempty"`
}

type messageIDRecord struct {
	Message      MessageID `codec:"1"`
	Conversation MessageID `codec:"2"`
}

type mailboxRecord struct {
	Owner       owner          `codec:"1"`
	Address     policy.Address `codec:"2,omitempty"` // zero for a person
	Role        Role           `codec:"3"`
	UIDValidity uint32         `codec:"4"`
	UIDNext     UID            `codec:"5"`
	Messages    uint32         `codec:"6"`
	Unseen      uint32         `codec:"7"`
	Size        int64          `codec:"8"`
	Name        string         `codec:"9,omitempty"` // of a folder
}

type entryRecord struct {
	Message  MessageID `codec:"1"`
	Flags    Flags     `codec:"2,omitempty"`
	Keywords []string  `codec:"3,omitempty"`
	Date     instant   `codec:"4"`
	Size     int64     `codec:"5"`
}

// flagsRecord is a block of flags that were changed.
type flagsRecord struct {
	Flags    []byte     `codec:"1"`           // an octet for each UID, as far as needed: toldHere and the flags, 0 if it is not told here
	Keywords [][]string `codec:"2,omitempty"` // different sets of them, none empty
	Sets     []byte     `codec:"3,omitempty"` // an octet for each UID, as far as needed: 0 for none, or a set by number from 1
}

type accountRecord struct {
	Address  policy.Address  `codec:"1"`
	Name     string          `codec:"2"`
	Password string          `codec:"3"` // PHC string
	TOTP     *totpRecord     `codec:"4,omitempty"`
	Roles    StaffRoles      `codec:"5,omitempty"`
	Passkeys []passkeyRecord `codec:"6,omitempty"`
	Recovery [][]byte        `codec:"7,omitempty"`

	Subscriptions []subscriptionRecord `codec:"8,omitempty"`
}

type subscriptionRecord struct {
	Name  string       `codec:"1"`
	State Subscription `codec:"2"`
}

func (rec accountRecord) account() Account {
	return Account{Address: rec.Address, Name: rec.Name, Roles: rec.Roles}
}

type totpRecord struct {
	Secret   []byte   `codec:"1"`
	Since    instant  `codec:"2"`
	Last     uint64   `codec:"3"`           // the time step of the last code that counted
	Recovery [][]byte `codec:"4,omitempty"` // those of the account since, but read from here
}

type passkeyRecord struct {
	Credential []byte  `codec:"1"`
	Key        []byte  `codec:"2"` // COSE_Key
	Name       string  `codec:"3"`
	Created    instant `codec:"4"`
	Used       instant `codec:"5,omitempty"`
	Count      uint32  `codec:"6,omitempty"`
	Synced     bool    `codec:"7,omitempty"`
}

type deviceRecord struct {
	Account policy.Address `codec:"1"`
	Name    string         `codec:"2"`
	Created instant        `codec:"3"`
	Used    instant        `codec:"4,omitempty"`
}

type functionRecord struct {
	Address policy.Address   `codec:"1"`
	Name    string           `codec:"2"`
	Members []policy.Address `codec:"3"`
}

type bindingRecord struct {
	Address  policy.Address `codec:"1"`
	Person   string         `codec:"2"` // digits
	Verified instant        `codec:"3"`
}

type linkRecord struct {
	Message   MessageID `codec:"1"`
	Recipient int       `codec:"2"` // position in messageRecord.Recipients
}

type jobRecord struct {
	Kind      JobKind        `codec:"1"`
	To        policy.Address `codec:"2"`
	Message   MessageID      `codec:"3"`
	Recipient int            `codec:"4"` // position in messageRecord.Recipients; -1 if the notice is to none of them
	Link      string         `codec:"5,omitempty"`
	Attempts  int            `codec:"6,omitempty"`
	Created   instant        `codec:"7"`
	Due       instant        `codec:"8"`
	LastError string         `codec:"9,omitempty"`
	Disposal  instant        `codec:"10,omitempty"` // the time a notice of disposal tells
}

type eventRecord struct {
	At      instant   `codec:"1"`
	Actor   string    `codec:"2"`
	Action  string    `codec:"3"`
	Message MessageID `codec:"4,omitempty"`
	Result  string    `codec:"5"`
	Detail  string    `codec:"6,omitempty"`
	// Before is the link of the event before, 32 octets; empty in the first.
	Before []byte `codec:"7,omitempty"`
}

type checkpointRecord struct {
	At        instant `codec:"1"`
	Link      []byte  `codec:"2"`
	Signature []byte  `codec:"3"` // Ed25519
}

type legalHoldRecord struct {
	Message MessageID      `codec:"1,omitempty"`
	Address policy.Address `codec:"2,omitempty"`
	Actor   string         `codec:"3,omitempty"` // a person's name in the audit
	Reason  string         `codec:"4"`
	By      policy.Address `codec:"5,omitempty"`
	At      instant        `codec:"6"`
}

type disposalRecord struct {
	Message   MessageID      `codec:"1"`
	At        instant        `codec:"2"`
	Rule      string         `codec:"3"`
	Deposited instant        `codec:"4"`
	Size      int64          `codec:"5"`
	From      policy.Address `codec:"6,omitempty"` // zero for a person
}

type replyDraftRecord struct {
	Text string  `codec:"1"`
	At   instant `codec:"2"`
}

type formerRecord struct {
	At instant `codec:"1"`
	By string  `codec:"2"` // the login provider that said so
}

type classRecord struct {
	Class string `codec:"1"` // the name of a retention class
}

type protectedRecord struct {
	Name string `codec:"1"` // the person's in the audit
}

type searchRecord struct {
	By     policy.Address `codec:"1"`
	At     instant        `codec:"2"`
	Reason string         `codec:"3"`
	// What is asked for; empty fields ask for everything.
	From    instant   `codec:"4,omitempty"`
	Until   instant   `codec:"5,omitempty"`
	Who     string    `codec:"6,omitempty"` // an actor
	Action  string    `codec:"7,omitempty"`
	Message MessageID `codec:"8,omitempty"`
	// Asked is when a second person was asked for, Answered when By2 gave the answer.
	Asked    instant        `codec:"9,omitempty"`
	Answered instant        `codec:"10,omitempty"`
	By2      policy.Address `codec:"11,omitempty"`
	Approved bool           `codec:"12,omitempty"`
}
