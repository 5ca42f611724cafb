package imapd

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"

	"github.com/emersion/go-imap/v2"

	"sigill/vault"
	"sigill/vault/bearer"
)

// This file is the only one that makes status responses (RFC 3501 section 7.1, response codes of RFC 5530 section 3). Texts
// are for people; none holds anything of a message.
var (
	errLogin      = no(imap.ResponseCodeAuthenticationFailed, "Wrong address or password")
	errEnded      = no(imap.ResponseCodeAuthorizationFailed, ended)
	errMechanism  = no("", "Unknown mechanism, use one of CAPABILITY")
	errTooMany    = no(imap.ResponseCodeUnavailable, "Too many failed logins, try again in a few minutes")
	errNotHere    = no(imap.ResponseCodeNonExistent, "There is no such mailbox")
	errFixed      = no(imap.ResponseCodeCannot, "This mailbox came with the account and stays as it is")
	errShared     = no(imap.ResponseCodeCannot, "Under Shared only folders of function addresses can be made, and none moves in or out")
	errName       = no(imap.ResponseCodeCannot, "A folder cannot have this name: it may be too long or too deep, or lies within itself, or has an empty level, or one of & % * or control characters")
	errUse        = no("USEATTR", "There is no folder for this use, or there is one already")
	errHasFolders = no("HASCHILDREN", "Remove the folders within it first")
	errFolders    = no(imap.ResponseCodeLimit, "There are as many folders as can be; remove some first")
	errTryCreate  = no(imap.ResponseCodeTryCreate, "There is no such folder yet")
	errExists     = no(imap.ResponseCodeAlreadyExists, "There is such a mailbox already")
	errStubs      = no(imap.ResponseCodeCannot, "Nothing can be stored by a mail program that fetches mail through its maker's service; use the web")
	errUnscanned  = no(imap.ResponseCodeUnavailable, "The malware scanner does not answer, and nothing was stored; try again later")
	errReadOnly   = no(imap.ResponseCodeCannot, "The mailbox is open for reading only; use SELECT")
	errExpunged   = no("EXPUNGEISSUED", "Some of the messages have been deleted")
	errUnknownCTE = no("UNKNOWN-CTE", "The part has an encoding that is not known here; use BODY")
	errNUL        = no("UNKNOWN-CTE", "A message with NUL octets cannot be stored; encode them in base64")
	errSearchCost = no(imap.ResponseCodeLimit, "The search takes too much; narrow it down by dates or addresses")
	errEmpty      = no(imap.ResponseCodeCannot, "A message cannot be empty")
	errTooBig     = no(imap.ResponseCodeTooBig, "The message is larger than APPENDLIMIT")
	errKeywords   = no(imap.ResponseCodeLimit, "At most 50 keywords of 64 octets each")
	errLegalHold  = no(imap.ResponseCodeCannot, "Messages under legal hold are kept: they cannot be deleted, and stay with those the hold is of")
	errHeld       = no(imap.ResponseCodeCannot, "A message that waits for recipients' identities stays here; give them on the web first")
	errFlag       = bad("There is no such flag")
	errPattern    = bad("The pattern is too long")
	errMIMEPart   = bad("MIME needs a part number")
	errPartial    = bad("The offset does not fit in 32 bits")

	errNoSuchNumber = bad("There is no message with that sequence number")
)

// ended is told to a client whose account is removed or whose device password is revoked.
const ended = "This login has ended: the account is removed, or the device password revoked"

// errGone is what a client that does not take its answer leaves behind. It is nobody's fault and not logged.
var errGone = errors.New("imapd: the client is gone")

// status turns any error of a command into what the client is told. What is not known here is logged under an incident
// id, and the id is all the client is told of it.
func (s *session) status(command string, err error) error {
	if err == nil || errors.Is(err, errGone) {
		return err
	}
	if e, ok := errors.AsType[*imap.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*vault.SuspectError](err); ok {
		return no(imap.ResponseCodeCannot, "The message was not stored, malware was found in it: "+e.Found)
	}
	switch {
	case errors.Is(err, vault.ErrNotFound):
		return errNotHere
	case errors.Is(err, vault.ErrUnscanned):
		return errUnscanned
	case errors.Is(err, vault.ErrExists):
		return errExists
	case errors.Is(err, vault.ErrBadName):
		return errName
	case errors.Is(err, vault.ErrFixed):
		return errFixed
	case errors.Is(err, vault.ErrHasFolders):
		return errHasFolders
	case errors.Is(err, vault.ErrKeywords):
		return errKeywords
	case errors.Is(err, vault.ErrTooMany):
		return errFolders
	case errors.Is(err, vault.ErrLegalHold):
		return errLegalHold
	case errors.Is(err, vault.ErrHeld):
		return errHeld
	case errors.Is(err, vault.ErrBadCredentials):
		return errLogin
	case errors.Is(err, bearer.ErrMalformed):
		return bad("The mechanism is spoken otherwise")
	case errors.Is(err, vault.ErrTooManyTries):
		return errTooMany
	case errors.Is(err, vault.ErrClosed), errors.Is(err, context.Canceled):
		return no(imap.ResponseCodeUnavailable, "The server is ending, come back later")
	}
	id := rand.Text()[:10]
	s.log.LogAttrs(s.ctx, slog.LevelError, "imap command failed",
		slog.String("incident", id), slog.String("command", command), slog.Any("err", err))
	switch {
	case errors.Is(err, vault.ErrFull):
		return no(imap.ResponseCodeOverQuota, "There is no space left and nothing was changed; tell your administrator of incident "+id)
	case errors.Is(err, vault.ErrDamaged):
		return no(imap.ResponseCodeCorruption, "Stored data is damaged; tell your administrator of incident "+id)
	}
	return no(imap.ResponseCodeServerBug, "That did not work; tell your administrator of incident "+id)
}

func no(code imap.ResponseCode, text string) *imap.Error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: text}
}

func bad(text string) *imap.Error {
	return &imap.Error{Type: imap.StatusResponseTypeBad, Code: imap.ResponseCodeClientBug, Text: text}
}
