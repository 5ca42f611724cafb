package smtpd

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"

	"github.com/emersion/go-smtp"

	"sigill/policy"
	"sigill/smtpd/facts"
	"sigill/smtpd/relay"
	"sigill/vault"
	"sigill/vault/bearer"
)

// This file is the only one that makes SMTP replies. go-smtp turns any error it does not know into a permanent 554 with
// the error's text, also a wrapped *smtp.SMTPError, so every method of a session ends here.

// What a session can end a command with. Others are temporary and get an incident's id.
var (
	errNestedMail      = errors.New("smtpd: MAIL within a transaction")
	errNoMail          = errors.New("smtpd: no transaction")
	errLogin           = errors.New("smtpd: not logged in")
	errNoLogin         = errors.New("smtpd: no login on a connector")
	errMechanism       = errors.New("smtpd: unknown mechanism")
	errTries           = errors.New("smtpd: too many failed logins")
	errSenderSyntax    = errors.New("smtpd: sender address")
	errRecipientSyntax = errors.New("smtpd: recipient address")
	errUTF8            = errors.New("smtpd: UTF-8 address without SMTPUTF8")
	errNullSender      = errors.New("smtpd: null sender")
	errOtherSender     = errors.New("smtpd: sender of somebody else")
	errForeignSender   = errors.New("smtpd: sender of another domain")
	errOtherAuthor     = errors.New("smtpd: author is somebody else")
	errInClear         = errors.New("smtpd: no TLS on a connector")
	errStartTLS        = errors.New("smtpd: no TLS on a connector that asks for a certificate")
	errCertificate     = errors.New("smtpd: not the certificate of our mail system")
	errUnsigned        = errors.New("smtpd: no signature of ours")
	errKeyLater        = errors.New("smtpd: the key of a signature cannot be had")
	errAlone           = errors.New("smtpd: a bounce with other recipients")
	errForgedBounce    = errors.New("smtpd: a bounce of no notice")
	errTooLarge        = errors.New("smtpd: message too large")
	errBareLine        = errors.New("smtpd: bare CR, bare LF or NUL")
	errLoop            = errors.New("smtpd: the mail goes round")
	errPanic           = errors.New("smtpd: panic")
)

// errStalled is what a connection's read ends with when a message stops coming. go-smtp says it itself in BDAT.
var errStalled = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 4, 2}, Message: "the message stopped coming, send it again"}

// Refusals before a session, with the greeting's place (RFC 5321 section 3.1).
const (
	refuseNetwork = "554 5.7.1 this port is for the organisation's own mail system"
	refuseMany    = "421 4.7.0 too many connections, try again later"
	refuseEnding  = "421 4.3.2 the service is going down, try again later"
)

// The three ways a mail is taken or refused that carry a value. They are errors only because go-smtp takes the text of
// a 250 as one.
type (
	sealed struct {
		vault.Receipt
		rule string
	}
	passed  struct{ relay.Reply }
	refused struct{ policy.Decision }
)

func (sealed) Error() string    { return "smtpd: sealed" }
func (passed) Error() string    { return "smtpd: passed on" }
func (r refused) Error() string { return "smtpd: refused: " + r.Rule }

// errorIn is an error in one of the two addresses, with its cause.
type errorIn struct{ which, cause error }

func (e errorIn) Error() string   { return e.which.Error() }
func (e errorIn) Unwrap() []error { return []error{e.cause, e.which} }

// table has the reply to each error, first match first.
var table = []struct {
	err      error
	code     int
	enhanced smtp.EnhancedCode
	text     string
}{
	{errNestedMail, 503, smtp.EnhancedCode{5, 5, 1}, "a transaction is open, end it or say RSET"},
	{errNoMail, 503, smtp.EnhancedCode{5, 5, 1}, "say MAIL and RCPT first"},
	{errLogin, 530, smtp.EnhancedCode{5, 7, 0}, "log in first"}, // RFC 4954 section 6
	{errNoLogin, 502, smtp.EnhancedCode{5, 5, 1}, "nobody logs in on this port"},
	{errMechanism, 504, smtp.EnhancedCode{5, 5, 4}, "unknown mechanism, use one that EHLO offers"},
	{bearer.ErrMalformed, 501, smtp.EnhancedCode{5, 5, 2}, "the mechanism is spoken otherwise"},
	{vault.ErrBadCredentials, 535, smtp.EnhancedCode{5, 7, 8}, "wrong address or password"},
	{vault.ErrEnded, 535, smtp.EnhancedCode{5, 7, 8}, "this login has ended: its password is changed or revoked, or the account removed; log in again"},
	{vault.ErrTooManyTries, 454, smtp.EnhancedCode{4, 7, 0}, "too many failed logins, try again in a few minutes"},
	{errTries, 421, smtp.EnhancedCode{4, 7, 0}, "too many failed logins"},
	{errUTF8, 553, smtp.EnhancedCode{5, 6, 7}, "an address beyond ASCII needs SMTPUTF8"},
	{errSenderSyntax, 553, smtp.EnhancedCode{5, 1, 7}, "the sender is not a mail address"},
	{errRecipientSyntax, 553, smtp.EnhancedCode{5, 1, 3}, "the recipient is not a mail address"},
	{errNullSender, 550, smtp.EnhancedCode{5, 7, 1}, "mail from a person needs a sender"},
	{errOtherSender, 553, smtp.EnhancedCode{5, 7, 1}, "this login may not send as that address"},
	{errForeignSender, 550, smtp.EnhancedCode{5, 7, 1}, "the sender is not of this organisation"},
	{errOtherAuthor, 550, smtp.EnhancedCode{5, 7, 1}, "From or Sender names an address this login may not use"},
	{errInClear, 530, smtp.EnhancedCode{5, 7, 0}, "say STARTTLS first: this port takes no mail without TLS from your network"},   // RFC 3207 section 4
	{errStartTLS, 530, smtp.EnhancedCode{5, 7, 0}, "say STARTTLS first, with the certificate of the organisation's mail system"}, // RFC 3207 section 4
	{errCertificate, 550, smtp.EnhancedCode{5, 7, 1}, "this is not the certificate of the organisation's mail system"},
	{errUnsigned, 550, smtp.EnhancedCode{5, 7, 20}, "no DKIM signature of this organisation's domains over From and Subject holds"}, // RFC 7372 section 3.1
	{errKeyLater, 451, smtp.EnhancedCode{4, 7, 5}, "the key of the DKIM signature cannot be looked up now, try again later"},
	{errAlone, 452, smtp.EnhancedCode{4, 5, 3}, "a bounce goes to one recipient, send to the others by themselves"}, // RFC 5321 section 4.5.3.1.10
	{errForgedBounce, 550, smtp.EnhancedCode{5, 1, 1}, "no notice was sent with this return path"},
	{errTooLarge, 552, smtp.EnhancedCode{5, 3, 4}, "the message is too large"},
	{smtp.ErrDataTooLarge, 552, smtp.EnhancedCode{5, 3, 4}, "the message is too large"},
	{errBareLine, 550, smtp.EnhancedCode{5, 6, 0}, "a line does not end in CRLF, or the message holds NUL"},
	{errLoop, 554, smtp.EnhancedCode{5, 4, 6}, "this mail goes round between mail systems: it has come by here before, as its Received fields show; let the rule that sends mail here leave out what comes from here"},
	{facts.ErrAttached, 550, smtp.EnhancedCode{5, 7, 1}, "a message of a sealed conversation is attached to this long mail; tag it as secure and send it again (rule: " + policy.RuleAttached + ")"},
	{facts.ErrUnseen, 550, smtp.EnhancedCode{5, 7, 1}, "what is attached is packed too deep to be checked for sealed messages; tag it as secure and send it again (rule: " + policy.RuleBeyond + ")"},
	{relay.ErrBareLine, 550, smtp.EnhancedCode{5, 6, 0}, "a line does not end in CRLF"},
	{smtp.ErrTooLongLine, 550, smtp.EnhancedCode{5, 6, 0}, fmt.Sprintf("a line is longer than %d octets", maxLine)},
	{vault.ErrFull, 452, smtp.EnhancedCode{4, 3, 1}, "no space left for secure messages, try again later"},
	{vault.ErrUnscanned, 451, smtp.EnhancedCode{4, 7, 1}, "the malware scanner does not answer, send it again later"},
	{vault.ErrUnknownRecipient, 451, smtp.EnhancedCode{4, 3, 0}, "what is known of a recipient changed just now, send it again"},
	{vault.ErrOtherPerson, 550, smtp.EnhancedCode{5, 7, 1}, "the recipient's address is known to belong to another person than the number in the subject names; check both"},
	{errStalled, errStalled.Code, errStalled.EnhancedCode, errStalled.Message},
	{io.ErrUnexpectedEOF, 451, smtp.EnhancedCode{4, 4, 2}, "the message broke off"},
	{net.ErrClosed, 451, smtp.EnhancedCode{4, 4, 2}, "the message broke off"},
	{smtp.ErrDataReset, 451, smtp.EnhancedCode{4, 4, 2}, "the message was taken back"},
	{context.Canceled, 451, smtp.EnhancedCode{4, 3, 2}, "the service is going down, send it again later"},
	{errPanic, 421, smtp.EnhancedCode{4, 3, 0}, "internal fault"},
}

// answer is the last thing a method of a session does: it makes *err an *[smtp.SMTPError], also of a panic.
func (s *session) answer(command string, err *error) {
	if p := recover(); p != nil {
		// The value may hold content; where it happened does not.
		s.log.Error("panic in a session", "command", command, "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
		*err = errPanic
		s.conn.hangUp()
	}
	if *err == nil {
		return
	}
	reply, known := translate(*err)
	if !known {
		id := incident()
		s.log.Error("temporary failure", "command", command, "incident", id, "cause", *err)
		reply.Message += ", incident " + id
		if command == "AUTH" {
			reply.Code, reply.EnhancedCode = 454, smtp.EnhancedCode{4, 7, 0} // RFC 4954 section 6
		}
	}
	if reply.Code/100 != 2 {
		s.log.Debug("refused", "command", command, "reply", reply.Code, "cause", *err)
	}
	*err = reply
}

// translate gives the reply to an error. The default is temporary and tells nothing.
func translate(err error) (reply *smtp.SMTPError, known bool) {
	if in, ok := errors.AsType[sealed](err); ok {
		return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 6, 0}, Message: in.text()}, true
	}
	if up, ok := errors.AsType[passed](err); ok {
		return &smtp.SMTPError{Code: up.Code, EnhancedCode: up.Enhanced, Message: up.Text}, true
	}
	if _, ok := errors.AsType[noted](err); ok {
		return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: "noted"}, true
	}
	if away, ok := errors.AsType[answerElsewhere](err); ok {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: away.text()}, true
	}
	if no, ok := errors.AsType[refused](err); ok {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: no.Advice + " (rule: " + no.Rule + ")"}, true
	}
	if bad, ok := errors.AsType[*vault.SuspectError](err); ok {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "malware was found in the message, it was not taken: " + bad.Found}, true
	}
	if fail, ok := errors.AsType[*relay.Error](err); ok {
		return &smtp.SMTPError{Code: fail.Code, EnhancedCode: fail.Enhanced, Message: fail.Text}, fail.Cause == nil
	}
	for _, row := range table {
		if errors.Is(err, row.err) {
			return &smtp.SMTPError{Code: row.code, EnhancedCode: row.enhanced, Message: row.text}, true
		}
	}
	return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "temporary fault, try again later"}, false
}

func (s sealed) text() string {
	if s.Held {
		return "held as " + s.ID.String() + "; you are asked by mail who the recipients are (rule: " + s.rule + ")"
	}
	return "sealed as " + s.ID.String() + " (rule: " + s.rule + ")"
}

// taken tells that a message was accepted.
func taken(err error) bool {
	reply, _ := translate(err)
	return err != nil && reply.Code/100 == 2
}

// incident is an id under which the log has the cause.
func incident() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
