package smtpd

import (
	"context"
	"errors"
	"io"
	"strings"

	"sigill/policy"
	"sigill/smtpd/internal/dsn"
	"sigill/smtpd/outbox"
	"sigill/vault"
)

// Notices says what becomes of mail that comes back to the addresses notices are from. It comes from anybody, so a
// connector that knows these addresses takes foreign senders, for them alone. With the zero value there are none.
type Notices struct {
	// From and ReturnPath are those of the outbox; ReturnPath is From if zero.
	From, ReturnPath policy.Address
	// AnswersTo is the mailbox that ordinary answers are passed to. If zero they are refused with a text that says Where to
	// answer.
	AnswersTo policy.Address
	// Where is the page on which a person finds the message, for the refusal.
	Where string
	// Bounced takes the news that a notice came back; vault.Outbox.Bounced does. vault.ErrNotFound: the token is forged.
	Bounced func(ctx context.Context, token, code string) error
}

// back tells what an address of notices wants.
type back struct {
	token  string // of the notice that comes back
	answer bool   // an ordinary answer
}

// back tells whether mail to an address is one that comes back.
func (n Notices) back(to policy.Address) (back, bool) {
	if n.From.IsZero() {
		return back{}, false
	}
	path := n.ReturnPath
	if path.IsZero() {
		path = n.From
	}
	if token, ok := outbox.ReturnToken(path, to); ok {
		return back{token: token}, true
	}
	return back{answer: true}, to.Key() == n.From.Key() || to.Key() == path.Key()
}

// comesBack is the rule of RCPT about addresses of notices: what is to be put in the envelope, if anything. A mail that comes
// back is neither sealed nor passed on, so it has one recipient. The caller has the lock.
func (s *session) comesBack(to policy.Address) (policy.Address, error) {
	n := s.server.config.Notices
	b, is := n.back(to)
	switch {
	case s.tx.returns != "" || is && b.token != "" && len(s.tx.To) > 0:
		return to, errAlone
	case !is && s.tx.foreign:
		return to, errForeignSender
	case !is:
		return to, nil
	case b.answer && (n.AnswersTo.IsZero() || s.tx.From.IsZero()):
		return to, answerElsewhere{n.Where}
	case b.answer:
		return n.AnswersTo, nil
	case !s.tx.From.IsZero() || s.listener.Kind != Connector:
		return to, answerElsewhere{n.Where} // an automatic answer, or somebody who found the address
	}
	s.tx.returns = b.token
	return to, nil
}

// returned takes a bounce. It goes nowhere from here: its sender is the null one, and nobody is to answer it.
func (s *session) returned(ctx context.Context, tx transaction, in io.Reader) error {
	report, err := dsn.Parse(in)
	if _, drained := io.Copy(io.Discard, in); drained != nil {
		return drained
	}
	switch {
	case errors.Is(err, dsn.ErrNoReport):
		s.log.Warn("a mail in no standard form came back to a notice", "mail", tx.id)
		return noted{}
	case !report.Failed:
		s.log.Info("a report on a notice", "mail", tx.id, "status", report.Code)
		return noted{}
	}
	if report.Code == "" {
		report.Code = "5.0.0"
	}
	err = s.server.config.Notices.Bounced(ctx, tx.returns, report.Code)
	if errors.Is(err, vault.ErrNotFound) {
		return errForgedBounce
	}
	if err != nil {
		return err
	}
	s.log.Info("a notice came back", "mail", tx.id, "status", report.Code)
	return noted{}
}

// noted is a bounce that was taken.
type noted struct{}

func (noted) Error() string { return "smtpd: a bounce was noted" }

// answerElsewhere refuses an answer to a notice.
type answerElsewhere struct{ where string }

func (answerElsewhere) Error() string { return "smtpd: an answer to a notice" }

// text is what the writer reads in the bounce of their own mail system. A reply has only ASCII.
func (a answerElsewhere) text() string {
	where := strings.TrimSpace("at " + a.where)
	if a.where == "" {
		where = "as the notice says"
	}
	return "this address takes no mail, your answer was NOT delivered; log in " + where + " and answer the message there"
}
