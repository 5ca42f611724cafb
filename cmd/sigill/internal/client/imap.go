package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// Account is a way to a mailbox by IMAP.
type Account struct {
	Address            string // host:port, TLS from the first octet
	TLS                *tls.Config
	Username, Password string
}

// Fetched is a message as IMAP gave it.
type Fetched struct {
	UID       uint32
	MessageID string // without angle brackets
	Raw       []byte
}

// Fetch gives all messages of a mailbox, oldest first, without marking them as read.
func (a Account) Fetch(ctx context.Context, mailbox string) (out []Fetched, err error) {
	c, err := a.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("imap: %w", err)
	}
	defer c.Close()
	selected, err := c.Select(mailbox, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return nil, fmt.Errorf("imap: select: %w", err)
	}
	if selected.NumMessages > 0 {
		whole := &imap.FetchItemBodySection{Peek: true}
		messages, err := c.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{
			UID: true, Envelope: true, BodySection: []*imap.FetchItemBodySection{whole},
		}).Collect()
		if err != nil {
			return nil, fmt.Errorf("imap: fetch: %w", err)
		}
		for _, m := range messages {
			out = append(out, Fetched{uint32(m.UID), m.Envelope.MessageID, m.FindBodySection(whole)})
		}
	}
	if err := c.Logout().Wait(); err != nil {
		return nil, fmt.Errorf("imap: logout: %w", err)
	}
	return out, nil
}

// Mailboxes are the names of all mailboxes.
func (a Account) Mailboxes(ctx context.Context) (names []string, err error) {
	c, err := a.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("imap: %w", err)
	}
	defer c.Close()
	list, err := c.List("", "*", nil).Collect()
	if err != nil {
		return nil, fmt.Errorf("imap: list: %w", err)
	}
	for _, m := range list {
		names = append(names, m.Mailbox)
	}
	return names, c.Logout().Wait()
}

func (a Account) dial(ctx context.Context) (*imapclient.Client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", a.Address)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(4 * patience)); err != nil {
		return nil, err
	}
	c := imapclient.New(tls.Client(conn, a.TLS), nil)
	if err := c.Login(a.Username, a.Password).Wait(); err != nil {
		c.Close()
		return nil, fmt.Errorf("login: %w", err)
	}
	return c, nil
}
