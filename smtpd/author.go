package smtpd

import (
	"context"

	"sigill/vault/message"
)

// mayWrite is the rule of submission about authors: whoever reads a mail sees From and Sender and not the envelope, so a
// login may use in them, too, only its own address and those of its function addresses (RFC 6409 section 6.1). A field
// that cannot be read as addresses is not its own; one that is missing says nothing false. A mail somebody else wrote is
// forwarded, not sent on as it is: Resent fields are seen by nobody.
func (s *session) mayWrite(ctx context.Context, tx transaction, header message.Header) error {
	if s.listener.Kind == Connector {
		return nil // the organisation's mail system has looked
	}
	seen := map[string]bool{}
	for _, name := range []string{"From", "Sender"} {
		for _, field := range header.Values(name) {
			for _, author := range message.ParseAddresses(field, 0) {
				a, err := author.Address()
				if err != nil {
					return errorIn{errOtherAuthor, err}
				}
				if seen[a.Key()] {
					continue
				}
				seen[a.Key()] = true
				may, err := s.server.accounts.MaySendAs(ctx, tx.who, a)
				if err != nil {
					return err
				}
				if !may {
					return errOtherAuthor
				}
			}
		}
	}
	return nil
}
