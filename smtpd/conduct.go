package smtpd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"sigill/policy"
	"sigill/smtpd/relay"
	"sigill/vault"
	"sigill/vault/message"
)

// conduct is a mail's way: the header, the facts, the decision, and what was decided.
func (s *session) conduct(ctx context.Context, tx transaction, in io.Reader) error {
	m, err := readHeader(in, s.server.limits.HeaderSize)
	if err != nil {
		return err
	}
	if s.looped(m.header) {
		return errLoop
	}
	f, tagged, err := s.facts(ctx, tx, m)
	if err != nil {
		return err
	}
	switch d := policy.Decide(f, s.server.config.Rules); d.Route {
	case policy.Pass:
		return s.pass(ctx, tx, m)
	case policy.Seal, policy.Hold:
		return s.seal(ctx, tx, m, f, d, tagged)
	default:
		return refused{d}
	}
}

// facts gathers what the decision rests on. Tagged is the number of the subject field that has a tag, if one does.
func (s *session) facts(ctx context.Context, tx transaction, m mail) (f policy.Facts, tagged int, err error) {
	f.Sender = policy.Unknown
	known, err := s.server.knowledge.Classify(ctx, append([]policy.Address{tx.From}, tx.To...))
	if err != nil {
		return f, 0, fmt.Errorf("smtpd: classify recipients: %w", err)
	}
	f.Recipients = known[1:]
	if !tx.From.IsZero() {
		f.Sender = known[0].Kind
	}
	if f.HeaderError = m.fault; f.HeaderError != "" {
		return f, 0, nil
	}
	f.Subject, tagged = s.subject(m)
	// Asked of every sender: an answer that quotes a sealed message must not pass in clear from an alias, a system account
	// or an automatic reply either.
	if f.Answers, err = s.server.knowledge.Answers(ctx, answered(m)); err != nil {
		return f, 0, fmt.Errorf("smtpd: look up the conversation: %w", err)
	}
	return f, tagged, nil
}

// subject is the subject that has a tag, or else the first. A mail has one; of one that has more nobody knows which is
// shown, so a tag in any counts.
func (s *session) subject(m mail) (text string, n int) {
	tags := s.server.config.Rules.Tags
	if len(tags) == 0 {
		tags = policy.DefaultTags
	}
	all := message.Subjects(m.header)
	for i, text := range all {
		if _, _, ok := policy.FindTag(text, tags); ok {
			return text, i
		}
	}
	if len(all) == 0 {
		return "", 0
	}
	return all[0], 0
}

// answered is the message ids that a mail answers.
func answered(m mail) (ids []string) {
	h := message.ParseHeader(m.header)
	for _, name := range []string{"In-Reply-To", "References"} {
		for _, v := range h.Values(name) {
			ids = append(ids, message.MessageIDs(v)...)
		}
	}
	return ids
}

// pass streams a mail to the upstream. The upstream's reply is ours.
func (s *session) pass(ctx context.Context, tx transaction, m mail) error {
	trace := s.received(tx)
	up := relay.Mail{Envelope: tx.Envelope, EightBit: tx.eightBit, UTF8: tx.utf8}
	if tx.size > 0 {
		up.Size = tx.size + int64(len(trace))
	}
	reply, err := s.server.config.Relay.Send(ctx, up,
		io.MultiReader(bytes.NewReader(trace), bytes.NewReader(m.header), bytes.NewReader(m.start), m.rest))
	if err != nil {
		return err
	}
	s.log.Info("passed on", "mail", tx.id, "recipients", len(tx.To), "upstream", reply.Code)
	return passed{reply}
}

// withoutBcc takes the Bcc fields away, which no recipient may see (RFC 5322 section 3.6.3).
func withoutBcc(header []byte) []byte {
	var out []byte
	from := int64(0)
	for _, f := range message.ParseHeader(header).Fields {
		if !strings.EqualFold(f.Name, "Bcc") && !strings.EqualFold(f.Name, "Resent-Bcc") {
			continue
		}
		out = append(out, header[from:f.Range.Offset]...)
		from = f.Range.Offset + f.Range.Size
	}
	return append(out, header[from:]...)
}

// seal deposits a mail. It is there when Commit has returned, and then 250 is said.
func (s *session) seal(ctx context.Context, tx transaction, m mail, f policy.Facts, d policy.Decision, tagged int) (err error) {
	if d.Tag != (policy.Span{}) {
		if m.header, err = message.CutSubject(m.header, tagged, d.Tag); err != nil {
			return fmt.Errorf("smtpd: take the tag away: %w", err)
		}
	}
	m.header = withoutBcc(m.header)
	draft := s.server.begin(vault.Deposit{
		From: tx.From, Recipients: f.Recipients, Hold: d.Route == policy.Hold, Rule: d.Rule, Account: tx.account,
	})
	defer draft.Abort()
	if _, err := io.Copy(draft, io.MultiReader(bytes.NewReader(m.header), bytes.NewReader(m.start), m.rest)); err != nil {
		return fmt.Errorf("smtpd: deposit: %w", err)
	}
	receipt, err := draft.Commit(ctx)
	if err != nil {
		return fmt.Errorf("smtpd: deposit: %w", err)
	}
	s.log.Info("sealed", "mail", tx.id, "message", receipt.ID.String(), "held", receipt.Held, "rule", d.Rule,
		"recipients", len(tx.To))
	return sealed{receipt}
}
