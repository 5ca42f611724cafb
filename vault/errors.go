package vault

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound means that there is no such thing, or that it is not for this principal: the two look the same.
	ErrNotFound = errors.New("vault: not found")
	// ErrRecalled is ErrNotFound to a recipient, and nobody else, who comes by a link: the sender has taken the message back.
	ErrRecalled = fmt.Errorf("%w: it was recalled", ErrNotFound)
	// ErrEnded is what a login ends with whose password is changed or revoked, or whose account is removed.
	ErrEnded = fmt.Errorf("%w: the login has ended", ErrNotFound)
	// ErrBadCredentials means a wrong address or a wrong password.
	ErrBadCredentials = errors.New("vault: wrong address or password")
	// ErrTooManyTries means that so many logins failed that this one was not looked at. It passes within minutes.
	ErrTooManyTries = errors.New("vault: too many failed logins")
	// ErrDeviceName means that a device password's name is empty, too long or not printable.
	ErrDeviceName = errors.New("vault: a device needs a name of 1 to 64 printable characters")
	// ErrPasskeyName means that a passkey's name is empty, too long or not printable.
	ErrPasskeyName = errors.New("vault: a passkey needs a name of 1 to 64 printable characters")
	// ErrTooManyPasskeys means that an account has as many as it may.
	ErrTooManyPasskeys = errors.New("vault: the account has too many passkeys; remove one")
	// ErrLastFactor means that the account would have no second factor left, which an administrator decides.
	ErrLastFactor = errors.New("vault: the last second factor of an account is taken away by an administrator")
	// ErrTooManyDevices means that an account has as many device passwords as it may.
	ErrTooManyDevices = errors.New("vault: the account has too many device passwords; revoke one")
	// ErrUnknownRecipient means that a message which was not to be held has an outside recipient without identity. The
	// binding went between decision and commit: decide again.
	ErrUnknownRecipient = errors.New("vault: an outside recipient has no identity")
	// ErrOtherPerson means that a message's recipient is bound to another person than the sender named.
	ErrOtherPerson = errors.New("vault: the recipient is bound to another person")
	// ErrHeld means that the message waits for identities and this would take it from the sender who is to give them.
	ErrHeld = errors.New("vault: the message waits for identities")
	// ErrSuspect means that malware was found in a message, which was not taken: its sender still has it.
	ErrSuspect = errors.New("vault: malware was found")
	// ErrUnscanned means that the malware scanner gave no verdict on a message, which was not taken. Temporary.
	ErrUnscanned = errors.New("vault: the malware scanner gives no verdict")
	// ErrFenced means that an attachment is not handed out because it may be malware.
	ErrFenced = errors.New("vault: the attachment is fenced, it may be malware")
	// ErrNoReply means that this principal cannot answer this message.
	ErrNoReply = errors.New("vault: this message cannot be answered")
	// ErrIncomplete means that an identity is still missing after completing a hold.
	ErrIncomplete = errors.New("vault: not every outside recipient has an identity")
	// ErrBadName means that a folder cannot have that name.
	ErrBadName = errors.New("vault: no name for a folder")
	// ErrExists means that there is such a folder, account or function address already.
	ErrExists = errors.New("vault: it exists already")
	// ErrTooMany means that an owner has as many folders as can be.
	ErrTooMany = errors.New("vault: too many folders")
	// ErrKeywords means that a message would have more keywords than it may.
	ErrKeywords = errors.New("vault: too many keywords")
	// ErrFixed means that the mailbox is there by its role and stays.
	ErrFixed = errors.New("vault: the mailbox is no folder")
	// ErrHasFolders means that other folders lie within this one.
	ErrHasFolders = errors.New("vault: other folders lie within it")
	// ErrFull means that the disk or the vault's limit is reached. Temporary: nothing was changed.
	ErrFull = errors.New("vault: no space left")
	// ErrLocked means that another process has the vault open.
	ErrLocked = errors.New("vault: another process has the vault open")
	// ErrWrongKey means that the key is not this vault's, or a passphrase not the key file's.
	ErrWrongKey = errors.New("vault: the key does not belong to this vault")
	// ErrDamaged means that stored bytes are not what was sealed.
	ErrDamaged = errors.New("vault: stored data is damaged")
	// ErrClosed means use after Close.
	ErrClosed = errors.New("vault: closed")
)

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }
