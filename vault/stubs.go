package vault

// This file is the agreed API while the vault is being built beside its callers; it goes before anything lands.

import (
	"context"
	"io"
	"log/slog"
	"time"

	"sigill/policy"
	"sigill/vault/message"
)

type Options struct {
	Log     *slog.Logger
	Now     func() time.Time
	MaxSize int64 // octets of the vault's file; 0 = no limit
}

// KeyWrapper keeps the key-encryption key outside the vault.
type KeyWrapper interface {
	Wrap(ctx context.Context, key []byte) (wrapped []byte, err error)
	Unwrap(ctx context.Context, wrapped []byte) (key []byte, err error) // ErrWrongKey
}

// CreateKeyFile makes a key file (0600); an existing one is an error (fs.ErrExist).
func CreateKeyFile(path string) error { panic("stub") }

// OpenKeyFile reads a key file; refuses one readable by others.
func OpenKeyFile(path string) (KeyWrapper, error) { panic("stub") }

type Vault struct{}

// Open opens the vault in the folder dir, or creates it if the folder holds none.
func Open(ctx context.Context, dir string, keys KeyWrapper, o Options) (*Vault, error) { panic("stub") }

// Run does the vault's housekeeping until ctx ends.
func (v *Vault) Run(ctx context.Context) error { panic("stub") }
func (v *Vault) Close() error                  { panic("stub") }

func (v *Vault) Depositor() *Depositor { panic("stub") }
func (v *Vault) Directory() *Directory { panic("stub") }
func (v *Vault) Outbox() *Outbox       { panic("stub") }
func (v *Vault) Audit() *AuditLog      { panic("stub") }

// Reader opens for one principal, coming through one door. ErrNotFound: no such account (a person always has a reader).
func (v *Vault) Reader(ctx context.Context, p Principal, door Door) (*Reader, error) { panic("stub") }

// Depositor seals and cannot open.
type Depositor struct{}

// Begin starts a message. The draft must be ended by Commit or Abort.
func (d *Depositor) Begin(m Deposit) *Draft { panic("stub") }

// Draft is a message on its way in. It is an io.Writer of the raw message; writes are sealed at once, large ones staged
// in short transactions. One goroutine at a time.
type Draft struct{}

func (w *Draft) Write(p []byte) (int, error)                 { panic("stub") } // ErrFull, ErrClosed
func (w *Draft) Commit(ctx context.Context) (Receipt, error) { panic("stub") } // durable when it returns; ErrFull, ErrUnknownRecipient
func (w *Draft) Abort()                                      { panic("stub") } // after Commit it does nothing

// Directory knows who is who.
type Directory struct{}

func (d *Directory) PutAccount(ctx context.Context, a Account, password string) error { panic("stub") }
func (d *Directory) PutFunctionAddress(ctx context.Context, f FunctionAddress) error  { panic("stub") }
func (d *Directory) PutBinding(ctx context.Context, b Binding) error                  { panic("stub") }
func (d *Directory) Account(ctx context.Context, a policy.Address) (Account, error)   { panic("stub") }
func (d *Directory) FunctionAddress(ctx context.Context, a policy.Address) (FunctionAddress, error) {
	panic("stub")
}

// FunctionAddresses are those the account is a member of.
func (d *Directory) FunctionAddresses(ctx context.Context, member policy.Address) ([]FunctionAddress, error) {
	panic("stub")
}

// Authenticate checks a password. ErrBadCredentials takes the same time whatever was wrong. Bounded in parallel.
func (d *Directory) Authenticate(ctx context.Context, address, password string) (Account, error) {
	panic("stub")
}

// MaySendAs tells whether the account may use the address as sender: its own, or a function address it belongs to.
func (d *Directory) MaySendAs(ctx context.Context, account, from policy.Address) (bool, error) {
	panic("stub")
}

// Classify tells what is known of each address, in order.
func (d *Directory) Classify(ctx context.Context, to []policy.Address) ([]policy.Recipient, error) {
	panic("stub")
}

// Answers tells whether any of the message ids (without angle brackets) names a sealed message.
func (d *Directory) Answers(ctx context.Context, messageIDs []string) (bool, error) { panic("stub") }

// Reader reads for one principal. Authorisation is here: what is not the principal's is ErrNotFound. Not for use by
// several goroutines at once.
type Reader struct{}

func (r *Reader) Close()               { panic("stub") } // wipes its keys
func (r *Reader) Principal() Principal { panic("stub") }

// Mailboxes are the principal's own (Inbox, Sent, Drafts, Trash; a person has Inbox and Sent), then those of its
// function addresses (Inbox, Sent), ordered by address. Membership is asked anew at each call.
func (r *Reader) Mailboxes(ctx context.Context) ([]Mailbox, error)           { panic("stub") }
func (r *Reader) Mailbox(ctx context.Context, id MailboxID) (Mailbox, error) { panic("stub") }

// Entries are those with from <= UID <= to, oldest first. to 0 = no end.
func (r *Reader) Entries(ctx context.Context, id MailboxID, from, to UID) ([]Entry, error) {
	panic("stub")
}

// Latest are the n newest with UID < before (0 = no limit), newest first.
func (r *Reader) Latest(ctx context.Context, id MailboxID, before UID, n int) ([]Entry, error) {
	panic("stub")
}

// Indexes gives the structure of messages, enough to list them; it is not a read. In the order of ids; a message that
// is not there any more gives nil.
func (r *Reader) Indexes(ctx context.Context, ids ...MessageID) ([]*message.Index, error) {
	panic("stub")
}

// Open opens messages for reading. The principal's first read of each is in the audit, in one commit for all, before
// Open returns. A message that is not there or not the principal's makes the whole call ErrNotFound, and that is in the
// audit too. Opening sets a person's status on the message to Opened. It sets no flags.
func (r *Reader) Open(ctx context.Context, ids ...MessageID) ([]*Content, error) { panic("stub") }

func (r *Reader) Info(ctx context.Context, id MessageID) (Info, error) { panic("stub") }

// Conversation is the messages of id's conversation that the principal may open, oldest first, id among them.
func (r *Reader) Conversation(ctx context.Context, id MessageID) ([]Info, error) { panic("stub") }

// StoreFlags changes flags and gives the entries after the change; uids that are gone are left out.
func (r *Reader) StoreFlags(ctx context.Context, id MailboxID, uids []UID, how FlagChange, flags Flags, keywords []string) ([]Entry, error) {
	panic("stub")
}

// Seen sets the Seen flag on the message in all of the principal's mailboxes.
func (r *Reader) MarkSeen(ctx context.Context, id MessageID) error { panic("stub") }

// Expunge removes entries that have the Deleted flag, among uids (nil = all), and gives the removed UIDs in order. A
// message that lies in no mailbox any more is erased.
func (r *Reader) Expunge(ctx context.Context, id MailboxID, uids []UID) ([]UID, error) { panic("stub") }

// Copied pairs a source UID with the copy's.
type Copied struct{ From, To UID }

// Copy puts messages into another of the principal's mailboxes; the content is shared.
func (r *Reader) Copy(ctx context.Context, from MailboxID, uids []UID, to MailboxID) ([]Copied, error) {
	panic("stub")
}

// Move is Copy and removal in one transaction.
func (r *Reader) Move(ctx context.Context, from MailboxID, uids []UID, to MailboxID) ([]Copied, error) {
	panic("stub")
}

// Append starts a message that a mail client stores itself. A copy of a message that lies there already (same
// Message-ID and sender, as mail clients make in Sent after submission) is not stored twice: Commit gives its UID.
func (r *Reader) Append(id MailboxID, flags Flags, keywords []string, date time.Time) (*Draft, error) {
	panic("stub")
}

// Reply starts a person's answer to a message: it goes to the mailbox the message came from (function address or
// account), in the same conversation, with a notice to staff. ErrNoReply if the principal is staff, or wrote it.
// ErrNotFound. The raw message written is a whole RFC 5322 mail.
func (r *Reader) Reply(ctx context.Context, id MessageID) (*Draft, ReplyTo, error) { panic("stub") }

// ReplyTo is what the header of a reply needs.
type ReplyTo struct {
	From      policy.Address // the person's address, as the message was sent to
	To        policy.Address
	Subject   string // of the message that is answered, without "Sv:"
	InReplyTo string // Message-ID without angle brackets
}

// Holds are the messages that wait for identities and that this staff member sent, or a function address of theirs;
// oldest first.
func (r *Reader) Holds(ctx context.Context) ([]Info, error) { panic("stub") }

// Complete gives identities, by address key (policy.Address.Key), to a held message's recipients. When every outside
// recipient has one the hold ends and the notices are queued, in the same transaction; else ErrIncomplete and nothing
// is changed. ErrNotFound if the message is not held or not the principal's.
func (r *Reader) Complete(ctx context.Context, id MessageID, identities map[string]policy.PersonID) error {
	panic("stub")
}

// FollowLink gives the message of a person's link. If the person is the one the message is for, the binding between
// address and person is remembered as verified now. Unknown link and wrong person are both ErrNotFound, and both in the
// audit.
func (r *Reader) FollowLink(ctx context.Context, token string) (MessageID, error) { panic("stub") }

// Watch tells of changes in mailboxes from now on.
func (r *Reader) Watch(ctx context.Context, ids ...MailboxID) (*Watch, error) { panic("stub") }

type Watch struct{}

// C is ready when there is something to take.
func (w *Watch) C() <-chan struct{} { panic("stub") }

// Take gives the changes since the last Take in commit order. overflow: too many were kept; list the mailbox anew.
func (w *Watch) Take() (changes []Change, overflow bool) { panic("stub") }
func (w *Watch) Close()                                  { panic("stub") }

// Content is an opened message. It reads any range at random (io.ReaderAt), holding at most one opened chunk; no
// database transaction is open between calls. ErrDamaged is never followed by bytes.
type Content struct{}

func (c *Content) ID() MessageID                             { panic("stub") }
func (c *Content) Index() *message.Index                     { panic("stub") }
func (c *Content) Size() int64                               { panic("stub") }
func (c *Content) ReadAt(p []byte, off int64) (int, error)   { panic("stub") }
func (c *Content) Section(r message.Range) *io.SectionReader { panic("stub") }
func (c *Content) Close()                                    { panic("stub") }

// Outbox hands out jobs. There is one worker.
type Outbox struct{}

// Due are the jobs with Due <= now, oldest first, at most n; next is when the first other job is due (zero: none).
func (o *Outbox) Due(ctx context.Context, now time.Time, n int) (due []Job, next time.Time, err error) {
	panic("stub")
}

// Wake is ready after a commit that queued jobs.
func (o *Outbox) Wake() <-chan struct{} { panic("stub") }

// Sent ends a job: the recipient's status becomes Notified.
func (o *Outbox) Sent(ctx context.Context, j Job) error { panic("stub") }

// Retry puts a job off, counting the attempt.
func (o *Outbox) Retry(ctx context.Context, j Job, at time.Time, cause string) error { panic("stub") }

// Fail ends a job for good: the recipient's status becomes Failed, and the sender gets a NoticeFailed (unless the job
// was to the sender itself).
func (o *Outbox) Fail(ctx context.Context, j Job, cause string) error { panic("stub") }

// AuditLog is append-only.
type AuditLog struct{}

// Record appends an event; Seq and At are given by the vault. Durable when it returns.
func (a *AuditLog) Record(ctx context.Context, e Event) error { panic("stub") }

// Events gives the events with Seq >= from in order, until fn returns false.
func (a *AuditLog) Events(ctx context.Context, from uint64, fn func(Event) bool) error { panic("stub") }

// Actor is a person's name in the audit: a keyed hash.
func (a *AuditLog) Actor(p Principal) string { panic("stub") }
