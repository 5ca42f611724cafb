package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"sigill/vault"
)

type verify struct {
	configFile
	JSON bool `name:"json" help:"The report as JSON."`
}

// Help is shown below the flags.
func (verify) Help() string {
	return `Opens every chunk and record, follows every reference, counts every mailbox, and goes through the audit. The server goes on meanwhile. Exit code 1 if something is wrong.

Examples:

  sigill verify --config sigill.toml
  sigill verify --config sigill.toml --json`
}

// Run checks.
func (c *verify) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "verify", c)
}

func (c *verify) operate(ctx context.Context, a *admin) error {
	progress := a.progress("messages")
	r, err := a.vault.Verify(ctx, progress.told)
	progress.end()
	if err != nil {
		return err
	}
	a.note(ctx, "verify", fmt.Sprintf("%d faults", len(r.Faults)))
	if c.JSON {
		err = json.NewEncoder(a.stdout).Encode(r)
	} else {
		for _, f := range r.Faults {
			fmt.Fprintln(a.stdout, "✗", f)
		}
		_, err = fmt.Fprintf(a.stdout, "%d messages, %d chunks, %d octets, %d mailboxes with %d entries, %d audit events: %d faults\n",
			r.Messages, r.Chunks, r.Octets, r.Mailboxes, r.Entries, r.Events, len(r.Faults))
	}
	if err == nil && len(r.Faults) > 0 {
		more := ""
		if r.More {
			more = " or more"
		}
		err = fmt.Errorf("the vault has %d%s faults: keep it as it is, and restore a backup beside it", len(r.Faults), more)
	}
	return err
}

type maintain struct {
	configFile
}

// Help is shown below the flags.
func (maintain) Help() string {
	return `Seals all records anew and forgets the key of those that were deleted. The server does it daily by itself, and goes on meanwhile. One that was cut off is made good by the next.

Examples:

  sigill maintain --config sigill.toml`
}

// Run maintains.
func (c *maintain) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "maintain", c)
}

func (c *maintain) operate(ctx context.Context, a *admin) error {
	progress, records := a.progress("records"), 0
	err := a.vault.Maintain(ctx, func(done int) {
		records = done
		progress.told(done, 0)
	})
	progress.end()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%d records are sealed anew; what was deleted before cannot be read by any key of today.\n", records)
	return err
}

type dispose struct {
	configFile
	DryRun bool `help:"Tell what would be done, and do nothing."`
}

// Help is shown below the flags.
func (dispose) Help() string {
	return `Does what the server does daily: tells owners what goes soon, and disposes of what is due, as [retention] says. It does nothing if there was no round within the last two days, since the clock may be wrong; the next does.

Examples:

  sigill dispose --config sigill.toml --dry-run`
}

// Run disposes.
func (c *dispose) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "dispose", c)
}

func (c *dispose) operate(ctx context.Context, a *admin) error {
	round := a.vault.Dispose
	words := "%d messages looked at; %d owners told, %d disposed of, %d kept by legal hold, %d replies kept unread.\n"
	if c.DryRun {
		round = a.vault.PreviewDisposal
		words = "%d messages looked at; %d owners would be told, %d disposed of, %d kept by legal hold, %d replies kept unread.\n"
	}
	r, err := round(ctx)
	if err != nil {
		return err
	}
	if r.ClockMoved {
		return fmt.Errorf("nothing is done: there was no round within the last two days, or the clock has jumped; if the clock is right, run it again")
	}
	_, err = fmt.Fprintf(a.stdout, words, r.Looked, r.Warned, r.Disposed, r.LegalHold, r.Unread)
	return err
}

type disposals struct {
	configFile
	JSON bool `name:"json" help:"One line of JSON for each."`
}

// Help is shown below the flags.
func (disposals) Help() string {
	return "What went, when, and under which decision. It tells no content and no recipient.\n\nExamples:\n\n  sigill disposals --config sigill.toml"
}

// Run lists.
func (c *disposals) Run(ctx context.Context, p *program) error {
	return p.administer(ctx, c.configFile, "disposals", c)
}

func (c *disposals) operate(ctx context.Context, a *admin) error {
	t := newTable(a.stdout, c.JSON, "number", "at", "message", "rule", "deposited", "octets", "from")
	err := a.vault.DisposalLog(ctx, 0, func(d vault.Disposal) bool {
		t.row(strconv.FormatUint(d.Seq, 10), moment(d.At), d.Message.String(), d.Rule, moment(d.Deposited), strconv.FormatInt(d.Size, 10), d.From)
		return t.err == nil && ctx.Err() == nil
	})
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return t.end()
}

// progress tells how far a long operation is: a line that changes at a terminal, and elsewhere a line now and then.
type progress struct {
	a    *admin
	what string
	last time.Time
	some bool
}

func (a *admin) progress(what string) *progress { return &progress{a: a, what: what, last: time.Now()} }

func (p *progress) told(done, all int) {
	each := 10 * time.Second
	if p.a.terminal {
		each = 100 * time.Millisecond
	}
	if time.Since(p.last) < each && done != all {
		return
	}
	if !p.a.terminal && !p.some && done == all {
		return // it was quick
	}
	p.last, p.some = time.Now(), true
	begin, end := "", "\n"
	if p.a.terminal {
		begin, end = "\r\x1b[K", ""
	}
	if all == 0 {
		fmt.Fprintf(p.a.stderr, "%s%d %s%s", begin, done, p.what, end)
		return
	}
	fmt.Fprintf(p.a.stderr, "%s%s%d of %d %s%s", begin, bar(p.a.terminal, done, all), done, all, p.what, end)
}

func (p *progress) end() {
	if p.a.terminal && p.some {
		fmt.Fprintln(p.a.stderr)
	}
}

// bar is how much of it is done, for a terminal.
func bar(terminal bool, done, all int) string {
	const width = 30
	if !terminal {
		return ""
	}
	out := make([]rune, width)
	for i := range out {
		if out[i] = '·'; i < width*done/all {
			out[i] = '█'
		}
	}
	return string(out) + " "
}
