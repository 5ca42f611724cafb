package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigill/cmd/sigill/internal/client"
	"sigill/cmd/sigill/internal/demo"
	"sigill/policy"
)

// errNotAll means that a step did not work; which one was told.
var errNotAll = errors.New("not everything worked")

// send runs the main job on each file and tells how each step went.
func (p *program) send(ctx context.Context, s *stage, files []string) error {
	var failed bool
	for i, file := range files {
		if i > 0 {
			fmt.Fprintln(p.stdout)
		}
		fmt.Fprintln(p.stdout, file)
		l := &letter{journey: journey{s}, out: p.stdout, numbers: map[string]policy.PersonID{}}
		if err := l.send(ctx, file); err != nil {
			failed = true
		}
		l.close()
	}
	if failed {
		return errNotAll
	}
	return nil
}

// letter is one file's way.
type letter struct {
	journey
	out io.Writer

	raw     []byte // as submitted
	header  client.Header
	from    policy.Address
	to      []policy.Address
	before  int // the last outgoing mail before the letter
	numbers map[string]policy.PersonID
	browser *client.Browser // the first recipient's
	page    *client.Page    // with the letter on it
	link    string
	written []byte // the recipient's answer
}

func (l *letter) close() {
	if l.browser != nil {
		l.browser.Close()
	}
}

// step does one thing and tells how it went.
func (l *letter) step(what string, do func() error) error {
	err := do()
	if err != nil {
		fmt.Fprintf(l.out, "  ✗ %s: %v\n", what, err)
		return err
	}
	fmt.Fprintf(l.out, "  ✓ %s\n", what)
	return nil
}

type step struct {
	what string
	do   func() error
}

func (l *letter) steps(all ...step) error {
	for _, s := range all {
		if err := l.step(s.what, s.do); err != nil {
			return err
		}
	}
	return nil
}

func (l *letter) send(ctx context.Context, file string) error {
	if err := l.step("read the file", func() error { return l.read(file) }); err != nil {
		return err
	}
	if l.foreign() {
		what := fmt.Sprintf("put %s into From in place of %s, who has no login here", l.sender().Address, l.header.From)
		if err := l.step(what, l.adopt); err != nil {
			return err
		}
	}
	what := fmt.Sprintf("submitted by %s with TLS and password, from %s to %s, and taken with 250", l.sender().Name, l.from, list(l.to))
	if err := l.step(what, func() error { return l.submit(ctx) }); err != nil {
		return err
	}
	if !l.header.Tagged {
		return l.step("has no tag, so it passed: the outside world has it octet for octet, but for one Received field on top", func() error {
			return l.passed(ctx)
		})
	}
	return l.sealed(ctx)
}

// list names a few and counts the others.
func list(all []policy.Address) string {
	const few = 3
	var names []string
	for _, a := range all[:min(few, len(all))] {
		names = append(names, a.String())
	}
	if rest := len(all) - few; rest > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names, ", "), rest)
	}
	return strings.Join(names, ", ")
}

// sender is the member of staff the mail is from, else the first one, who may write for the function address too.
func (l *letter) sender() demo.Staff {
	staff := demo.TheStaff()
	own := slices.IndexFunc(staff, func(s demo.Staff) bool { return s.Address.Key() == l.header.From.Key() })
	return staff[max(own, 0)]
}

// foreign tells whether the mail is by somebody the demo does not know: no login may send it as it is.
func (l *letter) foreign() bool { return !l.header.From.IsZero() && !known(l.header.From) }

func (l *letter) adopt() error {
	l.raw = client.WrittenBy(l.raw, l.sender().Name, l.sender().Address)
	return nil
}

func (l *letter) read(file string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	l.raw = client.Canonical(raw)
	if l.header, err = client.ReadHeader(l.raw); err != nil {
		return fmt.Errorf("%s is no mail: %w", filepath.Base(file), err)
	}
	l.from = l.sender().Address
	if f := demo.TheFunctionAddress(); l.header.From.Key() == f.Address.Key() {
		l.from = f.Address
	}
	if l.to = l.header.To; len(l.to) == 0 {
		l.to = []policy.Address{demo.ThePersons()[0].Address}
	}
	return nil
}

func (l *letter) submit(ctx context.Context) error {
	l.before = l.mark()
	return l.submission(l.sender()).Send(ctx, client.Mail{From: l.from, To: l.to, Raw: l.raw})
}

func (l *letter) passed(ctx context.Context) error {
	m, err := l.awaitMail(ctx, l.before, l.to[0])
	if err != nil {
		return err
	}
	if len(m.To) != len(l.to) {
		return fmt.Errorf("it went to %d recipients, not %d", len(m.To), len(l.to))
	}
	return client.SameButReceived(l.raw, m.Data)
}

// outside are the recipients who are no staff of the demo.
func (l *letter) outside() []policy.Address {
	return slices.DeleteFunc(slices.Clone(l.to), func(a policy.Address) bool { return known(a) })
}

func known(a policy.Address) bool {
	return a.Key() == demo.TheFunctionAddress().Address.Key() ||
		slices.ContainsFunc(demo.TheStaff(), func(s demo.Staff) bool { return s.Address.Key() == a.Key() })
}

// sealed follows a tagged mail from the vault to the answer to the answer.
func (l *letter) sealed(ctx context.Context) error {
	if err := l.step("it lies in the sender's mail by IMAP, octet for octet less the tag", func() error { return l.sent(ctx) }); err != nil {
		return err
	}
	outside := l.outside()
	if len(outside) == 0 {
		return l.step("its recipients are staff, who got a notice without content", func() error { return l.notices(ctx, l.to) })
	}
	held, err := l.held(ctx, outside)
	if err != nil {
		return l.step("a notice went out", func() error { return err })
	}
	if held {
		if err := l.step("waits for identities: the sender got a notice, logged in and gave test numbers", func() error { return l.hold(ctx) }); err != nil {
			return err
		}
	}
	return l.steps(
		step{"every recipient got a notice that gives nothing away", func() error { return l.notices(ctx, l.to) }},
		step{fmt.Sprintf("%s followed the link, logged in with e-ID and reads the mail", outside[0]), func() error { return l.open(ctx, outside[0]) }},
		step{"it is the mail that was sent, octet for octet less the tag", func() error { return l.same(ctx) }},
		step{"it can be saved as PDF", func() error { return l.pdf(ctx) }},
		step{"somebody else with the same link is told nothing", func() error { return l.strange(ctx) }},
		step{"answered on the web with an attachment, and got a receipt", func() error { return l.answer(ctx) }},
		step{"staff got a notice that gives nothing away", func() error { return l.staffNotice(ctx) }},
		step{"staff reads the answer by IMAP, octet for octet as the web has it", func() error { return l.fetched(ctx) }},
		step{"staff answered from the mail program without a tag: only a notice left, and the recipient reads it", func() error { return l.answerBack(ctx) }},
	)
}

func (l *letter) sent(ctx context.Context) error {
	mailbox := "Sent"
	if l.from != l.sender().Address {
		mailbox = inbox(l.from) + "/Sent"
	}
	all, err := l.account(l.sender()).Fetch(ctx, mailbox)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return errors.New("there is nothing in " + mailbox)
	}
	return client.SameLessTag(l.raw, all[len(all)-1].Raw)
}

// held tells whether the mail waits for identities, by what notice comes first.
func (l *letter) held(ctx context.Context, outside []policy.Address) (bool, error) {
	for _, a := range outside {
		l.numbers[a.Key()] = numberOf(a)
	}
	notice, err := l.awaitMail(ctx, l.before, append(outside, l.sender().Address)...)
	if err != nil {
		return false, err
	}
	link, err := l.journey.link(notice)
	return strings.Contains(link, "/holds/"), err
}

// numberOf is a test number for a recipient, the same one each time.
func numberOf(a policy.Address) policy.PersonID {
	for _, p := range demo.ThePersons() {
		if p.Address.Key() == a.Key() {
			return p.Number
		}
	}
	spare := demo.SpareNumbers()
	sum := sha256.Sum256([]byte(a.Key()))
	return spare[int(sum[0])%len(spare)]
}

func (l *letter) hold(ctx context.Context) error {
	notice, err := l.awaitMail(ctx, l.before, l.sender().Address) // who wrote it, not the function address
	if err != nil {
		return err
	}
	link, err := l.journey.link(notice)
	if err != nil {
		return err
	}
	b := l.journey.browser()
	defer b.Close()
	page, err := l.staffAt(ctx, b, l.sender(), link)
	if err != nil {
		return err
	}
	return errors.Join(client.Leaks(notice.Data, l.raw), l.complete(ctx, b, page, func(field string) string {
		for key, number := range l.numbers {
			if bytes.Contains([]byte(field), []byte(key)) {
				return number.Digits()
			}
		}
		return ""
	}))
}

func (l *letter) notices(ctx context.Context, to []policy.Address) error {
	for _, a := range to {
		notice, err := l.awaitMail(ctx, l.before, a)
		if err != nil {
			return fmt.Errorf("%s: %w", a, err)
		}
		if err := client.Leaks(notice.Data, l.raw); err != nil {
			return fmt.Errorf("%s: %w", a, err)
		}
	}
	return nil
}
