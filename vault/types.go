package vault

import (
	"encoding/base32"
	"slices"
	"time"

	"sigill/policy"
)

// MessageID names a message: 48 bits of time, so that the vault grows at one end, and 80 random bits. It opens nothing.
type MessageID [16]byte

var idText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// String is the id in URLs and logs, 26 characters of base32.
func (id MessageID) String() string { return idText.EncodeToString(id[:]) }

// IsZero tells the absence of an id.
func (id MessageID) IsZero() bool { return id == MessageID{} }

// ParseMessageID reads what String wrote. Errors are ErrNotFound: a malformed id names no message.
func ParseMessageID(s string) (id MessageID, err error) {
	b, err := idText.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, ErrNotFound
	}
	return MessageID(b), nil
}

// Principal is who reads: a staff member or a person.
type Principal struct {
	address policy.Address
	pass    pass
	person  policy.PersonID
	name    string
}

// Staff is the staff member with this address as a principal.
func Staff(a policy.Address) Principal { return Principal{address: a} }

// Person is the person with this identity number as a principal.
func Person(id policy.PersonID) Principal { return Principal{person: id} }

// Named is a person with the name that the e-ID told, which the sender sees who asked the recipient to identify.
func (p Principal) Named(name string) Principal {
	p.name = name
	return p
}

// IsPerson tells a person from a staff member.
func (p Principal) IsPerson() bool { return !p.person.IsZero() }

// Address is the staff member's address; zero for a person.
func (p Principal) Address() policy.Address { return p.address }

// PersonID is the person's number; zero for a staff member.
func (p Principal) PersonID() policy.PersonID { return p.person }

// Role is what a mailbox is for, in the words of RFC 6154.
type Role string

// The roles of mailboxes.
const (
	Inbox   Role = "inbox"
	Sent    Role = "sent"
	Drafts  Role = "drafts"
	Trash   Role = "trash"
	Archive Role = "archive"
	// Folder is a mailbox with a name, for what its owner likes. Junk is one too.
	Folder Role = "folder"
	Junk   Role = "junk"
)

// MailboxID names a mailbox for its life.
type MailboxID uint64

// UID is a unique identifier of RFC 9051 section 2.3.1.1: it grows with each entry of a mailbox and never returns.
type UID uint32

// Mailbox is a mailbox as its owner, or a member of the function address that owns it, sees it.
type Mailbox struct {
	ID MailboxID
	// Owner is the account or function address; zero for a person's mailbox.
	Owner policy.Address
	Role  Role
	// Name is a folder's, in levels parted by FolderDelimiter, NFC; "" for the others.
	Name string
	// Shared tells that Owner is a function address.
	Shared      bool
	UIDValidity uint32
	UIDNext     UID
	Messages    uint32
	Unseen      uint32
	Size        int64 // octets of all messages
}

// Flags are the system flags of RFC 9051 section 2.3.2.
type Flags uint8

// The system flags.
const (
	Seen Flags = 1 << iota
	Answered
	Flagged
	Deleted
	DraftFlag
)

// Entry is a message's place in a mailbox.
type Entry struct {
	UID     UID
	Message MessageID
	Flags   Flags
	// Keywords are flags other than the system's, sorted, without duplicates.
	Keywords []string
	// Date is IMAP's internal date: when the message came into the vault, UTC, whole seconds.
	Date time.Time
	// Size is the message's octets.
	Size int64
}

// Suspect tells that the message has attachments behind a [Fence].
func (e Entry) Suspect() bool { return slices.Contains(e.Keywords, suspectKeyword) }

// Status is how far a message has come to one recipient.
type Status string

// The statuses.
const (
	Held      Status = "held"      // waits for an identity
	Queued    Status = "queued"    // the notice, or the message to a partner organisation, is to be sent
	Notified  Status = "notified"  // the upstream relay took the notice
	Failed    Status = "failed"    // it could not be delivered
	Opened    Status = "opened"    // the recipient has read the message
	Replied   Status = "replied"   // the recipient has answered
	Delivered Status = "delivered" // lies in a mailbox here, or a partner organisation's server took it
	Bounced   Status = "bounced"   // the notice came back
	Saved     Status = "saved"     // the recipient has taken a copy: a file, a PDF
	Declined  Status = "declined"  // whoever got the notice says, without login, that it is not for them
	Disowned  Status = "disowned"  // the person who can read the message says that it is not for them
	Recalled  Status = "recalled"  // taken back by its sender before it was opened
	Disposed  Status = "disposed"  // the recipient's side has deleted it; whoever else has it keeps it
)

// Step is a status and when it came to be, UTC.
type Step struct {
	Status Status
	At     time.Time
}

// RecipientState is a recipient of a message as its sender sees it.
type RecipientState struct {
	Address policy.Address
	Kind    policy.RecipientKind
	// Masked is the identity number in the form a person recognises, "" if there is none.
	Masked string
	Status Status
	// At is when Status came to be, UTC.
	At time.Time
	// Asked is when the recipient was asked to identify; zero if not. Claims are who did, and wait for the sender's word.
	Asked  time.Time
	Claims []Claim
	// Verified is when the binding was that gives the identity, as long as the message is held; zero if none does.
	Verified time.Time
	// Mismatch is when somebody else first logged in by the recipient's link; zero if nobody did.
	Mismatch time.Time
	// Past are the statuses before Status, oldest first; for the sender's side only.
	Past []Step
}

// Info is what is known of a message beside its content.
type Info struct {
	ID           MessageID
	Conversation MessageID // the id of the conversation's first message
	From         policy.Address
	// Account is who sent it in From's name, for From's side only; zero if that is not known.
	Account policy.Address
	// Rule is the name of the rule by which it was sealed, for From's side only; "" if none decided.
	Rule string
	// FromPerson tells that an outside person wrote it.
	FromPerson bool
	// At is when its last octet had come in, UTC.
	At   time.Time
	Size int64
	// Held tells that outside recipients wait for an identity.
	Held bool
	// RecalledAt is when its sender took it back; zero if nobody did.
	RecalledAt time.Time
	// DisposedAt is when it will be disposed of as things are; zero if it is kept.
	DisposedAt time.Time
	// Recipients are all for the sender's side; for others only themselves.
	Recipients []RecipientState
	// Fence keeps attachments from being handed out; nil if none is suspect.
	Fence *Fence
	// Purpose is for staff only, on every side of the message; zero for persons.
	Purpose Purpose
}

// Purpose is why there is personal data in a message, as its sender told it (Regulation (EU) 2016/679, articles 5(1)(b) and
// 6). It is sealed in the message's record and goes with it.
type Purpose struct {
	Text  string // in the sender's words
	Basis string // the legal basis
}

// Receipt tells that a message is durable.
type Receipt struct {
	ID MessageID
	// At is the time its last octet had come in, UTC. It never changes.
	At time.Time
	// Held tells that notices to outside recipients wait.
	Held bool
	// UID is that of the entry an Append made; zero otherwise.
	UID UID
}

// Account is a staff member.
type Account struct {
	Address policy.Address
	Name    string
	// Roles are given by [Administration.SetRoles] and not with the account.
	Roles StaffRoles

	pass pass
}

// Principal is the account's member of staff, who may read as long as the account is there and, if a password opened mail, as
// that is neither changed nor revoked.
func (a Account) Principal() Principal { return Principal{address: a.Address, pass: a.pass} }

// FunctionAddress is a shared mailbox with the accounts that may read and answer.
type FunctionAddress struct {
	Address policy.Address
	Name    string
	Members []policy.Address
}

// Binding is a verified link between a mail address and a person.
type Binding struct {
	Address policy.Address
	Person  policy.PersonID
	// Verified is when the person logged in through a notice to that address, or an administrator vouched for it. UTC.
	Verified time.Time
}

// Deposit says what a message that is to be sealed is.
type Deposit struct {
	// From is the envelope sender: an account or a function address.
	From policy.Address
	// Recipients are those of the envelope, classified.
	Recipients []policy.Recipient
	// Hold is the decision's: keep outside notices back until every identity is known.
	Hold bool
	// Deliver is the decision's: the message itself goes to its outside recipients, who are partner organisations' and get
	// no notice. One who is bound to a person is ErrUnknownRecipient: decide again.
	Deliver bool
	// Rule is the name of the rule that decided, for the audit.
	Rule string
	// Account is who authenticated, for the audit; zero on a connector.
	Account policy.Address
	// Person is the identity of the one outside recipient, if the sender gave it. A recipient bound to another person is
	// ErrOtherPerson.
	Person policy.PersonID
	// Purpose is what the sender told of it; zero if nobody asked.
	Purpose Purpose
}

// JobKind tells which notice a job is for.
type JobKind string

// The kinds of jobs.
const (
	NoticeMessage JobKind = "message" // to a person: a secure message waits
	NoticeStaff   JobKind = "staff"   // to an account or function address: a secure message waits
	NoticeHold    JobKind = "hold"    // to the sender: identities are missing
	NoticeFailed  JobKind = "failed"  // to the sender: a notice could not be delivered
	// NoticeDisposal is to the owner: a message will be disposed of.
	NoticeDisposal   JobKind = "disposal"
	NoticeIdentify   JobKind = "identify"   // to a recipient: the sender wants to know who this is
	NoticeIdentified JobKind = "identified" // to the sender: the recipient has identified
	NoticeMismatch   JobKind = "mismatch"   // to the sender: somebody else has used a recipient's link
	NoticeDeclined   JobKind = "declined"   // to the sender: a recipient says that the message is not for them
	NoticeReceipt    JobKind = "receipt"    // to a person: the reply has come in
	NoticeReminder   JobKind = "reminder"   // to a person: a secure message still waits
	NoticeUnread     JobKind = "unread"     // to the sender: a recipient has not opened the message
	// NoticeUndelivered is to the sender: a message could not be delivered to a partner organisation.
	NoticeUndelivered JobKind = "undelivered"
	// Delivery is no notice: the message itself is to go to a partner organisation's server. See [Courier].
	Delivery JobKind = "deliver"
)

// Job is a notice to be sent, or a message to be delivered. It holds no content.
type Job struct {
	ID   [16]byte
	Kind JobKind
	To   policy.Address
	// Message is the message the notice is about; the link for staff is made of it.
	Message MessageID
	// Link is the token of a person's link: 128 random bits as text. "" in notices to staff.
	Link string
	// Attempts made so far.
	Attempts int
	Created  time.Time
	Due      time.Time
	// LastError is the last attempt's answer, for the operator.
	LastError string
	// Received is when the reply had come in that a NoticeReceipt tells of, UTC; zero in others.
	Received time.Time
	// Disposal is the earliest time of disposal a NoticeDisposal tells of; zero in others.
	Disposal time.Time
	// Return names the job in the envelope's sender, so that a bounce can be told from a forged one: see [Outbox.Bounced].
	// It holds nothing of a person, 45 letters and digits.
	Return string
	// Domain is that of the message's sender, for the brand of the notice; if a person sent it that of its recipient in a
	// NoticeReceipt, else "".
	Domain string
}

// Event is a line of the audit log. It holds no content, subject or identity number.
type Event struct {
	Seq uint64
	At  time.Time
	// Actor is an account's address, "person:" and a keyed hash, or "system".
	Actor   string
	Action  string
	Message MessageID
	// Result is "ok" or a short reason.
	Result string
	// Detail holds what the action needs: the rule of a decision, the door of a read.
	Detail string
}

// Door is the way by which a reader came in, for the audit.
type Door string

// The doors.
const (
	DoorWeb  Door = "web"
	DoorIMAP Door = "imap"
	DoorSMTP Door = "smtp"
)

// FlagChange says how StoreFlags changes flags.
type FlagChange string

// The flag changes of RFC 9051 section 6.4.6.
const (
	SetFlags    FlagChange = "set"
	AddFlags    FlagChange = "add"
	RemoveFlags FlagChange = "remove"
)

// Change is something that happened in a watched mailbox, in the order of commits.
type Change struct {
	Mailbox MailboxID
	Kind    ChangeKind
	// Entry is as it is after the change; of an expunged one only UID and Message are set, of one with other flags only UID,
	// Flags and Keywords.
	Entry Entry
}

// ChangeKind tells what happened to an entry.
type ChangeKind string

// The kinds of changes.
const (
	Added     ChangeKind = "added"
	Reflagged ChangeKind = "flags"
	Expunged  ChangeKind = "expunged"
)
