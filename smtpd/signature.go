package smtpd

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"sigill/vault/message"
)

const (
	maxSignatures = 5
	lookupLimit   = 10 * time.Second // for one key
)

// signed makes a message one that ends only if a DKIM signature (RFC 6376) of one of our domains holds: where its end
// would be, its reader gets an error instead. So nothing is kept back, in memory or on disk, while nobody knows: a deposit
// is not committed, and the upstream is not told the end of data and throws away what it has.
//
// The signature must be over From and Subject, and the mail have one of each, or another one could be put on top of those
// that are signed. stop must be called.
func (s *session) signed(ctx context.Context, m mail) (_ mail, stop func()) {
	if m.fault == "" {
		m.fault = twice(m.fields)
	}
	fed, feed := io.Pipe()
	p := &proven{in: m.rest, feed: feed, verdict: make(chan error, 1)}
	// The verifier may outlive the mail, and the room it lies in.
	whole := io.MultiReader(bytes.NewReader(slices.Concat(m.header, m.start)), fed)
	go func() {
		p.verdict <- s.verify(ctx, whole)
		fed.Close() // what still comes is not waited for
	}()
	m.rest = p
	return m, p.stop
}

// twice tells which field that counts is there more than once.
func twice(h message.Header) string {
	if len(h.Values("From")) != 1 || len(h.Values("Subject")) > 1 {
		return "it has not one From and one Subject"
	}
	return ""
}

func (s *session) verify(ctx context.Context, whole io.Reader) error {
	found, err := dkim.VerifyWithOptions(whole, &dkim.VerifyOptions{
		MaxVerifications: maxSignatures,
		LookupTXT: func(name string) ([]string, error) {
			ctx, cancel := context.WithTimeout(ctx, lookupLimit)
			defer cancel()
			return s.server.lookupTXT(ctx, name)
		},
	})
	later := false
	for _, v := range found {
		switch {
		case v == nil || !s.server.domains[strings.ToLower(v.Domain)]:
		case dkim.IsTempFail(v.Err):
			later = true
		case v.Err != nil:
			s.log.Warn("a signature of ours does not hold", "domain", v.Domain, "err", v.Err)
		case slices.ContainsFunc(v.HeaderKeys, func(k string) bool { return strings.EqualFold(k, "Subject") }):
			return nil
		}
	}
	if later {
		return errKeyLater
	}
	return errorIn{errUnsigned, err}
}

// proven is the rest of a message, on its way past the verifier.
type proven struct {
	in      io.Reader
	feed    *io.PipeWriter
	verdict chan error
	end     error
}

func (p *proven) Read(b []byte) (int, error) {
	if p.end != nil {
		return 0, p.end
	}
	n, err := p.in.Read(b)
	_, _ = p.feed.Write(b[:n]) // fails once the verdict is there
	if err == io.EOF {
		p.feed.Close()
		if p.end = <-p.verdict; p.end == nil {
			p.end = io.EOF
		}
		return n, p.end
	}
	return n, err
}

// stop ends the verifier of a message that has not come to its end. It is told an end, for go-msgauth leaves goroutines
// behind after an error.
func (p *proven) stop() { p.feed.Close() }
