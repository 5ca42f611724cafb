package smtpd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"sigill/vault/message"
)

// Limits of what go-msgauth is given. It puts lines of a field together one by one, looks for each name of h= in every
// field, and keeps lines without text until there is some, so these would cost minutes and memory.
const (
	maxSignatures = 5
	maxSignature  = 4 << 10          // octets of one
	maxSigned     = 200              // names in its h=
	maxSignedHead = 2000             // lines of the header
	maxBlank      = 64 << 10         // octets of white space and line ends in a row
	lookupLimit   = 10 * time.Second // for one key
)

// signed makes a message one that ends only if a DKIM signature (RFC 6376) of one of our domains holds: where its end
// would be, its reader gets an error instead. So nothing is kept back, in memory or on disk, while nobody knows: a deposit
// is not committed, and the upstream is not told the end of data and throws away what it has.
//
// The signature must be over From and Subject, and the mail have one of each, or another one could be put on top of those
// that are signed. stop must be called.
//
// Each signature is verified by itself, without the others, in a goroutine of ours: go-msgauth verifies several in
// goroutines of its own, where a panic would end the process, and leaves them behind after an error.
func (s *session) signed(ctx context.Context, m mail) (_ mail, stop func()) {
	if m.fault == "" {
		m.fault = twice(m.fields)
	}
	p := &proven{in: m.rest, verdicts: make(chan error, maxSignatures)}
	for _, signature := range s.ours(m) {
		fed, feed := io.Pipe()
		others := func(f message.Field) bool { return isSignature(f) && f.Range != signature.Range }
		// The verifier may outlive the mail, and the room it lies in.
		whole := io.MultiReader(bytes.NewReader(slices.Concat(without(m.header, m.fields.Fields, others), m.start)), fed)
		p.feeds = append(p.feeds, feed)
		go func() {
			p.verdicts <- s.verify(ctx, whole)
			fed.Close() // what still comes is not waited for
		}()
	}
	p.watch(m.start)
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

func isSignature(f message.Field) bool { return strings.EqualFold(f.Name, "DKIM-Signature") }

// ours are the signatures that say they are of a domain of ours, within the limits.
func (s *session) ours(m mail) (out []message.Field) {
	if bytes.Count(m.header, lf) > maxSignedHead {
		return nil
	}
	for _, f := range m.fields.Fields {
		if isSignature(f) && len(f.Value) <= maxSignature && strings.Count(tagOf(f.Value, "h"), ":") < maxSigned &&
			s.server.domains[strings.ToLower(tagOf(f.Value, "d"))] {
			out = append(out, f)
		}
	}
	return out[:min(len(out), maxSignatures)]
}

// tagOf is a tag of a signature (RFC 6376 section 3.2), "" if it has none or two, which no verifier takes.
func tagOf(signature, name string) (value string) {
	for tag := range strings.SplitSeq(signature, ";") {
		if key, v, _ := strings.Cut(tag, "="); strings.TrimSpace(key) == name {
			if value != "" {
				return ""
			}
			value = strings.TrimSpace(v)
		}
	}
	return value
}

// verify tells whether the one signature of a message holds.
func (s *session) verify(ctx context.Context, whole io.Reader) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic in the verifier of signatures", "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			err = errUnsigned
		}
	}()
	found, err := dkim.VerifyWithOptions(whole, &dkim.VerifyOptions{
		MaxVerifications: 1,
		LookupTXT:        func(name string) ([]string, error) { return s.keyOf(ctx, name) },
	})
	for _, v := range found {
		switch {
		case v == nil || !s.server.domains[strings.ToLower(v.Domain)]:
		case dkim.IsTempFail(v.Err):
			return errKeyLater
		case v.Err != nil:
			s.log.Warn("a signature of ours does not hold", "domain", v.Domain, "err", v.Err)
		case slices.ContainsFunc(v.HeaderKeys, func(k string) bool { return strings.EqualFold(k, "Subject") }):
			return nil
		}
	}
	return errorIn{errUnsigned, err}
}

// keyOf asks for keys of our domains alone: those of others are whatever somebody else has put into the DNS.
func (s *session) keyOf(ctx context.Context, name string) ([]string, error) {
	at := strings.LastIndex(name, "._domainkey.")
	if at < 0 || !s.server.domains[strings.ToLower(name[at+len("._domainkey."):])] {
		return nil, &net.DNSError{Err: "not a domain of ours", Name: name, IsNotFound: true}
	}
	ctx, cancel := context.WithTimeout(ctx, lookupLimit)
	defer cancel()
	return s.server.lookupTXT(ctx, name)
}

// proven is the rest of a message, on its way past the verifiers.
type proven struct {
	in       io.Reader
	feeds    []*io.PipeWriter
	verdicts chan error
	blank    int // octets without text in a row
	end      error
}

func (p *proven) Read(b []byte) (int, error) {
	if p.end != nil {
		return 0, p.end
	}
	n, err := p.in.Read(b)
	p.watch(b[:n])
	for _, feed := range p.feeds {
		_, _ = feed.Write(b[:n]) // fails once the verdict is there
	}
	if err == io.EOF {
		if p.end = p.verdict(); p.end == nil {
			p.end = io.EOF
		}
		return n, p.end
	}
	return n, err
}

// watch sees a message with more white space in a row than any has. Its verifiers must not take the place for its end: what
// follows would count as signed.
func (p *proven) watch(b []byte) {
	if p.blank > maxBlank {
		return
	}
	for _, c := range b {
		switch c {
		case ' ', '\t', '\r', '\n':
			p.blank++
		default:
			p.blank = 0
		}
		if p.blank > maxBlank {
			p.stopBy(errUnsigned)
			return
		}
	}
}

// verdict waits for one signature that holds.
func (p *proven) verdict() error {
	if p.blank > maxBlank {
		return errUnsigned
	}
	p.stop()
	verdict := error(errUnsigned)
	for range p.feeds {
		switch err := <-p.verdicts; err {
		case nil:
			return nil
		case errKeyLater:
			verdict = err
		}
	}
	return verdict
}

// stop ends the verifiers, of a message that has not come to its end too.
func (p *proven) stop() { p.stopBy(io.EOF) }

func (p *proven) stopBy(err error) {
	for _, feed := range p.feeds {
		feed.CloseWithError(err) // the first one counts
	}
}
