package partner

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// DNSSEC names the resolver that validates what the DNS says. Its word for that is the AD bit (RFC 4035 section 3.2.3),
// which anybody could set who is between it and us, so the resolver is on this machine unless the operator says otherwise.
type DNSSEC struct {
	// Resolver is its address and port; nothing is asked, and there is no DANE, if it is empty.
	Resolver string
	// Elsewhere lets it be on another machine, over a network that nobody else can write to.
	Elsewhere bool
}

func (d DNSSEC) check() error {
	at, err := netip.ParseAddrPort(d.Resolver)
	switch {
	case d.Resolver == "":
	case err != nil:
		return fmt.Errorf("partner: %q is not the address and port of a resolver, such as \"127.0.0.1:53\"", d.Resolver)
	case !at.Addr().Unmap().IsLoopback() && !d.Elsewhere:
		return fmt.Errorf("partner: the resolver %s is not on this machine: whoever is between could forge that it has validated", d.Resolver)
	}
	return nil
}

// Check asks whether the resolver validates: for the root, which is signed.
func (d DNSSEC) Check(ctx context.Context) error {
	a, err := d.ask(ctx, ".", dns.TypeSOA)
	if err == nil && !a.secure {
		err = fmt.Errorf("partner: the resolver %s does not validate DNSSEC, or does not say so (AD)", d.Resolver)
	}
	return err
}

// answer is what the DNS says of a name, with the aliases on the way to it. There may be no record, which can be as secure.
type answer struct {
	records []dns.RR
	secure  bool // validated
}

// How long an answer is waited for, and how often.
const (
	answerTime  = 5 * time.Second
	answerTries = 2
	answerSize  = 1232 // octets of an answer by UDP that no network cuts in two
)

// ask asks for the records of a name. An answer that is forged, or signed wrongly, is an error, as is none: the resolver
// says SERVFAIL to both.
func (d DNSSEC) ask(ctx context.Context, name string, kind uint16) (out answer, err error) {
	question := new(dns.Msg).SetQuestion(dns.Fqdn(name), kind)
	question.AuthenticatedData = true // RFC 6840 section 5.7
	question.SetEdns0(answerSize, true)
	var r *dns.Msg
	for range answerTries {
		if r, err = d.exchange(ctx, question); err == nil || ctx.Err() != nil {
			break
		}
	}
	switch {
	case err != nil:
	case r.Rcode == dns.RcodeServerFailure:
		err = errors.New("SERVFAIL: the answer is signed wrongly, or cannot be had")
	case r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError:
		err = errors.New(dns.RcodeToString[r.Rcode])
	}
	if err != nil {
		return out, fmt.Errorf("partner: DNS: %s %s by the resolver %s: %w", name, dns.TypeToString[kind], d.Resolver, err)
	}
	return answer{r.Answer, r.AuthenticatedData}, nil
}

func (d DNSSEC) exchange(ctx context.Context, question *dns.Msg) (*dns.Msg, error) {
	r, _, err := (&dns.Client{Timeout: answerTime}).ExchangeContext(ctx, question, d.Resolver)
	if err == nil && r.Truncated {
		r, _, err = (&dns.Client{Timeout: answerTime, Net: "tcp"}).ExchangeContext(ctx, question, d.Resolver)
	}
	if err == nil && !answers(r, question) {
		err = errors.New("the answer is to another question")
	}
	return r, err
}

// answers tells that r is to that question (RFC 5452 section 9.1).
func answers(r, question *dns.Msg) bool {
	if !r.Response || len(r.Question) != 1 {
		return false
	}
	is, asked := r.Question[0], question.Question[0]
	return strings.EqualFold(is.Name, asked.Name) && is.Qtype == asked.Qtype && is.Qclass == asked.Qclass
}

// target is the name that a name stands for, by the aliases in the answer.
func (a answer) target(name string) string {
	for range a.records {
		next := name
		for _, r := range a.records {
			if c, ok := r.(*dns.CNAME); ok && plainName(c.Hdr.Name) == name {
				next = plainName(c.Target)
			}
		}
		if next == name {
			break
		}
		name = next
	}
	return name
}

func (a answer) addresses() (out []string) {
	for _, r := range a.records {
		switch r := r.(type) {
		case *dns.A:
			out = append(out, r.A.String())
		case *dns.AAAA:
			out = append(out, r.AAAA.String())
		}
	}
	return out
}
