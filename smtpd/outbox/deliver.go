package outbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"sigill/policy"
	"sigill/smtpd/relay"
	"sigill/vault"
)

// courier opens what goes to partners and takes what became of it: *vault.Courier, or one that fails in a test.
type courier interface {
	Open(ctx context.Context, j vault.Job) (*vault.Content, error)
	Delivered(ctx context.Context, j vault.Job, evidence string) error
}

// deliver hands a message to a partner organisation, one recipient at a time: each has a status of its own, and none sees
// who else got it. A bounce comes to the return path of notices, where all but its code is dropped; to the sender's own
// address it would bring the content back in clear.
func (w *Worker) deliver(ctx context.Context, j vault.Job, envelope policy.Envelope) (evidence string, err error) {
	if w.config.Partners == nil {
		return "", errors.New("outbox: no partner organisation is configured any more")
	}
	content, err := w.courier.Open(ctx, j)
	if err != nil {
		return "", err
	}
	defer content.Close()
	message := func() io.Reader { return io.NewSectionReader(content, 0, content.Size()) }
	signatures, err := signatures(message(), w.signersFor(j.Domain))
	if err != nil {
		return "", err
	}
	top := string(signatures) + w.trace(j)
	m := relay.Mail{Envelope: envelope, Size: int64(len(top)) + content.Size()}
	return w.config.Partners.Deliver(ctx, m, io.MultiReader(strings.NewReader(top), message()))
}

// trace is the field that RFC 5321 section 4.4 asks of whoever passes a mail on; it also ends one that goes round.
func (w *Worker) trace(j vault.Job) string {
	return fmt.Sprintf("Received: by %s %s id %s;\r\n\t%s\r\n", w.config.Hostname, relay.Software, j.Message, w.now().Format("Mon, 2 Jan 2006 15:04:05 -0700"))
}

// signersFor are those whose signature is aligned with a sender of that domain (RFC 7489 section 3.1.1). The one that the
// mail may have come with went with the tag.
func (w *Worker) signersFor(domain string) (out []Signer) {
	for _, s := range w.config.Signers {
		if domain == s.Domain || strings.HasSuffix(domain, "."+s.Domain) {
			out = append(out, s)
		}
	}
	return out
}
