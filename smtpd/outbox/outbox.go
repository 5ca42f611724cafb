package outbox

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/mail"
	"strings"
	"time"

	"sigill/policy"
	"sigill/smtpd/relay"
	"sigill/vault"
)

// Sender hands a notice over; *relay.Client does.
type Sender interface {
	Send(ctx context.Context, m relay.Mail, message io.Reader) (relay.Reply, error)
}

// Partners hands messages to partner organisations; *partner.Client does. The evidence is for the audit.
type Partners interface {
	Deliver(ctx context.Context, m relay.Mail, message io.Reader) (evidence string, err error)
}

// Config is what a worker needs.
type Config struct {
	Outbox  *vault.Outbox
	Sender  Sender
	Notices Notices
	// Brands are the notices of messages from some domains, in place of Notices: those of a company that the municipality
	// owns, say.
	Brands map[string]Notices
	// From is the address of the From field; its display name is the organisation's.
	From policy.Address
	// ReturnPath is the envelope's sender, where notices that bounce come to; From if zero. It is an address somebody
	// reads and not the null one, since a notice that could not be delivered later on is news to its sender, and since SPF
	// and DMARC look at its domain. A token is added to its local part after a plus sign (RFC 5233): see [Return].
	ReturnPath policy.Address
	// Courier opens what goes to partner organisations, and Partners takes it there; nil: none does.
	Courier  *vault.Courier
	Partners Partners
	// Hostname is our name in the trace field of what goes there.
	Hostname string
	// Signers are the DKIM keys. Without any, notices go out unsigned.
	Signers []Signer
	// Parallel is how many notices are sent at one time; 8 if zero.
	Parallel int
	// PerDomain is how many of those may be to one domain, so that a slow one does not keep the others waiting; 2 if zero.
	PerDomain int
	// Expiry is how old a notice may become before it has failed; five days if zero.
	Expiry time.Duration
	Log    *slog.Logger
	Now    func() time.Time // time.Now if nil
}

// Worker sends notices. There is one for each vault.
type Worker struct {
	config  Config
	texts   *texts
	brands  map[string]*texts // by domain in lower case
	queue   queue
	results results
	courier courier
	log     *slog.Logger
	now     func() time.Time
}

// queue tells what is due: *vault.Outbox, or one that fails in a test.
type queue interface {
	Due(ctx context.Context, now time.Time, n int) (due []vault.Job, next time.Time, err error)
	Wake() <-chan struct{}
}

// results takes what became of jobs: *vault.Outbox, or one that fails in a test.
type results interface {
	Sent(ctx context.Context, j vault.Job) error
	Retry(ctx context.Context, j vault.Job, at time.Time, cause string) error
	Fail(ctx context.Context, j vault.Job, cause string) error
}

// New checks the configuration, writes a notice of each kind and signs one.
func New(c Config) (*Worker, error) {
	standard, err := newTexts(c.Notices)
	if err != nil {
		return nil, err
	}
	brands := map[string]*texts{}
	for domain, n := range c.Brands {
		if brands[strings.ToLower(domain)], err = newTexts(n); err != nil {
			return nil, fmt.Errorf("outbox: brand %s: %w", domain, err)
		}
	}
	if c.Outbox == nil || c.Sender == nil || c.From.IsZero() {
		return nil, errors.New("outbox: it needs an outbox, a sender and a From address")
	}
	for _, s := range c.Signers {
		if d := c.From.Domain; d != s.Domain && !strings.HasSuffix(d, "."+s.Domain) {
			return nil, fmt.Errorf("outbox: the DKIM key %s does not sign for %s", s.name(), d) // RFC 7489 section 3.1.1
		}
	}
	if c.ReturnPath.IsZero() {
		c.ReturnPath = c.From
	}
	if _, err := Return(c.ReturnPath, strings.Repeat("a", vault.ReturnToken)); err != nil {
		return nil, err
	}
	if c.Partners != nil && (c.Courier == nil || c.Hostname == "") {
		return nil, errors.New("outbox: to deliver to partners it needs a courier and our host name")
	}
	c.Parallel, c.PerDomain = cmp.Or(c.Parallel, 8), cmp.Or(c.PerDomain, 2)
	c.Expiry = cmp.Or(c.Expiry, giveUp)
	w := &Worker{
		config: c, texts: standard, brands: brands,
		queue: c.Outbox, results: c.Outbox, courier: c.Courier, log: c.Log, now: c.Now,
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	if w.now == nil {
		w.now = time.Now
	}
	_, err = w.mail(vault.Job{Kind: vault.NoticeMessage, To: c.From, Link: "sample"}) // so that the keys sign
	return w, err
}

// How the worker waits when the vault does not answer.
const (
	lookAgain  = 5 * time.Second  // after Due failed
	stopGrace  = 10 * time.Second // for notices under way when Run's ctx ends
	recordWait = time.Minute      // longest pause between tries to record a result
	lookAhead  = 100              // jobs looked at first, beyond those that can be sent at one time
)

// Run sends what is due until ctx ends.
func (w *Worker) Run(ctx context.Context) error {
	// A notice that is under way may come to its end: one cut off after its last octet would be sent twice.
	work, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	flying := flight{}
	done := make(chan [16]byte)
	for ctx.Err() == nil {
		wait := w.launch(ctx, work, flying, done)
		w.await(ctx, wait, flying, done)
	}
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	for len(flying) > 0 {
		select {
		case id := <-done:
			delete(flying, id)
		case <-grace.C:
			abandon()
		}
	}
	return nil
}

// launch starts what is due and not under way, and tells when to look again; zero is when something happens.
func (w *Worker) launch(ctx, work context.Context, flying flight, done chan<- [16]byte) (wait time.Duration) {
	if len(flying) == w.config.Parallel {
		return 0
	}
	now := w.now()
	// Those under way are due too, and those of a domain that has its share. If they are all that was looked at, there may be
	// others behind them.
	for n := w.config.Parallel + lookAhead; ; n *= 2 {
		due, next, err := w.queue.Due(ctx, now, n)
		if err != nil {
			if ctx.Err() == nil {
				w.log.Error("outbox: look for notices", "cause", err)
			}
			return lookAgain
		}
		w.start(work, due, flying, done)
		switch {
		case next.IsZero(), len(flying) == w.config.Parallel:
			return 0
		case next.After(now):
			return max(next.Sub(now), time.Millisecond)
		}
	}
}

// start starts as many jobs as may be under way.
func (w *Worker) start(work context.Context, due []vault.Job, flying flight, done chan<- [16]byte) {
	for _, j := range due {
		if len(flying) == w.config.Parallel {
			return
		}
		if _, under := flying[j.ID]; !under && flying.to(j.To.Domain) < w.config.PerDomain {
			flying[j.ID] = j.To.Domain
			go func() {
				w.attempt(work, j)
				done <- j.ID
			}()
		}
	}
}

// flight is the jobs under way and the domains they are to.
type flight map[[16]byte]string

func (f flight) to(domain string) (n int) {
	for _, d := range f {
		if strings.EqualFold(d, domain) {
			n++
		}
	}
	return n
}

// await returns when there may be something to launch.
func (w *Worker) await(ctx context.Context, wait time.Duration, flying flight, done <-chan [16]byte) {
	var timer <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-ctx.Done():
	case <-w.queue.Wake():
	case <-timer:
	case id := <-done:
		delete(flying, id)
	}
}

// attempt tries a job once and records what became of it.
func (w *Worker) attempt(ctx context.Context, j vault.Job) {
	done, err := w.send(ctx, j)
	if ctx.Err() != nil && err != nil {
		return // the next start tries again
	}
	log := w.log.With("job", string(j.Kind), "message", j.Message.String(), "attempt", j.Attempts+1)
	at, again := w.next(j)
	var refused *relay.Error
	switch {
	case err == nil:
		log.Info("sent")
		w.record(ctx, log, done)
	case errors.As(err, &refused) && !refused.Temporary(), !again:
		log.Warn("failed", "cause", err)
		w.record(ctx, log, func(ctx context.Context) error { return w.results.Fail(ctx, j, cause(err)) })
	default:
		log.Warn("put off", "until", at, "cause", err)
		w.record(ctx, log, func(ctx context.Context) error { return w.results.Retry(ctx, j, at, cause(err)) })
	}
}

// cause is an error for the operator, with the upstream's words.
func cause(err error) string {
	var refused *relay.Error
	if errors.As(err, &refused) && refused.Cause == nil {
		return fmt.Sprintf("%d %s", refused.Code, refused.Text)
	}
	return err.Error()
}

// record keeps on until the result is written: a job without would be sent again at once. While it tries, the job
// counts as under way.
func (w *Worker) record(ctx context.Context, log *slog.Logger, write func(context.Context) error) {
	for wait := time.Second; ; wait = min(2*wait, recordWait) {
		err := write(context.WithoutCancel(ctx))
		if err == nil || ctx.Err() != nil {
			return
		}
		log.Error("write down the result", "cause", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// send does a job; done writes down that it is done.
func (w *Worker) send(ctx context.Context, j vault.Job) (done func(context.Context) error, err error) {
	from, err := Return(w.config.ReturnPath, j.Return)
	if err != nil {
		return nil, err
	}
	envelope := policy.Envelope{From: from, To: []policy.Address{j.To}}
	if j.Kind == vault.Delivery {
		evidence, err := w.deliver(ctx, j, envelope)
		return func(ctx context.Context) error { return w.courier.Delivered(ctx, j, evidence) }, err
	}
	m, err := w.mail(j)
	if err != nil {
		return nil, err
	}
	_, err = w.config.Sender.Send(ctx, relay.Mail{Envelope: envelope, Size: int64(len(m))}, bytes.NewReader(m))
	return func(ctx context.Context) error { return w.results.Sent(ctx, j) }, err
}

func (w *Worker) mail(j vault.Job) ([]byte, error) {
	t := w.texts
	if brand, ok := w.brands[strings.ToLower(j.Domain)]; ok {
		t = brand
	}
	n, err := t.write(j)
	if err != nil {
		return nil, err
	}
	from := mail.Address{Name: t.Organisation, Address: w.config.From.String()}
	return sign(compose(from, j.To, j, n, t.languages(), w.now()), w.config.Signers)
}

// Return is the envelope's sender of a notice: the return path with the job's token after a plus sign. A token of none
// gives the bare return path.
func Return(path policy.Address, token string) (policy.Address, error) {
	if token == "" {
		return path, nil
	}
	if len(path.Local)+1+len(token) > 64 { // RFC 5321 section 4.5.3.1.1
		return policy.Address{}, fmt.Errorf("outbox: the return path %s is too long: what is before the @ may have %d characters", path, 63-len(token))
	}
	return policy.ParseAddress(path.Local + "+" + token + "@" + path.Domain)
}

// ReturnToken is the token of an address that Return made; false if it is another.
func ReturnToken(path, a policy.Address) (token string, ok bool) {
	local, token, ok := strings.Cut(a.Local, "+")
	return token, ok && strings.EqualFold(local, path.Local) && strings.EqualFold(a.Domain, path.Domain)
}
