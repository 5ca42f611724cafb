package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-smtp"

	"sigill/policy"
)

// Mail is the envelope of one transaction and what MAIL said of the message.
type Mail struct {
	policy.Envelope
	// Size is the message's octets as declared (RFC 1870); 0 if it is not known.
	Size int64
	// EightBit tells that it was declared as BODY=8BITMIME (RFC 6152).
	EightBit bool
	// UTF8 tells that it was declared as SMTPUTF8 (RFC 6531).
	UTF8 bool
}

// Send hands one message over and gives the upstream's last reply. The message must have CRLF line ends.
//
// Errors are an [*Error] for whatever the upstream did, the error of the message's reader if that failed (the upstream
// then gets no end of data and drops what it has), ErrBareCR, or ctx's. If the upstream took the message, the error is
// nil whatever happened afterwards.
func (c *Client) Send(ctx context.Context, m Mail, message io.Reader) (Reply, error) {
	up, link, err := c.connect(ctx)
	if err != nil {
		return Reply{}, ended(ctx, unreachable(err))
	}
	defer link.Close()
	stop := context.AfterFunc(ctx, func() { link.Close() })
	defer stop()
	if err := open(up, m); err != nil {
		return Reply{}, ended(ctx, err)
	}
	r, err := transfer(up, link, message)
	if err != nil {
		return Reply{}, ended(ctx, err)
	}
	link.leaving.Store(true)
	_ = up.Quit() // the message is taken, whatever the upstream says to this
	return r, nil
}

// ended prefers ctx's end to the errors it caused.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("relay: %w", context.Cause(ctx))
	}
	return err
}

func open(up *smtp.Client, m Mail) error {
	options := &smtp.MailOptions{Size: m.Size, UTF8: m.UTF8 || !ascii(m.Envelope)}
	if ok, _ := up.Extension("SMTPUTF8"); options.UTF8 && !ok {
		// RFC 6531 section 3.2: it must not be sent on.
		return &Error{Reply: Reply{553, [3]int{5, 6, 7}, "the next mail server cannot take addresses and headers beyond ASCII"}}
	}
	if ok, _ := up.Extension("8BITMIME"); m.EightBit && !ok {
		// RFC 6152 section 3: it must be converted or bounced, and a signed mail is not ours to convert.
		return &Error{Reply: Reply{554, [3]int{5, 6, 3}, "the next mail server cannot take 8-bit mail"}}
	}
	if err := up.Mail(m.From.String(), options); err != nil {
		return answered(err)
	}
	for _, to := range m.To {
		if err := up.Rcpt(to.String(), nil); err != nil {
			return answered(err)
		}
	}
	return nil
}

func ascii(e policy.Envelope) bool {
	for _, a := range append([]policy.Address{e.From}, e.To...) {
		if strings.ContainsFunc(a.String(), func(r rune) bool { return r >= utf8.RuneSelf }) {
			return false
		}
	}
	return true
}

func transfer(up *smtp.Client, link *conn, message io.Reader) (Reply, error) {
	data, err := up.Data()
	if err != nil {
		return Reply{}, answered(err)
	}
	if err := stream(data, message); err != nil {
		return Reply{}, err
	}
	link.final.Store(true)
	response, err := data.CloseWithResponse()
	var odd *smtp.SMTPError
	switch {
	case err == nil:
		return reply(&smtp.SMTPError{Code: 250, Message: response.StatusText}), nil
	case errors.As(err, &odd) && odd.Code/100 == 2:
		return reply(odd), nil
	}
	return Reply{}, answered(err)
}

// stream copies without adding or taking away anything. It tells the errors of the two sides apart: the reader's come
// back as they are.
func stream(upstream io.Writer, message io.Reader) error {
	buf := make([]byte, 32<<10)
	cr := false
	for {
		n, err := message.Read(buf)
		var ok bool
		if cr, ok = crlf(cr, buf[:n]); !ok || err == io.EOF && cr {
			return ErrBareCR
		}
		if _, werr := upstream.Write(buf[:n]); werr != nil {
			return dropped(werr)
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("relay: read message: %w", err)
		}
	}
}

// crlf tells whether each CR in b has its LF. Cr is whether the octet before b was a CR, and in the result whether the last
// one is.
func crlf(cr bool, b []byte) (last, ok bool) {
	for len(b) > 0 {
		if cr && b[0] != '\n' {
			return cr, false
		}
		i := bytes.IndexByte(b, '\r')
		if i < 0 {
			return false, true
		}
		cr, b = true, b[i+1:]
	}
	return cr, true
}
