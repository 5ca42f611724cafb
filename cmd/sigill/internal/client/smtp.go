package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"sigill/policy"
)

// patience is how long a mail program waits for an answer.
const patience = 30 * time.Second

// Mail is a mail to submit.
type Mail struct {
	From policy.Address
	To   []policy.Address
	Raw  []byte // with the line ends of Canonical
}

// Submission is a way in: an account on a submission port, or a connector if Username is empty.
type Submission struct {
	Address            string // host:port
	TLS                *tls.Config
	Implicit           bool // TLS from the first octet; else STARTTLS
	Username, Password string
}

// Refused is an answer of 4xx or 5xx.
type Refused struct {
	Code int
	Text string
}

func (r *Refused) Error() string { return fmt.Sprintf("refused: %d %s", r.Code, r.Text) }

// Send submits a mail; the error is *Refused if the gateway answered no.
func (s Submission) Send(ctx context.Context, m Mail) error {
	err := s.send(ctx, m)
	var answer *smtp.SMTPError
	if errors.As(err, &answer) {
		return &Refused{answer.Code, answer.Message}
	}
	return err
}

func (s Submission) send(ctx context.Context, m Mail) error {
	c, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if s.Username != "" {
		if err := c.Auth(sasl.NewPlainClient("", s.Username, s.Password)); err != nil {
			return err
		}
	}
	var to []string
	for _, a := range m.To {
		to = append(to, a.String())
	}
	if err := c.SendMail(m.From.String(), to, bytes.NewReader(m.Raw)); err != nil {
		return err
	}
	return c.Quit()
}

func (s Submission) dial(ctx context.Context) (*smtp.Client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return nil, err
	}
	// What hangs shall not hang a test or a demo.
	if err := conn.SetDeadline(time.Now().Add(4 * patience)); err != nil {
		return nil, err
	}
	var c *smtp.Client
	switch {
	case s.TLS == nil:
		c = smtp.NewClient(conn)
	case s.Implicit:
		c = smtp.NewClient(tls.Client(conn, s.TLS))
	default:
		if c, err = smtp.NewClientStartTLS(conn, s.TLS); err != nil {
			conn.Close()
			return nil, err
		}
	}
	c.CommandTimeout, c.SubmissionTimeout = patience, 4*patience
	return c, nil
}
