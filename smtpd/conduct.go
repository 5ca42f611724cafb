package smtpd

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"sigill/policy"
	"sigill/smtpd/facts"
	"sigill/smtpd/relay"
	"sigill/vault"
)

// conduct is a mail's way: the header, the facts, the decision, and what was decided.
func (s *session) conduct(ctx context.Context, tx transaction, in io.Reader) error {
	m, err := readHeader(in, s.server.limits.HeaderSize)
	if err != nil {
		return err
	}
	defer m.free()
	if s.looped(m.fields) {
		return errLoop
	}
	if err := s.mayWrite(ctx, tx, m.fields); err != nil {
		return err
	}
	if tx.signed {
		var stop func()
		m, stop = s.signed(ctx, m)
		defer stop()
	}
	f, err := s.facts(ctx, tx, m)
	if err != nil {
		return err
	}
	d := policy.Decide(f, s.server.config.Rules)
	if d.Route == policy.Pass {
		done, err := s.lookInside(ctx, tx, &m, &f)
		if err != nil {
			return err
		}
		defer done()
		if f.Attached || f.Unseen || f.Content != nil {
			d = policy.Decide(f, s.server.config.Rules)
		}
	}
	for _, rule := range d.Noted {
		s.log.Info("rule met", "mail", tx.id, "rule", rule)
	}
	switch d.Route {
	case policy.Pass:
		return s.pass(ctx, tx, m)
	case policy.Seal, policy.Hold, policy.Deliver:
		return s.seal(ctx, tx, &m, f, d)
	default:
		s.log.Info("refused by a rule", "mail", tx.id, "rule", d.Rule)
		return refused{d}
	}
}

// facts gathers what the decision rests on.
func (s *session) facts(ctx context.Context, tx transaction, m mail) (f policy.Facts, err error) {
	known, err := s.server.knowledge.Classify(ctx, append([]policy.Address{tx.From}, tx.To...))
	if err != nil {
		return f, fmt.Errorf("smtpd: classify recipients: %w", err)
	}
	f.Sender, f.Recipients, f.Dedicated, f.Today = known[0], known[1:], s.listener.Secure, s.server.now()
	if tx.From.IsZero() {
		f.Sender.Kind = policy.Unknown
	}
	if f.HeaderError = m.fault; f.HeaderError != "" {
		return f, nil
	}
	s.server.gatherer.Header(&f, m.fields)
	// Asked of every sender: an answer that quotes a sealed message must not pass in clear from an alias, a system account
	// or an automatic reply either.
	if f.Answers, err = s.server.knowledge.Answers(ctx, facts.Answered(m.fields)); err != nil {
		return f, fmt.Errorf("smtpd: look up the conversation: %w", err)
	}
	s.server.gatherer.Outcomes(&f)
	return f, nil
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

// seal deposits a mail. It is there when Commit has returned, and then 250 is said.
func (s *session) seal(ctx context.Context, tx transaction, m *mail, f policy.Facts, d policy.Decision) error {
	header, err := sealedHeader(*m, d)
	if err != nil {
		return err
	}
	deposit := vault.Deposit{
		From: tx.From, Recipients: f.Recipients, Hold: d.Route == policy.Hold, Deliver: d.Route == policy.Deliver, Rule: d.Rule,
		Account: tx.who.Address(), Person: d.Person,
	}
	draft := s.server.begin(deposit)
	defer draft.Abort()
	if err := m.writeTo(draft, header); err != nil {
		return fmt.Errorf("smtpd: deposit: %w", err)
	}
	m.free() // many may wait for one commit
	receipt, err := draft.Commit(ctx)
	if err != nil {
		return fmt.Errorf("smtpd: deposit: %w", err)
	}
	s.log.Info("sealed", "mail", tx.id, "message", receipt.ID.String(), "held", receipt.Held, "rule", d.Rule,
		"recipients", len(tx.To))
	return sealed{receipt, d.Rule}
}
